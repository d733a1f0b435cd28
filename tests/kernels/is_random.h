// Graphs whose results differ from run to run.
#ifndef ONDA_TESTS_KERNELS_IS_RANDOM_H_
#define ONDA_TESTS_KERNELS_IS_RANDOM_H_

#include "core/ir/graph.h"
#include "core/ir/op_def.h"

namespace onda {

// Whether a node of the graph, or of a body in it, makes random numbers. The graph is canonical.
inline bool IsRandom(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    if (node.op->flags & kOpRandom) return true;
    for (const Body& body : node.bodies)
      if (IsRandom(*body.graph)) return true;
  }
  return false;
}

}  // namespace onda

#endif  // ONDA_TESTS_KERNELS_IS_RANDOM_H_
