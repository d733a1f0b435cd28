// Elements as integers that compare as the elements do, and the best of many.
#ifndef ONDA_KERNELS_DEVICE_ORDER_H_
#define ONDA_KERNELS_DEVICE_ORDER_H_

#include "kernels/device/block.h"
#include "kernels/device/number.h"

namespace onda::cuda {

__device__ inline uint64_t BitsOfReal(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof(bits));
  return uint64_t{bits} << 32;
}
__device__ inline uint64_t BitsOfReal(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof(bits));
  return bits;
}
// Both zeros are one key, all NaNs another, above infinity.
template <class C>
__device__ inline uint64_t OrderKeyOfReal(C x) {
  if (x != x) return UINT64_MAX;
  const uint64_t bits = BitsOfReal(x == 0 ? C(0) : x);
  return bits >> 63 ? ~bits : bits | uint64_t{1} << 63;
}

// Of a real or integer element, bool included.
__device__ inline uint64_t OrderKey(DType type, const void* data, int64_t i) {
  switch (type) {
    case DType::kFloat:
    case DType::kFloat16:
    case DType::kBfloat16:
      return OrderKeyOfReal(LoadNumber<float>(type, data, i));
    case DType::kDouble:
      return OrderKeyOfReal(static_cast<const double*>(data)[i]);
    case DType::kUint64:
      return static_cast<const uint64_t*>(data)[i];
    default:
      return static_cast<uint64_t>(LoadInteger(type, data, i)) ^ uint64_t { 1 } << 63;
  }
}

// The largest key so far and where it was; of equal ones the first, or the last.
struct Best {
  uint64_t key = 0;
  int64_t index = -1;  // none so far

  __device__ void Take(uint64_t other, int64_t at, bool last) {
    if (index >= 0 && (other < key || (other == key && (last ? at < index : at > index)))) return;
    key = other;
    index = at;
  }
  // The best of all threads of a block.
  __device__ void JoinBlock(bool last) {
    const uint64_t top = BlockReduce(key, Maximum(), uint64_t{0});
    const bool mine = index >= 0 && key == top;
    if (last)
      index = BlockReduce(mine ? index : int64_t{-1}, Maximum(), int64_t{-1});
    else
      index = BlockReduce(mine ? index : INT64_MAX, Minimum(), INT64_MAX);
    key = top;
  }
};

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_ORDER_H_
