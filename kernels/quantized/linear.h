// Vectorised quantization and dequantization of fp32.
#ifndef ONDA_KERNELS_QUANTIZED_LINEAR_H_
#define ONDA_KERNELS_QUANTIZED_LINEAR_H_

#include <cstdint>

#include "onda/types.h"

namespace onda::quantized {

// n neighbouring elements. scale and zero point (NULL: 0) hold one number for all of them where `varying` is false,
// else one per element; the zero point has the quantized type.
struct LinearRun {
  int64_t n;
  const float* scale;
  const void* zero;
  bool varying;
};

// 8- and 16-bit integers; also int32 on the quantized side of Dequantize.
inline bool LinearTakes(DType t) {
  return t == DType::kInt8 || t == DType::kUint8 || t == DType::kInt16 || t == DType::kUint16;
}

void QuantizeRun(DType type, const LinearRun& run, const float* x, void* y);
void DequantizeRun(DType type, const LinearRun& run, const void* x, float* y);
// What becomes of exact integer sums in fp32, below 2^24: (sum + bias) * factor, rounded, plus zero, saturated.
struct Requantization {
  int32_t bias = 0;
  float factor = 1, zero = 0;
};
// To 8 bits; to int32 the sums as they are.
void RequantizeRun(DType type, const Requantization& r, const float* sums, int64_t n, void* y);

// The least and greatest of 0 and x[0, n); NaN is passed over.
void MinMax(const float* x, int64_t n, float* low, float* high);

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_LINEAR_H_
