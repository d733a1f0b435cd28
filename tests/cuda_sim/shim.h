// CUDA's words for a host compiler, included before everything else when a .cu file is compiled for the simulator.
// Never defines __CUDACC__. What device code may call beyond this is nvcc's to say.
#ifndef ONDA_TESTS_CUDA_SIM_SHIM_H_
#define ONDA_TESTS_CUDA_SIM_SHIM_H_

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/cuda_sim/device_calls.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
// The bound stands as a count of no-operations ahead of the function, a 32nd of it: launch_bounds.h finds it there.
#define ONDA_BOUND_OF(threads, ...) ((threads) / 32)
#define __launch_bounds__(...) \
  __attribute__((patchable_function_entry(ONDA_BOUND_OF(__VA_ARGS__, 0), ONDA_BOUND_OF(__VA_ARGS__, 0))))
#define __constant__ static
#define __grid_constant__
// All variables of static shared memory lie in one section, which holds one block's at a time. `used`: other threads
// change them while this one waits, though their address goes nowhere.
#define __shared__ static __attribute__((section("onda_shared"), aligned(64), used))
#define ONDA_PLAIN __attribute__((noinline, no_sanitize("thread"), disable_sanitizer_instrumentation))

struct float4 {
  float x, y, z, w;
} __attribute__((aligned(16)));

namespace onda::cuda_sim {

template <class T>
ONDA_PLAIN inline T Shuffle(WarpOp op, unsigned mask, T value, int lane, int width) {
  Collective(op, mask, &value, sizeof(T), lane, width);
  return value;
}

// The old value; fn gives the new one.
template <class T, class Fn>
ONDA_PLAIN inline T Atomic(T* p, Fn fn) {
  AtomicAccess(p, sizeof(T));
  const T old = *p;
  *p = fn(old);
  return old;
}

}  // namespace onda::cuda_sim

#define threadIdx (::onda::cuda_sim::ThreadIndex())
#define blockIdx (::onda::cuda_sim::BlockIndex())
#define blockDim (::onda::cuda_sim::BlockSize())
#define gridDim (::onda::cuda_sim::GridSize())
#define warpSize 32

#define __syncthreads() ((void)::onda::cuda_sim::Barrier(::onda::cuda_sim::BarrierKind::kPlain, 0, __COUNTER__))
#define __syncthreads_count(p) (::onda::cuda_sim::Barrier(::onda::cuda_sim::BarrierKind::kCount, (p), __COUNTER__))
#define __syncthreads_and(p) (::onda::cuda_sim::Barrier(::onda::cuda_sim::BarrierKind::kAnd, (p), __COUNTER__))
#define __syncthreads_or(p) (::onda::cuda_sim::Barrier(::onda::cuda_sim::BarrierKind::kOr, (p), __COUNTER__))

ONDA_PLAIN inline void __syncwarp(unsigned mask = 0xffffffffu) {
  onda::cuda_sim::Collective(onda::cuda_sim::WarpOp::kSync, mask, nullptr, 0, 0, 32);
}
template <class T>
inline T __shfl_sync(unsigned mask, T v, int lane, int width = 32) {
  return onda::cuda_sim::Shuffle(onda::cuda_sim::WarpOp::kShuffle, mask, v, lane, width);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32) {
  return onda::cuda_sim::Shuffle(onda::cuda_sim::WarpOp::kShuffleUp, mask, v, static_cast<int>(delta), width);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32) {
  return onda::cuda_sim::Shuffle(onda::cuda_sim::WarpOp::kShuffleDown, mask, v, static_cast<int>(delta), width);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T v, int lanes, int width = 32) {
  return onda::cuda_sim::Shuffle(onda::cuda_sim::WarpOp::kShuffleXor, mask, v, lanes, width);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return onda::cuda_sim::Shuffle(onda::cuda_sim::WarpOp::kBallot, mask, static_cast<unsigned>(predicate != 0), 0, 32);
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }
template <class T>
inline unsigned __match_any_sync(unsigned mask, T v) {
  unsigned long long wide = 0;
  memcpy(&wide, &v, sizeof(T));
  return static_cast<unsigned>(onda::cuda_sim::Shuffle(onda::cuda_sim::WarpOp::kMatch, mask, wide, 0, 32));
}
inline unsigned __activemask() { return onda::cuda_sim::ActiveLanes(); }

inline void __threadfence() { onda::cuda_sim::Fence(); }
inline void __threadfence_block() {}
inline void __trap() { onda::cuda_sim::Trap("__trap()"); }

template <class T>
inline T atomicAdd(T* p, T v) {
  return onda::cuda_sim::Atomic(p, [v](T old) { return static_cast<T>(old + v); });
}
template <class T>
inline T atomicMax(T* p, T v) {
  return onda::cuda_sim::Atomic(p, [v](T old) { return old < v ? v : old; });
}
template <class T>
inline T atomicMin(T* p, T v) {
  return onda::cuda_sim::Atomic(p, [v](T old) { return v < old ? v : old; });
}
template <class T>
inline T atomicAnd(T* p, T v) {
  return onda::cuda_sim::Atomic(p, [v](T old) { return old & v; });
}
template <class T>
inline T atomicOr(T* p, T v) {
  return onda::cuda_sim::Atomic(p, [v](T old) { return old | v; });
}
template <class T>
inline T atomicExch(T* p, T v) {
  return onda::cuda_sim::Atomic(p, [v](T) { return v; });
}
template <class T>
inline T atomicCAS(T* p, T expected, T v) {
  return onda::cuda_sim::Atomic(p, [expected, v](T old) { return old == expected ? v : old; });
}

inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<unsigned long long>(a) * b) >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>((static_cast<unsigned __int128>(a) * b) >> 64);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline float __expf(float x) { return expf(x); }
inline float __frcp_rn(float x) { return 1 / x; }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline float rsqrt(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / sqrt(x); }
inline unsigned __float_as_uint(float x) {
  unsigned bits;
  memcpy(&bits, &x, sizeof(bits));
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float x;
  memcpy(&x, &bits, sizeof(x));
  return x;
}
inline int min(int a, int b) { return b < a ? b : a; }
inline int max(int a, int b) { return a < b ? b : a; }
inline long min(long a, long b) { return b < a ? b : a; }
inline long max(long a, long b) { return a < b ? b : a; }
// c and the products of four bytes each.
inline int __dp4a(int a, int b, int c) {
  for (int i = 0; i < 32; i += 8) c += static_cast<int8_t>(a >> i) * static_cast<int8_t>(b >> i);
  return c;
}
template <class T>
inline T __ldg(const T* p) {
  return *p;
}

using cudaGraphConditionalHandle = unsigned long long;
inline void cudaGraphSetConditional(cudaGraphConditionalHandle condition, unsigned value) {
  onda::cuda_sim::SetConditional(condition, value);
}

#define ONDA_DYNAMIC_SHARED(type, name) type* const name = static_cast<type*>(::onda::cuda_sim::DynamicShared())
#define ONDA_CHECK_VECTOR(pointer, bytes, write) ::onda::cuda_sim::CheckVector((pointer), (bytes), (write))

#endif  // ONDA_TESTS_CUDA_SIM_SHIM_H_
