// Decides where nodes run, and makes every device crossing a node.
#ifndef ONDA_CORE_PLACE_PLACE_H_
#define ONDA_CORE_PLACE_PLACE_H_

#include <map>
#include <string>

#include "core/ir/graph.h"
#include "core/ir/op_def.h"
#include "core/place/provider_instance.h"

namespace onda {

// Why a node is not where the user would rather have it; by the node's index. Filled for nodes off the first choice.
using PlacementReasons = std::map<NodeId, std::string>;

struct PlaceOptions {
  bool by_cost = true;  // small regions may stay on the host although a device takes them
};

// Sets Node::instance for all nodes, bodies included. Each instance is asked in the user's order; shape arithmetic stays on
// the host, as do regions that cost more in copies than they gain. Then inserts copy nodes wherever a value is read in
// another memory than its producer's, and for graph outputs that lie on a device: one copy per value and destination.
// Throws kNotImplemented where no instance runs a node.
PlacementReasons Place(Graph& graph, const InstanceSet& instances, const PlaceOptions& options);

// Where the value lies: 0 for the host's memory, which inputs and constants are in.
int32_t LocationOf(const Graph& graph, ValueId value);

// Whether the engine runs the node itself: control flow, and whatever touches something else than tensors.
bool RunByEngine(const Graph& graph, const Node& node);

// Whether input i of the node is read in host memory.
bool ReadsOnHost(const Node& node, size_t i);

}  // namespace onda

#endif  // ONDA_CORE_PLACE_PLACE_H_
