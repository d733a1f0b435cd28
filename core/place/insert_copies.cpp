#include "core/place/insert_copies.h"

#include <map>
#include <string>
#include <utility>

#include "kernels/copies/copies.h"

namespace onda {
namespace {

class CopyInserter {
 public:
  CopyInserter(Graph& graph, const InstanceSet& instances) : graph_(graph), instances_(instances) {
    for (ValueId id = 0; id < static_cast<ValueId>(graph.values().size()); ++id) locations_[id] = LocationOf(graph, id);
  }

  void Run() {
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes().size()); ++id) {
      Node node = graph_.node(id);
      const bool view = (node.op->flags & kOpView) && !RunByEngine(graph_, node);
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.inputs[i] == kNoValue || view || (node.op->flags & kOpShapeOnly)) continue;
        const int32_t wanted = ReadsOnHost(node, i) ? 0 : node.instance;
        node.inputs[i] = In(wanted, node.inputs[i], "read by " + Describe(node));
      }
      for (Body& body : node.bodies)
        for (ValueId& capture : body.captures) capture = In(0, capture, "read inside " + Describe(node));
      nodes_.push_back(std::move(node));
    }
    for (ValueId& output : graph_.outputs) {
      const std::string name = graph_.value(output).name;
      const ValueId on_host = In(0, output, "output '" + name + "' of the graph");
      if (on_host == output) continue;
      // The output keeps its name.
      graph_.value(output).name += "_on_device";
      graph_.value(on_host).name = name;
      output = on_host;
    }
    graph_.ReplaceNodes(std::move(nodes_));
  }

 private:
  // The value, or its copy in that memory.
  ValueId In(int32_t wanted, ValueId value, const std::string& reason) {
    if (graph_.FactOf(value).constant || locations_[value] == wanted) return value;
    ValueId& copy = copies_.try_emplace({value, wanted}, kNoValue).first->second;
    if (copy != kNoValue) return copy;
    const int32_t from = locations_[value];
    Node node;
    node.op = wanted == 0 ? &kMemcpyToHost : from == 0 ? &kMemcpyToDevice : &kMemcpyPeer;
    // Devices of different providers share no copy function: through the host.
    if (wanted != 0 && from != 0 && !instances_.instances[wanted]->SameProvider(*instances_.instances[from]))
      return copy = In(wanted, In(0, value, reason), reason);
    node.op_type = node.op->name;
    node.domain = node.op->domain;
    node.instance = wanted == 0 ? from : wanted;
    node.inputs = {value};
    copy = graph_.AddValue(graph_.value(value).name + "_on_" + instances_.instances[wanted]->label(),
                           graph_.FactOf(value));
    locations_[copy] = wanted;
    node.outputs = {copy};
    node.name = node.op_type + "_" + graph_.value(value).name;
    node.origin.name = node.name;
    node.placement_reason = reason;
    nodes_.push_back(std::move(node));
    return copy;
  }

  Graph& graph_;
  const InstanceSet& instances_;
  std::vector<Node> nodes_;
  std::map<ValueId, int32_t> locations_;
  std::map<std::pair<ValueId, int32_t>, ValueId> copies_;
};

}  // namespace

void InsertCopies(Graph& graph, const InstanceSet& instances) {
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id)
    for (const Body& body : graph.node(id).bodies) InsertCopies(*body.graph, instances);
  CopyInserter(graph, instances).Run();
}

}  // namespace onda
