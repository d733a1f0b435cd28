// Tensors whose dimension 1 is cut into blocks: (N, C, ...) lying as (N, C / block, ..., block).
#ifndef ONDA_KERNELS_SIMD_CHANNEL_BLOCKS_H_
#define ONDA_KERNELS_SIMD_CHANNEL_BLOCKS_H_

#include <cstdint>

namespace onda {

struct ChannelBlocks {
  int64_t channels, inner, block = 1;  // inner: elements of a channel; block 1 is row-major

  // Where element (item, channel, position) lies.
  int64_t At(int64_t item, int64_t channel, int64_t position) const {
    return (item * channels + channel / block * block) * inner + position * block + channel % block;
  }
};

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_CHANNEL_BLOCKS_H_
