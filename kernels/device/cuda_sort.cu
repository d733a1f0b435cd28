#include <algorithm>

#include "kernels/device/sort.h"

namespace onda::cuda {
namespace {

// Does the steps within a tile of the networks of size `first` to `last`.
__global__ void __launch_bounds__(kSortThreads) SortTiles(InOut<uint64_t> keys, InOut<uint32_t> indices, uint32_t tile,
                                                          uint32_t padded, uint32_t first, uint32_t last) {
  ONDA_DYNAMIC_SHARED(uint64_t, own_keys);
  uint32_t* const own_indices = reinterpret_cast<uint32_t*>(own_keys + tile);
  const int64_t base = static_cast<int64_t>(blockIdx.x) * tile;
  for (uint32_t i = threadIdx.x; i < tile; i += blockDim.x) {
    own_keys[i] = keys[base + i];
    own_indices[i] = indices[base + i];
  }
  __syncthreads();
  SortInTile(own_keys, own_indices, tile, static_cast<uint32_t>(base & (padded - 1)), first, last);
  for (uint32_t i = threadIdx.x; i < tile; i += blockDim.x) {
    keys[base + i] = own_keys[i];
    indices[base + i] = own_indices[i];
  }
}

// One step of the network of `size` over pairs that are `step` apart.
__global__ void __launch_bounds__(kSortThreads) SortPairs(InOut<uint64_t> keys, InOut<uint32_t> indices, int64_t pairs,
                                                          uint32_t padded, uint32_t size, uint32_t step) {
  const int64_t pair = GlobalThread();
  if (pair >= pairs) return;
  const int64_t a = (pair / step) * step * 2 + pair % step, b = a + step;
  const bool ascending = (static_cast<uint32_t>(a & (padded - 1)) & size) == 0;
  const uint64_t key_a = keys[a], key_b = keys[b];
  const uint32_t index_a = indices[a], index_b = indices[b];
  if ((key_a > key_b || (key_a == key_b && index_a > index_b)) != ascending) return;
  keys[a] = key_b;
  keys[b] = key_a;
  indices[a] = index_b;
  indices[b] = index_a;
}

}  // namespace

void SortRows(const LaunchArgs& args, Buffer keys, Buffer indices, int64_t rows, int64_t padded) {
  if (padded < 2 || rows == 0) return;
  if (padded > int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "sorting more than 2^31 elements on CUDA");
  const int64_t tile = std::min(padded, kSortTile);
  const LaunchConfig tiles{
      .grid = {BlocksFor(rows * padded, tile)},
      .block = {static_cast<uint32_t>(std::clamp<int64_t>(tile / 2, 32, kSortThreads))},
      .shared_bytes = static_cast<uint32_t>(tile * static_cast<int64_t>(sizeof(uint64_t) + sizeof(uint32_t)))};
  Launch(args, tiles, SortTiles, keys, indices, tile, padded, 2, tile);
  const int64_t pairs = rows * padded / 2;
  for (int64_t size = 2 * tile; size <= padded; size *= 2) {
    for (int64_t step = size / 2; step >= tile; step /= 2)
      Launch(args, {.grid = {BlocksFor(pairs, kSortThreads)}, .block = {kSortThreads}}, SortPairs, keys, indices, pairs,
             padded, size, step);
    Launch(args, tiles, SortTiles, keys, indices, tile, padded, size, size);
  }
}

}  // namespace onda::cuda
