// GridSample: a thread per point of the grid and slice of channels; images of one to three dimensions. Sums are in fp32
// (fp64 for double). AffineGrid: a thread per point.
#include <algorithm>

#include "kernels/device/number.h"
#include "kernels/device/target.h"
#include "kernels/grid_sample/grid_sample.h"
#include "providers/cuda/device.h"

namespace onda::grid_sample {
namespace {

using namespace cuda;

constexpr int kThreads = 256, kAxes = 3;

// x (batches, channels, extent...), grid (batches, points, rank); extents in front that there are not are 1.
struct Image {
  int32_t rank;
  int64_t channels, points, slice;  // slice: channels of a thread
  int64_t extent[kAxes];
};

// The taps along an axis, outermost first, for grid point `point`.
__device__ Taps TapsAlong(const Params& params, const Image& image, const uint8_t* grid, DType type, int64_t point,
                          int axis) {
  const int missing = kAxes - image.rank;
  if (axis < missing) return {{0, -1, -1, -1}, {1, 0, 0, 0}};
  // The grid lists the innermost axis first.
  const int64_t at = point * image.rank + (kAxes - 1 - axis);
  return TapsOf(params, LoadNumber<float>(type, grid, at), image.extent[axis]);
}

template <class T, int kTaps>
__global__ void __launch_bounds__(kThreads)
    Sample(In<T> x, In<uint8_t> grid, Out<T> y, int64_t n, Image image, Params params, DType grid_type) {
  const int64_t point = GlobalThread();
  if (point >= n) return;
  const Taps depths = TapsAlong(params, image, grid.data, grid_type, point, 0);
  const Taps rows = TapsAlong(params, image, grid.data, grid_type, point, 1);
  const Taps columns = TapsAlong(params, image, grid.data, grid_type, point, 2);
  const int64_t plane = image.extent[0] * image.extent[1] * image.extent[2];
  const int64_t batch = point / image.points, first = static_cast<int64_t>(blockIdx.y) * image.slice;
  for (int64_t c = first; c < image.channels && c < first + image.slice; ++c) {
    const T* from = x.data + (batch * image.channels + c) * plane;
    T* const to = y.data + (batch * image.channels + c) * image.points + point % image.points;
    if constexpr (kTaps == 1) {  // moved, of whatever type
      const int64_t at = (depths.index[0] * image.extent[1] + rows.index[0]) * image.extent[2] + columns.index[0];
      *to = depths.index[0] < 0 || rows.index[0] < 0 || columns.index[0] < 0 ? T{} : from[at];
    } else {
      Compute<T> sum = 0;
      for (int d = 0; d < (image.rank == kAxes ? kTaps : 1); ++d) {
        if (depths.index[d] < 0) continue;
#pragma unroll
        for (int r = 0; r < kTaps; ++r) {
          if (rows.index[r] < 0) continue;
          const T* const row = from + (depths.index[d] * image.extent[1] + rows.index[r]) * image.extent[2];
          const Compute<T> weight = static_cast<Compute<T>>(depths.weight[d]) * rows.weight[r];
#pragma unroll
          for (int k = 0; k < kTaps; ++k)
            if (columns.index[k] >= 0) sum += weight * columns.weight[k] * Widen(row[columns.index[k]]);
        }
      }
      *to = Narrow<T>(sum);
    }
  }
}

class Grid {
 public:
  explicit Grid(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type(), grid = node.input(1).type();
    if (!IsFloating(grid)) return "no grid of " + std::string(NameOf(grid));
    if (node.input(0).rank < 3 || node.input(0).rank > kAxes + 2) return "only images of 1 to 3 dimensions";
    const bool moves = Params(node.attributes()).mode == Mode::kNearest && BitsOf(type) >= 8 && type != DType::kString;
    return moves || IsFloating(type) ? "" : "not for " + std::string(NameOf(type));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &grid = args.input(1), &y = args.output(0);
    CheckShapes(x, grid, y);
    if (y.count() == 0) return;
    Image image{x.rank - 2, x.dim(1), y.count(2, y.rank), 0, {1, 1, 1}};
    for (int i = 0; i < image.rank; ++i) image.extent[kAxes - image.rank + i] = x.dim(i + 2);
    image.slice = std::max<int64_t>(8, (image.channels + 0xfffe) / 0xffff);
    const int64_t n = x.dim(0) * image.points;
    const LaunchConfig config{.grid = {BlocksFor(n, kThreads), BlocksFor(image.channels, image.slice)},
                              .block = {kThreads}};
    auto run = [&](auto kernel) { cuda::Launch(args, config, kernel, x, grid, y, n, image, params_, grid.type()); };
    if (params_.mode == Mode::kNearest)
      WithSize(x.type(), [&](auto tag) { run(Sample<typename decltype(tag)::Type, 1>); });
    else if (params_.mode == Mode::kLinear)
      WithReal(x.type(), [&](auto tag) { run(Sample<typename decltype(tag)::Type, 2>); });
    else
      WithReal(x.type(), [&](auto tag) { run(Sample<typename decltype(tag)::Type, 4>); });
  }

