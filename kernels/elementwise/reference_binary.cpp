#include <algorithm>
#include <array>
#include <cmath>
#include <new>
#include <type_traits>

#include "kernels/elementwise/elementwise.h"
#include "kernels/simd/blocks.h"
#include "kernels/simd/broadcast.h"

namespace onda::elementwise {
namespace {

template <class T, auto kFn>
void Each(const T* a, const T* b, T* y, int64_t n, const Params& p) {
  for (int64_t i = 0; i < n; ++i) y[i] = kFn(a[i], b[i], p);
}

#define ONDA_EACH(type, expression)                                                                           \
  Each<type, []([[maybe_unused]] type a, [[maybe_unused]] type b, [[maybe_unused]] const Params& p) -> type { \
    return (expression);                                                                                      \
  }>
#define ONDA_REAL(expression) ONDA_EACH(double, expression)
#define ONDA_INTEGER(expression) ONDA_EACH(int64_t, expression)
#define ONDA_NATURAL(expression) ONDA_EACH(uint64_t, expression)

// Two's complement arithmetic without undefined overflow.
constexpr uint64_t Bits(int64_t x) { return static_cast<uint64_t>(x); }

template <class T>
T NotZero(T divisor) {
  if (divisor == 0) throw Error(ErrorCode::kRuntime, "an integer is divided by zero");
  return divisor;
}

// Towards zero; -2^63 / -1 wraps.
int64_t Quotient(int64_t a, int64_t b) {
  NotZero(b);
  return b == -1 ? static_cast<int64_t>(0 - Bits(a)) : a / b;
}

// The remainder has the divisor's sign, or the dividend's where `truncated`.
int64_t Remainder(int64_t a, int64_t b, bool truncated) {
  if (NotZero(b) == -1) return 0;
  const int64_t r = a % b;
  return !truncated && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
double Remainder(double a, double b, bool truncated) {
  const double r = std::fmod(a, b);
  if (truncated || std::isnan(r)) return r;
  if (r == 0) return std::copysign(0.0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

uint64_t Power(uint64_t base, uint64_t exponent) {
  uint64_t result = 1;
  for (; exponent; exponent >>= 1) {
    if (exponent & 1) result *= base;
    base *= base;
  }
  return result;
}
// A negative exponent gives the reciprocal, towards zero (0 to a negative power: 0).
int64_t Power(int64_t base, int64_t exponent) {
  if (exponent >= 0) return static_cast<int64_t>(Power(Bits(base), Bits(exponent)));
  if (base == 1) return 1;
  return base == -1 ? (exponent & 1 ? -1 : 1) : 0;
}

// Whatever leaves the width is dropped; a shift by less than 0 or by the width and more leaves only sign bits.
int64_t Shifted(int64_t x, int64_t by, const Params& p) {
  const bool all = by < 0 || by >= p.bits;
  if (p.flag) return all ? 0 : static_cast<int64_t>(Bits(x) << by);
  return all ? (x < 0 ? -1 : 0) : x >> by;
}
uint64_t Shifted(uint64_t x, uint64_t by, const Params& p) {
  if (by >= static_cast<uint64_t>(p.bits)) return 0;
  return p.flag ? x << by : x >> by;
}

double Gated(double x, double alpha) {
  const double z = alpha * x, e = std::exp(-std::fabs(z));
  const double gate = (z < 0 ? e : 1) / (1 + e);
  return gate == 0 ? 0 : x * gate;
}

// Every operator of two inputs, and the variadic ones, which fold from the left.
constexpr BinaryRow kRows[] = {
    {"Add", ONDA_REAL(a + b), ONDA_INTEGER(static_cast<int64_t>(Bits(a) + Bits(b)))},
    {"Sub", ONDA_REAL(a - b), ONDA_INTEGER(static_cast<int64_t>(Bits(a) - Bits(b)))},
    {"Mul", ONDA_REAL(a* b), ONDA_INTEGER(static_cast<int64_t>(Bits(a) * Bits(b)))},
    {"Div", ONDA_REAL(a / b), ONDA_INTEGER(Quotient(a, b)), ONDA_NATURAL(a / NotZero(b))},
    {"Pow", ONDA_REAL(std::pow(a, b)), ONDA_INTEGER(Power(a, b))},
    {"Mod", ONDA_REAL(Remainder(a, b, p.flag)), ONDA_INTEGER(Remainder(a, b, p.flag)), ONDA_NATURAL(a % NotZero(b))},
    {"Max", ONDA_REAL(a > b || std::isnan(a) ? a : b), ONDA_INTEGER(std::max(a, b)), ONDA_NATURAL(std::max(a, b))},
    {"Min", ONDA_REAL(a < b || std::isnan(a) ? a : b), ONDA_INTEGER(std::min(a, b)), ONDA_NATURAL(std::min(a, b))},
    {"Sum", ONDA_REAL(a + b)},
    {"Mean", ONDA_REAL(a + b)},
    {"And", nullptr, ONDA_INTEGER(a& b)},
    {"Or", nullptr, ONDA_INTEGER(a | b)},
    {"Xor", nullptr, ONDA_INTEGER(a ^ b)},
    {"BitwiseAnd", nullptr, ONDA_INTEGER(a& b)},
    {"BitwiseOr", nullptr, ONDA_INTEGER(a | b)},
    {"BitwiseXor", nullptr, ONDA_INTEGER(a ^ b)},
    {"BitShift", nullptr, ONDA_INTEGER(Shifted(a, b, p)), ONDA_NATURAL(Shifted(a, b, p))},
    {"Equal", ONDA_REAL(a == b), ONDA_INTEGER(a == b)},
    {"Less", ONDA_REAL(a < b), ONDA_INTEGER(a < b), ONDA_NATURAL(a < b)},
    {"LessOrEqual", ONDA_REAL(a <= b), ONDA_INTEGER(a <= b), ONDA_NATURAL(a <= b)},
    {"Greater", ONDA_REAL(a > b), ONDA_INTEGER(a > b), ONDA_NATURAL(a > b)},
    {"GreaterOrEqual", ONDA_REAL(a >= b), ONDA_INTEGER(a >= b), ONDA_NATURAL(a >= b)},
    {"PRelu", ONDA_REAL(a < 0 ? a * b : a), ONDA_INTEGER(a < 0 ? static_cast<int64_t>(Bits(a) * Bits(b)) : a),
     ONDA_NATURAL(a)},
    {"SwiGLU", ONDA_REAL(Gated(a, p.alpha) * b)},
};

#undef ONDA_NATURAL
#undef ONDA_INTEGER
#undef ONDA_REAL
#undef ONDA_EACH

}  // namespace

const BinaryRow* FindBinaryRow(std::string_view op) {
  for (const BinaryRow& row : kRows)
    if (row.op == op) return &row;
  return nullptr;
}

namespace {

const BinaryRow& RowOf(std::string_view op) {
  if (const BinaryRow* row = FindBinaryRow(op)) return *row;
  throw Error(ErrorCode::kInternal, "no row for " + std::string(op));
}

bool IsWhole(DType type) { return IsInteger(type) || type == DType::kBool; }

class Reference {
 public:
  static constexpr bool kInPlace = true;
  explicit Reference(const NodeView& node)
      : row_(RowOf(node.op())), params_(node.op(), node.attributes(), node.input(0).type()) {}

  static std::string Rejects(const NodeView& node) {
    const BinaryRow& row = RowOf(node.op());
    const DType type = node.input(0).type();
    if (type == DType::kString && row.op == "Equal") return "";
    if (type == DType::kString || IsComplex(type) || (IsWhole(type) ? !row.integer : !row.real))
      return "not defined for " + std::string(NameOf(type));
    return "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return static_cast<size_t>(inputs.count()) * sizeof(BroadcastPlan<1>);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const int count = args.input_count();
    if (count == 0) return;
    static_assert(std::is_trivially_destructible_v<BroadcastPlan<1>>);
    auto* plans = static_cast<BroadcastPlan<1>*>(args.workspace());
    bool whole = true;
    for (int k = 0; k < count; ++k) {
      new (&plans[k]) BroadcastPlan<1>(y.shape(), std::array{args.input(k).shape()});
      whole = whole && IsWhole(args.input(k).type());
    }
    if (args.input(0).type() == DType::kString) {
      CompareStrings(args);
      return;
    }
    args.ParallelFor(y.count(), 4 * kBlock, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i += kBlock) {
        const int64_t n = std::min(kBlock, end - i);
        whole ? Whole(args, plans, i, n) : Reals(args, plans, i, n);
      }
    });
  }

 private:
  void Reals(const LaunchArgs& args, const BroadcastPlan<1>* plans, int64_t at, int64_t n) const {
    double result[kBlock], operand[kBlock];
    auto load = [&](int k, double* out) {
      const TensorView& x = args.input(k);
      plans[k].ForEachRun(at, at + n, [&](int64_t begin, const auto& from, int64_t length) {
        LoadReals(x.type(), x.data, from[0], plans[k].step(0), length, out + (begin - at));
      });
    };
    load(0, result);
    for (int k = 1; k < args.input_count(); ++k) {
      load(k, operand);
      row_.real(result, operand, result, n, params_);
    }
    if (row_.op == "Mean")
      for (int64_t i = 0; i < n; ++i) result[i] /= args.input_count();
    StoreReals(args.output(0).type(), args.output(0).data, at, n, result);
  }

  void Whole(const LaunchArgs& args, const BroadcastPlan<1>* plans, int64_t at, int64_t n) const {
    int64_t result[kBlock], operand[kBlock];
    auto load = [&](int k, int64_t* out) {
      const TensorView& x = args.input(k);
      plans[k].ForEachRun(at, at + n, [&](int64_t begin, const auto& from, int64_t length) {
        LoadIntegers(x.type(), x.data, from[0], plans[k].step(0), length, out + (begin - at));
      });
    };
    load(0, result);
    const bool natural = args.input(0).type() == DType::kUint64 && row_.natural;
    for (int k = 1; k < args.input_count(); ++k) {
      load(k, operand);
      if (natural) {
        auto* y = reinterpret_cast<uint64_t*>(result);  // the signed twin may be read and written through it
        row_.natural(y, reinterpret_cast<const uint64_t*>(operand), y, n, params_);
      } else {
        row_.integer(result, operand, result, n, params_);
      }
    }
    StoreIntegers(args.output(0).type(), args.output(0).data, at, n, result);
  }

  void CompareStrings(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const BroadcastPlan<2> plan(y.shape(), {args.input(0).shape(), args.input(1).shape()});
    const std::string *a = args.input(0).as<std::string>(), *b = args.input(1).as<std::string>();
    bool* out = y.as<bool>();
    plan.ForEachRun(0, y.count(), [&](int64_t begin, const auto& from, int64_t n) {
      for (int64_t i = 0; i < n; ++i) out[begin + i] = a[from[0] + i * plan.step(0)] == b[from[1] + i * plan.step(1)];
    });
  }

  const BinaryRow& row_;
  Params params_;
};

constexpr auto MakeKernels() {
  std::array<OndaKernelDef, std::size(kRows)> kernels{};
  for (size_t i = 0; i < kernels.size(); ++i) kernels[i] = MakeKernel<Reference>(kRows[i].op.data());
  return kernels;
}
constexpr auto kKernels = MakeKernels();

}  // namespace

std::span<const OndaKernelDef> BinaryReferences() { return kKernels; }

}  // namespace onda::elementwise
