// Memory of running programs: blocks that are kept for reuse, under a hard limit.
#ifndef ONDA_CORE_RUNTIME_BLOCK_POOL_H_
#define ONDA_CORE_RUNTIME_BLOCK_POOL_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/runtime/memory_budget.h"

namespace onda {

// Safe from any thread. Blocks may outlive the pool's owner: they hold the pool. Taking a block that is kept, and
// giving it back, allocates nothing.
class BlockPool : public std::enable_shared_from_this<BlockPool> {
 public:
  // Where the memory comes from; by default the system's: large blocks are mappings of their own, so that giving one
  // back gives it to the system.
  struct Source {
    std::function<void*(size_t)> allocate;  // aligned to 64; null where there is none left
    std::function<void(void*, size_t)> free;
  };
  // Host memory. limit: most bytes that may exist at once, kept ones included; 0: half of what the machine or its
  // container has.
  explicit BlockPool(size_t limit = 0);
  // Host memory under a limit of its own (0: none) and the budget's.
  static std::shared_ptr<BlockPool> Make(size_t limit, std::shared_ptr<MemoryBudget> budget);
  // limit 0: none but the source's own.
  BlockPool(size_t limit, Source source);
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block of at least `bytes`, aligned to 64, contents undefined; it returns to the pool with its last owner. Kept
  // blocks are given back to the system before a limit is called exceeded. Throws kOutOfMemory.
  std::shared_ptr<void> Allocate(size_t bytes);
  // Gives kept blocks back to the system.
  void Trim() { TrimIdle(std::chrono::steady_clock::time_point::max()); }
  // Those that nobody took since `before`.
  void TrimIdle(std::chrono::steady_clock::time_point before);

  size_t limit() const;
  size_t bytes_in_use() const;
  size_t bytes_kept() const;
  size_t peak_bytes() const;

 private:
  struct Block;
  template <class T>
  struct OwnerAllocator;

  BlockPool(size_t limit, std::shared_ptr<MemoryBudget> budget);
  std::shared_ptr<void> Owned(Block* block);
  Block* TakeKept(size_t size);
  Block* NewBlock(size_t size);
  void Return(Block* block) noexcept;
  void Destroy(Block* block) noexcept;
  static Source HostSource();

  const size_t limit_;
  const std::shared_ptr<MemoryBudget> budget_;  // may be null
  const Source source_;
  mutable std::mutex mutex_;
  std::vector<Block*> kept_;  // by size; of one size the last returned first. Has room for all blocks
  size_t blocks_ = 0;
  size_t kept_bytes_ = 0;
  size_t used_bytes_ = 0;
  size_t peak_bytes_ = 0;
};

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_BLOCK_POOL_H_
