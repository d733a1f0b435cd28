// Indices that are data: read in either integer type and checked.
#ifndef ONDA_KERNELS_SIMD_INDICES_H_
#define ONDA_KERNELS_SIMD_INDICES_H_

#include <string>

#include "onda/provider.h"

namespace onda {

// Element i of an int32 or int64 tensor.
inline int64_t LoadIndex(const TensorView& t, int64_t i) {
  return t.type() == DType::kInt32 ? t.as<int32_t>()[i] : t.as<int64_t>()[i];
}

[[noreturn]] inline void ThrowIndex(int64_t index, int64_t size) {
  throw Error(ErrorCode::kRuntime, "index " + std::to_string(index) + " is outside [" + std::to_string(-size) + ", " +
                                       std::to_string(size) + ")");
}

// index in [-size, size) as one in [0, size).
inline int64_t CheckedIndex(int64_t index, int64_t size) {
  const int64_t i = index < 0 ? index + size : index;
  if (i < 0 || i >= size) ThrowIndex(index, size);
  return i;
}

// The offset, in elements, that a tuple of `count` indices from element `at` on has in dims[0, count) with
// the given strides.
inline int64_t TupleOffset(const TensorView& indices, int64_t at, int64_t count, const int64_t* dims,
                           const int64_t* strides) {
  int64_t offset = 0;
  for (int64_t k = 0; k < count; ++k) offset += CheckedIndex(LoadIndex(indices, at + k), dims[k]) * strides[k];
  return offset;
}

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_INDICES_H_
