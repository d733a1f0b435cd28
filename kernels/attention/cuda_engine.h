// What the CUDA kernels of attention share: one attention over device memory.
#ifndef ONDA_KERNELS_ATTENTION_CUDA_ENGINE_H_
#define ONDA_KERNELS_ATTENTION_CUDA_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "kernels/attention/attention.h"
#include "providers/cuda/device.h"

namespace onda::attention {

// Device memory of a Problem, whose own pointers are not read.
struct DeviceOperands {
  cuda::Buffer q, k, v, past_k, past_v, y;
  cuda::Buffer mask;
  cuda::Buffer sink;       // of q's type
  cuda::Buffer counts;     // int64: keys of each batch that count, the queries being the last of them
  cuda::Buffer last_keys;  // int32: that number - 1; queries start at row 0 where there are more of them
  cuda::Buffer qk;
};

// All of q, k, v, past and y are of one real type.
size_t DeviceEngineBytes(const Problem& a, DType type);
void RunDeviceEngine(const LaunchArgs& args, const Problem& a, DType type, const DeviceOperands& operands,
                     cuda::Buffer workspace);

// The parts of the family's table.
std::span<const OndaKernelDef> GroupQueryCudaKernels();
std::span<const OndaKernelDef> LinearCudaKernels();
std::span<const OndaKernelDef> RotaryCudaKernels();

}  // namespace onda::attention

#endif  // ONDA_KERNELS_ATTENTION_CUDA_ENGINE_H_
