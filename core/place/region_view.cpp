#include "core/place/region_view.h"

#include <algorithm>
#include <utility>

#include "core/place/cost.h"
#include "core/place/place.h"

namespace onda {

std::vector<bool> ReadOutside(const Graph& graph, const std::vector<bool>& inside) {
  std::vector<bool> read(graph.values().size());
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    const Node& node = graph.node(id);
    if (!inside[id])
      for (ValueId v : node.inputs)
        if (v != kNoValue) read[v] = true;
    for (const Body& body : node.bodies)
      for (ValueId v : body.captures) read[v] = true;
  }
  for (ValueId v : graph.outputs) read[v] = true;
  return read;
}

RegionViewStorage::RegionViewStorage(const Graph& graph, std::span<const NodeId> nodes,
                                     const std::vector<bool>& read_outside, OndaRegionStage stage, std::string name,
                                     const std::function<bool(const Node&)>& accepted)
    : graph_(graph), name_(std::move(name)), index_(graph.values().size(), -1) {
  for (size_t i = 0; i < nodes.size(); ++i) AddNode(nodes[i], static_cast<int32_t>(i), accepted);
  for (ValueId id = 0; id < static_cast<ValueId>(index_.size()); ++id) {
    if (index_[id] < 0) continue;
    const OndaRegionValue& value = values_[index_[id]].view;
    if (value.producer < 0 && !graph.FactOf(id).constant) inputs.push_back(id);
    if (value.producer >= 0 && read_outside[id]) outputs.push_back(id);
  }
  const auto by_index = [&](ValueId a, ValueId b) { return index_[a] < index_[b]; };
  std::sort(inputs.begin(), inputs.end(), by_index);
  std::sort(outputs.begin(), outputs.end(), by_index);
  Finish(stage);
}

RegionViewStorage::RegionViewStorage(const Graph& graph, std::string name,
                                     const std::function<bool(const Node&)>& accepted)
    : inputs(graph.inputs), outputs(graph.outputs), graph_(graph), name_(std::move(name)) {
  index_.assign(graph.values().size(), -1);
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) AddNode(id, id, accepted);
  for (ValueId id : inputs) IndexOf(id);
  Finish(kOndaStageRewritten);
}

int32_t RegionViewStorage::IndexOf(ValueId id) {
  if (id == kNoValue) return -1;
  if (index_[id] >= 0) return index_[id];
  index_[id] = static_cast<int32_t>(values_.size());
  const Value& value = graph_.value(id);
  ValueStorage& storage = values_.emplace_back();
  if (value.fact.shape)
    for (const Dim& d : *value.fact.shape) storage.texts.push_back(d.ToString());
  for (const std::string& text : storage.texts) storage.text_pointers.push_back(text.c_str());
  storage.view.size = sizeof(OndaRegionValue);
  storage.view.name = value.name.c_str();
  storage.view.fact = ViewOf(value.fact, storage.dims);
  storage.view.dim_texts = storage.text_pointers.data();
  storage.view.producer = -1;
  return index_[id];
}

void RegionViewStorage::AddNode(NodeId id, int32_t index, const std::function<bool(const Node&)>& accepted) {
  const Node& node = graph_.node(id);
  NodeStorage& storage = nodes_.emplace_back();
  std::vector<Fact> input_facts, output_facts;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId v = node.inputs[i];
    storage.inputs.push_back(IndexOf(v));
    input_facts.push_back(v == kNoValue ? Fact{} : graph_.FactOf(v));
    if (v != kNoValue && ReadsOnHost(node, i)) values_[index_[v]].view.flags |= kOndaRegionOnHost;
  }
  for (ValueId v : node.outputs) {
    storage.outputs.push_back(IndexOf(v));
    output_facts.push_back(v == kNoValue ? Fact{} : graph_.FactOf(v));
    if (v != kNoValue) values_[index_[v]].view.producer = index;
  }
  // The facts are the storage's own; their constants are the graph's.
  storage.node = std::make_unique<NodeViewStorage>(node, input_facts, output_facts);
  storage.view.size = sizeof(OndaRegionNode);
  storage.view.accepted = accepted && accepted(node);
  storage.view.node = &storage.node->view;
  storage.view.inputs = storage.inputs.data();
  storage.view.outputs = storage.outputs.data();
  storage.view.host_microseconds = HostMicroseconds(graph_, node);
}

void RegionViewStorage::Finish(OndaRegionStage stage) {
  for (ValueId id : inputs) {
    values_[index_[id]].view.flags |= kOndaRegionInput;
    input_indices_.push_back(index_[id]);
  }
  for (ValueId id : outputs) {
    values_[index_[id]].view.flags |= kOndaRegionOutput;
    output_indices_.push_back(index_[id]);
  }
  for (ValueStorage& value : values_) {
    if (!(value.view.flags & kOndaRegionInput)) value.view.flags &= ~static_cast<uint32_t>(kOndaRegionOnHost);
    value_pointers_.push_back(&value.view);
  }
  for (const NodeStorage& node : nodes_) node_pointers_.push_back(&node.view);
  view.size = sizeof(OndaRegionView);
  view.stage = stage;
  view.name = name_.c_str();
  view.node_count = static_cast<int32_t>(nodes_.size());
  view.value_count = static_cast<int32_t>(values_.size());
  view.input_count = static_cast<int32_t>(inputs.size());
  view.output_count = static_cast<int32_t>(outputs.size());
  view.nodes = node_pointers_.data();
  view.values = value_pointers_.data();
  view.inputs = input_indices_.data();
  view.outputs = output_indices_.data();
}

}  // namespace onda
