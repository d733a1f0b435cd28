// Functions of one input in fp32; float16 and bfloat16 go through fp32, a block at a time.
#include <algorithm>
#include <array>
#include <string_view>

#include "kernels/elementwise/elementwise.h"
#include "kernels/simd/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise/cpu_unary.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h
#include "kernels/simd/float_math-inl.h"
#include "kernels/simd/masked-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::elementwise::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace vf = onda::HWY_NAMESPACE::vf;
using vf::C;
using vf::D;
using vf::V;
using vf::Zero;

template <class Fn>
void Loop(const float* x, float* y, int64_t n, float alpha, float beta) {
  const D d;
  const V a = hn::Set(d, alpha), b = hn::Set(d, beta);
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(Fn::Of(hn::LoadU(d, x + i), a, b), d, y + i);
  if (i < n) {
    const auto mask = hn::FirstN(d, static_cast<size_t>(n - i));
    hn::BlendedStore(Fn::Of(onda::HWY_NAMESPACE::MaskedLoad(mask, d, x + i), a, b), mask, d, y + i);
  }
}

// One type per function: x is the element, a and b are alpha and beta.
#define ONDA_UNARY(name, expression)                                                               \
  struct name {                                                                                    \
    static HWY_INLINE V Of(V x, [[maybe_unused]] V a, [[maybe_unused]] V b) { return expression; } \
  };
ONDA_UNARY(Abs, hn::Abs(x))
ONDA_UNARY(Neg, hn::Neg(x))
ONDA_UNARY(Sign, hn::IfThenElse(hn::Or(hn::Lt(x, Zero()), hn::Gt(x, Zero())), hn::CopySign(C(1.0f), x), x))
ONDA_UNARY(Floor, hn::Floor(x))
ONDA_UNARY(Ceil, hn::Ceil(x))
ONDA_UNARY(Round, hn::Round(x))
ONDA_UNARY(Exp, vf::Exp(x))
ONDA_UNARY(Log, vf::Log(x))
ONDA_UNARY(Sqrt, hn::Sqrt(x))
ONDA_UNARY(Reciprocal, hn::Div(C(1.0f), x))
ONDA_UNARY(Sin, vf::Sin(x))
ONDA_UNARY(Cos, vf::Cos(x))
ONDA_UNARY(Atan, vf::KeepNaN(x, hn::Atan(D(), x)))
ONDA_UNARY(Tanh, vf::Tanh(x))
ONDA_UNARY(Erf, vf::Erf(x))
ONDA_UNARY(Sigmoid, vf::Sigmoid(x))
ONDA_UNARY(Softplus, vf::Softplus(x))
ONDA_UNARY(Softsign, hn::IfThenElse(hn::Eq(hn::Abs(x), vf::Infinity()), hn::CopySign(C(1.0f), x),
                                    hn::Div(x, hn::Add(C(1.0f), hn::Abs(x)))))
ONDA_UNARY(Relu, vf::AtLeast(Zero(), x))
ONDA_UNARY(LeakyRelu, hn::IfThenElse(hn::Lt(x, Zero()), hn::Mul(a, x), x))
ONDA_UNARY(Elu, hn::IfThenElse(hn::Lt(x, Zero()), hn::Mul(a, vf::Expm1(x)), x))
ONDA_UNARY(Selu, hn::Mul(b, hn::IfThenElse(hn::Gt(x, Zero()), x, hn::Mul(a, vf::Expm1(x)))))
ONDA_UNARY(Gelu, vf::Gelu(x))
ONDA_UNARY(GeluTanh, vf::GeluTanh(x))
ONDA_UNARY(HardSigmoid, vf::Clamp(Zero(), C(1.0f), hn::MulAdd(a, x, b)))
ONDA_UNARY(HardSwish, vf::Gated(x, vf::Clamp(Zero(), C(1.0f), hn::MulAdd(C(1.0f / 6), x, C(0.5f)))))
ONDA_UNARY(Mish, vf::Mish(x))
ONDA_UNARY(Swish, vf::Gated(x, vf::Sigmoid(hn::Mul(a, x))))
ONDA_UNARY(ThresholdedRelu, hn::IfThenElse(hn::Or(hn::Gt(x, a), hn::IsNaN(x)), x, Zero()))
// Clip: alpha is the lower limit, beta the upper.
ONDA_UNARY(Clip, vf::Clamp(a, b, x))
#undef ONDA_UNARY

