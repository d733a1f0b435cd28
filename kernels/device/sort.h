// Sorting on the device: bitonic networks (Batcher, "Sorting networks and their applications", 1968), by key and then
// by index, so that equal keys keep their order and results do not depend on timing.
#ifndef ONDA_KERNELS_DEVICE_SORT_H_
#define ONDA_KERNELS_DEVICE_SORT_H_

#include "kernels/device/target.h"
#include "providers/cuda/device.h"

namespace onda::cuda {

// What one block sorts in shared memory: 12 bytes an entry.
inline constexpr int64_t kSortTile = 2048;
inline constexpr int kSortThreads = 256;

// The least power of two that is not below n.
inline int64_t PaddedLength(int64_t n) {
  int64_t padded = 1;
  while (padded < n) padded *= 2;
  return padded;
}

// Sorts rows of `padded` entries, a power of two: keys (rows, padded) of uint64, indices (rows, padded) of uint32.
// Entries that only pad have the largest key and index.
void SortRows(const LaunchArgs& args, Buffer keys, Buffer indices, int64_t rows, int64_t padded);

// The steps of the networks of size `first` to `last` whose distance is below `tile`, over a tile in shared memory
// whose first entry is entry `base` of its row. All threads of the block call it together, after a barrier.
__device__ inline void SortInTile(uint64_t* keys, uint32_t* indices, uint32_t tile, uint32_t base, uint32_t first,
                                  uint32_t last) {
  for (uint32_t size = first; size <= last && size != 0; size *= 2) {
    for (uint32_t step = size / 2 < tile / 2 ? size / 2 : tile / 2; step > 0; step /= 2) {
      for (uint32_t pair = threadIdx.x; pair < tile / 2; pair += blockDim.x) {
        const uint32_t a = (pair & ~(step - 1)) * 2 + (pair & (step - 1)), b = a + step;
        const bool ascending = ((base + a) & size) == 0;
        const uint64_t key_a = keys[a], key_b = keys[b];
        const uint32_t index_a = indices[a], index_b = indices[b];
        const bool greater = key_a > key_b || (key_a == key_b && index_a > index_b);
        if (greater == ascending) {
          keys[a] = key_b;
          keys[b] = key_a;
          indices[a] = index_b;
          indices[b] = index_a;
        }
      }
      __syncthreads();
    }
  }
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_SORT_H_
