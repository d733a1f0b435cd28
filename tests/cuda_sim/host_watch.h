// Ends the process, with a message, where host code touches what it must not: device memory, or pinned memory that a
// pending copy still writes (any touch) or reads (a write).
#ifndef ONDA_TESTS_CUDA_SIM_HOST_WATCH_H_
#define ONDA_TESTS_CUDA_SIM_HOST_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace onda::cuda_sim {

class DeviceMemory;

class HostWatch {
 public:
  // One for the process, as signal handlers are.
  static HostWatch& Get();

  void AddDevice(DeviceMemory* memory);
  void RemoveDevice(const DeviceMemory* memory);

  // The device whose memory holds the address; null where none does.
  DeviceMemory* DeviceOf(const void* p);

  void* AllocatePinned(size_t bytes);
  // What is against it, or "".
  std::string FreePinned(void* memory);
  bool IsPinned(const void* p);
  size_t pinned_bytes();

  // A copy that was asked for and has not run. Memory that is not pinned is not watched.
  uint64_t BeginPending(const void* p, size_t bytes, bool copy_writes, const std::string& what);
  // The copy runs: memory is open to it until EndPending.
  void Open(uint64_t pending);
  void EndPending(uint64_t pending);

  // Called by the signal handler: prints what the address is. False where it is nobody's here.
  bool Explain(const void* address, bool write);
  // Whether only other bytes of the same pages are watched: the touch is let through.
  bool Neighbour(const void* address, bool write);
  void Reprotect();

 private:
  struct Pinned {
    char* base;
    size_t bytes;
  };
  struct Pending {
    uint64_t id;
    char* base;
    size_t bytes;
    bool copy_writes;
    std::string what;
  };
  HostWatch();
  void Protect(const char* begin, size_t bytes);

  std::recursive_mutex mutex_;
  std::vector<DeviceMemory*> devices_;
  std::vector<Pinned> pinned_;
  std::vector<Pending> pending_;
  uint64_t ids_ = 0;
  char* let_through_ = nullptr;  // a page that is open for one instruction
};

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_HOST_WATCH_H_
