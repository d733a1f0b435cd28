// Loads and stores of several neighbouring elements at once.
#ifndef ONDA_KERNELS_DEVICE_VECTOR_H_
#define ONDA_KERNELS_DEVICE_VECTOR_H_

#include <cstddef>
#include <cstdint>

#include "kernels/device/target.h"

namespace onda::cuda {

template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Vector {
  T v[kCount];
};

// Elements of a 16-byte access.
template <class T>
inline constexpr int kVectorCount = 16 / static_cast<int>(sizeof(T));

// from is aligned to the whole vector.
template <int kCount, class T>
__device__ inline Vector<T, kCount> LoadVector(const T* from) {
  ONDA_CHECK_VECTOR(from, sizeof(T) * kCount, false);
  return *reinterpret_cast<const Vector<T, kCount>*>(from);
}
template <int kCount, class T>
__device__ inline void StoreVector(T* to, const Vector<T, kCount>& value) {
  ONDA_CHECK_VECTOR(to, sizeof(T) * kCount, true);
  *reinterpret_cast<Vector<T, kCount>*>(to) = value;
}

// Whether rows of n elements, the first at p, may be read as 16-byte vectors.
template <class T>
inline bool VectorsFit(const void* p, int64_t n) {
  return reinterpret_cast<uintptr_t>(p) % 16 == 0 && n % kVectorCount<T> == 0;
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_VECTOR_H_
