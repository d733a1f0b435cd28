// Activations behind products and convolutions, on the device.
#ifndef ONDA_KERNELS_DEVICE_ACTIVATION_H_
#define ONDA_KERNELS_DEVICE_ACTIVATION_H_

#include "kernels/device/target.h"
#include "kernels/simd/activation.h"

namespace onda::cuda {

template <class C>
__device__ C Apply(ActivationKind kind, C x, C alpha, C beta) {
  auto clamp = [](C v, C low, C high) { return v < low ? low : v > high ? high : v; };
  switch (kind) {
    case ActivationKind::kNone:
      return x;
    case ActivationKind::kClamp:
      return clamp(x, alpha, beta);
    case ActivationKind::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case ActivationKind::kHardSigmoid:
      return clamp(alpha * x + beta, C(0), C(1));
    case ActivationKind::kHardSwish:
      return x * clamp(x / 6 + C(0.5), C(0), C(1));
    case ActivationKind::kSigmoid:
      return 1 / (1 + exp(-x));
    case ActivationKind::kTanh:
      return tanh(x);
    case ActivationKind::kSilu:
      return x / (1 + exp(-x));
    case ActivationKind::kGelu:
      return C(0.5) * x * erfc(-x * C(0.70710678118654752440));
    case ActivationKind::kGeluTanh:
      return C(0.5) * x * (1 + tanh(C(0.79788456080286535588) * (x + C(0.044715) * x * x * x)));
  }
  return x;
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_ACTIVATION_H_
