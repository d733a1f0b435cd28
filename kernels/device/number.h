// Elements of a type that is known at run time only, as numbers.
#ifndef ONDA_KERNELS_DEVICE_NUMBER_H_
#define ONDA_KERNELS_DEVICE_NUMBER_H_

#include "kernels/device/element.h"

namespace onda::cuda {

// C is float or double. Of integer types of whole bytes, bool, and the real types.
template <class C>
__device__ inline C LoadNumber(DType type, const void* data, int64_t i) {
  switch (type) {
    case DType::kFloat:
      return static_cast<C>(static_cast<const float*>(data)[i]);
    case DType::kFloat16:
      return static_cast<C>(Widen(static_cast<const Half*>(data)[i]));
    case DType::kBfloat16:
      return static_cast<C>(Widen(static_cast<const Bfloat16*>(data)[i]));
    case DType::kDouble:
      return static_cast<C>(static_cast<const double*>(data)[i]);
    case DType::kUint64:
      return static_cast<C>(static_cast<const uint64_t*>(data)[i]);
    default:
      return static_cast<C>(LoadInteger(type, data, i));
  }
}

// Rounds to a real type.
template <class C>
__device__ inline void StoreReal(DType type, void* data, int64_t i, C value) {
  switch (type) {
    case DType::kFloat16:
      static_cast<Half*>(data)[i] = Narrow<Half>(value);
      return;
    case DType::kBfloat16:
      static_cast<Bfloat16*>(data)[i] = Narrow<Bfloat16>(value);
      return;
    case DType::kDouble:
      static_cast<double*>(data)[i] = static_cast<double>(value);
      return;
    default:
      static_cast<float*>(data)[i] = static_cast<float>(value);
      return;
  }
}

// Rounds to a real type; towards zero to an integer or bool.
inline __device__ void StoreNumber(DType type, void* data, int64_t i, double value) {
  const bool real =
      type == DType::kFloat || type == DType::kDouble || type == DType::kFloat16 || type == DType::kBfloat16;
  real ? StoreReal(type, data, i, value) : StoreInteger(type, data, i, static_cast<int64_t>(value));
}

// What LoadNumber takes.
constexpr bool IsNumber(DType type) { return IsFloating(type) || IsByteInteger(type); }

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_NUMBER_H_
