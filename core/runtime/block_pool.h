// Memory of running programs: blocks that are kept for reuse, under a hard limit.
#ifndef ONDA_CORE_RUNTIME_BLOCK_POOL_H_
#define ONDA_CORE_RUNTIME_BLOCK_POOL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace onda {

// Safe from any thread. Blocks may outlive the pool's owner: they hold the pool.
class BlockPool : public std::enable_shared_from_this<BlockPool> {
 public:
  // Where the memory comes from; by default the heap.
  struct Source {
    std::function<void*(size_t)> allocate;  // aligned to 64; null where there is none left
    std::function<void(void*)> free;
  };
  // Of the heap. limit: most bytes that may exist at once, kept ones included; 0: half of what the machine or its
  // container has.
  explicit BlockPool(size_t limit = 0);
  // 0: no limit but the source's own.
  BlockPool(size_t limit, Source source) : limit_(limit ? limit : SIZE_MAX), source_(std::move(source)) {}
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block of at least `bytes`, aligned to 64, contents undefined; it returns to the pool with its last owner. Kept
  // blocks are given back to the system before the limit is called exceeded. Throws kOutOfMemory.
  std::shared_ptr<void> Allocate(size_t bytes);
  // Gives kept blocks back to the system.
  void Trim();

  size_t limit() const { return limit_; }
  size_t bytes_in_use() const;
  size_t bytes_kept() const;
  size_t peak_bytes() const;

 private:
  void Return(void* block, size_t bytes);
  void TrimLocked();
  static Source HeapSource();

  const size_t limit_;
  const Source source_;
  mutable std::mutex mutex_;
  std::multimap<size_t, void*> kept_;
  size_t kept_bytes_ = 0;
  size_t used_bytes_ = 0;
  size_t peak_bytes_ = 0;
};

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_BLOCK_POOL_H_
