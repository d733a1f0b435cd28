// Launches of kernels with planted defects (defects.cu), by name.
#ifndef ONDA_TESTS_CUDA_SIM_DEFECTS_H_
#define ONDA_TESTS_CUDA_SIM_DEFECTS_H_

#include <string>

#include "providers/cuda/device.h"

namespace onda::cuda_sim {

// y = x + 1, right.
void LaunchIncrement(cuda::Stream& s, cuda::Buffer x, cuda::Buffer y, int64_t n);
// x: 128 floats or int32, written; y: as many, not written; z: 128 int32, zero.
void LaunchDefect(const std::string& name, cuda::Stream& s, cuda::Buffer x, cuda::Buffer y, cuda::Buffer z);
// n -= 1, and sets the condition to n > 0.
void LaunchCountDown(cuda::Stream& s, cuda::Buffer n, uint64_t condition);

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_DEFECTS_H_