UnaryFunction FindUnary(std::string_view op, bool flag) {
#define ONDA_UNARY(name) \
  if (op == #name) return Loop<name>;
  ONDA_UNARY(Abs)
  ONDA_UNARY(Neg)
  ONDA_UNARY(Sign)
  ONDA_UNARY(Floor)
  ONDA_UNARY(Ceil)
  ONDA_UNARY(Round)
  ONDA_UNARY(Exp)
  ONDA_UNARY(Log)
  ONDA_UNARY(Sqrt)
  ONDA_UNARY(Reciprocal)
  ONDA_UNARY(Sin)
  ONDA_UNARY(Cos)
  ONDA_UNARY(Atan)
  ONDA_UNARY(Tanh)
  ONDA_UNARY(Erf)
  ONDA_UNARY(Sigmoid)
  ONDA_UNARY(Softplus)
  ONDA_UNARY(Softsign)
  ONDA_UNARY(Relu)
  ONDA_UNARY(LeakyRelu)
  ONDA_UNARY(Elu)
  ONDA_UNARY(Selu)
  ONDA_UNARY(HardSigmoid)
  ONDA_UNARY(HardSwish)
  ONDA_UNARY(Mish)
  ONDA_UNARY(Swish)
  ONDA_UNARY(ThresholdedRelu)
  ONDA_UNARY(Clip)
#undef ONDA_UNARY
  if (op == "Gelu") return flag ? Loop<GeluTanh> : Loop<Gelu>;
  return nullptr;
}

}  // namespace onda::elementwise::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::elementwise {
namespace {

HWY_EXPORT(FindUnary);

struct Row {
  std::string_view op;
  int cost;  // nanoseconds per 16 elements, roughly: sets how many elements are worth another thread
};
constexpr Row kRows[] = {
    {"Abs", 2},       {"Neg", 2},       {"Sign", 2},   {"Floor", 2},           {"Ceil", 2},      {"Round", 2},
    {"Exp", 8},       {"Log", 12},      {"Sqrt", 4},   {"Reciprocal", 4},      {"Sin", 16},      {"Cos", 16},
    {"Atan", 16},     {"Tanh", 16},     {"Erf", 16},   {"Sigmoid", 12},        {"Softplus", 20}, {"Softsign", 4},
    {"Relu", 2},      {"LeakyRelu", 2}, {"Elu", 16},   {"Selu", 16},           {"Gelu", 16},     {"HardSigmoid", 2},
    {"HardSwish", 4}, {"Mish", 16},     {"Swish", 12}, {"ThresholdedRelu", 2}, {"Clip", 2},
};

class Cpu {
 public:
  static constexpr bool kInPlace = true;

  explicit Cpu(const NodeView& node) : params_(node.op(), node.attributes(), node.input(0).type()) {
    function_ = FindUnaryFunction(node.op(), params_.flag);
    clip_ = node.op() == "Clip";
    for (const Row& row : kRows)
      if (row.op == node.op()) grain_ = 131072 / row.cost;
  }

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    return IsFloatOrHalf(type) ? "" : "only float, float16 and bfloat16";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    float alpha = static_cast<float>(params_.alpha), beta = static_cast<float>(params_.beta);
    if (clip_) {
      alpha = Limit(args.input(1), -std::numeric_limits<float>::infinity());
      beta = Limit(args.input(2), std::numeric_limits<float>::infinity());
    }
    const DType type = x.type();
    args.ParallelFor(y.count(), grain_, [&](int64_t begin, int64_t end) {
      if (type == DType::kFloat) {
        function_(x.as<float>() + begin, y.as<float>() + begin, end - begin, alpha, beta);
        return;
      }
      constexpr int64_t kBlock = 1024;
      alignas(64) float block[kBlock];
      for (int64_t i = begin; i < end; i += kBlock) {
        const int64_t n = std::min(kBlock, end - i);
        WidenToFloat(type, x.as<uint16_t>() + i, block, n);
        function_(block, block, n, alpha, beta);
        NarrowFromFloat(type, block, y.as<uint16_t>() + i, n);
      }
    });
  }

 private:
  static float Limit(const TensorView& limit, float absent) {
    if (!limit.present()) return absent;
    if (limit.count() != 1) throw Error(ErrorCode::kInvalidArgument, "the limits of Clip must be scalars");
    float value;
    if (limit.type() == DType::kFloat) {
      value = *limit.as<float>();
    } else {
      WidenToFloat(limit.type(), limit.as<uint16_t>(), &value, 1);
    }
    return value;
  }

  Params params_;
  UnaryFunction function_ = nullptr;
  bool clip_ = false;
  int64_t grain_ = 16384;
};

constexpr auto MakeKernels() {
  std::array<OndaKernelDef, std::size(kRows)> kernels{};
  for (size_t i = 0; i < kernels.size(); ++i) kernels[i] = MakeKernel<Cpu>(kRows[i].op.data());
  return kernels;
}
constexpr auto kKernels = MakeKernels();

}  // namespace

UnaryFunction FindUnaryFunction(std::string_view op, bool flag) { return HWY_DYNAMIC_DISPATCH(FindUnary)(op, flag); }

std::span<const OndaKernelDef> UnaryCpuKernels() { return kKernels; }

}  // namespace onda::elementwise
#endif
