// fp32 transposed convolution over up to three spatial dimensions: a product makes every input's contribution to every
// kernel position, which are then added up where they fall.
#ifndef ONDA_KERNELS_CONV_TRANSPOSED_H_
#define ONDA_KERNELS_CONV_TRANSPOSED_H_

#include "kernels/conv/engine.h"

namespace onda::conv {

// p.in and p.in_channels are the sides that are read, p.out and p.out_channels those that are written; input i adds to
// output i * stride - pad + k * dilation. Weights as in the model: (groups * in_channels, out_channels, kernel...).
// The operands' addend and activation are not used.
size_t TransposedWorkspaceBytes(const Problem& p, int threads);
void RunTransposed(const Problem& p, const Operands& o, const Parallel& parallel, void* workspace);

}  // namespace onda::conv

#endif  // ONDA_KERNELS_CONV_TRANSPOSED_H_
