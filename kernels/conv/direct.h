// fp32 convolution over one or two spatial dimensions without patches: the image is laid out once with its padding, cut
// by stride into phases, so that what a kernel position sees of neighbouring outputs is a run of neighbouring floats,
// read where it lies. Pays where few output channels share what patches would cost.
#ifndef ONDA_KERNELS_CONV_DIRECT_H_
#define ONDA_KERNELS_CONV_DIRECT_H_

#include <cstddef>

#include "kernels/conv/engine.h"

namespace onda::conv {

// Whether this is the faster way. Weights are packed as for the product with patches.
bool IsDirect(const Problem& p);
size_t DirectWorkspaceBytes(const Problem& p, int threads);
// workspace is 64-byte aligned and sized for at least parallel.threads threads.
void RunDirect(const Problem& p, const Operands& o, const Parallel& parallel, void* workspace);

}  // namespace onda::conv

#endif  // ONDA_KERNELS_CONV_DIRECT_H_
