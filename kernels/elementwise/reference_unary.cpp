#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/elementwise/elementwise.h"
#include "kernels/simd/blocks.h"

namespace onda::elementwise {
namespace {

// A block function from a function of one element.
template <auto kFn>
void Real(const double* x, double* y, int64_t n, const Params& p) {
  for (int64_t i = 0; i < n; ++i) y[i] = kFn(x[i], p);
}
template <auto kFn>
void Integer(const int64_t* x, int64_t* y, int64_t n, const Params& p) {
  for (int64_t i = 0; i < n; ++i) y[i] = kFn(x[i], p);
}
template <auto kFn>
void Natural(const uint64_t* x, uint64_t* y, int64_t n, const Params& p) {
  for (int64_t i = 0; i < n; ++i) y[i] = kFn(x[i], p);
}

#define ONDA_FN(type, expression) \
  []([[maybe_unused]] type x, [[maybe_unused]] const Params& p) -> type { return (expression); }
#define ONDA_REAL(expression) Real<ONDA_FN(double, expression)>
#define ONDA_INTEGER(expression) Integer<ONDA_FN(int64_t, expression)>
#define ONDA_NATURAL(expression) Natural<ONDA_FN(uint64_t, expression)>

double Sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

double Softplus(double x) { return (x > 0 ? x : 0) + (std::isnan(x) ? x : std::log1p(std::exp(-std::fabs(x)))); }

// NaN stays NaN.
double Clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

double Gelu(double x, bool tanh_form) {
  if (!tanh_form) return x == 0 || std::isinf(x) ? (x < 0 ? 0 : x) : 0.5 * x * std::erfc(-x * std::sqrt(0.5));
  const double inner = std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
  return std::isinf(x) ? (x < 0 ? 0 : x) : x * Sigmoid(2 * inner);  // 0.5 (1 + tanh(z)) = sigmoid(2 z)
}

// x * g for a gate g that falls to 0 faster than x grows.
double Gated(double x, double gate) { return gate == 0 ? 0 : x * gate; }

// The current rounding direction is to nearest, ties to even, everywhere in Onda.
double Round(double x) { return std::nearbyint(x); }

// The nearest number that T has; 0 for NaN.
template <class T>
T Nearest(long double v) {
  constexpr auto low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  if (std::isnan(v)) return 0;
  if (v >= static_cast<long double>(high)) return high;
  return v <= static_cast<long double>(low) ? low : static_cast<T>(v);
}

int64_t ShrinkInteger(int64_t x, const Params& p) {
  const long double wide = x;
  if (wide < -p.alpha) return Nearest<int64_t>(wide + p.beta);
  return wide > p.alpha ? Nearest<int64_t>(wide - p.beta) : 0;
}
uint64_t ShrinkNatural(uint64_t x, const Params& p) {
  const long double wide = x;
  const long double y = wide < -p.alpha ? wide + p.beta : wide > p.alpha ? wide - p.beta : 0;
  return y < 0 ? static_cast<uint64_t>(Nearest<int64_t>(y)) : Nearest<uint64_t>(y);
}

int64_t Negated(int64_t x) { return static_cast<int64_t>(0 - static_cast<uint64_t>(x)); }

constexpr UnaryRow kRows[] = {
    {"Abs", ONDA_REAL(std::fabs(x)), ONDA_INTEGER(x < 0 ? Negated(x) : x), ONDA_NATURAL(x)},
    {"Neg", ONDA_REAL(-x), ONDA_INTEGER(Negated(x))},
    {"Sign",
     ONDA_REAL(x > 0   ? 1
               : x < 0 ? -1
                       : x),
     ONDA_INTEGER((x > 0) - (x < 0)), ONDA_NATURAL(x != 0)},
    {"Floor", ONDA_REAL(std::floor(x))},
    {"Ceil", ONDA_REAL(std::ceil(x))},
    {"Round", ONDA_REAL(Round(x))},
    {"Exp", ONDA_REAL(std::exp(x))},
    {"Log", ONDA_REAL(std::log(x))},
    {"Sqrt", ONDA_REAL(std::sqrt(x))},
    {"Reciprocal", ONDA_REAL(1 / x)},
    {"Sin", ONDA_REAL(std::sin(x))},
    {"Cos", ONDA_REAL(std::cos(x))},
    {"Tan", ONDA_REAL(std::tan(x))},
    {"Asin", ONDA_REAL(std::asin(x))},
    {"Acos", ONDA_REAL(std::acos(x))},
    {"Atan", ONDA_REAL(std::atan(x))},
    {"Sinh", ONDA_REAL(std::sinh(x))},
    {"Cosh", ONDA_REAL(std::cosh(x))},
    {"Tanh", ONDA_REAL(std::tanh(x))},
    {"Asinh", ONDA_REAL(std::asinh(x))},
    {"Acosh", ONDA_REAL(std::acosh(x))},
    {"Atanh", ONDA_REAL(std::atanh(x))},
    {"Erf", ONDA_REAL(std::erf(x))},
    {"Sigmoid", ONDA_REAL(Sigmoid(x))},
    {"Softplus", ONDA_REAL(Softplus(x))},
    {"Softsign", ONDA_REAL(std::isinf(x) ? std::copysign(1.0, x) : x / (1 + std::fabs(x)))},
    {"Relu", ONDA_REAL(x < 0 ? 0 : x), ONDA_INTEGER(std::max<int64_t>(x, 0)), ONDA_NATURAL(x)},
    {"LeakyRelu", ONDA_REAL(x < 0 ? p.alpha * x : x)},
    {"Elu", ONDA_REAL(x < 0 ? p.alpha * std::expm1(x) : x)},
    {"Selu", ONDA_REAL(x > 0 ? p.beta * x : p.beta * p.alpha * std::expm1(x))},
    {"Celu", ONDA_REAL(std::isnan(x) ? x : std::max(0.0, x) + std::min(0.0, p.alpha* std::expm1(x / p.alpha)))},
    {"Gelu", ONDA_REAL(Gelu(x, p.flag))},
    {"HardSigmoid", ONDA_REAL(Clamp(p.alpha* x + p.beta, 0, 1))},
    {"HardSwish", ONDA_REAL(Gated(x, Clamp(x / 6 + 0.5, 0, 1)))},
    {"Mish", ONDA_REAL(Gated(x, std::tanh(Softplus(x))))},
    {"Swish", ONDA_REAL(Gated(x, Sigmoid(p.alpha* x)))},
    {"ThresholdedRelu", ONDA_REAL(x > p.alpha     ? x
                                  : std::isnan(x) ? x
                                                  : 0)},
    {"Shrink",
     ONDA_REAL(x<-p.alpha ? x + p.beta : x> p.alpha ? x - p.beta
               : std::isnan(x)                      ? x
                                                    : 0),
     Integer<ShrinkInteger>, Natural<ShrinkNatural>},
    {"IsNaN", ONDA_REAL(std::isnan(x))},
    {"IsInf", ONDA_REAL(std::isinf(x) && (x > 0 ? p.flag : p.flag2))},
    {"Not", nullptr, ONDA_INTEGER(x == 0)},
    {"BitwiseNot", nullptr, ONDA_INTEGER(~x), ONDA_NATURAL(~x)},
};

#undef ONDA_NATURAL
#undef ONDA_INTEGER
#undef ONDA_REAL
#undef ONDA_FN

}  // namespace

const UnaryRow* FindUnaryRow(std::string_view op) {
  for (const UnaryRow& row : kRows)
    if (row.op == op) return &row;
  return nullptr;
}

namespace {

const UnaryRow& RowOf(std::string_view op) {
  if (const UnaryRow* row = FindUnaryRow(op)) return *row;
  throw Error(ErrorCode::kInternal, "no row for " + std::string(op));
}

bool TakesReals(DType type) { return !IsInteger(type) && type != DType::kBool; }

class Reference {
 public:
  static constexpr bool kInPlace = true;
  explicit Reference(const NodeView& node)
      : row_(RowOf(node.op())), params_(node.op(), node.attributes(), node.input(0).type()) {}

