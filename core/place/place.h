// Decides where nodes run, and makes every device crossing a node.
#ifndef ONDA_CORE_PLACE_PLACE_H_
#define ONDA_CORE_PLACE_PLACE_H_

#include "core/ir/graph.h"
#include "core/ir/op_def.h"
#include "core/place/provider_instance.h"

namespace onda {

struct PlaceOptions {
  bool by_cost = true;  // small regions may stay on the host although a device takes them
};

// Sets Node::instance and Node::placement_reason of all nodes, bodies included. Each instance is asked in the user's
// order; shape arithmetic stays on the host, as do regions that cost more in copies than they gain. Throws
// kNotImplemented where no instance runs a node.
void Place(Graph& graph, const InstanceSet& instances, const PlaceOptions& options);

// Where the value lies: 0 for the host's memory, which inputs and constants are in.
int32_t LocationOf(const Graph& graph, ValueId value);

// Whether the engine runs the node itself: control flow, and whatever touches something else than tensors.
bool RunByEngine(const Graph& graph, const Node& node);

// Has views lie where what they show does, bodies included.
void FollowViews(Graph& graph);

// Whether input i of the node is read in host memory.
bool ReadsOnHost(const Node& node, size_t i);

}  // namespace onda

#endif  // ONDA_CORE_PLACE_PLACE_H_
