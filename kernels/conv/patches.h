// Columns of the matrix whose product with the weights is a convolution: column = output position, row = (channel,
// kernel position). Formed panel by panel, never as a whole.
#ifndef ONDA_KERNELS_CONV_PATCHES_H_
#define ONDA_KERNELS_CONV_PATCHES_H_

#include "kernels/conv/engine.h"
#include "kernels/matmul/sgemm.h"

namespace onda::conv {

struct Patches {
  const Problem* problem;
  const float* x;
};

// The source of B for one product per (batch item, group). `patches` outlives it.
matmul::BSource PatchSource(const Patches& patches);

}  // namespace onda::conv

#endif  // ONDA_KERNELS_CONV_PATCHES_H_
