// Reads and writes runs of elements of any type as a short list of compute types, a block at a time, so that code for
// all element types is compiled once. Slower than code for one type, far faster than a switch per element.
#ifndef ONDA_KERNELS_SIMD_BLOCKS_H_
#define ONDA_KERNELS_SIMD_BLOCKS_H_

#include <cstdint>

#include "onda/types.h"

namespace onda {

// Elements that a block buffer on the stack holds.
inline constexpr int64_t kBlock = 256;

// out[i] = element (offset + i * step) of a tensor of any real type, for i < n. step is 0 or 1.
void LoadReals(DType dtype, const void* data, int64_t offset, int64_t step, int64_t n, double* out);
// Rounds once to the element type, see StoreDouble.
void StoreReals(DType dtype, void* data, int64_t offset, int64_t n, const double* values);

// The same for integer types and bool; uint64 elements are carried as the bits of an int64. Storing keeps the low bits.
void LoadIntegers(DType dtype, const void* data, int64_t offset, int64_t step, int64_t n, int64_t* out);
void StoreIntegers(DType dtype, void* data, int64_t offset, int64_t n, const int64_t* values);

// The double rounded to nearest even as a float16 pattern, in one step.
uint16_t DoubleToHalf(double value);

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_BLOCKS_H_
