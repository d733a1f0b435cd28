// Reductions and scans over the 32 lanes of a warp. All lanes call them together.
#ifndef ONDA_KERNELS_DEVICE_WARP_H_
#define ONDA_KERNELS_DEVICE_WARP_H_

#include "kernels/device/target.h"

namespace onda::cuda {

struct Plus {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
// A NaN among the operands is kept.
struct Maximum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};
struct Minimum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

// Every lane gets the result.
template <class T, class Op>
__device__ inline T WarpReduce(T value, Op op) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) value = op(value, __shfl_xor_sync(kAllLanes, value, offset));
  return value;
}

// Lane i gets op over lanes 0 to i.
template <class T, class Op>
__device__ inline T WarpInclusiveScan(T value, Op op) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const T other = __shfl_up_sync(kAllLanes, value, offset);
    if (lane >= offset) value = op(other, value);
  }
  return value;
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_WARP_H_
