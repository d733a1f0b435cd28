// Conditions of captured control flow (see Device::MakeCondition).
#ifndef ONDA_KERNELS_DEVICE_CONDITION_H_
#define ONDA_KERNELS_DEVICE_CONDITION_H_

#include <cstdint>

namespace onda::cuda {

// One thread of a kernel calls it.
__device__ inline void SetCondition(uint64_t condition, bool value) {
  cudaGraphSetConditional(static_cast<cudaGraphConditionalHandle>(condition), value);
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_CONDITION_H_
