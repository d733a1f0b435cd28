// fp32 depthwise convolution with channels in the lanes of vectors: for windows and planes so small that rows of pixels
// do not fill vectors.
#ifndef ONDA_KERNELS_CONV_DEPTHWISE_CHANNELS_H_
#define ONDA_KERNELS_CONV_DEPTHWISE_CHANNELS_H_

#include "kernels/conv/engine.h"

namespace onda::conv {

// Channels that go through the loops together.
inline constexpr int64_t kChannelGroup = 16;

// Where these loops can do it, and are faster than the other depthwise loops: one output channel per input channel, at
// most two spatial dimensions, a few rows of a plane fit into the cache, and vectors are well filled.
bool TakesChannels(const Problem& p);

// Weights as (channel group, kernel position, channel of the group), 0 behind the last channel.
int64_t ChannelWeightSize(const Problem& p);
void PackChannelWeights(const Problem& p, const float* w, float* out);

size_t ChannelsWorkspaceBytes(const Problem& p, int threads);
// `weights` are PackChannelWeights' output; those of the operands are not looked at.
void RunDepthwiseChannels(const Problem& p, const Operands& o, const float* weights, const Parallel& parallel,
                          void* workspace);

}  // namespace onda::conv

#endif  // ONDA_KERNELS_CONV_DEPTHWISE_CHANNELS_H_
