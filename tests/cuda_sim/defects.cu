// Kernels with planted defects, each beside what is right.
#include "kernels/device/block.h"
#include "kernels/device/condition.h"
#include "kernels/device/vector.h"
#include "tests/cuda_sim/defects.h"

namespace onda::cuda_sim {
namespace {

using namespace cuda;

__global__ void Increment(In<float> x, Out<float> y, int64_t n) {
  const int64_t i = GlobalThread();
  if (i < n) y[i] = x[i] + 1;
}
__global__ void OnePastTheEnd(In<float> x, Out<float> y, int64_t n) {
  const int64_t i = GlobalThread();
  if (i < n) y[i] = x[i + 1];
}
__global__ void ReadsItsOutput(In<float> x, Out<float> y, int64_t n) {
  const int64_t i = GlobalThread();
  if (i < n) y[i] += x[i];
}
__global__ void WritesItsInput(In<float> x, Out<float> y, int64_t n) {
  const int64_t i = GlobalThread();
  if (i < n) const_cast<float&>(x[i]) = y[i] = 0;
}
__global__ void ReverseBlocks(In<float> x, Out<float> y, bool barrier) {
  __shared__ float tile[64];
  tile[threadIdx.x] = x[blockIdx.x * 64 + threadIdx.x];
  if (barrier) __syncthreads();
  y[blockIdx.x * 64 + threadIdx.x] = tile[63 - threadIdx.x];
}
__global__ void UnwrittenShared(Out<float> y) {
  __shared__ float tile[64];
  if (threadIdx.x < 63) tile[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x];
}
__global__ void DynamicOverflow(Out<float> y, int32_t n) {
  ONDA_DYNAMIC_SHARED(float, row);
  row[threadIdx.x + n] = 1;
  __syncthreads();
  y[threadIdx.x] = row[threadIdx.x + n];
}
__global__ void DivergedBarrier(Out<float> y) {
  if (threadIdx.x < 16) {
    y[threadIdx.x] = 1;
    __syncthreads();
  } else {
    y[threadIdx.x] = 2;
    __syncthreads();
  }
}
__global__ void BarrierAfterReturn(Out<float> y) {
  if (threadIdx.x >= 40) return;
  y[threadIdx.x] = 1;
  __syncthreads();
}
__global__ void MaskWithoutCaller(Out<float> y) {
  const unsigned mask = 0xffff;
  y[threadIdx.x] = __shfl_xor_sync(mask, static_cast<float>(threadIdx.x), 1);
}
__global__ void MaskOfReturned(Out<float> y) {
  if (threadIdx.x >= 16) return;
  y[threadIdx.x] = __shfl_xor_sync(kAllLanes, static_cast<float>(threadIdx.x), 1);
}
__global__ void LaneOutsideMask(Out<float> y) {
  float v = static_cast<float>(threadIdx.x);
  if (threadIdx.x < 16) v = __shfl_sync(0xffffu, v, 20);
  y[threadIdx.x] = v;
}
__global__ void MasksThatDiffer(Out<float> y) {
  const unsigned mask = threadIdx.x < 16 ? kAllLanes : 0xffff0000u;
  y[threadIdx.x] = __shfl_xor_sync(mask, static_cast<float>(threadIdx.x), 1);
}
__global__ void LanesWithoutSync(Out<float> y, bool sync) {
  __shared__ float slot[32];
  slot[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (sync) __syncwarp();
  y[threadIdx.x] = slot[31 - threadIdx.x];
}
__global__ void BlocksTogether(Out<float> sum) { sum[0] = static_cast<float>(blockIdx.x); }
__global__ void BlocksAtomic(InOut<int32_t> sum) { atomicAdd(&sum[0], 1); }
__global__ void PlainAgainstAtomic(InOut<int32_t> sum) {
  if (threadIdx.x == 0)
    sum[0] = 7;
  else
    atomicAdd(&sum[0], 1);
}
// The last block to finish adds up what the others left, or a block that is not known to be the last.
__global__ void LastBlockSums(In<int32_t> x, InOut<int32_t> partial, InOut<int32_t> ticket, Out<int32_t> y,
                              bool fence) {
  __shared__ bool last;
  const int32_t sum = BlockReduce(x[GlobalThread()], Plus(), 0);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
    if (fence) __threadfence();
    last = atomicAdd(&ticket[0], 1) == static_cast<int32_t>(gridDim.x) - 1;
  }
  __syncthreads();
  if (last && threadIdx.x == 0) {
    int32_t total = 0;
    for (unsigned b = 0; b < gridDim.x; ++b) total += partial[b];
    y[0] = total;
  }
}
// The halves of a word belong to different threads.
__global__ void Bytes(Out<uint8_t> y, int64_t n) {
  const int64_t i = GlobalThread();
  if (i < n) y[i] = static_cast<uint8_t>(i);
}
__global__ void Misaligned(In<float> x, Out<float> y) { StoreVector(y.data, LoadVector<4>(x.data + 1)); }
__global__ void __launch_bounds__(64) Bounded(In<float> x, Out<float> y, int64_t n) {
  const int64_t i = GlobalThread();
  if (i < n) y[i] = x[i] + 1;
}
template <int kElements>
__global__ void __launch_bounds__(128, 2) MuchShared(Out<float> y) {
  __shared__ float tile[kElements];
  tile[threadIdx.x] = 1;
  y[threadIdx.x] = tile[threadIdx.x];
}
__global__ void CountDown(InOut<int32_t> n, uint64_t condition) {
  n[0] -= 1;
  SetCondition(condition, n[0] > 0);
}
__global__ void Scan(In<int32_t> x, Out<int32_t> y, Out<int32_t> total) {
  int32_t all;
  const int32_t v = BlockExclusiveScan(x[threadIdx.x], Plus(), 0, &all);
  y[threadIdx.x] = v;
  if (threadIdx.x == 0) total[0] = all;
}

constexpr LaunchConfig Grid(uint32_t blocks, uint32_t threads, uint32_t shared = 0) {
  return {.grid = {blocks}, .block = {threads}, .shared_bytes = shared};
}

}  // namespace

void LaunchIncrement(Stream& s, Buffer x, Buffer y, int64_t n) {
  Launch(s, Grid(BlocksFor(n, 64), 64), Increment, x, y, n);
}
void LaunchDefect(const std::string& name, Stream& s, Buffer x, Buffer y, Buffer z) {
  const int64_t n = static_cast<int64_t>(x.bytes / 4);
  if (name == "OnePastTheEnd") return Launch(s, Grid(BlocksFor(n, 64), 64), OnePastTheEnd, x, y, n);
  if (name == "ReadsItsOutput") return Launch(s, Grid(BlocksFor(n, 64), 64), ReadsItsOutput, x, y, n);
  if (name == "WritesItsInput") return Launch(s, Grid(BlocksFor(n, 64), 64), WritesItsInput, x, y, n);
  if (name == "MissingBarrier") return Launch(s, Grid(2, 64), ReverseBlocks, x, y, false);
  if (name == "WithBarrier") return Launch(s, Grid(2, 64), ReverseBlocks, x, y, true);
  if (name == "UnwrittenShared") return Launch(s, Grid(1, 64), UnwrittenShared, y);
  if (name == "DynamicOverflow") return Launch(s, Grid(1, 64, 300), DynamicOverflow, y, 16);
  if (name == "DynamicFits") return Launch(s, Grid(1, 64, 320), DynamicOverflow, y, 16);
  if (name == "DivergedBarrier") return Launch(s, Grid(1, 32), DivergedBarrier, y);
  if (name == "BarrierAfterReturn") return Launch(s, Grid(1, 64), BarrierAfterReturn, y);
  if (name == "MaskWithoutCaller") return Launch(s, Grid(1, 32), MaskWithoutCaller, y);
  if (name == "MaskOfReturned") return Launch(s, Grid(1, 32), MaskOfReturned, y);
  if (name == "LaneOutsideMask") return Launch(s, Grid(1, 32), LaneOutsideMask, y);
  if (name == "MasksThatDiffer") return Launch(s, Grid(1, 32), MasksThatDiffer, y);
  if (name == "LanesWithoutSync") return Launch(s, Grid(1, 32), LanesWithoutSync, y, false);
  if (name == "LanesWithSync") return Launch(s, Grid(1, 32), LanesWithoutSync, y, true);
  if (name == "BlocksTogether") return Launch(s, Grid(4, 1), BlocksTogether, y);
  if (name == "BlocksAtomic") return Launch(s, Grid(4, 32), BlocksAtomic, z);
  if (name == "PlainAgainstAtomic") return Launch(s, Grid(1, 32), PlainAgainstAtomic, z);
  if (name == "LastBlockSums" || name == "LastBlockWithoutFence") {
    const Buffer partial{static_cast<char*>(z.data) + 64, 16}, ticket{z.data, 4};
    return Launch(s, Grid(2, 64), LastBlockSums, x, partial, ticket, Buffer{y.data, 4}, name == "LastBlockSums");
  }
  if (name == "Bytes") return Launch(s, Grid(2, 64), Bytes, Buffer{y.data, 101}, int64_t{101});
  if (name == "Misaligned") return Launch(s, Grid(1, 1), Misaligned, x, y);
  if (name == "Scan") return Launch(s, Grid(1, 128), Scan, x, y, z);
  if (name == "TooManyThreads") return Launch(s, Grid(1, 1056), Increment, x, y, n);
  if (name == "TooMuchShared") return Launch(s, Grid(1, 64, 300 * 1024), Increment, x, y, n);
  if (name == "TallGrid") return Launch(s, {.grid = {1, 65536}, .block = {64}}, Increment, x, y, n);
  if (name == "DeepGrid") return Launch(s, {.grid = {1, 1, 65536}, .block = {64}}, Increment, x, y, n);
  if (name == "DeepBlock") return Launch(s, {.grid = {2}, .block = {1, 1, 128}}, Increment, x, y, n);
  if (name == "PastItsBounds") return Launch(s, Grid(1, 96), Bounded, x, y, n);
  if (name == "WithinItsBounds") return Launch(s, Grid(2, 64), Bounded, x, y, n);
  if (name == "MuchStaticShared") return Launch(s, Grid(1, 128), MuchShared<12320>, y);
  if (name == "MuchSharedTogether") return Launch(s, Grid(1, 128, 220 * 1024), MuchShared<4096>, y);
  if (name == "SharedFits") return Launch(s, Grid(1, 128, 211 * 1024), MuchShared<4096>, y);
  throw Error(ErrorCode::kInternal, "no defect " + name);
}
void LaunchCountDown(Stream& s, Buffer n, uint64_t condition) { Launch(s, Grid(1, 1), CountDown, n, condition); }

}  // namespace onda::cuda_sim
