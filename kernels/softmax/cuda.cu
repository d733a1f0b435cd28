// Softmax and LogSoftmax, in fp32 (fp64 for double) whatever the elements are.
//   WarpRows   a row of up to 1024 elements lives in the registers of one warp: one read, one write
//   BlockRows  longer rows: a block per row, kept in shared memory where it fits
//   Columns    another axis than the last: a thread per column, neighbours side by side
// Hardmax: a block per row, or a thread per column, which all know the type at run time only.
#include "kernels/device/block.h"
#include "kernels/device/element.h"
#include "kernels/device/order.h"
#include "kernels/softmax/softmax.h"
#include "providers/cuda/device.h"

namespace onda::softmax {
namespace {

using namespace cuda;

constexpr int kBlockThreads = 256;
constexpr int kSharedFloats = 11 * 1024;  // with the reductions' own, below the 48 KiB that every launch may have

template <class C>
__device__ C Lowest() {
  return -static_cast<C>(INFINITY);
}

// exp(shifted), rounded as the specification's function body does (see RoundsSteps).
template <class T, bool kLog, class C>
__device__ C Exponential(C shifted) {
  const C e = exp(shifted);
  if constexpr (sizeof(T) == 2 && !kLog && requires(T t, Half h) { t = h; })
    return Widen(Narrow<Half>(e));
  else
    return e;
}
template <class T, bool kLog, class C>
__device__ C RoundSum(C sum) {
  if constexpr (sizeof(T) == 2 && !kLog && requires(T t, Half h) { t = h; })
    return sum < 65504 ? Widen(Narrow<Half>(sum)) : sum;
  else
    return sum;
}
template <class T, bool kLog, class C>
__device__ T Finish(C shifted, C scale) {
  return Narrow<T>(kLog ? shifted - scale : Exponential<T, kLog>(shifted) * scale);
}

template <class T, int kPerLane, bool kLog>
__global__ void __launch_bounds__(128) WarpRows(In<T> x, Out<T> y, int64_t rows, int32_t n) {
  using C = Compute<T>;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t row = GlobalThread() / kWarp;
  if (row >= rows) return;  // whole warps
  const T* from = x.data + row * n;
  C value[kPerLane];
  C max = Lowest<C>();
#pragma unroll
  for (int k = 0; k < kPerLane; ++k) {
    const int i = lane + k * kWarp;
    value[k] = i < n ? Widen(from[i]) : Lowest<C>();
    max = Maximum()(max, value[k]);
  }
  max = WarpReduce(max, Maximum());
  C sum = 0;
#pragma unroll
  for (int k = 0; k < kPerLane; ++k) {
    value[k] -= max;
    if (lane + k * kWarp < n) sum += Exponential<T, kLog>(value[k]);
  }
  sum = RoundSum<T, kLog>(WarpReduce(sum, Plus()));
  const C scale = kLog ? log(sum) : 1 / sum;
  T* to = y.data + row * n;
#pragma unroll
  for (int k = 0; k < kPerLane; ++k) {
    const int i = lane + k * kWarp;
    if (i < n) to[i] = Finish<T, kLog>(value[k], scale);
  }
}

template <class T, bool kLog>
__global__ void __launch_bounds__(kBlockThreads)
    BlockRows(In<T> x, Out<T> y, int64_t n, bool keep /* in shared memory */) {
  using C = Compute<T>;
  ONDA_DYNAMIC_SHARED(C, row);
  const T* from = x.data + static_cast<int64_t>(blockIdx.x) * n;
  T* to = y.data + static_cast<int64_t>(blockIdx.x) * n;
  C max = Lowest<C>();
  for (int64_t i = threadIdx.x; i < n; i += kBlockThreads) {
    const C v = Widen(from[i]);
    if (keep) row[i] = v;
    max = Maximum()(max, v);
  }
  max = BlockReduce(max, Maximum(), Lowest<C>());
  // A thread reads what it wrote itself.
  auto at = [&](int64_t i) { return (keep ? row[i] : Widen(from[i])) - max; };
  C sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kBlockThreads) sum += Exponential<T, kLog>(at(i));
  sum = RoundSum<T, kLog>(BlockReduce(sum, Plus(), C(0)));
  const C scale = kLog ? log(sum) : 1 / sum;
  for (int64_t i = threadIdx.x; i < n; i += kBlockThreads) to[i] = Finish<T, kLog>(at(i), scale);
}

template <class T, bool kLog>
__global__ void __launch_bounds__(kBlockThreads)
    Columns(In<T> x, Out<T> y, int64_t columns, int64_t length, int64_t inner) {
  using C = Compute<T>;
  const int64_t column = GlobalThread();
  if (column >= columns) return;
  const int64_t first = column / inner * length * inner + column % inner;
  C max = Lowest<C>(), sum = 0;
  for (int64_t k = 0; k < length; ++k) max = Maximum()(max, Widen(x[first + k * inner]));
  for (int64_t k = 0; k < length; ++k) sum += Exponential<T, kLog>(Widen(x[first + k * inner]) - max);
  sum = RoundSum<T, kLog>(sum);
  const C scale = kLog ? log(sum) : 1 / sum;
  for (int64_t k = 0; k < length; ++k) {
    const int64_t i = first + k * inner;
    y[i] = Finish<T, kLog>(Widen(x[i]) - max, scale);
  }
}

template <bool kLog>
class Cuda {
 public:
  static constexpr bool kInPlace = true;
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) { return IsFloating(node.input(0).type()) ? "" : "only real types"; }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    if (x.count() == 0) return;
    WithReal(x.type(), [&](auto tag) { Run<typename decltype(tag)::Type>(args); });
  }

 private:
  template <class T>
  void Run(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const auto [outer, length, inner] = params_.ExtentsOf(x);
    if (inner > 1) {
      cuda::Launch(args, {.grid = {BlocksFor(outer * inner, kBlockThreads)}, .block = {kBlockThreads}},
                   Columns<T, kLog>, x, y, outer * inner, length, inner);
    } else if (length <= 1024) {
      const LaunchConfig config{.grid = {BlocksFor(outer, 4)}, .block = {4 * kWarp}};
      auto run = [&, n = length, rows = outer](auto kernel) { cuda::Launch(args, config, kernel, x, y, rows, n); };
      length <= 32    ? run(WarpRows<T, 1, kLog>)
      : length <= 128 ? run(WarpRows<T, 4, kLog>)
      : length <= 512 ? run(WarpRows<T, 16, kLog>)
                      : run(WarpRows<T, 32, kLog>);
    } else {
      const bool keep = length * static_cast<int64_t>(sizeof(Compute<T>) / sizeof(float)) <= kSharedFloats;
      const uint32_t shared = keep ? static_cast<uint32_t>(length * sizeof(Compute<T>)) : 0;
      cuda::Launch(args, {.grid = {BlocksFor(outer, 1)}, .block = {kBlockThreads}, .shared_bytes = shared},
                   BlockRows<T, kLog>, x, y, length, keep);
    }
  }

  Params params_;
};

