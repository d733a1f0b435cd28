// Operators of one input: a row says what an element becomes, in float or double, and in 64-bit integers. Elements are
// read and written 16 bytes at a time; memory is the limit, so that nothing else is worth doing.
#include <array>
#include <vector>

#include "kernels/elementwise/cuda_rows.h"

namespace onda::elementwise {
namespace {

using namespace cuda;

template <class C>
__device__ C Sigmoid(C x) {
  const C e = exp(-fabs(x));
  return (x < 0 ? e : C(1)) / (1 + e);
}
template <class C>
__device__ C Softplus(C x) {
  return (x > 0 ? x : C(0)) + (x != x ? x : log1p(exp(-fabs(x))));
}
template <class C>
__device__ C Clamp(C x, C low, C high) {
  return x < low ? low : x > high ? high : x;
}
// x * g for a gate g that falls to 0 faster than x grows.
template <class C>
__device__ C Gated(C x, C gate) {
  return gate == 0 ? C(0) : x * gate;
}
template <class C>
__device__ C Gelu(C x, bool tanh_form) {
  if (isinf(x)) return x < 0 ? C(0) : x;
  if (!tanh_form) return C(0.5) * x * erfc(-x * C(0.70710678118654752440));
  return x * Sigmoid(2 * C(0.79788456080286535588) * (x + C(0.044715) * x * x * x));
}

#define ONDA_UNARY(name, expression)                                                     \
  struct name {                                                                          \
    template <class C>                                                                   \
    static __device__ C Real([[maybe_unused]] C x, [[maybe_unused]] DeviceParams<C> p) { \
      return expression;                                                                 \
    }                                                                                    \
  };
ONDA_UNARY(Abs, fabs(x))
ONDA_UNARY(Neg, -x)
ONDA_UNARY(Sign, x > 0 ? C(1) : x < 0 ? C(-1) : x)
ONDA_UNARY(Floor, floor(x))
ONDA_UNARY(Ceil, ceil(x))
ONDA_UNARY(Round, rint(x))
ONDA_UNARY(Exp, exp(x))
ONDA_UNARY(Log, log(x))
ONDA_UNARY(Sqrt, sqrt(x))
ONDA_UNARY(Reciprocal, 1 / x)
ONDA_UNARY(Sin, sin(x))
ONDA_UNARY(Cos, cos(x))
ONDA_UNARY(Tan, tan(x))
ONDA_UNARY(Asin, asin(x))
ONDA_UNARY(Acos, acos(x))
ONDA_UNARY(Atan, atan(x))
ONDA_UNARY(Sinh, sinh(x))
ONDA_UNARY(Cosh, cosh(x))
ONDA_UNARY(Tanh, tanh(x))
ONDA_UNARY(Asinh, asinh(x))
ONDA_UNARY(Acosh, acosh(x))
ONDA_UNARY(Atanh, atanh(x))
ONDA_UNARY(Erf, erf(x))
ONDA_UNARY(SigmoidOp, Sigmoid(x))
ONDA_UNARY(SoftplusOp, Softplus(x))
ONDA_UNARY(Softsign, isinf(x) ? copysign(C(1), x) : x / (1 + fabs(x)))
ONDA_UNARY(Relu, x < 0 ? C(0) : x)
ONDA_UNARY(LeakyRelu, x < 0 ? p.alpha * x : x)
ONDA_UNARY(Elu, x < 0 ? p.alpha * expm1(x) : x)
ONDA_UNARY(Selu, x > 0 ? p.beta * x : p.beta * p.alpha * expm1(x))
ONDA_UNARY(Celu, x != x || x > 0 ? x : p.alpha * expm1(x / p.alpha))
ONDA_UNARY(GeluOp, Gelu(x, p.flag))
ONDA_UNARY(HardSigmoid, Clamp(p.alpha* x + p.beta, C(0), C(1)))
ONDA_UNARY(HardSwish, Gated(x, Clamp(x / 6 + C(0.5), C(0), C(1))))
ONDA_UNARY(Mish, Gated(x, tanh(Softplus(x))))
ONDA_UNARY(Swish, Gated(x, Sigmoid(p.alpha* x)))
ONDA_UNARY(ThresholdedRelu, x > p.alpha || x != x ? x : C(0))
ONDA_UNARY(Shrink, x<-p.alpha ? x + p.beta : x> p.alpha ? x - p.beta : x != x ? x : C(0))
ONDA_UNARY(IsNaN, C(x != x))
ONDA_UNARY(IsInf, C(isinf(x) && (x > 0 ? p.flag : p.flag2)))
#undef ONDA_UNARY

// uint64 is passed as its bits; `natural` says so.
struct AbsInteger {
  static __device__ int64_t Apply(int64_t x, bool natural) { return natural || x >= 0 ? x : -x; }
};
struct NegInteger {
  static __device__ int64_t Apply(int64_t x, bool) { return static_cast<int64_t>(0 - static_cast<uint64_t>(x)); }
};
struct SignInteger {
  static __device__ int64_t Apply(int64_t x, bool natural) { return natural ? x != 0 : (x > 0) - (x < 0); }
};
struct ReluInteger {
  static __device__ int64_t Apply(int64_t x, bool natural) { return natural || x > 0 ? x : 0; }
};
struct NotInteger {
  static __device__ int64_t Apply(int64_t x, bool) { return x == 0; }
};
struct BitwiseNotInteger {
  static __device__ int64_t Apply(int64_t x, bool) { return ~x; }
};

// vectors: x and y are aligned to 16-byte vectors of x's elements.
template <class F, class T, class U>
__global__ void __launch_bounds__(kElementThreads)
    UnaryReal(In<T> x, Out<U> y, int64_t n, bool vectors, DeviceParams<Compute<T>> p) {
  constexpr int kCount = kVectorCount<T>;
  const int64_t first = GlobalThread() * kCount;
  if (vectors && first + kCount <= n) {
    const Vector<T, kCount> from = LoadVector<kCount>(x.data + first);
    Vector<U, kCount> to;
#pragma unroll
    for (int k = 0; k < kCount; ++k) to.v[k] = Result<U>(F::Real(Widen(from.v[k]), p));
    StoreVector(y.data + first, to);
    return;
  }
  for (int64_t i = first; i < n && i < first + kCount; ++i) y[i] = Result<U>(F::Real(Widen(x[i]), p));
}

template <class F>
__global__ void __launch_bounds__(kElementThreads) UnaryInteger(In<uint8_t> x, Out<uint8_t> y, int64_t n, DType type) {
  const int64_t i = GlobalThread();
  if (i < n) StoreInteger(type, y.data, i, F::Apply(LoadInteger(type, x.data, i), type == DType::kUint64));
}

using LaunchFn = void (*)(const LaunchArgs&, const Params&);

template <class F, bool kToBool>
void LaunchReal(const LaunchArgs& args, const Params& params) {
  const TensorView &x = args.input(0), &y = args.output(0);
  const int64_t n = x.count();
  WithReal(x.type(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    using U = std::conditional_t<kToBool, bool, T>;
    const bool vectors = VectorsFit<T>(x.data, 0) && VectorsFit<T>(y.data, 0);
    cuda::Launch(args, OverElements(n, kVectorCount<T>), UnaryReal<F, T, U>, x, y, n, vectors,
                 ForDevice<Compute<T>>(params));
  });
}
template <class F>
void LaunchInteger(const LaunchArgs& args, const Params&) {
  const TensorView& x = args.input(0);
  cuda::Launch(args, OverElements(x.count(), 1), UnaryInteger<F>, x, args.output(0), x.count(), x.type());
}

struct Row {
  const char* op;
  LaunchFn real;
  LaunchFn integer;
};
template <class F, bool kToBool = false>
constexpr Row Real(const char* op) {
  return {op, LaunchReal<F, kToBool>, nullptr};
}
template <class F, class I>
constexpr Row Both(const char* op) {
  return {op, LaunchReal<F, false>, LaunchInteger<I>};
}
template <class I>
constexpr Row Integer(const char* op) {
  return {op, nullptr, LaunchInteger<I>};
}

constexpr Row kRows[] = {
    Both<Abs, AbsInteger>("Abs"),
    Both<Neg, NegInteger>("Neg"),
    Both<Sign, SignInteger>("Sign"),
    Real<Floor>("Floor"),
    Real<Ceil>("Ceil"),
    Real<Round>("Round"),
    Real<Exp>("Exp"),
    Real<Log>("Log"),
    Real<Sqrt>("Sqrt"),
    Real<Reciprocal>("Reciprocal"),
    Real<Sin>("Sin"),
    Real<Cos>("Cos"),
    Real<Tan>("Tan"),
    Real<Asin>("Asin"),
    Real<Acos>("Acos"),
    Real<Atan>("Atan"),
    Real<Sinh>("Sinh"),
    Real<Cosh>("Cosh"),
    Real<Tanh>("Tanh"),
    Real<Asinh>("Asinh"),
    Real<Acosh>("Acosh"),
    Real<Atanh>("Atanh"),
    Real<Erf>("Erf"),
    Real<SigmoidOp>("Sigmoid"),
    Real<SoftplusOp>("Softplus"),
    Real<Softsign>("Softsign"),
    Both<Relu, ReluInteger>("Relu"),
    Real<LeakyRelu>("LeakyRelu"),
    Real<Elu>("Elu"),
    Real<Selu>("Selu"),
    Real<Celu>("Celu"),
    Real<GeluOp>("Gelu"),
    Real<HardSigmoid>("HardSigmoid"),
    Real<HardSwish>("HardSwish"),
    Real<Mish>("Mish"),
    Real<Swish>("Swish"),
    Real<ThresholdedRelu>("ThresholdedRelu"),
    Real<Shrink>("Shrink"),
    Real<IsNaN, true>("IsNaN"),
    Real<IsInf, true>("IsInf"),
    Integer<NotInteger>("Not"),
    Integer<BitwiseNotInteger>("BitwiseNot"),
};

const Row& RowOf(std::string_view op) {
  for (const Row& row : kRows)
    if (row.op == op) return row;
  throw Error(ErrorCode::kInternal, "no row for " + std::string(op));
}

class Cuda {
 public:
  static constexpr bool kInPlace = true;
  explicit Cuda(const NodeView& node)
      : params_(node.op(), node.attributes(), node.input(0).type()),
        launch_(IsFloating(node.input(0).type()) ? RowOf(node.op()).real : RowOf(node.op()).integer) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    const Row& row = RowOf(node.op());
    const bool runs = IsFloating(type) ? row.real != nullptr : IsByteInteger(type) && row.integer;
    return runs ? "" : "not for " + std::string(NameOf(type));
  }

  void Launch(const LaunchArgs& args) const { launch_(args, params_); }

 private:
  Params params_;
  LaunchFn launch_;
};

std::vector<OndaKernelDef> MakeKernels() {
  std::vector<OndaKernelDef> kernels;
  for (const Row& row : kRows) kernels.push_back(MakeKernel<Cuda>(row.op));
  for (const OndaKernelDef& def : BinaryCudaKernels()) kernels.push_back(def);
  for (const OndaKernelDef& def : WhereCudaKernels()) kernels.push_back(def);
  return kernels;
}

}  // namespace

std::span<const OndaKernelDef> CudaKernels() {
  static const std::vector<OndaKernelDef> kernels = MakeKernels();
  return kernels;
}

}  // namespace onda::elementwise
