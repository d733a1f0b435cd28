// Holds a node against what its custom operator says of itself.
#ifndef ONDA_CORE_CUSTOM_CHECK_CUSTOM_NODE_H_
#define ONDA_CORE_CUSTOM_CHECK_CUSTOM_NODE_H_

#include <vector>

#include "core/ir/op_def.h"
#include "onda/custom_op.h"

namespace onda {

// Numbers of inputs and outputs, attributes, element types. Gives the element type of each output, undefined where the
// operator does not fix it. Rejects the node where something is wrong.
std::vector<DType> CheckCustomNode(const InferContext& c, const OndaCustomOpDef& def);

}  // namespace onda

#endif  // ONDA_CORE_CUSTOM_CHECK_CUSTOM_NODE_H_
