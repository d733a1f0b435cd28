// Positions in tensors: division by constants of a launch, and offsets of operands that broadcast.
#ifndef ONDA_KERNELS_DEVICE_INDEX_H_
#define ONDA_KERNELS_DEVICE_INDEX_H_

#include <cstdint>

#include "kernels/device/target.h"

namespace onda::cuda {

// Quotients by a divisor that the host knows, for dividends below 2^31: a multiplication and a shift
// (Granlund and Montgomery, "Division by invariant integers using multiplication", 1994).
struct Divider {
  uint32_t divisor = 1, magic = 1, shift = 0;

  Divider() = default;
  explicit Divider(int64_t by) : divisor(static_cast<uint32_t>(by)) {
    while (shift < 32 && (uint64_t{1} << shift) < divisor) ++shift;
    magic = static_cast<uint32_t>(((uint64_t{1} << 32) * ((uint64_t{1} << shift) - divisor)) / divisor + 1);
  }
  __device__ uint32_t Quotient(uint32_t n) const { return (__umulhi(n, magic) + n) >> shift; }
};

// Where the elements of an output come from in operands whose dimensions are merged; innermost dimension first.
inline constexpr int kMaxMergedRank = 8;
template <int kOperands>
struct Strides {
  int32_t rank;
  Divider dims[kMaxMergedRank];
  int64_t stride[kMaxMergedRank][kOperands];

  // Adds the offsets, in elements, of output element i < 2^31.
  __device__ void Offsets(uint32_t i, int64_t (&offset)[kOperands]) const {
#pragma unroll
    for (int d = 0; d < kMaxMergedRank; ++d) {
      if (d == rank) break;
      const uint32_t quotient = d == rank - 1 ? 0 : dims[d].Quotient(i);
      const uint32_t index = i - quotient * dims[d].divisor;
#pragma unroll
      for (int k = 0; k < kOperands; ++k) offset[k] += index * stride[d][k];
      i = quotient;
    }
  }
};

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_INDEX_H_
