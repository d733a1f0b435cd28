// The device's address space. Kernels and copies see it while they run; at other times a touch of the host ends the
// process with a message. Pinned host memory is watched in the same way while copies of it are pending.
#ifndef ONDA_TESTS_CUDA_SIM_DEVICE_MEMORY_H_
#define ONDA_TESTS_CUDA_SIM_DEVICE_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "tests/cuda_sim/shadow.h"

namespace onda::cuda_sim {

class DeviceMemory {
 public:
  static constexpr size_t kCapacity = size_t{4} << 30;
  static constexpr size_t kRedZone = 256;

  DeviceMemory();
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  // nullptr where `limit` bytes would be exceeded. Contents are fresh; addresses are used again late.
  void* Allocate(size_t bytes);
  // False where nothing was allocated there.
  bool Free(void* memory);
  size_t free_bytes() const { return limit_ - used_; }
  void set_limit(size_t bytes) { limit_ = bytes; }

  const Region& region() const { return region_; }
  bool Holds(const void* p) const { return region_.Holds(p); }
  // Whether [p, p + bytes) lies in one live allocation.
  bool Live(const void* p, size_t bytes) const;
  // "buffer 3 (4096 bytes), byte 4100".
  std::string Describe(const void* p) const;
  void MarkFresh(const void* p, size_t bytes);
  void MarkWritten(const void* p, size_t bytes);

  // Opens the memory for the kernel or copy that runs, and closes it.
  void Open();
  void Close();

 private:
  struct Block {
    size_t bytes;
    uint64_t number;
    bool live;
  };
  Region region_;
  size_t high_ = kRedZone;  // bytes in use from the base on
  size_t used_ = 0;
  size_t limit_ = kCapacity / 2;
  uint64_t numbers_ = 0;
  std::map<size_t, Block> blocks_;  // by offset; freed ones stay until their addresses are used again
  std::deque<size_t> freed_;        // oldest first
  size_t freed_bytes_ = 0;
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_DEVICE_MEMORY_H_
