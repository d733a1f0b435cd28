// Global pools: a warp for a small plane, a block for a larger one. MaxUnpool: where indices repeat, the last one wins;
// the owners of all output elements are found first, then every element is written once.
#include <vector>

#include "kernels/device/block.h"
#include "kernels/device/element.h"
#include "kernels/device/status.h"
#include "kernels/pool/cuda.h"
#include "providers/cuda/device.h"

namespace onda::pool {
namespace {

using namespace cuda;

constexpr int kThreads = 256;
constexpr int64_t kWarpPlane = 1024;  // elements that one warp takes

template <class C>
struct Fold {
  Kind kind;
  C p;
  __device__ C Identity() const { return kind == Kind::kMax ? -static_cast<C>(INFINITY) : C(0); }
  __device__ C Enter(C v) const {
    if (kind != Kind::kLp) return v;
    return p == 2 ? v * v : p == 1 ? fabs(v) : pow(fabs(v), p);
  }
  __device__ C operator()(C a, C b) const { return kind == Kind::kMax ? Maximum()(a, b) : a + b; }
  __device__ C Finish(C a, int64_t n) const {
    if (kind == Kind::kAverage) return a / static_cast<C>(n);
    if (kind == Kind::kMax) return a;
    return p == 2 ? sqrt(a) : p == 1 ? a : pow(a, 1 / p);
  }
};

// Planes of n elements; warps: a warp each, otherwise a block each.
template <class T>
__global__ void __launch_bounds__(kThreads)
    Planes(In<T> x, Out<T> y, int64_t planes, int64_t n, bool warps, Fold<Compute<T>> fold) {
  using C = Compute<T>;
  const int64_t plane = warps ? GlobalThread() / kWarp : static_cast<int64_t>(blockIdx.x);
  if (plane >= planes) return;  // whole warps
  const int width = warps ? kWarp : kThreads;
  C a = fold.Identity();
  for (int64_t i = static_cast<int>(threadIdx.x) % width; i < n; i += width)
    a = fold(a, fold.Enter(Widen(x[plane * n + i])));
  a = warps ? WarpReduce(a, fold) : BlockReduce(a, fold, fold.Identity());
  if (static_cast<int>(threadIdx.x) % width == 0) y[plane] = Narrow<T>(fold.Finish(a, n));
}

template <Kind kKind>
class Global {
 public:
  explicit Global(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return IsFloating(node.input(0).type()) ? "" : "only real types"; }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t planes = y.count(), n = x.count(2, x.rank);
    WithReal(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const bool warps = n <= kWarpPlane;
      cuda::Launch(args, {.grid = {BlocksFor(planes, warps ? kThreads / kWarp : 1)}, .block = {kThreads}}, Planes<T>, x,
                   y, planes, n, warps, Fold<Compute<T>>{kKind, static_cast<Compute<T>>(params_.p)});
    });
  }

 private:
  Params params_;
};

constexpr int kMaxRank = window::kMaxSpatial + 2;
// plain: the shape that the indices number; y: the output's.
struct Shapes {
  int32_t rank;
  int64_t total;
  int64_t plain[kMaxRank], y[kMaxRank];
};

__global__ void __launch_bounds__(kThreads) FindOwners(In<int64_t> indices, InOut<int32_t> owner, InOut<int32_t> status,
                                                       int64_t n, Shapes shapes, int32_t node) {
  const int64_t t = GlobalThread();
  if (t >= n) return;
  int64_t rest = indices[t], to = 0, stride = 1;
  bool inside = rest >= 0 && rest < shapes.total;
  for (int i = shapes.rank - 1; i >= 0 && inside; --i) {
    const int64_t at = rest % shapes.plain[i];
    inside = at < shapes.y[i];
    to += at * stride;
    stride *= shapes.y[i];
    rest /= shapes.plain[i];
  }
  if (inside)
    atomicMax(&owner[to], static_cast<int32_t>(t));
  else
    ReportError(status.data, node, kOndaIndexOutOfRange);
}

template <class T>
__global__ void __launch_bounds__(kThreads) TakeFromOwners(In<T> x, In<int32_t> owner, Out<T> y, int64_t n) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int32_t from = owner[i];
  y[i] = from < 0 ? T{} : x[from];
}

class Unpool {
 public:
  explicit Unpool(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return IsFloating(node.input(0).type()) ? "" : "only real types"; }

  size_t WorkspaceBytes(TensorViews, TensorViews outputs) const {
    return static_cast<size_t>(outputs[0].count()) * sizeof(int32_t);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &indices = args.input(1), &y = args.output(0);
    const int64_t n = y.count();
    if (n == 0) return;
    if (indices.count() != x.count()) throw Error(ErrorCode::kRuntime, "X and I differ in shape");
    if (x.count() >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "2^31 elements or more on CUDA");
    Shapes shapes{x.rank, 1, {}, {}};
    const int spatial = x.rank - 2;
    for (int i = 0; i < x.rank; ++i) {
      int64_t extent = x.dim(i);
      if (i >= 2) {
        extent = (extent - 1) * params_.window.stride(i - 2) + params_.window.kernel[i - 2];
        if (!params_.window.pads.empty()) extent -= params_.window.pads[i - 2] + params_.window.pads[i - 2 + spatial];
      }
      shapes.plain[i] = std::max<int64_t>(extent, 0);
      shapes.y[i] = y.dim(i);
      shapes.total *= shapes.plain[i];
    }
    const Buffer owner = WorkspaceOf(args, 0, static_cast<size_t>(n) * sizeof(int32_t));
    StreamOf(args).device().Fill(owner.data, 0xff, owner.bytes, StreamOf(args));
    cuda::Launch(args, {.grid = {BlocksFor(x.count(), kThreads)}, .block = {kThreads}}, FindOwners, indices, owner,
                 StatusOf(args), x.count(), shapes, args.node());
    WithSize(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, TakeFromOwners<T>, x, owner, y, n);
    });
  }

 private:
  Params params_;
};

std::vector<OndaKernelDef> MakeKernels() {
  std::vector<OndaKernelDef> kernels = {
      MakeKernel<Global<Kind::kMax>>("GlobalMaxPool"),
      MakeKernel<Global<Kind::kAverage>>("GlobalAveragePool"),
      MakeKernel<Global<Kind::kLp>>("GlobalLpPool"),
      MakeKernel<Unpool>("MaxUnpool"),
  };
  for (const OndaKernelDef& def : WindowCudaKernels()) kernels.push_back(def);
  return kernels;
}

}  // namespace

std::span<const OndaKernelDef> CudaKernels() {
  static const std::vector<OndaKernelDef> kernels = MakeKernels();
  return kernels;
}

}  // namespace onda::pool
