// Convolution where every output channel reads one input channel.
#ifndef ONDA_KERNELS_CONV_DEPTHWISE_H_
#define ONDA_KERNELS_CONV_DEPTHWISE_H_

#include "kernels/conv/engine.h"

namespace onda::conv {

inline bool IsDepthwise(const Problem& p) { return p.in_channels == 1 && (p.groups > 1 || p.out_channels == 1); }

// Weights as in the model, (groups * out_channels, kernel...), and behind them, where channels may go side by side,
// those of depthwise_channels.h.
int64_t DepthwiseWeightSize(const Problem& p);
void PackDepthwiseWeights(const Problem& p, const float* w, float* out);

size_t DepthwiseWorkspaceBytes(const Problem& p, int threads);
void RunDepthwise(const Problem& p, const Operands& o, const Parallel& parallel, void* workspace);

}  // namespace onda::conv

#endif  // ONDA_KERNELS_CONV_DEPTHWISE_H_
