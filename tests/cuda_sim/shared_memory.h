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
  // Marks the variable that holds p, by its number.
  void Note(const void* p, std::vector<bool>& variables) const {
    if (variables.empty()) variables.resize(variables_.size() + 1);
    variables[number_[static_cast<size_t>(static_cast<const char*>(p) - fixed_.base) / kAlignment]] = true;
  }
  size_t BytesOf(const std::vector<bool>& variables) const;

 private:
  SharedMemory();
  Region fixed_, dynamic_;
  static constexpr size_t kAlignment = 64;  // of every variable; see shim.h
  std::vector<Symbol> variables_;
  std::vector<uint32_t> number_;  // of the variable that holds each stretch of kAlignment bytes
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_SHARED_MEMORY_H_
