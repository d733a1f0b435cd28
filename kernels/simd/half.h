// Vectorised conversions between fp32 and the 16-bit floats. Rounding is to nearest even, overflow goes to infinity.
#ifndef ONDA_KERNELS_SIMD_HALF_H_
#define ONDA_KERNELS_SIMD_HALF_H_

#include <cstdint>

#include "onda/types.h"

namespace onda {

void HalfToFloats(const uint16_t* x, float* y, int64_t n);
void FloatsToHalf(const float* x, uint16_t* y, int64_t n);
void Bfloat16ToFloats(const uint16_t* x, float* y, int64_t n);
void FloatsToBfloat16(const float* x, uint16_t* y, int64_t n);

// The same by element type: kFloat16 or kBfloat16.
inline void WidenToFloat(DType type, const uint16_t* x, float* y, int64_t n) {
  type == DType::kFloat16 ? HalfToFloats(x, y, n) : Bfloat16ToFloats(x, y, n);
}
inline void NarrowFromFloat(DType type, const float* x, uint16_t* y, int64_t n) {
  type == DType::kFloat16 ? FloatsToHalf(x, y, n) : FloatsToBfloat16(x, y, n);
}

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_HALF_H_
