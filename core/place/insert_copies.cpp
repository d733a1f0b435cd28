#include "core/place/insert_copies.h"

#include <map>
#include <string>
#include <utility>

#include "core/place/carried.h"
#include "kernels/copies/copies.h"

namespace onda {
namespace {

class CopyInserter {
 public:
  CopyInserter(Graph& graph, const InstanceSet& instances) : graph_(graph), instances_(instances) {
    for (ValueId id = 0; id < static_cast<ValueId>(graph.values().size()); ++id) locations_[id] = LocationOf(graph, id);
  }

  // wanted: in whose memory the outputs are read.
  void Run(const std::vector<int32_t>& wanted) {
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes().size()); ++id) {
      Node node = graph_.node(id);
      const bool engine = RunByEngine(graph_, node);
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.inputs[i] == kNoValue) continue;
        // Kernels find constants in every memory; the engine hands on what it is given.
        if (engine || !graph_.FactOf(node.inputs[i]).constant)
          node.inputs[i] = In(WantedAt(graph_, node, i), node.inputs[i], "read by " + Describe(node));
      }
      for (Body& body : node.bodies) {
        const std::vector<ValueId>& inner = body.graph->inputs;
        for (size_t c = 0; c < body.captures.size(); ++c) {
          const ValueId inside = inner[inner.size() - body.captures.size() + c];
          if (!body.graph->FactOf(inside).constant)
            body.captures[c] =
                In(body.graph->value(inside).instance, body.captures[c], "read inside " + Describe(node));
        }
      }
      nodes_.push_back(std::move(node));
    }
    for (size_t i = 0; i < graph_.outputs.size(); ++i) {
      ValueId& output = graph_.outputs[i];
      const std::string name = graph_.value(output).name;
      const ValueId copied = In(wanted[i], output, "output '" + name + "' of the graph");
      if (copied == output) continue;
      // The output keeps its name.
      if (!graph_.FactOf(output).constant) graph_.value(output).name += "_on_" + Label(locations_[output]);
      graph_.value(copied).name = name;
      output = copied;
    }
    graph_.ReplaceNodes(std::move(nodes_));
  }

 private:
  const std::string& Label(int32_t instance) const { return instances_.instances[instance]->label(); }

  // The value, or what it is in that memory.
  ValueId In(int32_t wanted, ValueId value, const std::string& reason) {
    if (wanted == kAnywhere || locations_[value] == wanted) return value;
    if (const auto at = copies_.find({value, wanted}); at != copies_.end()) return at->second;
    const Node* producer = graph_.Producer(value);
    ValueId result;
    if (producer && (producer->op->flags & kOpView) && !RunByEngine(graph_, *producer)) {
      result = ViewIn(wanted, *producer, value, reason);
    } else {
      result = CopyIn(wanted, value, reason);
    }
    copies_[{value, wanted}] = result;
    return result;
  }

  // What a view shows is copied once for all views of it.
  ValueId ViewIn(int32_t wanted, const Node& view, ValueId value, const std::string& reason) {
    Node node = view;
    node.inputs[0] = In(wanted, node.inputs[0], reason);
    for (size_t i = 1; i < node.inputs.size(); ++i)
      if (node.inputs[i] != kNoValue && !graph_.FactOf(node.inputs[i]).constant)
        node.inputs[i] = In(WantedAt(graph_, view, i), node.inputs[i], reason);
    node.outputs = {AddValue(value, wanted)};
    node.instance = wanted;
    node.name += "_on_" + Label(wanted);
    node.placement_reason = "the memory of its input, in " + Label(wanted) + "; " + reason;
    nodes_.push_back(std::move(node));
    return nodes_.back().outputs[0];
  }

  ValueId CopyIn(int32_t wanted, ValueId value, const std::string& reason) {
    const int32_t from = locations_[value];
    // Devices of different providers share no copy function: through the host.
    if (wanted != 0 && from != 0 && !instances_.instances[wanted]->SameProvider(*instances_.instances[from]))
      return In(wanted, In(0, value, reason), reason);
    Node node;
    node.op = wanted == 0 ? &kMemcpyToHost : from == 0 ? &kMemcpyToDevice : &kMemcpyPeer;
    node.op_type = node.op->name;
    node.domain = node.op->domain;
    node.instance = wanted == 0 ? from : wanted;
    node.inputs = {value};
    node.outputs = {AddValue(value, wanted)};
    node.name = node.op_type + "_" + graph_.value(value).name;
    node.origin.name = node.name;
    node.placement_reason = "made in " + Label(from) + ", " + reason + " in " + Label(wanted);
    nodes_.push_back(std::move(node));
    return nodes_.back().outputs[0];
  }

  // For what `value` is in another memory. It is no constant any more, which would be found in every memory.
  ValueId AddValue(ValueId value, int32_t instance) {
    Fact fact = graph_.FactOf(value);
    fact.constant = nullptr;
    const ValueId added = graph_.AddValue(graph_.value(value).name + "_on_" + Label(instance), std::move(fact));
    locations_[added] = instance;
    return added;
  }

  Graph& graph_;
  const InstanceSet& instances_;
  std::vector<Node> nodes_;
  std::map<ValueId, int32_t> locations_;
  std::map<std::pair<ValueId, int32_t>, ValueId> copies_;
};

void InsertCopies(Graph& graph, const InstanceSet& instances, const std::vector<int32_t>& wanted) {
  for (const Node& node : graph.nodes())
    for (const Body& body : node.bodies)
      if (!(node.op->flags & kOpRegion)) InsertCopies(*body.graph, instances, WantedOutputs(graph, node, body));
  CopyInserter(graph, instances).Run(wanted);
}

}  // namespace

void InsertCopies(Graph& graph, const InstanceSet& instances) {
  FollowViews(graph);  // rewrites may have given a view another input
  InsertCopies(graph, instances, std::vector<int32_t>(graph.outputs.size(), 0));
}

}  // namespace onda
