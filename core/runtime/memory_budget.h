// A hard limit that the memory of several pools shares.
#ifndef ONDA_CORE_RUNTIME_MEMORY_BUDGET_H_
#define ONDA_CORE_RUNTIME_MEMORY_BUDGET_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace onda {

class BlockPool;

// Safe from any thread. Counts the memory of its pools, blocks that are kept for reuse included.
class MemoryBudget {
 public:
  // 0: half of what the machine, or the process's control group where that is less, has.
  explicit MemoryBudget(size_t limit = 0);
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // Before a pool takes bytes from the system. Where the limit does not allow them, all pools give back what they keep
  // first; false where that is not enough. No pool may be locked by the caller.
  bool Reserve(size_t bytes);
  void Release(size_t bytes);
  // Has pools give back blocks that nobody took since `before`.
  void TrimIdle(std::chrono::steady_clock::time_point before);
  void Trim() { TrimIdle(std::chrono::steady_clock::time_point::max()); }

  // Trims that pool with the others; whether its memory is counted is its own affair.
  void Join(std::weak_ptr<BlockPool> pool);

  size_t limit() const { return limit_; }
  size_t used() const;
  size_t peak() const;

 private:
  bool TryReserve(size_t bytes);

  const size_t limit_;
  mutable std::mutex mutex_;
  size_t used_ = 0;
  size_t peak_ = 0;
  std::vector<std::weak_ptr<BlockPool>> pools_;
};

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_MEMORY_BUDGET_H_
