// Pinned host memory through which copies reach memory that is not pinned.
#ifndef ONDA_PROVIDERS_CUDA_STAGING_H_
#define ONDA_PROVIDERS_CUDA_STAGING_H_

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

#include "providers/cuda/device.h"

namespace onda::cuda {

// Blocks of pinned memory, kept for reuse. Safe from any thread; outlived by its blocks' users only.
class Staging {
 public:
  explicit Staging(Device& device) : device_(device) {}
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // Goes back when its last owner lets go of it; nothing may copy from or to it then. Throws kOutOfMemory.
  struct Block {
    Staging* staging;
    void* data;
    size_t bytes;
    ~Block() { staging->Return(data, bytes); }
  };
  std::shared_ptr<Block> Take(size_t bytes);
  void Trim();

 private:
  void Return(void* data, size_t bytes) noexcept;

  Device& device_;
  std::mutex mutex_;
  std::multimap<size_t, void*> free_;  // by size
  size_t free_bytes_ = 0;
};

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_STAGING_H_
