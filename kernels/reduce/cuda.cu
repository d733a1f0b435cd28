// Reductions, accumulated in fp32 (fp64 for double), integers exactly modulo 2^64.
//   BlockEach   a block per result, for many elements each
//   ThreadEach  a thread per result: where the kept dimension is the innermost, neighbours read neighbours
// The kind is the same for a whole launch and memory is the limit, so that it is asked for at run time.
#include "kernels/device/block.h"
#include "kernels/device/element.h"
#include "kernels/device/index.h"
#include "kernels/reduce/reduce.h"
#include "providers/cuda/device.h"

namespace onda::reduce {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

// What a partial result starts from, how an element enters it, and how two are joined.
template <class C>
struct Fold {
  Kind kind;
  C shift;  // of LogSumExp

  __device__ C Identity() const {
    return kind == Kind::kProd ? C(1) : kind == Kind::kMax ? -C(INFINITY) : kind == Kind::kMin ? C(INFINITY) : C(0);
  }
  __device__ C Enter(C v) const {
    switch (kind) {
      case Kind::kL1:
        return fabs(v);
      case Kind::kL2:
      case Kind::kSumSquare:
        return v * v;
      case Kind::kLogSumExp:
        return exp(v - shift);
      default:
        return v;
    }
  }
  __device__ C operator()(C a, C b) const {
    switch (kind) {
      case Kind::kMax:
        return Maximum()(a, b);
      case Kind::kMin:
        return Minimum()(a, b);
      case Kind::kProd:
        return a * b;
      default:
        return a + b;
    }
  }
  __device__ C Finish(C a, int64_t count) const {
    switch (kind) {
      case Kind::kMean:
        return a / static_cast<C>(count);
      case Kind::kL2:
        return sqrt(a);
      case Kind::kLogSum:
        return log(a);
      case Kind::kLogSumExp:
        return log(a) + shift;
      default:
        return a;
    }
  }
};

// kept and reduced: places of x, by the index of the result and of the element within it.
template <class T>
__global__ void __launch_bounds__(kThreads)
    BlockEach(In<T> x, Out<T> y, int64_t count, Strides<1> kept, Strides<1> reduced, Kind kind) {
  using C = Compute<T>;
  int64_t base[1] = {0};
  kept.Offsets(blockIdx.x, base);
  auto load = [&](int64_t i) {
    int64_t at[1] = {base[0]};
    reduced.Offsets(static_cast<uint32_t>(i), at);
    return Widen(x[at[0]]);
  };
  C shift = 0;
  if (kind == Kind::kLogSumExp) {
    C max = -C(INFINITY);
    for (int64_t i = threadIdx.x; i < count; i += blockDim.x) max = fmax(max, load(i));
    shift = BlockReduce(max, Maximum(), -C(INFINITY));
    if (isinf(shift)) shift = 0;
  }
  const Fold<C> fold{kind, shift};
  C a = fold.Identity();
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) a = fold(a, fold.Enter(load(i)));
  a = BlockReduce(a, fold, fold.Identity());
  if (threadIdx.x == 0) y[blockIdx.x] = Narrow<T>(fold.Finish(a, count));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    ThreadEach(In<T> x, Out<T> y, int64_t results, int64_t count, Strides<1> kept, Strides<1> reduced, Kind kind) {
  using C = Compute<T>;
  const int64_t o = GlobalThread();
  if (o >= results) return;
  int64_t base[1] = {0};
  kept.Offsets(static_cast<uint32_t>(o), base);
  auto load = [&](int64_t i) {
    int64_t at[1] = {base[0]};
    reduced.Offsets(static_cast<uint32_t>(i), at);
    return Widen(x[at[0]]);
  };
  C shift = 0;
  if (kind == Kind::kLogSumExp) {
    shift = -C(INFINITY);
    for (int64_t i = 0; i < count; ++i) shift = fmax(shift, load(i));
    if (isinf(shift)) shift = 0;
  }
  const Fold<C> fold{kind, shift};
  C a = fold.Identity();
  for (int64_t i = 0; i < count; ++i) a = fold(a, fold.Enter(load(i)));
  y[o] = Narrow<T>(fold.Finish(a, count));
}

// Sum, Prod, L1, SumSquare, Max and Min of integers; bool counts as unsigned.
__global__ void __launch_bounds__(kThreads)
    IntegerEach(In<uint8_t> x, Out<uint8_t> y, int64_t results, int64_t count, Strides<1> kept, Strides<1> reduced,
                Kind kind, DType type, bool is_signed, int64_t identity) {
  const int64_t o = GlobalThread();
  if (o >= results) return;
  int64_t base[1] = {0};
  kept.Offsets(static_cast<uint32_t>(o), base);
  uint64_t a = static_cast<uint64_t>(identity);
  for (int64_t i = 0; i < count; ++i) {
    int64_t at[1] = {base[0]};
    reduced.Offsets(static_cast<uint32_t>(i), at);
    const int64_t value = LoadInteger(type, x.data, at[0]);
    const uint64_t v = static_cast<uint64_t>(value);
    const bool less = is_signed ? value < static_cast<int64_t>(a) : v < a;
    switch (kind) {
      case Kind::kProd:
        a *= v;
        break;
      case Kind::kL1:
        a += is_signed && value < 0 ? 0 - v : v;
        break;
      case Kind::kSumSquare:
        a += v * v;
        break;
      case Kind::kMax:
        a = less ? a : v;
        break;
      case Kind::kMin:
        a = less ? v : a;
        break;
      default:
        a += v;
        break;
    }
  }
  StoreInteger(type, y.data, o, static_cast<int64_t>(a));
}

// The groups whose `reduced` is r, innermost first.
Strides<1> StridesOf(const Groups& g, bool r) {
  Strides<1> strides{};
  for (int i = g.count; i-- > 0;) {
    if (g.reduced[i] != r) continue;
    if (strides.rank == kMaxMergedRank) throw Error(ErrorCode::kNotImplemented, "a reduction over so many dimensions");
    strides.dims[strides.rank] = Divider(g.extent[i] > 0 ? g.extent[i] : 1);
    strides.stride[strides.rank++][0] = g.stride[i];
  }
  if (strides.rank == 0) strides.rank = 1;
  return strides;
}

template <Kind kKind>
class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    const bool exact = kKind == Kind::kSum || kKind == Kind::kProd || kKind == Kind::kL1 || kKind == Kind::kSumSquare ||
                       kKind == Kind::kMax || kKind == Kind::kMin;
    return IsFloating(type) || (exact && IsByteInteger(type)) ? "" : "not for " + std::string(NameOf(type));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Groups g(params_, x, args.input(1));
    const int64_t results = g.kept_total, count = g.reduced_total;
    if (results == 0) return;
    if (results >= int64_t{1} << 31 || count >= int64_t{1} << 31)
      throw Error(ErrorCode::kNotImplemented, "reducing 2^31 elements or more on CUDA");
    const Strides<1> kept = StridesOf(g, false), reduced = StridesOf(g, true);
    const LaunchConfig threads{.grid = {BlocksFor(results, kThreads)}, .block = {kThreads}};
    if (!IsFloating(x.type())) {
      cuda::Launch(args, threads, IntegerEach, x, y, results, count, kept, reduced, kKind, x.type(), IsSigned(x.type()),
                   IntegerIdentity(x.type()));
      return;
    }
    const bool inner_kept = g.count > 0 && !g.reduced[g.count - 1];
    const bool by_thread = count < 32 || (inner_kept && results >= 16 * 1024);
    WithReal(x.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      if (by_thread) {
        cuda::Launch(args, threads, ThreadEach<T>, x, y, results, count, kept, reduced, kKind);
      } else {
        const uint32_t block = count >= 1024 ? kThreads : count >= 256 ? 128 : 32;
        cuda::Launch(args, {.grid = {static_cast<uint32_t>(results)}, .block = {block}}, BlockEach<T>, x, y, count,
                     kept, reduced, kKind);
      }
    });
  }

 private:
  static int64_t IntegerIdentity(DType type) {
    if (kKind == Kind::kProd) return 1;
    if (kKind != Kind::kMax && kKind != Kind::kMin) return 0;
    const int bits = type == DType::kBool ? 1 : BitsOf(type);
    const int64_t high = static_cast<int64_t>(~uint64_t{0} >> ((IsSigned(type) ? 65 : 64) - bits));
    return kKind == Kind::kMin ? high : IsSigned(type) ? -high - 1 : 0;
  }
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<Kind::kSum>>("ReduceSum"),
    MakeKernel<Cuda<Kind::kMean>>("ReduceMean"),
    MakeKernel<Cuda<Kind::kMax>>("ReduceMax"),
    MakeKernel<Cuda<Kind::kMin>>("ReduceMin"),
    MakeKernel<Cuda<Kind::kProd>>("ReduceProd"),
    MakeKernel<Cuda<Kind::kL1>>("ReduceL1"),
    MakeKernel<Cuda<Kind::kL2>>("ReduceL2"),
    MakeKernel<Cuda<Kind::kLogSum>>("ReduceLogSum"),
    MakeKernel<Cuda<Kind::kLogSumExp>>("ReduceLogSumExp"),
    MakeKernel<Cuda<Kind::kSumSquare>>("ReduceSumSquare"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::reduce
