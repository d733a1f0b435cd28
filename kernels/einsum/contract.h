// Einsum as products of matrices.
#ifndef ONDA_KERNELS_EINSUM_CONTRACT_H_
#define ONDA_KERNELS_EINSUM_CONTRACT_H_

#include "core/ir/op_def.h"

namespace onda::einsum {

// Replaces an Einsum node by Transpose, ReduceSum, Mul, MatMul and Reshape, two operands at a time from the left;
// leaves it where a rank is not known, a term repeats a label, or no product of matrices takes the element type.
void Contract(RewriteContext& c);

}  // namespace onda::einsum

#endif  // ONDA_KERNELS_EINSUM_CONTRACT_H_
