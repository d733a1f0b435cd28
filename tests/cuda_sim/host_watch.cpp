#include "tests/cuda_sim/host_watch.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "tests/cuda_sim/device_memory.h"

namespace onda::cuda_sim {
namespace {

constexpr uintptr_t kPage = 4096;
constexpr greg_t kTrapFlag = 0x100;
constexpr greg_t kPageFaultWrite = 2;

char* PageOf(const void* p) { return reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(p) & ~(kPage - 1)); }

struct sigaction previous_fault, previous_trap;

void OnTrap(int, siginfo_t*, void* context) {
  HostWatch::Get().Reprotect();
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
}

void OnFault(int signal, siginfo_t* info, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const bool write = registers[REG_ERR] & kPageFaultWrite;
  if (HostWatch::Get().Neighbour(info->si_addr, write)) {
    registers[REG_EFL] |= kTrapFlag;  // comes back after one instruction
    return;
  }
  if (HostWatch::Get().Explain(info->si_addr, write)) _exit(134);
  sigaction(signal, &previous_fault, nullptr);  // not ours: as it was before
}

}  // namespace

HostWatch& HostWatch::Get() {
  static HostWatch* watch = new HostWatch;
  return *watch;
}

HostWatch::HostWatch() {
  struct sigaction action = {};
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  action.sa_sigaction = OnFault;
  sigaction(SIGSEGV, &action, &previous_fault);
  action.sa_sigaction = OnTrap;
  sigaction(SIGTRAP, &action, &previous_trap);
}

void HostWatch::AddDevice(DeviceMemory* memory) {
  const std::lock_guard lock(mutex_);
  devices_.push_back(memory);
}
void HostWatch::RemoveDevice(const DeviceMemory* memory) {
  const std::lock_guard lock(mutex_);
  std::erase(devices_, memory);
}

DeviceMemory* HostWatch::DeviceOf(const void* p) {
  const std::lock_guard lock(mutex_);
  for (DeviceMemory* memory : devices_)
    if (memory->Holds(p)) return memory;
  return nullptr;
}

void* HostWatch::AllocatePinned(size_t bytes) {
  const size_t room = (std::max<size_t>(bytes, 1) + kPage - 1) / kPage * kPage;
  void* p = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  std::memset(p, 0xcb, room);
  const std::lock_guard lock(mutex_);
  pinned_.push_back({static_cast<char*>(p), room});
  return p;
}

std::string HostWatch::FreePinned(void* memory) {
  const std::lock_guard lock(mutex_);
  for (auto it = pinned_.begin(); it != pinned_.end(); ++it) {
    if (it->base != memory) continue;
    for (const Pending& p : pending_)
      if (p.base >= it->base && p.base < it->base + it->bytes)
        return "pinned host memory is freed while " + p.what + " is pending";
    munmap(it->base, it->bytes);
    pinned_.erase(it);
    return "";
  }
  return "free of host memory that was not allocated";
}

size_t HostWatch::pinned_bytes() {
  const std::lock_guard lock(mutex_);
  size_t bytes = 0;
  for (const Pinned& m : pinned_) bytes += m.bytes;
  return bytes;
}

bool HostWatch::IsPinned(const void* p) {
  const std::lock_guard lock(mutex_);
  return std::any_of(pinned_.begin(), pinned_.end(),
                     [&](const Pinned& m) { return p >= m.base && p < m.base + m.bytes; });
}

void HostWatch::Protect(const char* begin, size_t bytes) {
  const char* const end = begin + bytes;
  for (char* page = PageOf(begin); page < end; page += kPage) {
    int protection = PROT_READ | PROT_WRITE;
    for (const Pending& p : pending_) {
      if (p.base + p.bytes <= page || p.base >= page + kPage) continue;
      protection = p.copy_writes ? PROT_NONE : protection == PROT_NONE ? PROT_NONE : PROT_READ;
    }
    mprotect(page, kPage, protection);
  }
}

uint64_t HostWatch::BeginPending(const void* p, size_t bytes, bool copy_writes, const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (bytes == 0 || !IsPinned(p)) return 0;
  pending_.push_back({++ids_, static_cast<char*>(const_cast<void*>(p)), bytes, copy_writes, what});
  Protect(pending_.back().base, bytes);
  return ids_;
}

void HostWatch::Open(uint64_t id) {
  const std::lock_guard lock(mutex_);
  for (const Pending& p : pending_)
    if (p.id == id)
      mprotect(PageOf(p.base), static_cast<size_t>(p.base + p.bytes - PageOf(p.base)), PROT_READ | PROT_WRITE);
}

void HostWatch::EndPending(uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto it = std::find_if(pending_.begin(), pending_.end(), [&](const Pending& p) { return p.id == id; });
  if (it == pending_.end()) return;
  const Pending ended = *it;
  pending_.erase(it);
  Protect(ended.base, ended.bytes);
}

bool HostWatch::Explain(const void* address, bool writes) {
  const char* act = writes ? "writes" : "reads";
  char message[512] = "";
  for (const DeviceMemory* memory : devices_)
    if (memory->Holds(address))
      std::snprintf(message, sizeof(message), "cuda_sim: host code %s device memory: %s\n", act,
                    memory->Describe(address).c_str());
  for (const Pending& p : pending_)
    if (address >= p.base && address < p.base + p.bytes)
      std::snprintf(message, sizeof(message), "cuda_sim: host code %s byte %zu of pinned memory while %s is pending\n",
                    act, static_cast<size_t>(static_cast<const char*>(address) - p.base), p.what.c_str());
  if (!message[0]) return false;
  return write(STDERR_FILENO, message, std::strlen(message)) > 0;
}

bool HostWatch::Neighbour(const void* address, bool write) {
  const std::lock_guard lock(mutex_);
  char* const page = PageOf(address);
  bool watched_page = false;
  for (const Pending& p : pending_) {
    if (p.base + p.bytes <= page || p.base >= page + kPage) continue;
    watched_page = true;
    if (address >= p.base && address < p.base + p.bytes && (p.copy_writes || write)) return false;
  }
  if (!watched_page) return false;
  let_through_ = page;
  mprotect(page, kPage, PROT_READ | PROT_WRITE);
  return true;
}

void HostWatch::Reprotect() {
  const std::lock_guard lock(mutex_);
  if (let_through_) Protect(let_through_, kPage);
  let_through_ = nullptr;
}

}  // namespace onda::cuda_sim