  static std::string Rejects(const NodeView& node) {
    const UnaryRow& row = RowOf(node.op());
    const DType type = node.input(0).type();
    if (type == DType::kString || IsComplex(type) || (TakesReals(type) ? !row.real : !row.integer))
      return "not defined for " + std::string(NameOf(type));
    return "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    args.ParallelFor(y.count(), 8 * kBlock, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i += kBlock) Block(x, y, i, std::min(kBlock, end - i));
    });
  }

 private:
  void Block(const TensorView& x, const TensorView& y, int64_t at, int64_t n) const {
    if (TakesReals(x.type())) {
      double block[kBlock];
      LoadReals(x.type(), x.data, at, 1, n, block);
      row_.real(block, block, n, params_);
      StoreReals(y.type(), y.data, at, n, block);
    } else if (x.type() == DType::kUint64 && row_.natural) {
      const uint64_t* from = x.as<uint64_t>() + at;
      row_.natural(from, y.as<uint64_t>() + at, n, params_);
    } else {
      int64_t block[kBlock];
      LoadIntegers(x.type(), x.data, at, 1, n, block);
      row_.integer(block, block, n, params_);
      StoreIntegers(y.type(), y.data, at, n, block);
    }
  }

  const UnaryRow& row_;
  Params params_;
};

constexpr auto MakeKernels() {
  std::array<OndaKernelDef, std::size(kRows)> kernels{};
  for (size_t i = 0; i < kernels.size(); ++i) kernels[i] = MakeKernel<Reference>(kRows[i].op.data());
  return kernels;
}
constexpr auto kKernels = MakeKernels();

}  // namespace

std::span<const OndaKernelDef> UnaryReferences() { return kKernels; }

}  // namespace onda::elementwise
