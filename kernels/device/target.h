// What device code needs that nvcc and the simulator's compiler spell differently. The simulator defines the macros of
// CUDA, and these, before anything else is included (tests/cuda_sim/shim.h).
#ifndef ONDA_KERNELS_DEVICE_TARGET_H_
#define ONDA_KERNELS_DEVICE_TARGET_H_

#include <cstdint>

#ifdef __CUDACC__
// The dynamic shared memory of a launch, as elements of a type; 16-byte aligned.
#define ONDA_DYNAMIC_SHARED(type, name)                              \
  extern __shared__ __align__(16) unsigned char onda_shared_bytes[]; \
  type* const name = reinterpret_cast<type*>(onda_shared_bytes)
// A vector access that the simulator checks as a whole.
#define ONDA_CHECK_VECTOR(pointer, bytes, write)
#endif

namespace onda::cuda {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xffffffffu;

// Position of this thread in a one-dimensional grid, and the number of threads.
__device__ inline int64_t GlobalThread() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t GlobalThreads() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_TARGET_H_
