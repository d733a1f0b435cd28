// Real devices, over the CUDA runtime, cuBLASLt and cuDNN. Compiled and linked by the tests; not run on a GPU so far.
#ifndef ONDA_PROVIDERS_CUDA_DEVICE_CUDA_H_
#define ONDA_PROVIDERS_CUDA_DEVICE_CUDA_H_

#include <memory>

#include "providers/cuda/device.h"

namespace onda::cuda {

Properties PropertiesOfDevice(int ordinal);

// ordinal: one of those that the runtime finds.
std::unique_ptr<Device> MakeCudaDevice(int ordinal);

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_DEVICE_CUDA_H_
