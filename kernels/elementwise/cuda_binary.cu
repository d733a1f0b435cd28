// Operators of two inputs, and the variadic ones, which fold from the left into the output.
//   Flat       operands of the output's shape or of one element, 16 bytes at a time
//   Broadcast  all else, a thread per element
// Integers of every width are computed in 64 bits and keep the low ones.
#include <algorithm>
#include <array>

#include "kernels/device/broadcast.h"
#include "kernels/device/status.h"
#include "kernels/elementwise/cuda_rows.h"

namespace onda::elementwise {
namespace {

using namespace cuda;

template <class C>
__device__ C Remainder(C a, C b, bool truncated) {
  const C r = fmod(a, b);
  if (truncated || r != r) return r;
  if (r == 0) return copysign(C(0), b);
  return (r < 0) != (b < 0) ? r + b : r;
}
template <class C>
__device__ C Gated(C x, C alpha) {
  const C z = alpha * x, e = exp(-fabs(z));
  const C gate = (z < 0 ? e : C(1)) / (1 + e);
  return gate == 0 ? C(0) : x * gate;
}

#define ONDA_BINARY(name, expression)                                        \
  struct name {                                                              \
    template <class C>                                                       \
    static __device__ C Real(C a, C b, [[maybe_unused]] DeviceParams<C> p) { \
      return expression;                                                     \
    }                                                                        \
  };
ONDA_BINARY(Add, a + b)
ONDA_BINARY(Sub, a - b)
ONDA_BINARY(Mul, a* b)
ONDA_BINARY(Div, a / b)
ONDA_BINARY(Pow, pow(a, b))
ONDA_BINARY(Mod, Remainder(a, b, p.flag))
ONDA_BINARY(Max, a > b || a != a ? a : b)
ONDA_BINARY(Min, a < b || a != a ? a : b)
ONDA_BINARY(Mean, (a + b) * p.alpha)  // alpha: 1, and 1 / count in the last step
ONDA_BINARY(Equal, C(a == b))
ONDA_BINARY(Less, C(a < b))
ONDA_BINARY(LessOrEqual, C(a <= b))
ONDA_BINARY(Greater, C(a > b))
ONDA_BINARY(GreaterOrEqual, C(a >= b))
ONDA_BINARY(PRelu, a < 0 ? a * b : a)
ONDA_BINARY(SwiGlu, Gated(a, p.alpha) * b)
#undef ONDA_BINARY

__device__ uint64_t Bits(int64_t x) { return static_cast<uint64_t>(x); }

// uint64 is passed as its bits; `natural` says so. bad is set where the divisor is zero.
struct Whole {
  int64_t a, b;
  bool natural;
  int32_t width;  // of the element type, in bits
  bool flag;
  bool bad = false;
};
#define ONDA_WHOLE(name, expression)            \
  struct name##Whole {                          \
    static __device__ int64_t Apply(Whole& w) { \
      const int64_t a = w.a, b = w.b;           \
      return static_cast<int64_t>(expression);  \
    }                                           \
  };
ONDA_WHOLE(Add, Bits(a) + Bits(b))
ONDA_WHOLE(Sub, Bits(a) - Bits(b))
ONDA_WHOLE(Mul, Bits(a) * Bits(b))
ONDA_WHOLE(Max, (w.natural ? Bits(a) > Bits(b) : a > b) ? a : b)
ONDA_WHOLE(Min, (w.natural ? Bits(a) < Bits(b) : a < b) ? a : b)
ONDA_WHOLE(And, a& b)
ONDA_WHOLE(Or, a | b)
ONDA_WHOLE(Xor, a ^ b)
ONDA_WHOLE(Equal, a == b)
ONDA_WHOLE(Less, w.natural ? Bits(a) < Bits(b) : a < b)
ONDA_WHOLE(LessOrEqual, w.natural ? Bits(a) <= Bits(b) : a <= b)
ONDA_WHOLE(Greater, w.natural ? Bits(a) > Bits(b) : a > b)
ONDA_WHOLE(GreaterOrEqual, w.natural ? Bits(a) >= Bits(b) : a >= b)
ONDA_WHOLE(PRelu, !w.natural && a < 0 ? Bits(a) * Bits(b) : Bits(a))
#undef ONDA_WHOLE
struct DivWhole {
  static __device__ int64_t Apply(Whole& w) {
    w.bad = w.b == 0;
    if (w.bad) return 0;
    if (w.natural) return static_cast<int64_t>(Bits(w.a) / Bits(w.b));
    return w.b == -1 ? static_cast<int64_t>(0 - Bits(w.a)) : w.a / w.b;
  }
};
struct ModWhole {
  static __device__ int64_t Apply(Whole& w) {
    w.bad = w.b == 0;
    if (w.bad) return 0;
    if (w.natural) return static_cast<int64_t>(Bits(w.a) % Bits(w.b));
    if (w.b == -1) return 0;
    const int64_t r = w.a % w.b;
    return !w.flag && r != 0 && (r < 0) != (w.b < 0) ? r + w.b : r;
  }
};
struct PowWhole {
  static __device__ int64_t Apply(Whole& w) {
    if (!w.natural && w.b < 0) return w.a == 1 ? 1 : w.a == -1 ? ((w.b & 1) ? -1 : 1) : 0;
    uint64_t base = Bits(w.a), result = 1;
    for (uint64_t e = Bits(w.b); e; e >>= 1) {
      if (e & 1) result *= base;
      base *= base;
    }
    return static_cast<int64_t>(result);
  }
};
// A shift by less than 0 or by the width and more leaves only sign bits.
struct BitShiftWhole {
  static __device__ int64_t Apply(Whole& w) {
    const bool all = Bits(w.b) >= Bits(w.width);
    if (w.flag) return all ? 0 : static_cast<int64_t>(Bits(w.a) << w.b);
    if (w.natural) return all ? 0 : static_cast<int64_t>(Bits(w.a) >> w.b);
    return all ? (w.a < 0 ? -1 : 0) : w.a >> w.b;
  }
};

// a_step, b_step: 1, or 0 for an operand of one element. vectors: what steps, and y, is aligned to 16-byte vectors.
template <class F, class T, class U>
__global__ void __launch_bounds__(kElementThreads) Flat(In<T> a, In<T> b, Out<U> y, int64_t n, int32_t a_step,
                                                        int32_t b_step, bool vectors, DeviceParams<Compute<T>> p) {
  constexpr int kCount = kVectorCount<T>;
  const int64_t first = GlobalThread() * kCount;
  if (vectors && first + kCount <= n) {
    Vector<T, kCount> left, right;
    if (a_step) left = LoadVector<kCount>(a.data + first);
    if (b_step) right = LoadVector<kCount>(b.data + first);
    const T one_left = a_step ? left.v[0] : a[0], one_right = b_step ? right.v[0] : b[0];
    Vector<U, kCount> to;
#pragma unroll
    for (int k = 0; k < kCount; ++k)
      to.v[k] = Result<U>(F::Real(Widen(a_step ? left.v[k] : one_left), Widen(b_step ? right.v[k] : one_right), p));
    StoreVector(y.data + first, to);
    return;
  }
  for (int64_t i = first; i < n && i < first + kCount; ++i)
    y[i] = Result<U>(F::Real(Widen(a[i * a_step]), Widen(b[i * b_step]), p));
}

template <class F, class T, class U>
__global__ void __launch_bounds__(kElementThreads)
    Broadcast(In<T> a, In<T> b, Out<U> y, int64_t n, Strides<2> strides, DeviceParams<Compute<T>> p) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  int64_t from[2] = {0, 0};
  strides.Offsets(static_cast<uint32_t>(i), from);
  y[i] = Result<U>(F::Real(Widen(a[from[0]]), Widen(b[from[1]]), p));
}

