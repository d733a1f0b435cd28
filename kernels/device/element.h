// Element types of device code. Half types are stored as bits and computed in float.
#ifndef ONDA_KERNELS_DEVICE_ELEMENT_H_
#define ONDA_KERNELS_DEVICE_ELEMENT_H_

#include <cstdint>

#include "onda/types.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#else
#include "onda/float_formats.h"
#endif

namespace onda::cuda {

struct Half {
  uint16_t bits;
};
struct Bfloat16 {
  uint16_t bits;
};

// What an element is computed in.
template <class T>
struct ComputeTraits {
  using Type = T;
};
template <>
struct ComputeTraits<Half> {
  using Type = float;
};
template <>
struct ComputeTraits<Bfloat16> {
  using Type = float;
};
template <class T>
using Compute = typename ComputeTraits<T>::Type;

template <class T>
__device__ inline Compute<T> Widen(T x) {
  return x;
}
#ifdef __CUDACC__
template <>
__device__ inline float Widen(Half x) {
  return __half2float(__ushort_as_half(x.bits));
}
template <>
__device__ inline float Widen(Bfloat16 x) {
  return __bfloat162float(__ushort_as_bfloat16(x.bits));
}
#else
template <>
inline float Widen(Half x) {
  return HalfToFloat(x.bits);
}
template <>
inline float Widen(Bfloat16 x) {
  return Bfloat16ToFloat(x.bits);
}
#endif

// To nearest, ties to even.
template <class T, class C>
__device__ inline T Narrow(C x) {
  if constexpr (sizeof(T) != 2 || !requires(T t) { t.bits; }) {
    return static_cast<T>(x);
  } else {
    constexpr bool kHalf = requires(T t, Half h) { t = h; };
    T result;
#ifdef __CUDACC__
    if constexpr (sizeof(C) == 8)  // from double in one step
      result.bits = kHalf ? __half_as_ushort(__double2half(x)) : __bfloat16_as_ushort(__double2bfloat16(x));
    else
      result.bits = kHalf ? __half_as_ushort(__float2half_rn(x)) : __bfloat16_as_ushort(__float2bfloat16_rn(x));
#else
    result.bits = static_cast<uint16_t>(EncodeSmallFloat(kHalf ? kFloat16Format : kBfloat16Format, x, false));
#endif
    return result;
  }
}

// The C++ type of an element type, for dispatch: fn(TypeTag<float>()) and so on.
template <class T>
struct TypeTag {
  using Type = T;
};
template <class Fn>
void WithReal(DType type, Fn&& fn) {
  switch (type) {
    case DType::kFloat:
      return fn(TypeTag<float>());
    case DType::kFloat16:
      return fn(TypeTag<Half>());
    case DType::kBfloat16:
      return fn(TypeTag<Bfloat16>());
    case DType::kDouble:
      return fn(TypeTag<double>());
    default:
      throw Error(ErrorCode::kInternal, "not a real type: " + std::string(NameOf(type)));
  }
}

// For kernels that move elements: an unsigned type of the element's size.
struct alignas(16) Bits128 {
  uint64_t low, high;
};
template <class Fn>
void WithSize(DType type, Fn&& fn) {
  switch (BitsOf(type)) {
    case 8:
      return fn(TypeTag<uint8_t>());
    case 16:
      return fn(TypeTag<uint16_t>());
    case 32:
      return fn(TypeTag<uint32_t>());
    case 64:
      return fn(TypeTag<uint64_t>());
    case 128:
      return fn(TypeTag<Bits128>());
    default:
      throw Error(ErrorCode::kInternal, "no whole bytes: " + std::string(NameOf(type)));
  }
}

// Integer elements of any type as int64, read and written by a type that is known at run time only.
__device__ inline int64_t LoadInteger(DType type, const void* data, int64_t i) {
  switch (type) {
    case DType::kBool:
    case DType::kUint8:
      return static_cast<const uint8_t*>(data)[i];
    case DType::kInt8:
      return static_cast<const int8_t*>(data)[i];
    case DType::kUint16:
      return static_cast<const uint16_t*>(data)[i];
    case DType::kInt16:
      return static_cast<const int16_t*>(data)[i];
    case DType::kUint32:
      return static_cast<const uint32_t*>(data)[i];
    case DType::kInt32:
      return static_cast<const int32_t*>(data)[i];
    default:
      return static_cast<const int64_t*>(data)[i];
  }
}
// Keeps the low bits.
__device__ inline void StoreInteger(DType type, void* data, int64_t i, int64_t value) {
  switch (type) {
    case DType::kBool:
      static_cast<uint8_t*>(data)[i] = value != 0;
      return;
    case DType::kUint8:
    case DType::kInt8:
      static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(value);
      return;
    case DType::kUint16:
    case DType::kInt16:
      static_cast<uint16_t*>(data)[i] = static_cast<uint16_t>(value);
      return;
    case DType::kUint32:
    case DType::kInt32:
      static_cast<uint32_t*>(data)[i] = static_cast<uint32_t>(value);
      return;
    default:
      static_cast<int64_t*>(data)[i] = value;
      return;
  }
}

// Types that LoadInteger and WithReal take.
constexpr bool IsByteInteger(DType type) { return (IsInteger(type) && BitsOf(type) >= 8) || type == DType::kBool; }

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_ELEMENT_H_