// x (outer, length, inner): one block per (outer) where rows, one thread per (outer, inner) otherwise.
__global__ void __launch_bounds__(kBlockThreads)
    MarkMaximum(In<uint8_t> x, Out<uint8_t> y, int64_t lines, int64_t length, int64_t inner, bool rows, DType type) {
  const int64_t line = rows ? static_cast<int64_t>(blockIdx.x) : GlobalThread();
  if (line >= lines) return;  // whole blocks, or no barrier follows
  const int64_t first = line / inner * length * inner + line % inner;
  const int64_t begin = rows ? static_cast<int64_t>(threadIdx.x) : 0, step = rows ? kBlockThreads : 1;
  Best best;
  for (int64_t k = begin; k < length; k += step) best.Take(OrderKey(type, x.data, first + k * inner), k, false);
  if (rows) best.JoinBlock(false);
  for (int64_t k = begin; k < length; k += step)
    StoreReal(type, y.data, first + k * inner, k == best.index ? 1.0f : 0.0f);
}

class Hardmax {
 public:
  explicit Hardmax(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return Cuda<false>::Rejects(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (x.count() == 0) return;
    const auto [outer, length, inner] = params_.ExtentsOf(x);
    const bool rows = inner == 1 && length > 1;
    cuda::Launch(args, {.grid = {BlocksFor(outer * inner, rows ? 1 : kBlockThreads)}, .block = {kBlockThreads}},
                 MarkMaximum, x, y, outer * inner, length, inner, rows, x.type());
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<false>>("Softmax"),
    MakeKernel<Cuda<true>>("LogSoftmax"),
    MakeKernel<Hardmax>("Hardmax"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::softmax
