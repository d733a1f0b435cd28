#include "tests/cuda_sim/shared_memory.h"

#include <cstring>

// The linker's names for the section that __shared__ variables are put in.
extern "C" {
extern char __start_onda_shared[] __attribute__((weak));
extern char __stop_onda_shared[] __attribute__((weak));
}

namespace onda::cuda_sim {
namespace {

constexpr size_t kDynamicBytes = 228 * 1024, kRedZone = 4096;

void AddShadow(Region& region) {
  region.allowed = new uint8_t[region.bytes]();
  region.words = new Cell[region.bytes / 4 + 1]();
  region.single = new Cell[region.bytes + 4]();
}

}  // namespace

SharedMemory& SharedMemory::Get() {
  static SharedMemory memory;
  return memory;
}

SharedMemory::SharedMemory() {
  fixed_.base = __start_onda_shared;
  fixed_.bytes = static_cast<size_t>(__stop_onda_shared - __start_onda_shared);
  AddShadow(fixed_);
  variables_ = Symbols::Program().Between(__start_onda_shared, __stop_onda_shared);
  number_.assign(fixed_.bytes / kAlignment + 1, static_cast<uint32_t>(variables_.size()));
  for (size_t i = 0; i < variables_.size(); ++i) {
    const size_t at = variables_[i].address - reinterpret_cast<uintptr_t>(fixed_.base), bytes = variables_[i].bytes;
    std::memset(fixed_.allowed + at, 1, bytes);
    for (size_t k = at / kAlignment; k <= (at + bytes - 1) / kAlignment; ++k) number_[k] = static_cast<uint32_t>(i);
  }
  dynamic_.base = static_cast<char*>(::operator new(kDynamicBytes + kRedZone, std::align_val_t{1024}));
  dynamic_.bytes = kDynamicBytes + kRedZone;
  AddShadow(dynamic_);
}

void SharedMemory::SetDynamicBytes(size_t bytes) {
  std::memset(dynamic_.allowed, 1, bytes);
  std::memset(dynamic_.allowed + bytes, 0, dynamic_.bytes - bytes);
}

size_t SharedMemory::BytesOf(const std::vector<bool>& variables) const {
  size_t bytes = 0;
  for (size_t i = 0; i < variables_.size() && i < variables.size(); ++i)
    if (variables[i]) bytes += variables_[i].bytes;
  return bytes;
}

std::string SharedMemory::Describe(const void* p) const {
  if (dynamic_.Holds(p))
    return "dynamic shared memory, byte " + std::to_string(static_cast<const char*>(p) - dynamic_.base);
  const uintptr_t at = reinterpret_cast<uintptr_t>(p);
  const Symbol* nearest = nullptr;
  for (const Symbol& v : variables_)
    if (v.address <= at) nearest = &v;
  if (!nearest) return "shared memory";
  const size_t name = nearest->name.rfind("::");
  return "shared variable " + (name == std::string::npos ? nearest->name : nearest->name.substr(name + 2)) + " (" +
         std::to_string(nearest->bytes) + " bytes), byte " + std::to_string(at - nearest->address);
}

}  // namespace onda::cuda_sim
