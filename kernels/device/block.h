// Reductions and scans over a one-dimensional block of a multiple of 32 threads. All threads call them together; each
// begins and ends so that it can be called again at once.
#ifndef ONDA_KERNELS_DEVICE_BLOCK_H_
#define ONDA_KERNELS_DEVICE_BLOCK_H_

#include "kernels/device/warp.h"

namespace onda::cuda {

// Every thread gets the result. identity: op(identity, x) = x.
template <class T, class Op>
__device__ inline T BlockReduce(T value, Op op, T identity) {
  __shared__ T partial[kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  value = WarpReduce(value, op);
  if (warps == 1) return value;
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  value = WarpReduce(lane < warps ? partial[lane] : identity, op);
  __syncthreads();  // before partial is written again
  return value;
}

// Thread i gets op over threads 0 to i - 1, thread 0 the identity; *total, op over all.
template <class T, class Op>
__device__ inline T BlockExclusiveScan(T value, Op op, T identity, T* total) {
  __shared__ T partial[kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const T inclusive = WarpInclusiveScan(value, op);
  if (lane == kWarp - 1) partial[warp] = inclusive;
  __syncthreads();
  const T sums = WarpInclusiveScan(lane < warps ? partial[lane] : identity, op);
  const T before = __shfl_sync(kAllLanes, sums, warp == 0 ? 0 : warp - 1);
  *total = __shfl_sync(kAllLanes, sums, warps - 1);
  const T previous = __shfl_up_sync(kAllLanes, inclusive, 1);
  __syncthreads();
  const T own = lane == 0 ? identity : previous;
  return warp == 0 ? own : op(before, own);
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_BLOCK_H_
