// Numbers of a model's attributes that a kernel reads on the device. Host code.
#ifndef ONDA_KERNELS_DEVICE_CONSTANTS_H_
#define ONDA_KERNELS_DEVICE_CONSTANTS_H_

#include <cstring>
#include <mutex>
#include <vector>

#include "providers/cuda/device.h"

namespace onda::cuda {

// Lists one behind another, each aligned to 16 bytes, copied to a device by Prepare, or else when one is first used
// there: that launch alone allocates and waits.
class DeviceConstants {
 public:
  // Where a list lies.
  struct List {
    size_t offset = 0, bytes = 0;
  };

  DeviceConstants() = default;
  ~DeviceConstants() {
    for (const Copy& c : copies_) c.device->Free(c.memory);
  }
  DeviceConstants(const DeviceConstants&) = delete;
  DeviceConstants& operator=(const DeviceConstants&) = delete;

  // Before the first use.
  template <class T>
  List Add(const std::vector<T>& values) {
    const List list{(host_.size() + 15) / 16 * 16, values.size() * sizeof(T)};
    host_.resize(list.offset + list.bytes);
    if (list.bytes > 0) std::memcpy(host_.data() + list.offset, values.data(), list.bytes);
    return list;
  }

  // Copies them to the stream's device, unless they are there.
  void Prepare(Stream& stream) const {
    if (!host_.empty()) MemoryOn(stream);
  }

  // No memory for an empty list.
  Buffer On(Stream& stream, const List& list) const {
    if (list.bytes == 0) return {};
    return {static_cast<char*>(MemoryOn(stream)) + list.offset, list.bytes};
  }

 private:
  struct Copy {
    Device* device;
    void* memory;
  };
  void* MemoryOn(Stream& stream) const {
    Device& device = stream.device();
    const std::lock_guard lock(mutex_);
    for (const Copy& c : copies_)
      if (c.device == &device) return c.memory;
    copies_.reserve(copies_.size() + 1);
    void* const memory = device.Allocate(host_.size());
    copies_.push_back({&device, memory});
    device.Copy(memory, host_.data(), host_.size(), kOndaHostToDevice, stream);
    device.Synchronize(stream);  // other streams may use it next
    return memory;
  }

  std::vector<char> host_;
  mutable std::mutex mutex_;
  mutable std::vector<Copy> copies_;
};

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_CONSTANTS_H_
