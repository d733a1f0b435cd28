#include "providers/cuda/staging.h"

#include <algorithm>
#include <bit>
#include <exception>
#include <utility>

namespace onda::cuda {
namespace {

constexpr size_t kLeastBytes = size_t{64} << 10;
// What is kept at most.
constexpr size_t kKeptBytes = size_t{64} << 20;

}  // namespace

Staging::~Staging() { Trim(); }

std::shared_ptr<Staging::Block> Staging::Take(size_t bytes) {
  // A quarter is lost at most.
  const size_t step = std::max(std::bit_ceil(bytes) / 8, kLeastBytes);
  const size_t size = (bytes + step - 1) / step * step;
  void* data = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = free_.find(size); at != free_.end()) {
      data = at->second;
      free_.erase(at);
      free_bytes_ -= size;
    }
  }
  if (!data) data = device_.AllocateHost(size);
  try {
    return std::shared_ptr<Block>(new Block{this, data, size});
  } catch (const std::bad_alloc&) {
    Return(data, size);
    throw;
  }
}

void Staging::Return(void* data, size_t bytes) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (free_bytes_ + bytes <= kKeptBytes) {
      free_.emplace(bytes, data);
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
  std::multimap<size_t, void*> all;
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
