// Definitions in the program come before those of libraries, for the libraries' own calls too.
#include "tests/faults/fault.h"

#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "tests/sanitized.h"

namespace onda::faults {
namespace {

std::atomic<int> armed{-1};
std::atomic<int64_t> calls{0}, failing{0};
bool trace = false;
std::atomic<int64_t> blocks{0}, pages{0}, aligned{0};

bool Fails(Kind kind) {
  if (armed.load(std::memory_order_relaxed) != static_cast<int>(kind)) return false;
  if (++calls != failing.load(std::memory_order_relaxed)) return false;
  if (trace) {
    void* stack[48];
    backtrace_symbols_fd(stack, backtrace(stack, 48), 2);
  }
  return true;
}

int64_t Pages(size_t bytes) { return static_cast<int64_t>((bytes + 4095) / 4096); }

}  // namespace

const char* NameOf(Kind kind) {
  constexpr const char* kNames[] = {"allocation", "mapping", "read", "thread creation"};
  return kNames[static_cast<int>(kind)];
}

bool CanFail(Kind kind) { return !ONDA_SANITIZED || kind == Kind::kAllocation; }

void Arm(Kind kind, int64_t nth) {
  calls = 0;
  failing = nth;
  armed = static_cast<int>(kind);
}

void Trace(bool on) { trace = on; }

int64_t Disarm() {
  armed = -1;
  return calls;
}

Holdings Held() {
  int64_t files = 0;
  if (DIR* folder = opendir("/proc/self/fd")) {
    while (readdir(folder)) ++files;
    closedir(folder);
  }
  return {blocks, aligned, pages, files};
}

std::string ToString(const Holdings& h) {
  return std::to_string(h.blocks) + " blocks, " + std::to_string(h.aligned) + " aligned blocks, " +
         std::to_string(h.mappings) + " mapped pages, " + std::to_string(h.files) + " files";
}

void* NewBlock(size_t size, size_t alignment) {
  if (Fails(Kind::kAllocation)) return nullptr;
  void* block = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    block = std::malloc(size ? size : 1);
  } else if (posix_memalign(&block, alignment, size ? size : 1) != 0) {
    block = nullptr;
  }
  if (block) ++blocks;
  return block;
}

void* NewBlockOrThrow(size_t size, size_t alignment) {
  void* block = NewBlock(size, alignment);
  if (!block) throw std::bad_alloc();
  return block;
}

void DeleteBlock(void* block) {
  if (block) --blocks;
  std::free(block);
}

}  // namespace onda::faults

using onda::faults::DeleteBlock;
using onda::faults::NewBlock;
using onda::faults::NewBlockOrThrow;

