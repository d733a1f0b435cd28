// What __launch_bounds__ allows, as shim.h has it written down.
#ifndef ONDA_TESTS_CUDA_SIM_LAUNCH_BOUNDS_H_
#define ONDA_TESTS_CUDA_SIM_LAUNCH_BOUNDS_H_

#include <cstdint>

namespace onda::cuda_sim {

// The most threads of a block that the kernel, a function of this program or library, is compiled for; 1024 where it
// has no bound.
uint32_t MostThreads(const void* kernel);

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_LAUNCH_BOUNDS_H_
