// Compiles CUDA source for the simulator while the program runs, as NVRTC does for a device.
#ifndef ONDA_TESTS_CUDA_SIM_COMPILE_SOURCE_H_
#define ONDA_TESTS_CUDA_SIM_COMPILE_SOURCE_H_

#include <memory>
#include <string>

#include "providers/cuda/device.h"

namespace onda::cuda_sim {

// Throws kInternal with the compiler's message.
std::unique_ptr<cuda::Module> CompileSource(const std::string& source, const std::string& name);
std::unique_ptr<cuda::Module> LoadCompiled(const std::string& binary);

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_COMPILE_SOURCE_H_
