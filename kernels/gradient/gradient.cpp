// Gradient of ai.onnx.preview.training: replaced by the nodes that compute the derivative. The part of the graph
// between the tensors named xs and zs and the one named y is written again where the node's inputs are other values
// than these.
#include <map>
#include <set>
#include <span>

#include "kernels/gradient/rules.h"
#include "onda/provider.h"

namespace onda::gradient {
namespace {

ValueId FindValue(RewriteContext& c, const std::string& name) {
  const auto& values = c.graph().values();
  for (size_t i = values.size(); i-- > 0;)
    if (values[i].name == name && values[i].fact.known()) return static_cast<ValueId>(i);
  c.Reject("there is no tensor '" + name + "' ahead of the node");
}

bool IsReal(RewriteContext& c, ValueId id) {
  return id != kNoValue && c.FactOf(id).is_tensor() && IsFloating(c.FactOf(id).dtype);
}

// The nodes between the variables and the target, in order.
std::vector<Node> NodesBetween(RewriteContext& c, const std::set<ValueId>& variables, ValueId target) {
  const auto& nodes = c.graph().nodes();
  std::set<ValueId> needed{target}, reached = variables;
  std::vector<bool> on_path(nodes.size());
  for (size_t n = nodes.size(); n-- > 0;) {
    for (ValueId id : nodes[n].outputs) on_path[n] = on_path[n] || (needed.count(id) && !variables.count(id));
    if (on_path[n]) needed.insert(nodes[n].inputs.begin(), nodes[n].inputs.end());
  }
  std::vector<Node> between;
  for (size_t n = 0; n < nodes.size(); ++n) {
    bool depends = false;
    for (ValueId id : nodes[n].inputs) depends |= reached.count(id) != 0;
    if (!on_path[n] || !depends) continue;
    if (!nodes[n].bodies.empty()) c.Reject("there is no gradient of " + nodes[n].op_type);
    reached.insert(nodes[n].outputs.begin(), nodes[n].outputs.end());
    between.push_back(nodes[n]);
  }
  return between;
}

// Writes the nodes again with other values for their inputs; `place` says which, and learns the outputs.
void WriteAgain(RewriteContext& c, std::vector<Node>& nodes, std::map<ValueId, ValueId>& place) {
  for (Node& node : nodes) {
    Node copy = node;
    copy.name.clear();
    for (ValueId& id : copy.inputs)
      if (const auto it = place.find(id); it != place.end()) id = it->second;
    const std::vector<ValueId> inputs = copy.inputs, old = node.outputs;
    node.outputs = c.AddNode(std::move(copy), static_cast<int>(old.size()));
    node.inputs = inputs;
    for (size_t i = 0; i < old.size(); ++i) place[old[i]] = node.outputs[i];
  }
}

void Upgrade(RewriteContext& c) {
  const std::vector<std::string> xs = c.attributes().Strings("xs"), zs = c.attributes().Strings("zs");
  const size_t count = c.node().inputs.size();
  if (xs.size() + zs.size() != count) c.Reject("xs and zs must name as many tensors as there are inputs");
  std::vector<ValueId> variables;
  for (const std::string& name : xs) variables.push_back(FindValue(c, name));
  for (const std::string& name : zs) variables.push_back(FindValue(c, name));
  ValueId target = FindValue(c, c.attributes().String("y", ""));

  std::vector<Node> nodes = NodesBetween(c, {variables.begin(), variables.end()}, target);
  std::map<ValueId, ValueId> place;
  for (size_t i = 0; i < count; ++i)
    if (c.input(i) != variables[i]) place[variables[i]] = c.input(i);
  if (!place.empty()) {
    WriteAgain(c, nodes, place);
    for (size_t i = 0; i < count; ++i) variables[i] = c.input(i);
    if (const auto it = place.find(target); it != place.end()) target = it->second;
  }

  std::set<ValueId> depends(variables.begin(), variables.begin() + static_cast<ptrdiff_t>(xs.size()));
  for (const Node& node : nodes)
    for (ValueId id : node.inputs)
      if (depends.count(id) && IsReal(c, id)) depends.insert(node.outputs.begin(), node.outputs.end());
  std::map<ValueId, ValueId> gradients{{target, FillLike(c, target, 1)}};
  for (size_t n = nodes.size(); n-- > 0;) {
    const Node& node = nodes[n];
    const auto gradient = gradients.find(node.outputs[0]);
    if (gradient == gradients.end() || !depends.count(node.outputs[0])) continue;
    std::vector<bool> wanted;
    for (ValueId id : node.inputs) wanted.push_back(depends.count(id) && IsReal(c, id));
    const std::vector<ValueId> parts = Backward(c, node, gradient->second, wanted);
    for (size_t i = 0; i < parts.size(); ++i) {
      if (!wanted[i] || parts[i] == kNoValue) continue;
      const auto [it, inserted] = gradients.try_emplace(node.inputs[i], parts[i]);
      if (!inserted) it->second = c.Add("Add", {it->second, parts[i]});
    }
  }
  std::vector<ValueId> outputs;
  for (size_t i = 0; i < c.node().outputs.size(); ++i) {
    if (i >= xs.size() || !c.has_output(i)) {
      outputs.push_back(kNoValue);
      continue;
    }
    const auto it = gradients.find(variables[i]);
    outputs.push_back(it != gradients.end() ? it->second : FillLike(c, variables[i], 0));
  }
  c.ReplaceOutputs(std::move(outputs));
}

constexpr OpDef kOps[] = {
    {.name = "Gradient", .domain = "ai.onnx.preview.training", .upgrade = Upgrade, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }
std::span<const OndaKernelDef> ReferenceKernels() { return {}; }
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::gradient
