#include "kernels/simd/activation.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/activation.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h
#include "kernels/simd/clamp-inl.h"
#include "kernels/simd/float_math-inl.h"
#include "kernels/simd/masked-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// One kind per instantiation, so that the loop has no switch.
template <ActivationKind kKind>
HWY_INLINE V Apply1(D d, V alpha, V beta, V x) {
  const V zero = hn::Zero(d);
  const V one = hn::Set(d, 1.0f);
  if constexpr (kKind == ActivationKind::kClamp) return ClampKeepingNan(alpha, beta, x);
  if constexpr (kKind == ActivationKind::kLeakyRelu) return hn::IfThenElse(hn::Lt(x, zero), hn::Mul(alpha, x), x);
  if constexpr (kKind == ActivationKind::kHardSigmoid) return ClampKeepingNan(zero, one, hn::MulAdd(alpha, x, beta));
  if constexpr (kKind == ActivationKind::kHardSwish)
    return hn::Mul(x, ClampKeepingNan(zero, one, hn::MulAdd(hn::Set(d, 1.0f / 6), x, hn::Set(d, 0.5f))));
  if constexpr (kKind == ActivationKind::kSigmoid) return vf::Sigmoid(x);
  if constexpr (kKind == ActivationKind::kTanh) return vf::Tanh(x);
  if constexpr (kKind == ActivationKind::kSilu) return vf::Gated(x, vf::Sigmoid(x));
  if constexpr (kKind == ActivationKind::kGelu) return vf::Gelu(x);
  if constexpr (kKind == ActivationKind::kGeluTanh) return vf::GeluTanh(x);
}

template <ActivationKind kKind>
void ApplyAll(const Activation& activation, float* x, int64_t n) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V alpha = hn::Set(d, activation.alpha);
  const V beta = hn::Set(d, activation.beta);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(Apply1<kKind>(d, alpha, beta, hn::LoadU(d, x + i)), d, x + i);
  if (i < n) {
    const auto mask = hn::FirstN(d, static_cast<size_t>(n - i));
    hn::BlendedStore(Apply1<kKind>(d, alpha, beta, onda::HWY_NAMESPACE::MaskedLoad(mask, d, x + i)), mask, d, x + i);
  }
}

void Apply(const Activation& activation, float* x, int64_t n) {
  switch (activation.kind) {
    case ActivationKind::kNone:
      return;
    case ActivationKind::kClamp:
      return ApplyAll<ActivationKind::kClamp>(activation, x, n);
    case ActivationKind::kLeakyRelu:
      return ApplyAll<ActivationKind::kLeakyRelu>(activation, x, n);
    case ActivationKind::kHardSigmoid:
      return ApplyAll<ActivationKind::kHardSigmoid>(activation, x, n);
    case ActivationKind::kHardSwish:
      return ApplyAll<ActivationKind::kHardSwish>(activation, x, n);
    case ActivationKind::kSigmoid:
      return ApplyAll<ActivationKind::kSigmoid>(activation, x, n);
    case ActivationKind::kTanh:
      return ApplyAll<ActivationKind::kTanh>(activation, x, n);
    case ActivationKind::kSilu:
      return ApplyAll<ActivationKind::kSilu>(activation, x, n);
    case ActivationKind::kGelu:
      return ApplyAll<ActivationKind::kGelu>(activation, x, n);
    case ActivationKind::kGeluTanh:
      return ApplyAll<ActivationKind::kGeluTanh>(activation, x, n);
  }
}

}  // namespace onda::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda {

HWY_EXPORT(Apply);

std::optional<Activation> ActivationOf(std::string_view name, std::optional<float> alpha, std::optional<float> beta) {
  using Kind = ActivationKind;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (name.empty()) return Activation{};
  if (name == "Relu") return Activation::Relu();
  if (name == "Clip") return Activation{Kind::kClamp, alpha.value_or(-kInfinity), beta.value_or(kInfinity)};
  if (name == "LeakyRelu") return Activation{Kind::kLeakyRelu, alpha.value_or(0.01f), 0};
  if (name == "HardSigmoid") return Activation{Kind::kHardSigmoid, alpha.value_or(0.2f), beta.value_or(0.5f)};
  if (name == "HardSwish") return Activation{Kind::kHardSwish, 0, 0};
  if (name == "Sigmoid") return Activation{Kind::kSigmoid, 0, 0};
  if (name == "Tanh") return Activation{Kind::kTanh, 0, 0};
  if (name == "Swish") return Activation{Kind::kSilu, 0, 0};
  if (name == "Gelu") return Activation{Kind::kGelu, 0, 0};
  if (name == "FastGelu") return Activation{Kind::kGeluTanh, 0, 0};
  return {};
}

double Apply(const Activation& activation, double x) {
  const double alpha = activation.alpha, beta = activation.beta;
  if (std::isnan(x)) return x;
  switch (activation.kind) {
    case ActivationKind::kNone:
      return x;
    case ActivationKind::kClamp:
      return std::min(beta, std::max(alpha, x));
    case ActivationKind::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case ActivationKind::kHardSigmoid:
      return std::max(0.0, std::min(1.0, alpha * x + beta));
    case ActivationKind::kHardSwish:
      return x * std::max(0.0, std::min(1.0, x / 6 + 0.5));
    case ActivationKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case ActivationKind::kTanh:
      return std::tanh(x);
    case ActivationKind::kSilu:
      return x / (1 + std::exp(-x));
    case ActivationKind::kGelu:
      return x / 2 * std::erfc(-x / std::sqrt(2.0));
    case ActivationKind::kGeluTanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  }
  return x;
}

void Apply(const Activation& activation, float* x, int64_t n) { HWY_DYNAMIC_DISPATCH(Apply)(activation, x, n); }

}  // namespace onda
#endif
