// How a gradient goes back through one operator, in terms of other operators that have rules again, so that gradients
// of gradients work.
#ifndef ONDA_KERNELS_GRADIENT_RULES_H_
#define ONDA_KERNELS_GRADIENT_RULES_H_

#include "core/ir/op_def.h"

namespace onda::gradient {

// The gradients of the node's inputs from that of its only output (kNoValue for inputs outside of `wanted`). Rejects
// where there is no rule.
std::vector<ValueId> Backward(RewriteContext& c, const Node& node, ValueId gradient, const std::vector<bool>& wanted);

// A scalar of the type of x.
ValueId ScalarLike(RewriteContext& c, ValueId x, double value);
// `value` in the shape of x.
ValueId FillLike(RewriteContext& c, ValueId x, double value);

}  // namespace onda::gradient

#endif  // ONDA_KERNELS_GRADIENT_RULES_H_
