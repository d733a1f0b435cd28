// What instrumented device code calls: the names that -fsanitize=thread gives its checks, and the shim's.
// Outside of kernels they do nothing.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tests/cuda_sim/kernel_run.h"

using onda::cuda_sim::KernelRun;
using onda::cuda_sim::Mode;

namespace {
inline void Check(const void* p, size_t n, Mode mode, const void* pc) {
  if (KernelRun* run = KernelRun::Current()) run->Access(p, n, mode, pc);
}
}  // namespace

extern "C" {

#define ONDA_HOOKS(n)                                                                                              \
  void __tsan_read##n(void* p) { Check(p, n, Mode::kRead, __builtin_return_address(0)); }                          \
  void __tsan_write##n(void* p) { Check(p, n, Mode::kWrite, __builtin_return_address(0)); }                        \
  void __tsan_unaligned_read##n(void* p) { Check(p, n, Mode::kRead, __builtin_return_address(0)); }                \
  void __tsan_unaligned_write##n(void* p) { Check(p, n, Mode::kWrite, __builtin_return_address(0)); }              \
  void __tsan_volatile_read##n(void* p) { Check(p, n, Mode::kRead, __builtin_return_address(0)); }                 \
  void __tsan_volatile_write##n(void* p) { Check(p, n, Mode::kWrite, __builtin_return_address(0)); }               \
  void __tsan_read_write##n(void* p) {                                                                             \
    Check(p, n, Mode::kRead, __builtin_return_address(0)), Check(p, n, Mode::kWrite, __builtin_return_address(0)); \
  }
ONDA_HOOKS(1)
ONDA_HOOKS(2)
ONDA_HOOKS(4)
ONDA_HOOKS(8)
ONDA_HOOKS(16)
#undef ONDA_HOOKS

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_read(void**) {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_read_range(void* p, size_t n) { Check(p, n, Mode::kRead, __builtin_return_address(0)); }
void __tsan_write_range(void* p, size_t n) { Check(p, n, Mode::kWrite, __builtin_return_address(0)); }
void* __tsan_memcpy(void* to, const void* from, size_t n) {
  if (n) Check(from, n, Mode::kRead, __builtin_return_address(0));
  if (n) Check(to, n, Mode::kWrite, __builtin_return_address(0));
  return std::memcpy(to, from, n);
}
void* __tsan_memmove(void* to, const void* from, size_t n) {
  if (n) Check(from, n, Mode::kRead, __builtin_return_address(0));
  if (n) Check(to, n, Mode::kWrite, __builtin_return_address(0));
  return std::memmove(to, from, n);
}
void* __tsan_memset(void* to, int value, size_t n) {
  if (n) Check(to, n, Mode::kWrite, __builtin_return_address(0));
  return std::memset(to, value, n);
}

// Host code of a .cu file uses atomics for its static variables; device code goes through the shim.
uint8_t __tsan_atomic8_load(const volatile uint8_t* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
uint32_t __tsan_atomic32_load(const volatile uint32_t* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
uint64_t __tsan_atomic64_load(const volatile uint64_t* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
void __tsan_atomic32_store(volatile uint32_t* p, uint32_t v, int) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
void __tsan_atomic64_store(volatile uint64_t* p, uint64_t v, int) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
void __tsan_atomic8_store(volatile uint8_t* p, uint8_t v, int) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
uint32_t __tsan_atomic32_fetch_add(volatile uint32_t* p, uint32_t v, int) {
  return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}
uint32_t __tsan_atomic32_fetch_sub(volatile uint32_t* p, uint32_t v, int) {
  return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST);
}
uint64_t __tsan_atomic64_fetch_add(volatile uint64_t* p, uint64_t v, int) {
  return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);
}
uint8_t __tsan_atomic8_exchange(volatile uint8_t* p, uint8_t v, int) {
  return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

}  // extern "C"

namespace onda::cuda_sim {

uint3 ThreadIndex() { return KernelRun::Current()->thread_index(); }
uint3 BlockIndex() { return KernelRun::Current()->block_index(); }
uint3 BlockSize() { return KernelRun::Current()->block_size(); }
uint3 GridSize() { return KernelRun::Current()->grid_size(); }
void* DynamicShared() { return KernelRun::Current()->dynamic_shared(); }

void CheckVector(const void* p, size_t bytes, bool write) {
  KernelRun& run = *KernelRun::Current();
  if (reinterpret_cast<uintptr_t>(p) % bytes != 0) {
    run.LeaveDeviceCode();
    run.Fail("a vector access of " + std::to_string(bytes) + " bytes that is not aligned to them",
             __builtin_return_address(0));
  }
  run.Access(p, bytes, write ? Mode::kWrite : Mode::kRead, __builtin_return_address(0));
}

int Barrier(BarrierKind kind, int predicate, int site) {
  return KernelRun::Current()->AtBarrier(kind, predicate, site);
}
void Collective(WarpOp op, unsigned mask, void* value, size_t bytes, int lane, int width) {
  KernelRun::Current()->InCollective(op, mask, value, bytes, lane, width);
}
unsigned ActiveLanes() { return KernelRun::Current()->ActiveLanes(); }
void Fence() { KernelRun::Current()->AtFence(); }
void AtomicAccess(void* p, size_t bytes) { KernelRun::Current()->AtAtomic(p, bytes, __builtin_return_address(0)); }
void SetConditional(unsigned long long condition, unsigned value) {
  KernelRun::Current()->SetCondition(condition, value);
}
void Trap(const char* what) { KernelRun::Current()->Fail(std::string("ends in ") + what, __builtin_return_address(0)); }

}  // namespace onda::cuda_sim
