#include "providers/cuda/staging.h"

#include <algorithm>
#include <bit>
#include <exception>
#include <new>
#include <utility>

namespace onda::cuda {
namespace {

constexpr size_t kLeastBytes = size_t{64} << 10;
// What is kept at most.
constexpr size_t kKeptBytes = size_t{64} << 20;

}  // namespace

Staging::~Staging() {
  Trim();
  for (void* node : nodes_) ::operator delete(node);
}

void* Staging::TakeNode(size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (!nodes_.empty()) {
      void* const node = nodes_.back();
      nodes_.pop_back();
      return node;
    }
  }
  return ::operator new(bytes);
}

void Staging::ReturnNode(void* node) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    nodes_.push_back(node);
  } catch (const std::bad_alloc&) {
    ::operator delete(node);
  }
}

std::shared_ptr<Staging::Block> Staging::Take(size_t bytes) {
  // A quarter is lost at most.
  const size_t step = std::max(std::bit_ceil(bytes) / 8, kLeastBytes);
  const size_t size = (bytes + step - 1) / step * step;
  void* data = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto at = std::find_if(free_.begin(), free_.end(), [&](const auto& block) { return block.first == size; });
    if (at != free_.end()) {
      data = at->second;
      *at = free_.back();
      free_.pop_back();
      free_bytes_ -= size;
    }
  }
  if (!data) data = device_.AllocateHost(size);
  try {
    return std::allocate_shared<Block>(Nodes<Block>(this), this, data, size);
  } catch (const std::bad_alloc&) {
    Return(data, size);
    throw;
  }
}

void Staging::Return(void* data, size_t bytes) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (free_bytes_ + bytes <= kKeptBytes) {
      free_.emplace_back(bytes, data);
      free_bytes_ += bytes;
      return;
    }
  } catch (const std::bad_alloc&) {  // one block less is kept
  }
  try {
    device_.FreeHost(data);
  } catch (const Error&) {  // of a device that is lost
  }
}

void Staging::Trim() {
  std::vector<std::pair<size_t, void*>> all;
  {
    const std::lock_guard lock(mutex_);
    all = std::exchange(free_, {});
    free_bytes_ = 0;
  }
  for (const auto& [bytes, data] : all) {
    try {
      device_.FreeHost(data);
    } catch (const Error&) {  // of a device that is lost
    }
  }
}

}  // namespace onda::cuda
