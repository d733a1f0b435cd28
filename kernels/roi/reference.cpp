// RoiAlign: the mean (or maximum) of bilinear samples in each bin of a region. MaxRoiPool: the maximum of the pixels of
// each bin, bins rounded to whole pixels.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/roi/roi.h"
#include "onda/float_formats.h"
#include "onda/provider.h"

namespace onda::roi {
namespace {

// Elements of x as doubles, without a choice of type for each where it is float.
class Image {
 public:
  explicit Image(const TensorView& x) : x_(x), floats_(x.type() == DType::kFloat ? x.as<float>() : nullptr) {}
  double operator[](int64_t i) const { return floats_ ? floats_[i] : LoadDouble(x_.type(), x_.data, i); }

 private:
  const TensorView& x_;
  const float* floats_;
};

class RoiAlign {
 public:
  explicit RoiAlign(const NodeView& node) : params_(node.attributes()) {}

  // Sums of all channels for each region.
  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    return sizeof(double) * static_cast<size_t>(outputs[0].dim(0) * inputs[0].dim(1));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &rois = args.input(1), &indices = args.input(2), &y = args.output(0);
    if (rois.dim(1) != 4 || rois.dim(0) != y.dim(0) || indices.count() != y.dim(0) || x.dim(1) != y.dim(1)) {
      throw Error(ErrorCode::kInvalidArgument, "the shapes of X, rois and batch_indices do not fit");
    }
    if (y.count() == 0) return;
    double* sums = static_cast<double*>(args.workspace());
    args.ParallelFor(y.dim(0), 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end && !args.stop_requested(); ++r) {
        const double index = static_cast<double>(LoadInt64(indices.type(), indices.data, r));
        const int64_t batch = BatchOf(index, x.dim(0));
        if (x.type() == DType::kDouble) {
          Align<double>(args, batch, r, sums + r * x.dim(1));
        } else {
          Align<float>(args, batch, r, sums + r * x.dim(1));
        }
      }
    });
  }

 private:
  template <class Real>
  void Align(const LaunchArgs& args, int64_t batch, int64_t r, double* sums) const {
    const TensorView &x = args.input(0), &rois = args.input(1), &y = args.output(0);
    const Region<Real> region = RegionOf<Real>(params_, rois, r, y);
    for (int64_t row = 0; row < y.dim(2) && !args.stop_requested(); ++row) {
      const Samples<Real> down = region.Down(row, x.dim(2));
      for (int64_t column = 0; column < y.dim(3); ++column) {
        const Samples<Real> across = region.Across(column, x.dim(3));
        Bin(args, batch, down, across, region.count(), sums);
        for (int64_t c = 0; c < y.dim(1); ++c) {
          StoreDouble(y.type(), y.data, ((r * y.dim(1) + c) * y.dim(2) + row) * y.dim(3) + column, sums[c]);
        }
      }
    }
  }

  // The value of one bin for every channel; `count` samples in all, those outside of the image are zero.
  template <class Real>
  void Bin(const LaunchArgs& args, int64_t batch, const Samples<Real>& down, const Samples<Real>& across, double count,
           double* sums) const {
    const TensorView& x = args.input(0);
    const Image image(x);
    const int64_t channels = x.dim(1), width = x.dim(3), plane = x.dim(2) * width;
    std::fill(sums, sums + channels, params_.max ? -std::numeric_limits<double>::infinity() : 0.0);
    double inside = 0;
    for (int64_t i = down.first; i < down.last && !args.stop_requested(); ++i) {
      int64_t top, bottom;
      Real fy;
      if (!down.At(i, top, bottom, fy)) continue;
      for (int64_t j = across.first; j < across.last; ++j) {
        if (j % 4096 == 0 && args.stop_requested()) break;
        int64_t left, right;
        Real fx;
        if (!across.At(j, left, right, fx)) continue;
        ++inside;
        const double w[] = {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx};
        const int64_t at[] = {top * width + left, top * width + right, bottom * width + left, bottom * width + right};
        for (int64_t c = 0; c < channels; ++c) {
          const int64_t base = (batch * channels + c) * plane;
          double v[4];
          for (int k = 0; k < 4; ++k) v[k] = w[k] * image[base + at[k]];
          if (params_.max) {
            // The maximum is taken over the weighted pixels, not over their sums.
            sums[c] = std::max({sums[c], v[0], v[1], v[2], v[3]});
          } else {
            sums[c] += v[0] + v[1] + v[2] + v[3];
          }
        }
      }
    }
    const bool zeros = inside < count || inside == 0;
    for (int64_t c = 0; c < channels; ++c) {
      if (params_.max) {
        if (zeros) sums[c] = std::max(sums[c], 0.0);
      } else {
        sums[c] = inside > 0 ? sums[c] / std::max(count, 1.0) : 0;
      }
    }
  }

  Params params_;
};

class MaxRoiPool {
 public:
  explicit MaxRoiPool(const NodeView& node) : scale_(node.attributes().Float("spatial_scale", 1)) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &rois = args.input(1), &y = args.output(0);
    if (rois.dim(1) != 5 || rois.dim(0) != y.dim(0) || x.dim(1) != y.dim(1)) {
      throw Error(ErrorCode::kInvalidArgument, "the shapes of X and rois do not fit");
    }
    if (y.count() == 0) return;
    const int64_t channels = y.dim(1);
    args.ParallelFor(y.dim(0) * channels, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) Pool(x, rois, y, i / channels, i % channels);
    });
  }

 private:
  void Pool(const TensorView& x, const TensorView& rois, const TensorView& y, int64_t r, int64_t c) const {
    auto value = [&](int i) { return LoadDouble(rois.type(), rois.data, r * 5 + i); };
    const int64_t batch = BatchOf(value(0), x.dim(0));
    const float scale = static_cast<float>(scale_);
    double edge[4];  // x1, y1, x2, y2 in whole pixels
    for (int i = 0; i < 4; ++i) edge[i] = std::round(static_cast<float>(value(i + 1)) * scale);
    const Image image(x);
    const int64_t height = x.dim(2), width = x.dim(3), base = (batch * x.dim(1) + c) * height * width;
    for (int64_t row = 0; row < y.dim(2); ++row) {
      const PixelBin down(edge[1], edge[3], row, y.dim(2), height);
      for (int64_t column = 0; column < y.dim(3); ++column) {
        const PixelBin across(edge[0], edge[2], column, y.dim(3), width);
        double max = down.empty() || across.empty() ? 0 : -std::numeric_limits<double>::infinity();
        for (int64_t i = down.low; i < down.high; ++i) {
          for (int64_t j = across.low; j < across.high; ++j) max = std::max(max, image[base + i * width + j]);
        }
        StoreDouble(y.type(), y.data, ((r * y.dim(1) + c) * y.dim(2) + row) * y.dim(3) + column, max);
      }
    }
  }

  double scale_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<RoiAlign>("RoiAlign"), MakeKernel<MaxRoiPool>("MaxRoiPool")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::roi
