// Rewrites of a canonical graph: a rule looks at one node and returns a patch, or nothing.
#ifndef ONDA_CORE_PASSES_PATCH_H_
#define ONDA_CORE_PASSES_PATCH_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/ir/graph.h"
#include "core/ir/op_def.h"

namespace onda {

// What a rule may see. Producers on another provider instance than the node under view are hidden, so that what a rule
// fuses always runs in one place.
class RuleContext {
 public:
  RuleContext(const Graph& graph, const std::vector<int32_t>& uses, const std::vector<bool>& outputs,
              const std::vector<NodeId>& readers, const std::vector<int32_t>& begins)
      : graph_(graph), uses_(uses), outputs_(outputs), readers_(readers), begins_(begins) {}

  const Graph& graph() const { return graph_; }
  const Fact& FactOf(ValueId id) const {
    static const Fact kUnknown;
    return id == kNoValue ? kUnknown : graph_.FactOf(id);
  }
  // The node that makes the value; null for inputs and constants.
  const Node* Producer(ValueId id) const {
    const Node* node = graph_.Producer(id);
    return node && node->instance == instance_ ? node : nullptr;
  }
  // Reshape, Squeeze, Unsqueeze or Flatten.
  static bool IsView(const Node& node) {
    return node.op && (node.op->flags & kOpView) && node.has_input(0) && node.op_type != "Identity";
  }
  // The producer of input i of the node where it is that operator; null otherwise.
  const Node* ProducedBy(const Node& node, size_t i, std::string_view op, std::string_view domain = "") const {
    if (!node.has_input(i)) return nullptr;
    const Node* p = Producer(node.inputs[i]);
    return p && Is(*p, op, domain) ? p : nullptr;
  }
  static bool Is(const Node& node, std::string_view op, std::string_view domain = "") {
    return node.op_type == op && node.domain == domain;
  }
  // Readers of the value, the graph's outputs and captures by bodies included.
  int32_t Uses(ValueId id) const {
    // Values that a patch of this sweep made: not counted yet.
    return static_cast<size_t>(id) < uses_.size() ? uses_[id] : INT32_MAX;
  }
  bool UsedOnce(ValueId id) const { return Uses(id) == 1; }
  // An output of the graph: it keeps its handle and name.
  bool IsOutput(ValueId id) const { return static_cast<size_t>(id) < outputs_.size() && outputs_[id]; }
  // A node ahead of this one, as the sweep began, that computes the same; null where none was met. The node is met from
  // now on.
  const Node* Twin(const Node& node) const;
  // The node that alone reads the value, once, in the same place; null where there is none.
  const Node* OnlyReader(ValueId id) const {
    const std::span<const NodeId> readers = Readers(id);
    if (!UsedOnce(id) || readers.size() != 1) return nullptr;
    const Node& node = graph_.node(readers[0]);
    return node.instance == instance_ ? &node : nullptr;
  }
  // The nodes that read the value, once per time; Uses counts outputs and captures besides.
  std::span<const NodeId> Readers(ValueId id) const {
    if (static_cast<size_t>(id) + 1 >= begins_.size()) return {};
    return std::span(readers_).subspan(begins_[id], begins_[id + 1] - begins_[id]);
  }
  bool IsHere(const Node& node) const { return node.instance == instance_; }
  TensorPtr ConstantOf(ValueId id) const { return FactOf(id).constant; }
  // The one element of a constant real tensor; nullopt where it is not one.
  std::optional<double> ScalarOf(ValueId id) const {
    const TensorPtr& c = FactOf(id).constant;
    if (!c || c->count() != 1 || c->dtype() == DType::kString || IsComplex(c->dtype())) return {};
    return c->ToDoubles()[0];
  }

 private:
  friend class RuleRunner;
  const Graph& graph_;
  const std::vector<int32_t>& uses_;
  const std::vector<bool>& outputs_;    // by value
  const std::vector<NodeId>& readers_;  // of all values, one value after the other
  const std::vector<int32_t>& begins_;  // of each value's
  int32_t instance_ = 0;
  mutable std::unordered_map<std::string, const Node*> met_;  // in the graph, by KeyOf
};

// New nodes, and the values that they take the place of.
class Patch {
 public:
  explicit Patch(std::string_view reason) : reason_(reason) {}

  ValueId Constant(TensorPtr tensor);
  // Adds a node with one output; gives the output.
  ValueId Add(std::string_view op, std::vector<ValueId> inputs, AttributeMap attributes = {},
              std::string_view domain = "") {
    return AddNode(op, std::move(inputs), std::move(attributes), domain, 1)[0];
  }
  // x in that shape, by a Reshape; kNoValue where more than one dimension is unknown, or one beside one of 0.
  ValueId AddView(ValueId x, const Dims& shape);
  std::vector<ValueId> AddNode(std::string_view op, std::vector<ValueId> inputs, AttributeMap attributes,
                               std::string_view domain, int outputs);
  // The newest node does not give this output, which is optional.
  void Omit(size_t output) { nodes_.back().outputs[output] = kNoValue; }
  // Readers of `old` read `with` from now on. `old` is an output of the node under view, or the only output of a node
  // before it that nothing in between reads; `with` is an output of a new node then, and that node is dropped.
  Patch&& Replace(ValueId old, ValueId with) && {
    replacements_.emplace_back(old, with);
    return std::move(*this);
  }
  void Replace(ValueId old, ValueId with) & { replacements_.emplace_back(old, with); }

  const std::string& reason() const { return reason_; }

 private:
  friend class RuleRunner;
  // Values that do not exist yet have handles below kNoValue.
  static bool IsNew(ValueId id) { return id < kNoValue; }
  static size_t IndexOf(ValueId id) { return static_cast<size_t>(-2 - id); }
  ValueId NewValue(TensorPtr constant);

  std::string reason_;
  std::vector<Node> nodes_;
  std::vector<TensorPtr> new_values_;  // the constant, or null
  std::vector<std::pair<ValueId, ValueId>> replacements_;
};

struct Rule {
  std::string_view name;  // of the pass, for skipping it
  std::optional<Patch> (*apply)(const RuleContext& c, const Node& node);
};

// A rewrite that has just been made. The nodes are in terms of the graph's values.
struct RewriteEvent {
  std::string_view rule;
  const std::string& reason;
  const Graph& graph;
  const Node& replaced;         // that the rule looked at
  std::span<const Node> added;  // nodes and copies of what the graph's outputs keep
};

struct RuleOptions {
  std::vector<std::string> skip;     // names of rules
  int64_t max_rewrites = INT64_MAX;  // counted over all rules of a session
  // The canonical operator of a name.
  const OpDef* (*find_op)(std::string_view domain, std::string_view op) = nullptr;
  // Whether the instance that the replaced node is placed on takes a new node; null: yes.
  std::function<bool(const Node& node, std::span<const Fact> inputs, std::span<const Fact> outputs)> accepts;
  // Told of each rewrite, while what is replaced is still there; may be null.
  std::function<void(const RewriteEvent&)> on_rewrite;
};

// Applies the rules to every node of the graph and of its bodies, in sweeps, until none fires; then drops what nothing
// reads. New facts are held against those that they replace: a rule that changes a type or shape is a defect and throws
// kInternal. rewrites: how many were done so far, counted on.
void RunRules(Graph& graph, std::span<const Rule> rules, const RuleOptions& options, int64_t& rewrites);

// Drops nodes that nothing reads, and constants.
void DropDeadNodes(Graph& graph);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_PATCH_H_
