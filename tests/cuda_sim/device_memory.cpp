#include "tests/cuda_sim/device_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "tests/cuda_sim/host_watch.h"

namespace onda::cuda_sim {
namespace {

template <class T>
T* Reserve(size_t bytes, int protection) {
  void* p = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return static_cast<T*>(p);
}

size_t RoundUp(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

// Freed bytes that are kept from being used again.
constexpr size_t kQuarantine = size_t{64} << 20;
constexpr size_t kPoisonAtMost = size_t{16} << 20;

}  // namespace

DeviceMemory::DeviceMemory() {
  constexpr int kOpen = PROT_READ | PROT_WRITE;
  region_.bytes = kCapacity;
  region_.base = Reserve<char>(kCapacity, PROT_NONE);
  region_.state = Reserve<uint8_t>(kCapacity, kOpen);
  region_.words = Reserve<Cell>(kCapacity / 4 * sizeof(Cell), kOpen);
  region_.single = Reserve<Cell>(kCapacity * sizeof(Cell), kOpen);
  HostWatch::Get().AddDevice(this);
}

DeviceMemory::~DeviceMemory() {
  HostWatch::Get().RemoveDevice(this);
  munmap(region_.base, kCapacity);
  munmap(region_.state, kCapacity);
  munmap(region_.words, kCapacity / 4 * sizeof(Cell));
  munmap(region_.single, kCapacity * sizeof(Cell));
}

void* DeviceMemory::Allocate(size_t bytes) {
  const size_t room = RoundUp(std::max<size_t>(bytes, 1), 256) + kRedZone;
  if (bytes > limit_ || used_ + bytes > limit_) return nullptr;
  size_t offset = 0;
  // The oldest freed block that fits exactly, once enough is in quarantine.
  for (auto it = freed_.begin(); freed_bytes_ > kQuarantine && it != freed_.end(); ++it) {
    const size_t at = *it;
    if (RoundUp(std::max<size_t>(blocks_[at].bytes, 1), 256) + kRedZone != room) continue;
    freed_.erase(it);
    freed_bytes_ -= blocks_[at].bytes;
    offset = at;
    break;
  }
  if (offset == 0) {
    if (high_ + room > kCapacity) return nullptr;
    offset = high_;
    high_ += room;
  }
  blocks_[offset] = {bytes, ++numbers_, true};
  used_ += bytes;
  std::memset(region_.state + offset, kFresh, bytes);
  std::memset(region_.state + offset + bytes, kForbidden, room - bytes);
  if (bytes <= kPoisonAtMost) {
    Open();
    std::memset(region_.base + offset, 0xcb, bytes);
    Close();
  }
  return region_.base + offset;
}

bool DeviceMemory::Free(void* memory) {
  if (!Holds(memory)) return false;
  const size_t offset = static_cast<size_t>(static_cast<char*>(memory) - region_.base);
  const auto it = blocks_.find(offset);
  if (it == blocks_.end() || !it->second.live) return false;
  it->second.live = false;
  used_ -= it->second.bytes;
  std::memset(region_.state + offset, kFreed, it->second.bytes);
  freed_.push_back(offset);
  freed_bytes_ += it->second.bytes;
  return true;
}

bool DeviceMemory::Live(const void* p, size_t bytes) const {
  if (!Holds(p)) return false;
  const size_t offset = static_cast<size_t>(static_cast<const char*>(p) - region_.base);
  auto it = blocks_.upper_bound(offset);
  if (it == blocks_.begin()) return false;
  --it;
  return it->second.live && offset + bytes <= it->first + it->second.bytes;
}

std::string DeviceMemory::Describe(const void* p) const {
  const size_t offset = static_cast<size_t>(static_cast<const char*>(p) - region_.base);
  auto it = blocks_.upper_bound(offset);
  if (!Holds(p) || it == blocks_.begin()) return "no buffer";
  --it;
  return "buffer " + std::to_string(it->second.number) + " (" + std::to_string(it->second.bytes) + " bytes" +
         (it->second.live ? "" : ", freed") + "), byte " + std::to_string(offset - it->first);
}

void DeviceMemory::MarkFresh(const void* p, size_t bytes) {
  std::memset(region_.state + (static_cast<const char*>(p) - region_.base), kFresh, bytes);
}
void DeviceMemory::MarkWritten(const void* p, size_t bytes) {
  std::memset(region_.state + (static_cast<const char*>(p) - region_.base), kWritten, bytes);
}

void DeviceMemory::Open() { mprotect(region_.base, RoundUp(high_, 4096), PROT_READ | PROT_WRITE); }
void DeviceMemory::Close() { mprotect(region_.base, RoundUp(high_, 4096), PROT_NONE); }

}  // namespace onda::cuda_sim
