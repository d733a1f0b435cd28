#include "kernels/device/block.h"
#include "kernels/device/compact.h"

namespace onda::cuda {
namespace {

constexpr int kThreads = 256, kPerThread = static_cast<int>(kCompactTile) / kThreads;

__device__ bool IsSet(const uint8_t* flags, const Flags& kind, int64_t i) {
  switch (kind.bytes) {
    case 1:
      return (flags[i] & kind.mask) != 0;
    case 2:
      return (reinterpret_cast<const uint16_t*>(flags)[i] & kind.mask) != 0;
    case 4:
      return (reinterpret_cast<const uint32_t*>(flags)[i] & kind.mask) != 0;
    case 8:
      return (reinterpret_cast<const uint64_t*>(flags)[i] & kind.mask) != 0;
    default: {
      const uint64_t* halves = reinterpret_cast<const uint64_t*>(flags) + 2 * i;
      return ((halves[0] | halves[1]) & kind.mask) != 0;
    }
  }
}

// The flags of this thread's elements, one bit each; *first: its first element.
__device__ uint32_t OwnFlags(const uint8_t* flags, const Flags& kind, int64_t n, int64_t* first) {
  *first = static_cast<int64_t>(blockIdx.x) * kCompactTile + static_cast<int64_t>(threadIdx.x) * kPerThread;
  uint32_t bits = 0;
  for (int k = 0; k < kPerThread && *first + k < n; ++k)
    if (IsSet(flags, kind, *first + k)) bits |= 1u << k;
  return bits;
}

__global__ void __launch_bounds__(kThreads) CountTiles(In<uint8_t> flags, Out<int64_t> counts, int64_t n, Flags kind) {
  int64_t first;
  const int count = BlockReduce(__popc(OwnFlags(flags.data, kind, n, &first)), Plus(), 0);
  if (threadIdx.x == 0) counts[blockIdx.x] = count;
}

// One block: counts become those of all tiles before; counts[tiles] that of all.
__global__ void __launch_bounds__(kThreads) SumTiles(InOut<int64_t> counts, int64_t tiles) {
  int64_t sum = 0;
  for (int64_t base = 0; base < tiles; base += kThreads) {
    const int64_t i = base + threadIdx.x;
    int64_t total;
    const int64_t before = BlockExclusiveScan(i < tiles ? counts[i] : int64_t{0}, Plus(), int64_t{0}, &total);
    if (i < tiles) counts[i] = sum + before;
    sum += total;
  }
  if (threadIdx.x == 0) counts[tiles] = sum;
}

__global__ void __launch_bounds__(kThreads)
    ListTiles(In<uint8_t> flags, In<int64_t> counts, Out<int64_t> coordinates, Out<int64_t> before, int64_t n,
              int64_t total, Flags kind, FlagShape shape) {
  int64_t first;
  const uint32_t bits = OwnFlags(flags.data, kind, n, &first);
  int ignored;
  int64_t place = counts[blockIdx.x] + BlockExclusiveScan(__popc(bits), Plus(), 0, &ignored);
  for (int k = 0; k < kPerThread && first + k < n; ++k) {
    if (before) before[first + k] = place;
    if (!(bits >> k & 1)) continue;
    int64_t rest = first + k;
    for (int d = 0; d < shape.rank && coordinates; ++d) {
      const int64_t outer = d == shape.rank - 1 ? 0 : rest / shape.dims[d];
      coordinates[(shape.rank - 1 - d) * total + place] = rest - outer * shape.dims[d];
      rest = outer;
    }
    ++place;
  }
}

int64_t TilesOf(int64_t n) { return (n + kCompactTile - 1) / kCompactTile; }

}  // namespace

Flags NonZeroOf(DType type) {
  const int bits = BitsOf(type);
  switch (type) {
    case DType::kFloat16:
    case DType::kBfloat16:
      return {2, 0x7fff};
    case DType::kFloat:
      return {4, 0x7fffffff};
    case DType::kComplex64:
      return {8, 0x7fffffff7fffffff};
    case DType::kDouble:
    case DType::kComplex128:
      return {bits / 8, 0x7fffffffffffffff};
    default:
      return {bits / 8, UINT64_MAX};
  }
}

size_t CompactBytes(int64_t n) { return static_cast<size_t>(TilesOf(n) + 1) * sizeof(int64_t); }

const void* CountFlags(const LaunchArgs& args, const Buffer& flags, Flags kind, int64_t n, Buffer counts) {
  const int64_t tiles = TilesOf(n);
  Launch(args, {.grid = {BlocksFor(tiles, 1)}, .block = {kThreads}}, CountTiles, flags, counts, n, kind);
  return SumCounts(args, counts, tiles);
}

const void* SumCounts(const LaunchArgs& args, Buffer counts, int64_t n) {
  Launch(args, {.grid = {1}, .block = {kThreads}}, SumTiles, counts, n);
  return static_cast<const int64_t*>(counts.data) + n;
}

void ListFlags(const LaunchArgs& args, const Buffer& flags, Flags kind, int64_t n, Buffer counts,
               const FlagShape& shape, int64_t total, Buffer coordinates, Buffer before) {
  Launch(args, {.grid = {BlocksFor(TilesOf(n), 1)}, .block = {kThreads}}, ListTiles, flags, counts, coordinates, before,
         n, total, kind, shape);
}

}  // namespace onda::cuda
