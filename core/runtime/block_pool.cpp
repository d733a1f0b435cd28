#include "core/runtime/block_pool.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

#include "onda/types.h"

namespace onda {
namespace {

// Small sizes are rounded to 256 bytes, larger ones to an eighth of their power of two, so that blocks are found again
// by runs of similar shapes.
size_t RoundedSize(size_t bytes) {
  size_t step = 256;
  while (step * 16 < bytes) step *= 2;
  return (std::max<size_t>(bytes, 1) + step - 1) / step * step;
}

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

BlockPool::Source BlockPool::HeapSource() {
  return {[](size_t bytes) { return std::aligned_alloc(64, (bytes + 63) / 64 * 64); }, [](void* p) { std::free(p); }};
}

BlockPool::BlockPool(size_t limit) : BlockPool(limit ? limit : MachineMemory() / 2, HeapSource()) {}

BlockPool::~BlockPool() { TrimLocked(); }

std::shared_ptr<void> BlockPool::Allocate(size_t bytes) {
  if (bytes > SIZE_MAX / 2) throw Error(ErrorCode::kOutOfMemory, "a block of " + std::to_string(bytes) + " bytes");
  const size_t size = RoundedSize(bytes);
  void* block = nullptr;
  {
    std::lock_guard lock(mutex_);
    // A kept block up to a quarter larger is good enough.
    if (auto it = kept_.lower_bound(size); it != kept_.end() && it->first <= size + size / 4) {
      block = it->second;
      const size_t found = it->first;
      kept_.erase(it);
      kept_bytes_ -= found;
      used_bytes_ += found;
      peak_bytes_ = std::max(peak_bytes_, used_bytes_ + kept_bytes_);
      return {block, [pool = shared_from_this(), found](void* p) { pool->Return(p, found); }};
    }
    if (used_bytes_ + kept_bytes_ + size > limit_) TrimLocked();
    if (used_bytes_ + size > limit_)
      throw Error(ErrorCode::kOutOfMemory, "the memory limit of " + std::to_string(limit_) + " bytes does not allow " +
                                               std::to_string(size) + " more beside " + std::to_string(used_bytes_) +
                                               " in use");
    used_bytes_ += size;
    peak_bytes_ = std::max(peak_bytes_, used_bytes_ + kept_bytes_);
  }
  block = source_.allocate(size);
  if (!block) {
    std::lock_guard lock(mutex_);
    used_bytes_ -= size;
    throw Error(ErrorCode::kOutOfMemory, "cannot allocate " + std::to_string(size) + " bytes");
  }
  return {block, [pool = shared_from_this(), size](void* p) { pool->Return(p, size); }};
}

void BlockPool::Return(void* block, size_t bytes) {
  std::lock_guard lock(mutex_);
  used_bytes_ -= bytes;
  kept_bytes_ += bytes;
  kept_.emplace(bytes, block);
}

void BlockPool::Trim() {
  std::lock_guard lock(mutex_);
  TrimLocked();
}

void BlockPool::TrimLocked() {
  for (auto& [bytes, block] : kept_) source_.free(block);
  kept_.clear();
  kept_bytes_ = 0;
}

size_t BlockPool::bytes_in_use() const {
  std::lock_guard lock(mutex_);
  return used_bytes_;
}

size_t BlockPool::bytes_kept() const {
  std::lock_guard lock(mutex_);
  return kept_bytes_;
}

size_t BlockPool::peak_bytes() const {
  std::lock_guard lock(mutex_);
  return peak_bytes_;
}

}  // namespace onda
