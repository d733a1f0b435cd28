#include "core/runtime/block_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "onda/types.h"

namespace onda {

// A piece of memory, and room for the shared_ptr that hands it out.
struct BlockPool::Block {
  void* memory;
  size_t size;
  std::chrono::steady_clock::time_point returned;
  alignas(std::max_align_t) unsigned char owner[128];
};

// Puts the control block of a shared_ptr into the block that it hands out. The block returns to its pool when the
// control block is gone, since another thread may take it at once.
template <class T>
struct BlockPool::OwnerAllocator {
  using value_type = T;
  std::shared_ptr<BlockPool> pool;
  Block* block;

  OwnerAllocator(std::shared_ptr<BlockPool> p, Block* b) : pool(std::move(p)), block(b) {}
  template <class U>
  OwnerAllocator(const OwnerAllocator<U>& other) : pool(other.pool), block(other.block) {}  // NOLINT: implicit
  T* allocate(size_t) {
    static_assert(sizeof(T) <= sizeof(Block::owner));
    return reinterpret_cast<T*>(block->owner);
  }
  void deallocate(T*, size_t) noexcept { pool->Return(block); }
  bool operator==(const OwnerAllocator&) const = default;
};

namespace {

// Larger blocks are mappings of their own.
constexpr size_t kMapped = size_t{256} << 10;

// Small sizes are rounded to 256 bytes, larger ones to an eighth of their power of two, so that blocks are found again
// by runs of similar shapes.
size_t RoundedSize(size_t bytes) {
  size_t step = 256;
  while (step * 16 < bytes) step *= 2;
  return (std::max<size_t>(bytes, 1) + step - 1) / step * step;
}

struct KeepMemory {
  void operator()(void*) const {}
};

[[noreturn]] void ThrowLimit(const char* whose, size_t limit, size_t wanted, size_t used) {
  throw Error(ErrorCode::kOutOfMemory, "the " + std::string(whose) + "memory limit of " + std::to_string(limit) +
                                           " bytes does not allow " + std::to_string(wanted) + " more beside " +
                                           std::to_string(used) + " in use");
}

}  // namespace

BlockPool::Source BlockPool::HostSource() {
  return {[](size_t bytes) -> void* {
            if (bytes < kMapped) return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
            void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            return memory == MAP_FAILED ? nullptr : memory;
          },
          [](void* memory, size_t bytes) {
            if (bytes < kMapped) {
              std::free(memory);
            } else {
              munmap(memory, bytes);
            }
          }};
}

BlockPool::BlockPool(size_t limit) : BlockPool(limit ? limit : MemoryBudget().limit(), HostSource()) {}

BlockPool::BlockPool(size_t limit, Source source)
    : limit_(limit ? limit : SIZE_MAX), budget_(nullptr), source_(std::move(source)) {}

BlockPool::BlockPool(size_t limit, std::shared_ptr<MemoryBudget> budget)
    : limit_(limit ? limit : SIZE_MAX), budget_(std::move(budget)), source_(HostSource()) {}

std::shared_ptr<BlockPool> BlockPool::Make(size_t limit, std::shared_ptr<MemoryBudget> budget) {
  std::shared_ptr<BlockPool> pool(new BlockPool(limit, budget));
  budget->Join(pool);
  return pool;
}

BlockPool::~BlockPool() {
  for (Block* block : kept_) Destroy(block);
}

std::shared_ptr<void> BlockPool::Allocate(size_t bytes) {
  if (bytes > SIZE_MAX / 2) throw Error(ErrorCode::kOutOfMemory, "a block of " + std::to_string(bytes) + " bytes");
  const size_t size = RoundedSize(bytes);
  if (Block* block = TakeKept(size)) return Owned(block);
  return Owned(NewBlock(size));
}

std::shared_ptr<void> BlockPool::Owned(Block* block) {
  return {block->memory, KeepMemory(), OwnerAllocator<unsigned char>(shared_from_this(), block)};
}

// A kept block up to a quarter larger is good enough.
BlockPool::Block* BlockPool::TakeKept(size_t size) {
  const std::lock_guard lock(mutex_);
  const auto it = std::lower_bound(kept_.begin(), kept_.end(), size,
                                   [](const Block* b, size_t wanted) { return b->size < wanted; });
  if (it == kept_.end() || (*it)->size > size + size / 4) return nullptr;
  Block* block = *it;
  kept_.erase(it);
  kept_bytes_ -= block->size;
  used_bytes_ += block->size;
  return block;
}

BlockPool::Block* BlockPool::NewBlock(size_t size) {
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    full = used_bytes_ + kept_bytes_ + size > limit_;
  }
  if (full) Trim();
  auto block = std::make_unique<Block>();
  block->size = size;
  {
    const std::lock_guard lock(mutex_);
    if (used_bytes_ + kept_bytes_ + size > limit_) ThrowLimit("", limit_, size, used_bytes_);
    if (kept_.capacity() < blocks_ + 1) kept_.reserve(2 * blocks_ + 16);
    ++blocks_;
    used_bytes_ += size;
  }
  bool reserved = false;
  try {
    reserved = !budget_ || budget_->Reserve(size);
    if (!reserved) ThrowLimit("environment's ", budget_->limit(), size, budget_->used());
    block->memory = source_.allocate(size);
    if (!block->memory)
      throw Error(ErrorCode::kOutOfMemory, "no memory for a block of " + std::to_string(size) + " bytes");
  } catch (...) {
    if (budget_ && reserved) budget_->Release(size);
    const std::lock_guard lock(mutex_);
    --blocks_;
    used_bytes_ -= size;
    throw;
  }
  const std::lock_guard lock(mutex_);
  peak_bytes_ = std::max(peak_bytes_, used_bytes_ + kept_bytes_);
  return block.release();
}

void BlockPool::Return(Block* block) noexcept {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  block->returned = now;
  used_bytes_ -= block->size;
  kept_bytes_ += block->size;
  kept_.insert(std::lower_bound(kept_.begin(), kept_.end(), block->size,
                                [](const Block* b, size_t size) { return b->size < size; }),
               block);
}

void BlockPool::Destroy(Block* block) noexcept {
  source_.free(block->memory, block->size);
  if (budget_) budget_->Release(block->size);
  delete block;
}

void BlockPool::TrimIdle(std::chrono::steady_clock::time_point before) {
  std::vector<Block*> idle;
  {
    const std::lock_guard lock(mutex_);
    const auto first_idle =
        std::stable_partition(kept_.begin(), kept_.end(), [&](const Block* b) { return b->returned >= before; });
    idle.assign(first_idle, kept_.end());
    kept_.erase(first_idle, kept_.end());
    blocks_ -= idle.size();
    for (const Block* b : idle) kept_bytes_ -= b->size;
  }
  for (Block* block : idle) Destroy(block);
}

size_t BlockPool::limit() const { return budget_ ? std::min(limit_, budget_->limit()) : limit_; }

size_t BlockPool::bytes_in_use() const {
  const std::lock_guard lock(mutex_);
  return used_bytes_;
}

size_t BlockPool::bytes_kept() const {
  const std::lock_guard lock(mutex_);
  return kept_bytes_;
}

size_t BlockPool::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_bytes_;
}

}  // namespace onda
