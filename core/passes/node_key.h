// When two nodes compute the same.
#ifndef ONDA_CORE_PASSES_NODE_KEY_H_
#define ONDA_CORE_PASSES_NODE_KEY_H_

#include <string>

#include "core/ir/graph.h"

namespace onda {

// Two nodes of the graph with the same key give the same outputs in the same place: operator, attributes, inputs (small
// constants by their elements) and provider instance are the same. "" for a node that is like no other: it draws random
// numbers, has a body, or holds what is not compared.
std::string KeyOf(const Graph& graph, const Node& node);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_NODE_KEY_H_
