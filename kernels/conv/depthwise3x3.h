// fp32 depthwise convolution with a window of 3 x 3, the usual one, without a buffer: padding is masked out of loads.
#ifndef ONDA_KERNELS_CONV_DEPTHWISE3X3_H_
#define ONDA_KERNELS_CONV_DEPTHWISE3X3_H_

#include "kernels/conv/engine.h"

namespace onda::conv {

// Two spatial dimensions, strides of 1 or 2, no dilation.
bool IsDepthwise3x3(const Problem& p);
// Weights are as in the model. Needs no workspace.
void RunDepthwise3x3(const Problem& p, const Operands& o, const Parallel& parallel);

}  // namespace onda::conv

#endif  // ONDA_KERNELS_CONV_DEPTHWISE3X3_H_
