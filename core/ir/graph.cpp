#include "core/ir/graph.h"

#include <algorithm>

namespace onda {

const Body* Node::FindBody(std::string_view attribute) const {
  for (const Body& body : bodies)
    if (body.attribute == attribute) return &body;
  return nullptr;
}

ValueId Graph::AddValue(std::string name, Fact fact) {
  values_.push_back({std::move(name), std::move(fact), kNoNode, 0, "", {}, ""});
  return static_cast<ValueId>(values_.size()) - 1;
}

ValueId Graph::AddInput(std::string name, Fact fact) {
  inputs.push_back(AddValue(std::move(name), std::move(fact)));
  return inputs.back();
}

ValueId Graph::AddInitializer(std::string name, TensorPtr tensor) {
  initializers.push_back(AddValue(std::move(name), Fact::Constant(std::move(tensor))));
  return initializers.back();
}

NodeId Graph::AddNode(Node node) {
  const NodeId id = static_cast<NodeId>(nodes_.size());
  for (ValueId output : node.outputs)
    if (output != kNoValue) values_[output].producer = id;
  nodes_.push_back(std::move(node));
  return id;
}

void Graph::ReplaceNodes(std::vector<Node> nodes) {
  for (Value& value : values_) value.producer = kNoNode;
  nodes_.clear();
  for (Node& node : nodes) AddNode(std::move(node));
}

std::vector<Fact> Graph::FactsOf(std::span<const ValueId> ids) const {
  std::vector<Fact> facts;
  facts.reserve(ids.size());
  for (ValueId id : ids) facts.push_back(id == kNoValue ? Fact{} : FactOf(id));
  return facts;
}

bool Graph::IsInput(ValueId id) const { return std::find(inputs.begin(), inputs.end(), id) != inputs.end(); }

std::string Describe(const Node& node) {
  const Origin& o = node.origin;
  const std::string& op = o.op.empty() ? node.op_type : o.op;
  const std::string& domain = o.op.empty() ? node.domain : o.domain;
  const std::string& name = o.name.empty() ? node.name : o.name;
  std::string text = name.empty() ? "node" : "node '" + name + "'";
  text += " (" + op + ", " + (domain.empty() ? "ai.onnx" : domain);
  if (o.opset > 0) text += " opset " + std::to_string(o.opset);
  return text + ")";
}

}  // namespace onda
