// Values that the engine hands on without looking into them: states of loops, results of branches, what bodies read of
// the graph around them, elements of sequences and optionals. They may lie in any device's memory.
#ifndef ONDA_CORE_PLACE_CARRIED_H_
#define ONDA_CORE_PLACE_CARRIED_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/ir/graph.h"

namespace onda {

// Where nobody touches the elements.
inline constexpr int32_t kAnywhere = -1;

// Sets Value::instance of body inputs and of what nodes run by the engine make, in a graph whose other nodes are
// placed, and in its bodies. Values that become each other lie in the same memory: there where most of what reads and
// writes them runs, nodes inside a loop counting ten times. Strings and elements below a byte stay on the host.
void PlaceCarried(Graph& graph);

// In whose memory the node reads its input i.
int32_t WantedAt(const Graph& graph, const Node& node, size_t i);

// In whose memory the outputs of the node's body are read.
std::vector<int32_t> WantedOutputs(const Graph& graph, const Node& node, const Body& body);

}  // namespace onda

#endif  // ONDA_CORE_PLACE_CARRIED_H_
