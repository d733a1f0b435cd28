// RoiAlign by the mean, fp32: the places and weights of a few samples of some bins are found once and used for all
// channels.
#include <algorithm>

#include "kernels/roi/roi.h"
#include "kernels/simd/through_float.h"
#include "kernels/simd/weighted_gather.h"

namespace onda::roi {
namespace {

constexpr int64_t kBins = 64;    // looked at together
constexpr int64_t kSamples = 8;  // of each, at a time
constexpr int64_t kTaps = 4 * kSamples;

class Cpu {
 public:
  explicit Cpu(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    if (node.input(0).type() != DType::kFloat || node.input(1).type() != DType::kFloat) return "only float";
    return Params(node.attributes()).max ? "only avg" : "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &rois = args.input(1), &indices = args.input(2), &y = args.output(0);
    if (rois.dim(1) != 4 || rois.dim(0) != y.dim(0) || indices.count() != y.dim(0) || x.dim(1) != y.dim(1)) {
      throw Error(ErrorCode::kInvalidArgument, "the shapes of X, rois and batch_indices do not fit");
    }
    if (x.count(2, 4) > INT32_MAX) throw Error(ErrorCode::kNotImplemented, "the image is too large");
    if (y.count() == 0) return;
    const int64_t bins = y.count(2, 4), blocks = (bins + kBins - 1) / kBins;
    args.ParallelFor(y.dim(0) * blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end && !args.stop_requested(); ++task) {
        const int64_t r = task / blocks, first = task % blocks * kBins;
        const int64_t batch = BatchOf(static_cast<double>(LoadInt64(indices.type(), indices.data, r)), x.dim(0));
        Align(args, RegionOf<float>(params_, rois, r, y), batch, r, first, std::min(kBins, bins - first));
      }
    });
  }

 private:
  // Bins [first, first + count) of region r.
  void Align(const LaunchArgs& args, const Region<float>& region, int64_t batch, int64_t r, int64_t first,
             int64_t count) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t channels = x.dim(1), plane = x.count(2, 4), bins = y.count(2, 4);
    int32_t offset[kTaps * kBins];
    float weight[kTaps * kBins];
    // The bin with the most samples ends the loop; at least one round writes the output.
    int64_t most = 1;
    for (int64_t i = 0; i < count; ++i) most = std::max(most, SamplesOf(region, x, y, first + i));
    for (int64_t done = 0; done < most && !args.stop_requested(); done += kSamples) {
      for (int64_t i = 0; i < count; ++i) FillTaps(region, x, y, first + i, done, offset + i, weight + i);
      const int64_t taps = 4 * std::min(kSamples, most - done);
      for (int64_t c = 0; c < channels; ++c) {
        WeightedGather({offset, weight, taps, kBins}, x.as<float>() + (batch * channels + c) * plane, count,
                       y.as<float>() + (r * channels + c) * bins + first, done > 0);
      }
    }
  }

  static int64_t SamplesOf(const Region<float>& region, const TensorView& x, const TensorView& y, int64_t bin) {
    const Samples<float> down = region.Down(bin / y.dim(3), x.dim(2)), across = region.Across(bin % y.dim(3), x.dim(3));
    return (down.last - down.first) * (across.last - across.first);
  }

  // Samples [done, done + kSamples) of a bin; those that it does not have, and those outside, weigh nothing.
  static void FillTaps(const Region<float>& region, const TensorView& x, const TensorView& y, int64_t bin, int64_t done,
                       int32_t* offset, float* weight) {
    const Samples<float> down = region.Down(bin / y.dim(3), x.dim(2)), across = region.Across(bin % y.dim(3), x.dim(3));
    const int64_t width = across.last - across.first, total = (down.last - down.first) * width;
    const float scale = static_cast<float>(1 / std::max(region.count(), 1.0));
    for (int64_t s = done; s < done + kSamples; ++s, offset += 4 * kBins, weight += 4 * kBins) {
      int64_t low_y = 0, high_y = 0, low_x = 0, high_x = 0;
      float fy = 0, fx = 0;
      const bool inside = s < total && down.At(down.first + s / width, low_y, high_y, fy) &&
                          across.At(across.first + s % width, low_x, high_x, fx);
      for (int k = 0; k < 4; ++k) {
        const int64_t row = k / 2 ? high_y : low_y, column = k % 2 ? high_x : low_x;
        offset[k * kBins] = inside ? static_cast<int32_t>(row * x.dim(3) + column) : 0;
        weight[k * kBins] = inside ? (k / 2 ? fy : 1 - fy) * (k % 2 ? fx : 1 - fx) * scale : 0;
      }
    }
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu>("RoiAlign"),
    MakeThroughFloat<Cpu>("RoiAlign"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::roi
