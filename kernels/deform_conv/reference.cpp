#include <algorithm>
#include <cmath>

#include "kernels/deform_conv/deform_conv.h"
#include "kernels/simd/carver.h"
#include "onda/float_formats.h"

namespace onda::deform_conv {
namespace {

// Output positions are shared out in so many pieces, each with a column of samples of its own.
constexpr int64_t kPieces = 16;

struct Scratch {
  Scratch(const TensorView& x, const TensorView& w, Carver& carver) {
    weights = carver.Take<double>(w.count());
    column_size = x.dim(1) * w.count(2, w.rank);
    columns = carver.Take<double>(kPieces * column_size);
    corners = int64_t{1} << (x.rank - 2);
    offset = carver.Take<int64_t>(kPieces * corners);
    weight = carver.Take<double>(kPieces * corners);
  }
  int64_t column_size, corners;
  double* weights;  // W
  double* columns;  // [pieces, input channels, taps]: samples, times mask
  int64_t* offset;  // [pieces, corners]: pixels around a position
  double* weight;   // and their weights
};

class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    CheckInputs(params_, inputs);
    Carver counter;
    Scratch(inputs[kX], inputs[kW], counter);
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(kX), &w = args.input(kW), &b = args.input(kB), &y = args.output(0);
    CheckInputs(params_, args.inputs());
    CheckOutput(args);
    if (y.count() == 0) return;
    Carver carver(args.workspace());
    const Scratch scratch(x, w, carver);
    for (int64_t i = 0; i < w.count(); ++i) scratch.weights[i] = LoadDouble(w.type(), w.data, i);
    const int64_t points = y.count(2, y.rank), total = y.dim(0) * points, grain = (total + kPieces - 1) / kPieces;
    const int64_t depth = w.count(1, w.rank), out_channels = y.dim(1), outs_per_group = out_channels / params_.group;
    args.ParallelFor((total + grain - 1) / grain, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        double* column = scratch.columns + piece * scratch.column_size;
        for (int64_t i = piece * grain; i < std::min(total, (piece + 1) * grain) && !args.stop_requested(); ++i) {
          FillColumn(args, i / points, i % points, scratch, piece, column);
          for (int64_t o = 0; o < out_channels; ++o) {
            const double* samples = column + o / outs_per_group * depth;
            double sum = b.present() ? LoadDouble(b.type(), b.data, o) : 0;
            for (int64_t k = 0; k < depth; ++k) sum += scratch.weights[o * depth + k] * samples[k];
            StoreDouble(y.type(), y.data, (i / points * out_channels + o) * points + i % points, sum);
          }
        }
      }
    });
  }

 private:
  // The samples of all input channels at output position `point` of image n.
  void FillColumn(const LaunchArgs& args, int64_t n, int64_t point, const Scratch& scratch, int64_t piece,
                  double* column) const {
    const TensorView &x = args.input(kX), &w = args.input(kW), &offset = args.input(kOffset), &mask = args.input(kMask);
    const TensorView& y = args.output(0);
    const int axes = x.rank - 2;
    const int64_t taps = w.count(2, w.rank), points = y.count(2, y.rank), pixels = x.count(2, x.rank);
    const int64_t channels = x.dim(1), per_group = channels / params_.offset_group;
    int64_t start[kMaxAxes];  // of the kernel in the image
    for (int64_t i = axes - 1, rest = point; i >= 0; --i) {
      start[i] = rest % y.dim(static_cast<int>(i) + 2) * params_.stride(i) - params_.pad_begin(i);
      rest /= y.dim(static_cast<int>(i) + 2);
    }
    int64_t* corner = scratch.offset + piece * scratch.corners;
    double* weight = scratch.weight + piece * scratch.corners;
    for (int64_t g = 0; g < params_.offset_group; ++g) {
      for (int64_t k = 0; k < taps; ++k) {
        const int64_t gk = (n * params_.offset_group + g) * taps + k;
        double position[kMaxAxes];
        int64_t rest = k;
        for (int i = axes - 1; i >= 0; --i) {
          const int64_t tap = rest % w.dim(i + 2);
          rest /= w.dim(i + 2);
          position[i] = static_cast<double>(start[i] + tap * params_.dilation(i)) +
                        LoadDouble(offset.type(), offset.data, (gk * axes + i) * points + point);
        }
        const double scale = mask.present() ? LoadDouble(mask.type(), mask.data, gk * points + point) : 1;
        const int64_t count = Corners(x, position, corner, weight);
        for (int64_t c = g * per_group; c < (g + 1) * per_group; ++c) {
          double sum = 0;
          for (int64_t j = 0; j < count; ++j) {
            sum += weight[j] * LoadDouble(x.type(), x.data, (n * channels + c) * pixels + corner[j]);
          }
          column[c * taps + k] = sum * scale;
        }
      }
    }
  }

  // The pixels around a position that lie in the image, with their weights.
  static int64_t Corners(const TensorView& x, const double* position, int64_t* corner, double* weight) {
    int64_t count = 1;
    corner[0] = 0;
    weight[0] = 1;
    for (int i = 0; i + 2 < x.rank; ++i) {
      const int64_t length = x.dim(i + 2);
      // NaN is outside as well.
      if (!(position[i] > -1 && position[i] < static_cast<double>(length))) return 0;
      const double floor = std::floor(position[i]), t = position[i] - floor;
      const int64_t low = static_cast<int64_t>(floor);
      const bool has_low = low >= 0, has_high = low + 1 < length;
      for (int64_t j = 0; j < count; ++j) corner[j] *= length;
      if (has_low && has_high) {
        for (int64_t j = 0; j < count; ++j) {
          corner[count + j] = corner[j] + low + 1;
          weight[count + j] = weight[j] * t;
        }
      }
      for (int64_t j = 0; j < count; ++j) {
        corner[j] += has_low ? low : low + 1;
        weight[j] *= has_low ? 1 - t : t;
      }
      if (has_low && has_high) count *= 2;
    }
    return count;
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("DeformConv")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::deform_conv
