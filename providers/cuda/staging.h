// Pinned host memory through which copies reach memory that is not pinned.
#ifndef ONDA_PROVIDERS_CUDA_STAGING_H_
#define ONDA_PROVIDERS_CUDA_STAGING_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "providers/cuda/device.h"

namespace onda::cuda {

// Blocks of pinned memory, kept for reuse: taking one that is there allocates nothing. Safe from any thread; outlived
// by its blocks' users only.
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
  // Keeps the memory of blocks' reference counts too.
  template <class T>
  struct Nodes {
    using value_type = T;
    explicit Nodes(Staging* s) : staging(s) {}
    template <class U>
    Nodes(const Nodes<U>& other) : staging(other.staging) {}
    T* allocate(size_t) { return static_cast<T*>(staging->TakeNode(sizeof(T))); }
    void deallocate(T* node, size_t) { staging->ReturnNode(node); }
    bool operator==(const Nodes&) const = default;
    Staging* staging;
  };
  void Return(void* data, size_t bytes) noexcept;
  void* TakeNode(size_t bytes);
  void ReturnNode(void* node) noexcept;

  Device& device_;
  std::mutex mutex_;
  std::vector<std::pair<size_t, void*>> free_;  // bytes of each
  size_t free_bytes_ = 0;
  std::vector<void*> nodes_;  // free ones, of one size
};

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_STAGING_H_
