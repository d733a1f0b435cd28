// Output extents of sliding windows, for inference.
#ifndef ONDA_KERNELS_WINDOW_INFER_H_
#define ONDA_KERNELS_WINDOW_INFER_H_

#include "core/ir/op_def.h"
#include "kernels/window/window.h"

namespace onda::window {

// Parses the attributes and rejects the node where a list does not fit `spatial_rank`, a stride, dilation or kernel
// extent is below 1, a pad is negative, or an entry exceeds 2^31 - 1.
Params Parse(const InferContext& c, size_t spatial_rank);

// Output extents: in, kernel: one per spatial axis.
//   explicit pads: floor or (ceil_mode) ceil((in + pads - ((kernel - 1) * dilation + 1)) / stride) + 1, but with
//   ceil_mode no window starts in the padding at the end;  VALID: without pads and rounded down;  SAME: ceil(in /
//   stride).
// Source: Operators.md, Conv and MaxPool.
Dims OutputExtents(const InferContext& c, const Params& p, const Dims& in, const Dims& kernel);

}  // namespace onda::window

#endif  // ONDA_KERNELS_WINDOW_INFER_H_
