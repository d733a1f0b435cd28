// Real devices, over the CUDA runtime, cuBLASLt and cuDNN. Compiled and linked by the tests; not run on a GPU so far.
#ifndef ONDA_PROVIDERS_CUDA_DEVICE_CUDA_H_
#define ONDA_PROVIDERS_CUDA_DEVICE_CUDA_H_

#include <memory>
#include <string>
#include <vector>

#include "providers/cuda/device.h"

namespace onda::cuda {

struct FoundDevices {
  std::vector<Properties> devices;
  // Why there are none: driver and library versions that were found, and what is needed.
  std::string missing;
};
FoundDevices FindCudaDevices();

// Throws kNotFound where there is no such device.
std::unique_ptr<Device> MakeCudaDevice(int ordinal);

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_DEVICE_CUDA_H_
