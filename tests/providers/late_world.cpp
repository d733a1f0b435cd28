#include "tests/providers/late_world.h"

#include <sys/mman.h>
#include <unistd.h>

#include "onda/types.h"

namespace onda::late {

World& TheWorld() {
  static World world;
  return world;
}

namespace {

char* Map(int fd, int protection) {
  void* mapped = mmap(nullptr, kRegionBytes, protection, MAP_SHARED, fd, 0);
  return mapped == MAP_FAILED ? nullptr : static_cast<char*>(mapped);
}

}  // namespace

Device::Device() {
  const int fd = memfd_create("late_device", 0);
  const bool made = fd >= 0 && ftruncate(fd, kRegionBytes) == 0;
  if (made) real = Map(fd, PROT_READ | PROT_WRITE);
  if (made) face = Map(fd, PROT_NONE);
  if (fd >= 0) close(fd);
  if (real && face) return;
  if (real) munmap(real, kRegionBytes);
  if (face) munmap(face, kRegionBytes);
  throw Error(ErrorCode::kOutOfMemory, "no memory for the device");
}

Device::~Device() {
  munmap(real, kRegionBytes);
  munmap(face, kRegionBytes);
}

void Device::Count(const char* what) {
  if (++calls == fail_at) throw Error(ErrorCode::kRuntime, std::string("planted failure of ") + what);
}

// An address of any device, where its bytes are.
void* RealOfAny(const void* p) {
  for (Device* device : TheWorld().devices)
    if (device->Owns(p)) return device->Real(p);
  return const_cast<void*>(p);
}

// The stream records and cannot record that.
[[noreturn]] void Spoil(Stream& stream, const std::string& what) {
  stream.recording->spoilt = what;
  throw Error(ErrorCode::kNotImplemented, what + " cannot be captured");
}

}  // namespace onda::late
