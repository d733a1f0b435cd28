// RoiAlign and MaxRoiPool: a thread per element of the result, in fp32 (fp64 for double).
#include "kernels/device/number.h"
#include "kernels/device/status.h"
#include "kernels/device/target.h"
#include "kernels/roi/roi.h"
#include "providers/cuda/device.h"

namespace onda::roi {
namespace {

using namespace cuda;

constexpr int kThreads = 256;
// Samples of a bin that a thread takes along each axis: what a model asks for beyond is left to the CPU.
constexpr int64_t kMaxSamples = 1024;

// x (batches, channels, height, width), y (regions, channels, rows, columns).
struct Shape {
  int64_t batches, channels, height, width, rows, columns;
};
Shape ShapeOf(const TensorView& x, const TensorView& y) {
  return {x.dim(0), x.dim(1), x.dim(2), x.dim(3), y.dim(2), y.dim(3)};
}

// The image plane that a region's batch index and channel c name; that of batch 0 after a report.
__device__ int64_t PlaneOf(double index, const Shape& s, int64_t c, int32_t* status, int32_t node) {
  const bool good = index >= 0 && index < static_cast<double>(s.batches);
  if (!good) ReportError(status, node, kOndaIndexOutOfRange);
  return ((good ? static_cast<int64_t>(index) : 0) * s.channels + c) * s.height * s.width;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 2)
    Align(In<T> x, In<T> rois, In<int64_t> batches, Out<T> y, InOut<int32_t> status, int64_t n, Shape s, Params params,
          int32_t node) {
  using C = Compute<T>;
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t column = i % s.columns, row = i / s.columns % s.rows, plane = i / s.columns / s.rows;
  const int64_t c = plane % s.channels, r = plane / s.channels;
  const T* image = x.data + PlaneOf(static_cast<double>(batches[r]), s, c, status.data, node);
  C corners[4];
#pragma unroll
  for (int k = 0; k < 4; ++k) corners[k] = Widen(rois[r * 4 + k]);
  const Region<C> region(params, corners, s.rows, s.columns);
  const Samples<C> down = region.Down(row, s.height), across = region.Across(column, s.width);
  C result = params.max ? -static_cast<C>(INFINITY) : C(0);
  double inside = 0;
  for (int64_t a = down.first; a < down.last; ++a) {
    int64_t top, bottom;
    C fy;
    if (!down.At(a, top, bottom, fy)) continue;
    for (int64_t b = across.first; b < across.last; ++b) {
      int64_t left, right;
      C fx;
      if (!across.At(b, left, right, fx)) continue;
      ++inside;
      const C v0 = (1 - fy) * (1 - fx) * Widen(image[top * s.width + left]);
      const C v1 = (1 - fy) * fx * Widen(image[top * s.width + right]);
      const C v2 = fy * (1 - fx) * Widen(image[bottom * s.width + left]);
      const C v3 = fy * fx * Widen(image[bottom * s.width + right]);
      // The maximum is taken over the weighted pixels, not over their sums.
      result = params.max ? Most(Most(Most(result, v0), Most(v1, v2)), v3) : result + (v0 + v1 + v2 + v3);
    }
  }
  if (params.max) {
    if (inside < region.count() || inside == 0) result = Most(result, C(0));
  } else {
    result = inside > 0 ? result / static_cast<C>(Most(region.count(), 1.0)) : C(0);
  }
  y[i] = Narrow<T>(result);
}

class RoiAlign {
 public:
  explicit RoiAlign(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!IsFloating(type) || node.input(1).type() != type) return "only real types, of both inputs alike";
    return Params(node.attributes()).sampling_ratio > kMaxSamples ? "too many samples of a bin" : "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &rois = args.input(1), &indices = args.input(2), &y = args.output(0);
    if (rois.dim(1) != 4 || rois.dim(0) != y.dim(0) || indices.count() != y.dim(0) || x.dim(1) != y.dim(1))
      throw Error(ErrorCode::kInvalidArgument, "the shapes of X, rois and batch_indices do not fit");
    const int64_t n = y.count();
    if (n == 0) return;
    if (x.count() == 0) throw Error(ErrorCode::kInvalidArgument, "an empty image has no regions");
    WithReal(x.type(), [&](auto tag) {
      cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, Align<typename decltype(tag)::Type>,
                   x, rois, indices, y, StatusOf(args), n, ShapeOf(x, y), params_, args.node());
    });
  }

 private:
  Params params_;
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    PoolRegions(In<T> x, In<T> rois, Out<T> y, InOut<int32_t> status, int64_t n, Shape s, float scale, int32_t node) {
  using C = Compute<T>;
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t column = i % s.columns, row = i / s.columns % s.rows, plane = i / s.columns / s.rows;
  const int64_t c = plane % s.channels, r = plane / s.channels;
  const T* image = x.data + PlaneOf(static_cast<double>(Widen(rois[r * 5])), s, c, status.data, node);
  double edge[4];  // x1, y1, x2, y2 in whole pixels
#pragma unroll
  for (int k = 0; k < 4; ++k)
    edge[k] = static_cast<double>(round(static_cast<float>(Widen(rois[r * 5 + 1 + k])) * scale));
  const PixelBin down(edge[1], edge[3], row, s.rows, s.height);
  const PixelBin across(edge[0], edge[2], column, s.columns, s.width);
  C max = down.empty() || across.empty() ? C(0) : -static_cast<C>(INFINITY);
  for (int64_t a = down.low; a < down.high; ++a)
    for (int64_t b = across.low; b < across.high; ++b) max = Most(max, C(Widen(image[a * s.width + b])));
  y[i] = Narrow<T>(max);
}

class MaxRoiPool {
 public:
  explicit MaxRoiPool(const NodeView& node) : scale_(node.attributes().Float("spatial_scale", 1)) {}
  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    return IsFloating(type) && node.input(1).type() == type ? "" : "only real types, of both inputs alike";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &rois = args.input(1), &y = args.output(0);
    if (rois.dim(1) != 5 || rois.dim(0) != y.dim(0) || x.dim(1) != y.dim(1))
      throw Error(ErrorCode::kInvalidArgument, "the shapes of X and rois do not fit");
    const int64_t n = y.count();
    if (n == 0) return;
    WithReal(x.type(), [&](auto tag) {
      cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}},
                   PoolRegions<typename decltype(tag)::Type>, x, rois, y, StatusOf(args), n, ShapeOf(x, y), scale_,
                   args.node());
    });
  }

 private:
  float scale_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<RoiAlign>("RoiAlign"), MakeKernel<MaxRoiPool>("MaxRoiPool")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::roi
