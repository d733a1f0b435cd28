// Data-dependent errors of kernels.
#ifndef ONDA_KERNELS_DEVICE_STATUS_H_
#define ONDA_KERNELS_DEVICE_STATUS_H_

#include <cstdint>

#include "onda/provider.h"

namespace onda::cuda {

// Notes the first error of a run in OndaLaunch::status; the kernel goes on with a safe value.
__device__ inline void ReportError(int32_t* status, int32_t node, OndaDeviceError error) {
  if (status && atomicCAS(&status[1], 0, static_cast<int32_t>(error)) == 0) atomicExch(&status[0], node);
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_STATUS_H_