template <class F>
__global__ void __launch_bounds__(kElementThreads)
    Integers(In<uint8_t> a, In<uint8_t> b, Out<uint8_t> y, int64_t n, Strides<2> strides, DType a_type, DType b_type,
             DType y_type, int32_t width, bool flag, InOut<int32_t> status, int32_t node) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  int64_t from[2] = {0, 0};
  strides.Offsets(static_cast<uint32_t>(i), from);
  Whole w{LoadInteger(a_type, a.data, from[0]), LoadInteger(b_type, b.data, from[1]), a_type == DType::kUint64, width,
          flag};
  const int64_t result = F::Apply(w);
  if (w.bad) ReportError(status.data, node, kOndaDivisionByZero);
  StoreInteger(y_type, y.data, i, result);
}

// One step: y = a op b.
using StepFn = void (*)(const LaunchArgs&, const TensorView& a, const TensorView& b, const Params&);

template <class F, bool kToBool>
void RealStep(const LaunchArgs& args, const TensorView& a, const TensorView& b, const Params& params) {
  const TensorView& y = args.output(0);
  const int64_t n = y.count(), a_count = a.count(), b_count = b.count();
  WithReal(a.type(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    using U = std::conditional_t<kToBool, bool, T>;
    const auto p = ForDevice<Compute<T>>(params);
    if ((a_count == n || a_count == 1) && (b_count == n || b_count == 1)) {
      const bool vectors = (a_count == 1 || VectorsFit<T>(a.data, 0)) && (b_count == 1 || VectorsFit<T>(b.data, 0)) &&
                           VectorsFit<T>(y.data, 0);
      cuda::Launch(args, OverElements(n, kVectorCount<T>), Flat<F, T, U>, a, b, y, n, a_count == n, b_count == n,
                   vectors, p);
    } else {
      cuda::Launch(args, OverElements(n, 1), Broadcast<F, T, U>, a, b, y, n,
                   BroadcastStrides<2>(y.shape(), {a.shape(), b.shape()}), p);
    }
  });
}

