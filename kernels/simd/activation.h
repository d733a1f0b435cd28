// Functions that a matrix product or convolution can apply to its result before it leaves the cache.
#ifndef ONDA_KERNELS_SIMD_ACTIVATION_H_
#define ONDA_KERNELS_SIMD_ACTIVATION_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace onda {

enum class ActivationKind : uint8_t {
  kNone,
  kClamp,        // min(max(x, alpha), beta); NaN stays NaN. Relu is (0, inf).
  kLeakyRelu,    // x < 0 ? alpha * x : x
  kHardSigmoid,  // max(0, min(1, alpha * x + beta))
  kHardSwish,    // x * max(0, min(1, x / 6 + 0.5))
  kSigmoid,
  kTanh,
  kSilu,      // x * sigmoid(x)
  kGelu,      // x / 2 * (1 + erf(x / sqrt(2)))
  kGeluTanh,  // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
};

struct Activation {
  ActivationKind kind = ActivationKind::kNone;
  float alpha = 0;
  float beta = 0;

  static constexpr Activation Relu() { return {ActivationKind::kClamp, 0, std::numeric_limits<float>::infinity()}; }
  constexpr bool IsRelu() const { return kind == ActivationKind::kClamp && alpha == 0 && beta == Relu().beta; }
};

// The activation of that operator name (com.microsoft's FastGelu too), "" being none, with its own
// defaults; nullopt for others.
std::optional<Activation> ActivationOf(std::string_view name, std::optional<float> alpha, std::optional<float> beta);

// One value, in double: what references use.
double Apply(const Activation& activation, double x);

// x[i] = activation(x[i]) over n floats, vectorised.
void Apply(const Activation& activation, float* x, int64_t n);

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_ACTIVATION_H_
