#include "core/passes/print_rewrite.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "core/text/print.h"

namespace onda {
namespace {

constexpr size_t kMaxNodes = 40;     // of a pattern
constexpr int64_t kMaxElements = 8;  // of a constant that is shown

// The nodes as a graph of their own: what they read and do not make is its input, or a constant.
std::string PrintNodes(const Graph& graph, const std::vector<const Node*>& nodes) {
  Graph shown;
  shown.name = std::string("g");
  std::map<ValueId, ValueId> copies;
  std::set<ValueId> made, used;
  for (const Node* node : nodes) made.insert(node->outputs.begin(), node->outputs.end());
  const auto copy = [&](ValueId id) {
    if (id == kNoValue) return kNoValue;
    const auto [at, added] = copies.emplace(id, kNoValue);
    if (!added) return at->second;
    const Value& value = graph.value(id);
    if (made.contains(id)) {
      at->second = shown.AddValue(value.name, value.fact);
    } else if (value.fact.constant) {
      at->second = shown.AddInitializer(value.name, value.fact.constant);
    } else {
      at->second = shown.AddInput(value.name, value.fact);
    }
    return at->second;
  };
  for (const Node* node : nodes) {
    Node printed = *node;
    for (ValueId& id : printed.inputs) {
      used.insert(id);
      id = copy(id);
    }
    for (Body& body : printed.bodies)
      for (ValueId& id : body.captures) {
        used.insert(id);
        id = copy(id);
      }
    for (ValueId& id : printed.outputs) id = copy(id);
    shown.AddNode(std::move(printed));
  }
  for (const Node* node : nodes)
    for (ValueId id : node->outputs)
      if (id != kNoValue && !used.contains(id)) shown.outputs.push_back(copies.at(id));
  return Print(shown, {kMaxElements});
}

}  // namespace

std::string PrintReplaced(const RewriteEvent& event) {
  std::set<ValueId> ends;
  for (const Node& node : event.added)
    for (ValueId id : node.inputs) ends.insert(id);
  std::set<const Node*> seen;
  // In topological order: a node is appended behind its producers. Where a new node reads something further up, or
  // nothing, the walk ends at a number of nodes.
  std::vector<const Node*> nodes, pending{&event.replaced};
  while (!pending.empty() && nodes.size() < kMaxNodes) {
    const Node* node = pending.back();
    pending.pop_back();
    if (!seen.insert(node).second) continue;
    nodes.push_back(node);
    if (event.added.empty()) continue;
    for (ValueId id : node->inputs) {
      const Node* producer = ends.contains(id) ? nullptr : event.graph.Producer(id);
      if (producer && std::none_of(producer->outputs.begin(), producer->outputs.end(),
                                   [&](ValueId v) { return ends.contains(v); })) {
        pending.push_back(producer);
      }
    }
  }
  // The replaced node is a copy with renamed inputs: by its first output it stands where the original does.
  const auto position = [&](const Node* node) {
    for (ValueId id : node->outputs)
      if (id != kNoValue) return event.graph.value(id).producer;
    return kNoNode;
  };
  std::stable_sort(nodes.begin(), nodes.end(), [&](const Node* a, const Node* b) { return position(a) < position(b); });
  return PrintNodes(event.graph, nodes);
}

std::string PrintAdded(const RewriteEvent& event) {
  std::vector<const Node*> nodes;
  for (const Node& node : event.added) nodes.push_back(&node);
  return nodes.empty() ? "" : PrintNodes(event.graph, nodes);
}

}  // namespace onda
