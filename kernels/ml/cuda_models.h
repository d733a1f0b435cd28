// What the family's CUDA files share: post-transforms, and the parts of the table.
#ifndef ONDA_KERNELS_ML_CUDA_MODELS_H_
#define ONDA_KERNELS_ML_CUDA_MODELS_H_

#include <span>

#include "kernels/device/target.h"
#include "kernels/ml/ml.h"

namespace onda::ml {

std::span<const OndaKernelDef> LinearCudaKernels();
std::span<const OndaKernelDef> SvmCudaKernels();
std::span<const OndaKernelDef> TreeCudaKernels();

__device__ inline double DeviceLogistic(double x) {
  const double e = exp(-fabs(x));
  return (x < 0 ? e : 1.0) / (1 + e);
}

// As Apply of scores.cpp: one thread transforms a row of n scores.
__device__ inline void TransformScores(PostTransform transform, double* scores, int64_t n) {
  if (transform == PostTransform::kLogistic) {
    for (int64_t i = 0; i < n; ++i) scores[i] = DeviceLogistic(scores[i]);
  } else if (transform == PostTransform::kProbit) {
    for (int64_t i = 0; i < n; ++i) {
      // Winitzki's approximation of the inverse error function, a = 0.147.
      const double x = 2 * scores[i] - 1, logarithm = log((1 - x) * (1 + x));
      const double v = 2 / (3.14159265358979323846 * 0.147) + 0.5 * logarithm;
      scores[i] = 1.41421356237309504880 * copysign(sqrt(sqrt(v * v - logarithm / 0.147) - v), x);
    }
  } else if (transform != PostTransform::kNone && n > 0) {
    double top = scores[0], sum = 0;
    for (int64_t i = 1; i < n; ++i) top = top < scores[i] ? scores[i] : top;
    for (int64_t i = 0; i < n; ++i) {
      const bool zero = transform == PostTransform::kSoftmaxZero && fabs(scores[i]) <= 1e-7;
      scores[i] = zero ? scores[i] * exp(-top) : exp(scores[i] - top);
      sum += scores[i];
    }
    for (int64_t i = 0; i < n; ++i) scores[i] = sum == 0 ? 0.5 : scores[i] / sum;
  }
}

// The place of the first greatest of n >= 1 scores.
__device__ inline int64_t Greatest(const double* scores, int64_t n) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i)
    if (scores[best] < scores[i]) best = i;
  return best;
}

}  // namespace onda::ml

#endif  // ONDA_KERNELS_ML_CUDA_MODELS_H_
