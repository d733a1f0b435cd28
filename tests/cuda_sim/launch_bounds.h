// What __launch_bounds__ allows, as shim.h has it written down.
#ifndef ONDA_TESTS_CUDA_SIM_LAUNCH_BOUNDS_H_
#define ONDA_TESTS_CUDA_SIM_LAUNCH_BOUNDS_H_

#include <cstdint>
#include <vector>

namespace onda::cuda_sim {

// The most threads of a block that the kernel, a function of this program or library or of a module that is known, is
// compiled for; 1024 where it has no bound.
uint32_t MostThreads(const void* kernel);

// The bounds of a module's kernels, while this lives. begins: where the no-operations ahead of its functions begin.
class ModuleBounds {
 public:
  explicit ModuleBounds(std::vector<const char*> begins);
  ~ModuleBounds();
  ModuleBounds(const ModuleBounds&) = delete;
  ModuleBounds& operator=(const ModuleBounds&) = delete;

 private:
  std::vector<const char*> begins_;
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_LAUNCH_BOUNDS_H_
