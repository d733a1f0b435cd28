// What device code of the simulator calls.
#ifndef ONDA_TESTS_CUDA_SIM_DEVICE_CALLS_H_
#define ONDA_TESTS_CUDA_SIM_DEVICE_CALLS_H_

#include <stddef.h>

struct uint3 {
  unsigned x, y, z;
};

namespace onda::cuda_sim {

uint3 ThreadIndex();
uint3 BlockIndex();
uint3 BlockSize();
uint3 GridSize();
void* DynamicShared();
void CheckVector(const void* p, size_t bytes, bool write);

enum class BarrierKind { kPlain, kCount, kAnd, kOr };
int Barrier(BarrierKind kind, int predicate, int site);

enum class WarpOp { kSync, kShuffle, kShuffleUp, kShuffleDown, kShuffleXor, kBallot, kMatch };
// value is read and replaced by the result.
void Collective(WarpOp op, unsigned mask, void* value, size_t bytes, int lane, int width);
unsigned ActiveLanes();
void Fence();
// Checks an atomic access of this thread.
void AtomicAccess(void* p, size_t bytes);
void SetConditional(unsigned long long condition, unsigned value);
[[noreturn]] void Trap(const char* what);

}  // namespace onda::cuda_sim

#endif  // ONDA_TESTS_CUDA_SIM_DEVICE_CALLS_H_
