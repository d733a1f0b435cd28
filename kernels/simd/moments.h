// Means, variances and affine maps over runs of floats: what all normalisations share.
#ifndef ONDA_KERNELS_SIMD_MOMENTS_H_
#define ONDA_KERNELS_SIMD_MOMENTS_H_

#include <cstdint>

namespace onda {

// Of the population. Blocks are taken twice while they are in cache (mean, then squared distances) and merged by Chan's
// formula, so nothing cancels.
struct Moments {
  double mean = 0;
  double squares = 0;  // sum of squared distances from the mean
  int64_t count = 0;

  double variance() const { return squares / static_cast<double>(count); }
  void Merge(const Moments& other);
};
Moments MomentsOf(const float* x, int64_t n);
double SumOfSquares(const float* x, int64_t n);

// y[i] = x[i] * a + b. y may be x here and below.
void ScaleShift(const float* x, float a, float b, float* y, int64_t n);
// y[i] = (x[i] - mean) * scale * gamma[i] + beta[i]; gamma and beta may be null.
void Normalize(const float* x, double mean, float scale, const float* gamma, const float* beta, float* y, int64_t n);
// y[i] = x[i] + a[i] + b[i]; b may be null.
void AddRows(const float* x, const float* a, const float* b, float* y, int64_t n);
// y[i] = x[i] * a[i] + b[i].
void ScaleShiftEach(const float* x, const float* a, const float* b, float* y, int64_t n);

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_MOMENTS_H_
