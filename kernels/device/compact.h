// Which elements of a list are not zero, in their order: counted by blocks, the counts summed, then listed.
#ifndef ONDA_KERNELS_DEVICE_COMPACT_H_
#define ONDA_KERNELS_DEVICE_COMPACT_H_

#include "kernels/device/index.h"
#include "onda/types.h"
#include "providers/cuda/device.h"

namespace onda::cuda {

// Elements of 1, 2, 4, 8 or 16 bytes, of which some bits count. What is true of elements of a type: not zero, either
// zero of a real one.
struct Flags {
  int32_t bytes;
  uint64_t mask;  // of up to 8 bytes, and of each half of 16
};
Flags NonZeroOf(DType type);

// Elements of a list that are taken by one block.
inline constexpr int64_t kCompactTile = 2048;
// Bytes of the counts of a list of n elements.
size_t CompactBytes(int64_t n);

// Leaves in counts, of CompactBytes(n), how many flags are set before each tile, and how many in all. Gives the address
// of the latter, an int64, in device memory.
const void* CountFlags(const LaunchArgs& args, const Buffer& flags, Flags kind, int64_t n, Buffer counts);

// counts (n + 1): each becomes the sum of those before it, the last that of all, whose address is the result.
const void* SumCounts(const LaunchArgs& args, Buffer counts, int64_t n);

// What ListFlags writes: coordinates of every set flag in a shape of up to `rank` dimensions, (rank, total); rank 1 has
// its index. Innermost dimension first.
struct FlagShape {
  int32_t rank = 1;
  int64_t dims[32] = {};
};
// coordinates (rank, total) and before (n), how many flags are set before each element, may both be absent. counts as
// CountFlags left them.
void ListFlags(const LaunchArgs& args, const Buffer& flags, Flags kind, int64_t n, Buffer counts,
               const FlagShape& shape, int64_t total, Buffer coordinates, Buffer before);

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_COMPACT_H_