void* operator new(size_t size) { return NewBlockOrThrow(size, 1); }
void* operator new[](size_t size) { return NewBlockOrThrow(size, 1); }
void* operator new(size_t size, std::align_val_t a) { return NewBlockOrThrow(size, static_cast<size_t>(a)); }
void* operator new[](size_t size, std::align_val_t a) { return NewBlockOrThrow(size, static_cast<size_t>(a)); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return NewBlock(size, 1); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return NewBlock(size, 1); }
void operator delete(void* p) noexcept { DeleteBlock(p); }
void operator delete[](void* p) noexcept { DeleteBlock(p); }
void operator delete(void* p, size_t) noexcept { DeleteBlock(p); }
void operator delete[](void* p, size_t) noexcept { DeleteBlock(p); }
void operator delete(void* p, std::align_val_t) noexcept { DeleteBlock(p); }
void operator delete[](void* p, std::align_val_t) noexcept { DeleteBlock(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { DeleteBlock(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { DeleteBlock(p); }

#if !ONDA_SANITIZED
namespace onda::faults {
namespace {

template <class Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// Blocks of aligned_alloc, which free() gives back like all others: a small open table of their addresses.
constexpr size_t kSlots = 1 << 16;
std::array<std::atomic<void*>, kSlots> aligned_blocks;
size_t SlotOf(const void* p) { return (reinterpret_cast<uintptr_t>(p) >> 6) * 0x9e3779b97f4a7c15u >> 48; }

}  // namespace
}  // namespace onda::faults

// Seen by the libraries too.
#pragma GCC visibility push(default)
extern "C" {

void __libc_free(void*);  // glibc's own; dlsym() itself allocates, and cannot be asked here

void* aligned_alloc(size_t alignment, size_t size) noexcept {
  using namespace onda::faults;
  if (Fails(Kind::kAllocation)) return nullptr;
  void* block = nullptr;
  if (posix_memalign(&block, alignment, size) != 0) return nullptr;
  for (size_t slot = SlotOf(block), tries = 0; tries < kSlots; ++tries, slot = (slot + 1) % kSlots) {
    void* empty = nullptr;
    if (!aligned_blocks[slot].compare_exchange_strong(empty, block)) continue;
    ++aligned;
    break;
  }
  return block;
}

void free(void* p) noexcept {
  using namespace onda::faults;
  if (aligned > 0 && p) {
    // Slots are never marked as removed: a block is looked for a few places on.
    for (size_t slot = SlotOf(p), tries = 0; tries < 64; ++tries, slot = (slot + 1) % kSlots) {
      void* found = p;
      if (!aligned_blocks[slot].compare_exchange_strong(found, nullptr)) continue;
      --aligned;
      break;
    }
  }
  __libc_free(p);
}

void* mmap(void* at, size_t size, int protection, int flags, int file, off_t offset) noexcept {
  using namespace onda::faults;
  static auto* const real = Real<void*(void*, size_t, int, int, int, off_t)>("mmap");
  if (Fails(Kind::kMapping)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void* mapped = real(at, size, protection, flags, file, offset);
  if (mapped != MAP_FAILED) pages += Pages(size);
  return mapped;
}

int munmap(void* at, size_t size) noexcept {
  using namespace onda::faults;
  static auto* const real = Real<int(void*, size_t)>("munmap");
  pages -= Pages(size);
  return real(at, size);
}

void* mremap(void* at, size_t old_size, size_t size, int flags, ...) noexcept {
  using namespace onda::faults;
  static auto* const real = Real<void*(void*, size_t, size_t, int)>("mremap");
  if (Fails(Kind::kMapping)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  void* mapped = real(at, old_size, size, flags);
  if (mapped != MAP_FAILED) pages += Pages(size) - Pages(old_size);
  return mapped;
}

int open(const char* path, int flags, ...) {
  using namespace onda::faults;
  static auto* const real = Real<int(const char*, int, mode_t)>("open");
  va_list list;
  va_start(list, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
  va_end(list);
  if (Fails(Kind::kRead)) {
    errno = EIO;
    return -1;
  }
  return real(path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  using namespace onda::faults;
  static auto* const real = Real<int(int, const char*, int, mode_t)>("openat");
  va_list list;
  va_start(list, flags);
  const mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
  va_end(list);
  if (Fails(Kind::kRead)) {
    errno = EIO;
    return -1;
  }
  return real(folder, path, flags, mode);
}

int fstat(int file, struct stat* out) noexcept {
  using namespace onda::faults;
  static auto* const real = Real<int(int, struct stat*)>("fstat");
  if (Fails(Kind::kRead)) {
    errno = EIO;
    return -1;
  }
  return real(file, out);
}

ssize_t read(int file, void* to, size_t size) {
  using namespace onda::faults;
  static auto* const real = Real<ssize_t(int, void*, size_t)>("read");
  if (Fails(Kind::kRead)) {
    errno = EIO;
    return -1;
  }
  return real(file, to, size);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) noexcept {
  using namespace onda::faults;
  static auto* const real = Real<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
  if (Fails(Kind::kThread)) return EAGAIN;
  return real(thread, attributes, start, argument);
}

}  // extern "C"
#pragma GCC visibility pop
#endif  // !ONDA_SANITIZED
