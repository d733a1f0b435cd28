// Device memory of one instance, counted and limited.
#ifndef ONDA_PROVIDERS_CUDA_DEVICE_MEMORY_H_
#define ONDA_PROVIDERS_CUDA_DEVICE_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "providers/cuda/device.h"

namespace onda::cuda {

// Safe from any thread. What is kept for reuse is kept by the engine's pools, which sit on top.
class DeviceMemory {
 public:
  // limit: most bytes that may be taken at once; 0: none.
  DeviceMemory(Device& device, uint64_t limit) : device_(device), limit_(limit) {}

  // Null where the device or the limit has no more.
  void* Allocate(size_t bytes) noexcept;
  void Free(void* memory) noexcept;
  // What is left under the limit and on the device.
  void Describe(OndaMemoryInfo& info) const;

 private:
  Device& device_;
  const uint64_t limit_;
  mutable std::mutex mutex_;
  std::unordered_map<void*, size_t> taken_;
  uint64_t used_ = 0;
};

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_DEVICE_MEMORY_H_