template <class F>
void WholeStep(const LaunchArgs& args, const TensorView& a, const TensorView& b, const Params& params) {
  const TensorView& y = args.output(0);
  cuda::Launch(args, OverElements(y.count(), 1), Integers<F>, a, b, y, y.count(),
               BroadcastStrides<2>(y.shape(), {a.shape(), b.shape()}), a.type(), b.type(), y.type(), params.bits,
               params.flag, StatusOf(args), args.node());
}

struct Row {
  const char* op;
  StepFn real;
  StepFn whole;
};
template <class F>
constexpr Row Real(const char* op) {
  return {op, RealStep<F, false>, nullptr};
}
template <class F, class W>
constexpr Row Both(const char* op) {
  return {op, RealStep<F, false>, WholeStep<W>};
}
template <class F, class W>
constexpr Row Compare(const char* op) {
  return {op, RealStep<F, true>, WholeStep<W>};
}
template <class W>
constexpr Row Integer(const char* op) {
  return {op, nullptr, WholeStep<W>};
}

// Of exactly two inputs.
constexpr Row kBinary[] = {
    Both<Add, AddWhole>("Add"),
    Both<Sub, SubWhole>("Sub"),
    Both<Mul, MulWhole>("Mul"),
    Both<Div, DivWhole>("Div"),
    Both<Pow, PowWhole>("Pow"),
    Both<Mod, ModWhole>("Mod"),
    Integer<AndWhole>("And"),
    Integer<OrWhole>("Or"),
    Integer<XorWhole>("Xor"),
    Integer<AndWhole>("BitwiseAnd"),
    Integer<OrWhole>("BitwiseOr"),
    Integer<XorWhole>("BitwiseXor"),
    Integer<BitShiftWhole>("BitShift"),
    Compare<Equal, EqualWhole>("Equal"),
    Compare<Less, LessWhole>("Less"),
    Compare<LessOrEqual, LessOrEqualWhole>("LessOrEqual"),
    Compare<Greater, GreaterWhole>("Greater"),
    Compare<GreaterOrEqual, GreaterOrEqualWhole>("GreaterOrEqual"),
    Both<PRelu, PReluWhole>("PRelu"),
    Real<SwiGlu>("SwiGLU"),
};
// Of one input or more.
constexpr Row kVariadic[] = {
    Both<Max, MaxWhole>("Max"),
    Both<Min, MinWhole>("Min"),
    Real<Add>("Sum"),
    Real<Mean>("Mean"),
};

const Row& RowOf(std::string_view op) {
  for (const Row& row : kBinary)
    if (row.op == op) return row;
  for (const Row& row : kVariadic)
    if (row.op == op) return row;
  throw Error(ErrorCode::kInternal, "no row for " + std::string(op));
}

class Binary {
 public:
  explicit Binary(const NodeView& node)
      : params_(node.op(), node.attributes(), node.input(0).type()),
        step_(IsFloating(node.input(0).type()) ? RowOf(node.op()).real : RowOf(node.op()).whole) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    const Row& row = RowOf(node.op());
    for (int i = 1; i < node.input_count(); ++i) {
      const DType other = node.input(i).type();
      if (other != type && !(IsByteInteger(type) && IsByteInteger(other))) return "operands of different types";
    }
    const bool runs = IsFloating(type) ? row.real != nullptr : IsByteInteger(type) && row.whole;
    return runs ? "" : "not for " + std::string(NameOf(type));
  }

  void Launch(const LaunchArgs& args) const { step_(args, args.input(0), args.input(1), params_); }

 protected:
  Params params_;
  StepFn step_;
};
class InPlaceBinary : public Binary {
 public:
  static constexpr bool kInPlace = true;
  using Binary::Binary;
};

// Not in place: a later input would be overwritten by an earlier step.
class Variadic : public Binary {
 public:
  explicit Variadic(const NodeView& node) : Binary(node), mean_(node.op() == "Mean") {}

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const int count = args.input_count();
    if (count == 1) {
      StreamOf(args).device().Copy(y.data, args.input(0).data, y.bytes(), kOndaDeviceToDevice, StreamOf(args));
      return;
    }
    for (int k = 1; k < count; ++k) {
      Params params = params_;
      if (mean_) params.alpha = k == count - 1 ? 1.0 / count : 1.0;
      step_(args, k == 1 ? args.input(0) : y, args.input(k), params);
    }
  }

 private:
  bool mean_;
};

constexpr auto MakeKernels() {
  std::array<OndaKernelDef, std::size(kBinary) + std::size(kVariadic)> kernels{};
  size_t at = 0;
  for (const Row& row : kBinary) kernels[at++] = MakeKernel<InPlaceBinary>(row.op);
  for (const Row& row : kVariadic) kernels[at++] = MakeKernel<Variadic>(row.op);
  return kernels;
}
constexpr auto kKernels = MakeKernels();

}  // namespace

std::span<const OndaKernelDef> BinaryCudaKernels() { return kKernels; }

}  // namespace onda::elementwise
