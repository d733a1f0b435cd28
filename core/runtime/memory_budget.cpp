#include "core/runtime/memory_budget.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

#include "core/runtime/block_pool.h"

namespace onda {
namespace {

// Bytes of memory that the machine has, or the process's control group where that is less.
size_t MachineMemory() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  size_t bytes = pages > 0 && page > 0 ? static_cast<size_t>(pages) * static_cast<size_t>(page) : SIZE_MAX;
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(path);
    size_t group = 0;
    if (file >> group && group > 0) bytes = std::min(bytes, group);  // "max" is no number
  }
  return bytes;
}

}  // namespace

MemoryBudget::MemoryBudget(size_t limit) : limit_(limit ? limit : MachineMemory() / 2) {}

bool MemoryBudget::TryReserve(size_t bytes) {
  const std::lock_guard lock(mutex_);
  if (bytes > limit_ || used_ > limit_ - bytes) return false;
  used_ += bytes;
  peak_ = std::max(peak_, used_);
  return true;
}

bool MemoryBudget::Reserve(size_t bytes) {
  if (TryReserve(bytes)) return true;
  Trim();
  return TryReserve(bytes);
}

void MemoryBudget::Release(size_t bytes) {
  const std::lock_guard lock(mutex_);
  used_ -= bytes;
}

void MemoryBudget::TrimIdle(std::chrono::steady_clock::time_point before) {
  std::vector<std::shared_ptr<BlockPool>> pools;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& weak : pools_)
      if (auto pool = weak.lock()) pools.push_back(std::move(pool));
  }
  for (const auto& pool : pools) pool->TrimIdle(before);
}

void MemoryBudget::Join(std::weak_ptr<BlockPool> pool) {
  const std::lock_guard lock(mutex_);
  std::erase_if(pools_, [](const auto& weak) { return weak.expired(); });
  pools_.push_back(std::move(pool));
}

size_t MemoryBudget::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

size_t MemoryBudget::peak() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}

}  // namespace onda
