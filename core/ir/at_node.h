// Errors that say where they happened.
#ifndef ONDA_CORE_IR_AT_NODE_H_
#define ONDA_CORE_IR_AT_NODE_H_

#include "core/ir/graph.h"
#include "onda/types.h"

namespace onda {

// The error with the node's description ahead of its message, unless that starts with a node already.
Error AtNode(const Node& node, const Error& error);

}  // namespace onda

#endif  // ONDA_CORE_IR_AT_NODE_H_
