#include "providers/cuda/device_memory.h"

#include <algorithm>
#include <new>

namespace onda::cuda {

void* DeviceMemory::Allocate(size_t bytes) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (limit_ && (bytes > limit_ || used_ > limit_ - bytes)) return nullptr;
    used_ += bytes;  // ahead, so that threads cannot exceed the limit together
  }
  void* memory = nullptr;
  try {
    memory = device_.Allocate(bytes);
    const std::lock_guard lock(mutex_);
    taken_.emplace(memory, bytes);
    return memory;
  } catch (const Error&) {
  } catch (const std::bad_alloc&) {
    if (memory) device_.Free(memory);
  }
  const std::lock_guard lock(mutex_);
  used_ -= bytes;
  return nullptr;
}

void DeviceMemory::Free(void* memory) noexcept {
  if (!memory) return;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = taken_.find(memory); at != taken_.end()) {
      used_ -= at->second;
      taken_.erase(at);
    }
  }
  try {
    device_.Free(memory);
  } catch (const Error&) {  // of a device that is lost
  }
}

void DeviceMemory::Describe(OndaMemoryInfo& info) const {
  info.total = device_.properties().memory;
  info.free = device_.FreeBytes();
  const std::lock_guard lock(mutex_);
  info.used = used_;
  if (limit_) {
    info.total = std::min<uint64_t>(info.total, limit_);
    info.free = std::min<uint64_t>(info.free, limit_ - used_);
  }
}

}  // namespace onda::cuda
