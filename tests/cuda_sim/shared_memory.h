// The shared memory of the block that runs.
#ifndef ONDA_TESTS_CUDA_SIM_SHARED_MEMORY_H_
#define ONDA_TESTS_CUDA_SIM_SHARED_MEMORY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "tests/cuda_sim/shadow.h"
#include "tests/cuda_sim/symbols.h"

namespace onda::cuda_sim {

class SharedMemory {
 public:
  static SharedMemory& Get();

  // The __shared__ variables of all kernels of the program.
  const Region& fixed() const { return fixed_; }
  const Region& dynamic() const { return dynamic_; }
  // For the launch that begins: so many bytes may be touched.
  void SetDynamicBytes(size_t bytes);
  std::string Describe(const void* p) const;

 private:
  SharedMemory();
  Region fixed_, dynamic_;
  std::vector<Symbol> variables_;
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_SHARED_MEMORY_H_