 private:
  Params params_;
};

// theta (batches, rank, rank + 1), grid (batches, extent..., rank); extent: innermost first.
struct Frame {
  int32_t rank;
  int64_t points;
  int64_t extent[kAxes];
};

__global__ void __launch_bounds__(kThreads)
    MapPoints(In<uint8_t> theta, Out<uint8_t> grid, int64_t n, Frame frame, DType type, bool align_corners) {
  const int64_t p = GlobalThread();
  if (p >= n) return;
  double position[kAxes] = {};  // x, y, z: the innermost axis first
  int64_t rest = p % frame.points;
#pragma unroll
  for (int i = 0; i < kAxes; ++i) {
    if (i >= frame.rank) break;
    const int64_t length = frame.extent[i];
    const double at = static_cast<double>(rest % length), extent = static_cast<double>(length);
    position[i] = !align_corners ? (2 * at + 1) / extent - 1 : length == 1 ? 0 : 2 * at / (extent - 1) - 1;
    rest /= length;
  }
  for (int row = 0; row < frame.rank; ++row) {
    const int64_t at = (p / frame.points * frame.rank + row) * (frame.rank + 1);
    double sum = LoadNumber<double>(type, theta.data, at + frame.rank);
#pragma unroll
    for (int i = 0; i < kAxes; ++i)
      if (i < frame.rank) sum += LoadNumber<double>(type, theta.data, at + i) * position[i];
    StoreReal(type, grid.data, p * frame.rank + row, sum);
  }
}

class Affine {
 public:
  explicit Affine(const NodeView& node) : align_corners_(node.attributes().Int("align_corners", 0) != 0) {}
  static std::string Rejects(const NodeView& node) { return IsFloating(node.input(0).type()) ? "" : "only real types"; }

  void Launch(const LaunchArgs& args) const {
    const TensorView &theta = args.input(0), &grid = args.output(0);
    const int rank = grid.rank - 2;
    if (rank < 2 || rank > 3 || theta.rank != 3 || theta.dim(0) != grid.dim(0) || theta.dim(1) != rank ||
        theta.dim(2) != rank + 1)
      throw Error(ErrorCode::kInvalidArgument, "theta and size do not fit");
    Frame frame{rank, grid.count(1, grid.rank - 1), {1, 1, 1}};
    for (int i = 0; i < rank; ++i) frame.extent[i] = grid.dim(grid.rank - 2 - i);
    const int64_t n = grid.dim(0) * frame.points;
    cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, MapPoints, theta, grid, n, frame,
                 grid.type(), align_corners_);
  }

 private:
  bool align_corners_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Grid>("GridSample"), MakeKernel<Affine>("AffineGrid")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::grid_sample
