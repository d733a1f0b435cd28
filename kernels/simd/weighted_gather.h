// Weighted sums of elements at given places: what bilinear sampling of an image comes down to.
#ifndef ONDA_KERNELS_SIMD_WEIGHTED_GATHER_H_
#define ONDA_KERNELS_SIMD_WEIGHTED_GATHER_H_

#include <cstdint>

namespace onda {

// Tap k of point i is at [k * stride + i]. A weight of zero says that the tap takes no part, whatever lies at its
// offset.
struct TapList {
  const int32_t* offset;
  const float* weight;
  int64_t taps, stride;
};

// to[i] = sum over k of weight * from[offset], i in [0, n); added to what `to` holds where `add`.
void WeightedGather(const TapList& list, const float* from, int64_t n, float* to, bool add);

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_WEIGHTED_GATHER_H_
