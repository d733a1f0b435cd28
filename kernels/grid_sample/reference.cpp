#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/grid_sample/grid_sample.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::grid_sample {
namespace {

// Points are shared out in so many pieces, each with a list of its own.
constexpr int64_t kPieces = 32;

class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    Carver counter;
    Sources(inputs[0], counter, params_);
    return counter.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &grid = args.input(1), &y = args.output(0);
    CheckShapes(x, grid, y);
    const int rank = x.rank - 2;
    const int64_t points = y.count(2, y.rank), batches = x.dim(0);
    if (y.count() == 0) return;
    Carver carver(args.workspace());
    const Sources sources(x, carver, params_);
    const int64_t grain = (batches * points + kPieces - 1) / kPieces;
    args.ParallelFor((batches * points + grain - 1) / grain, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        int64_t* offset = sources.offset + piece * sources.most;
        double* weight = sources.weight + piece * sources.most;
        StopPoll poll(args);
        for (int64_t p = piece * grain; p < std::min(batches * points, (piece + 1) * grain); ++p) {
          const int64_t count = Combine(x, grid, p * rank, offset, weight);
          poll.Work(4 * count * (4 + x.dim(1)));
          Sample(x, y, p / points, p % points, count, offset, weight);
        }
      }
    });
  }

 private:
  // The elements of one image plane that a point depends on, in each piece's own list.
  struct Sources {
    Sources(const TensorView& x, Carver& carver, const Params& params) {
      for (int i = 2; i < x.rank; ++i) most *= params.taps();
      offset = carver.Take<int64_t>(kPieces * most);
      weight = carver.Take<double>(kPieces * most);
    }
    int64_t most = 1;
    int64_t* offset;
    double* weight;
  };

  // Lists the products of the taps of all axes; those outside of the image are left out.
  int64_t Combine(const TensorView& x, const TensorView& grid, int64_t at, int64_t* offset, double* weight) const {
    int64_t count = 1;
    offset[0] = 0;
    weight[0] = 1;
    const int rank = x.rank - 2;
    for (int axis = 0; axis < rank; ++axis) {
      // The grid lists the innermost axis first.
      const double coordinate = LoadDouble(grid.type(), grid.data, at + rank - 1 - axis);
      const Taps taps = TapsOf(params_, static_cast<float>(coordinate), x.dim(axis + 2));
      // From the back, so that what is read is not yet overwritten.
      for (int64_t i = count - 1; i >= 0; --i) {
        const int64_t base = offset[i];
        const double w = weight[i];
        for (int k = 0; k < params_.taps(); ++k) {
          const bool inside = base >= 0 && taps.index[k] >= 0;
          offset[i * params_.taps() + k] = inside ? base * x.dim(axis + 2) + taps.index[k] : -1;
          weight[i * params_.taps() + k] = w * taps.weight[k];
        }
      }
      count *= params_.taps();
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < count; ++i) {
      if (offset[i] < 0) continue;
      offset[kept] = offset[i];
      weight[kept++] = weight[i];
    }
    return kept;
  }

  void Sample(const TensorView& x, const TensorView& y, int64_t n, int64_t point, int64_t count, const int64_t* offset,
              const double* weight) const {
    const int64_t channels = x.dim(1), plane = x.count(2, x.rank), points = y.count(2, y.rank);
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t from = (n * channels + c) * plane, to = (n * channels + c) * points + point;
      if (params_.mode == Mode::kNearest) {
        Copy(x, count ? from + offset[0] : -1, y, to);
        continue;
      }
      const bool complex = IsComplex(x.type());
      const DType dtype = !complex ? x.type() : x.type() == DType::kComplex64 ? DType::kFloat : DType::kDouble;
      const int parts = complex ? 2 : 1;
      for (int part = 0; part < parts; ++part) {
        double sum = 0;
        for (int64_t k = 0; k < count; ++k)
          sum += weight[k] * LoadDouble(dtype, x.data, (from + offset[k]) * parts + part);
        StoreDouble(dtype, y.data, to * parts + part, sum);
      }
    }
  }

  // Element `to` of y is element `from` of x, or zero for -1.
  static void Copy(const TensorView& x, int64_t from, const TensorView& y, int64_t to) {
    if (x.type() == DType::kString) {
      y.as<std::string>()[to] = from < 0 ? std::string() : x.as<std::string>()[from];
      return;
    }
    const size_t size = static_cast<size_t>(BitsOf(x.type())) / 8;
    char* target = y.as<char>() + static_cast<size_t>(to) * size;
    if (from < 0) {
      std::memset(target, 0, size);
    } else {
      std::memcpy(target, x.as<char>() + static_cast<size_t>(from) * size, size);
    }
  }

  Params params_;
};

// grid = theta * (x, y[, z], 1), where the coordinates of the output's pixels cover -1 to 1.
class Affine {
 public:
  explicit Affine(const NodeView& node) : align_corners_(node.attributes().Int("align_corners", 0) != 0) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &theta = args.input(0), &grid = args.output(0);
    const int rank = grid.rank - 2;
    if (rank < 2 || rank > 3 || theta.rank != 3 || theta.dim(0) != grid.dim(0) || theta.dim(1) != rank ||
        theta.dim(2) != rank + 1) {
      throw Error(ErrorCode::kInvalidArgument, "theta and size do not fit");
    }
    const int64_t points = grid.count(1, grid.rank - 1);
    args.ParallelFor(grid.dim(0) * points, 1024, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        double position[3];  // x, y, z: the innermost axis first
        int64_t rest = p % points;
        for (int i = 0; i < rank; ++i) {
          const int64_t length = grid.dim(grid.rank - 2 - i);
          position[i] = Coordinate(rest % length, length);
          rest /= length;
        }
        for (int row = 0; row < rank; ++row) {
          const int64_t at = (p / points * rank + row) * (rank + 1);
          double sum = LoadDouble(theta.type(), theta.data, at + rank);
          for (int i = 0; i < rank; ++i) sum += LoadDouble(theta.type(), theta.data, at + i) * position[i];
          StoreDouble(grid.type(), grid.data, p * rank + row, sum);
        }
      }
    });
  }

 private:
  double Coordinate(int64_t index, int64_t length) const {
    const double i = static_cast<double>(index), n = static_cast<double>(length);
    if (!align_corners_) return (2 * i + 1) / n - 1;
    return length == 1 ? 0 : 2 * i / (n - 1) - 1;
  }

  bool align_corners_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("GridSample"), MakeKernel<Affine>("AffineGrid")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::grid_sample
