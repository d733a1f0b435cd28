#include "core/passes/patch.h"

#include <algorithm>
#include <unordered_map>

#include "core/passes/infer_node.h"
#include "core/passes/node_key.h"

namespace onda {

const Node* RuleContext::Twin(const Node& node) const {
  const std::string key = KeyOf(graph_, node);
  if (key.empty()) return nullptr;
  // The graph's own node lasts as long as the sweep; `node` has the same outputs.
  const Node* own = nullptr;
  for (ValueId id : node.outputs)
    if (id != kNoValue) own = graph_.Producer(id);
  if (!own) return nullptr;
  const auto [at, is_new] = met_.try_emplace(key, own);
  return is_new || at->second == own ? nullptr : at->second;
}

ValueId Patch::NewValue(TensorPtr constant) {
  new_values_.push_back(std::move(constant));
  return -1 - static_cast<ValueId>(new_values_.size());
}

ValueId Patch::Constant(TensorPtr tensor) { return NewValue(std::move(tensor)); }

ValueId Patch::AddView(ValueId x, const Dims& shape) {
  std::vector<int64_t> dims;
  int unknown = 0;
  bool empty = false;
  for (const Dim& d : shape) {
    dims.push_back(d.value_or_unknown());
    unknown += !d.known();
    empty = empty || dims.back() == 0;
  }
  if (unknown > 1 || (unknown == 1 && empty)) return kNoValue;
  AttributeMap attributes;
  if (empty) attributes.Set("allowzero", int64_t{1});
  return Add("Reshape", {x, Constant(Tensor::Int64s(dims))}, std::move(attributes));
}

std::vector<ValueId> Patch::AddNode(std::string_view op, std::vector<ValueId> inputs, AttributeMap attributes,
                                    std::string_view domain, int outputs) {
  Node node;
  node.op_type = op;
  node.domain = domain;
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  for (int i = 0; i < outputs; ++i) node.outputs.push_back(NewValue(nullptr));
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs;
}

namespace {

constexpr int kMaxSweeps = 20;
constexpr size_t kMostSteps = 1000;  // back to a node that another one takes the place of

// Readers of each value. `readers`: the nodes among them, with where those of each value begin.
std::vector<int32_t> CountUses(const Graph& graph, std::vector<NodeId>& readers, std::vector<int32_t>& begins) {
  std::vector<int32_t> uses(graph.values().size());
  for (const Node& node : graph.nodes())
    for (ValueId id : node.inputs)
      if (id != kNoValue) ++uses[id];
  begins.assign(uses.size() + 1, 0);
  for (size_t i = 0; i < uses.size(); ++i) begins[i + 1] = begins[i] + uses[i];
  readers.resize(begins.back());
  std::vector<int32_t> next = begins;
  for (NodeId i = 0; i < static_cast<NodeId>(graph.nodes().size()); ++i) {
    const Node& node = graph.node(i);
    for (ValueId id : node.inputs)
      if (id != kNoValue) readers[next[id]++] = i;
    for (const Body& body : node.bodies)
      for (ValueId id : body.captures) ++uses[id];
  }
  for (ValueId id : graph.outputs) ++uses[id];
  return uses;
}

// Whether what is known of the new value can be true of the old one.
bool Compatible(const Fact& old_fact, const Fact& new_fact) {
  if (!old_fact.known() || !new_fact.known()) return true;
  if (old_fact.kind != new_fact.kind || old_fact.dtype != new_fact.dtype) return false;
  if (old_fact.channel_block != new_fact.channel_block) return false;
  if (!old_fact.has_rank() || !new_fact.has_rank()) return true;
  if (old_fact.rank() != new_fact.rank()) return false;
  for (int i = 0; i < old_fact.rank(); ++i) {
    const Dim &a = (*old_fact.shape)[i], &b = (*new_fact.shape)[i];
    if (a.known() && b.known() && !(a == b)) return false;
  }
  return true;
}

// Keeps the dimensions that the old fact knew, under their names.
Fact Merge(const Fact& old_fact, Fact new_fact) {
  if (old_fact.has_rank() && new_fact.has_rank())
    for (int i = 0; i < old_fact.rank(); ++i)
      if (!(*new_fact.shape)[i].known()) (*new_fact.shape)[i] = (*old_fact.shape)[i];
  return new_fact;
}

}  // namespace

class RuleRunner {
 public:
  RuleRunner(Graph& graph, std::span<const Rule> rules, const RuleOptions& options, int64_t& rewrites)
      : graph_(graph), rules_(rules), options_(options), rewrites_(rewrites) {}

  // True if a rule fired.
  bool Sweep() {
    std::vector<NodeId> readers;
    std::vector<int32_t> begins;
    const std::vector<int32_t> uses = CountUses(graph_, readers, begins);
    is_output_.assign(graph_.values().size(), false);
    for (ValueId id : graph_.outputs) is_output_[id] = true;
    RuleContext context(graph_, uses, is_output_, readers, begins);
    out_.clear();
    renamed_.clear();
    bool fired = false;
    for (const Node& original : graph_.nodes()) {
      Node node = original;
      for (ValueId& id : node.inputs) id = Renamed(id);
      for (Body& body : node.bodies)
        for (ValueId& id : body.captures) id = Renamed(id);
      context.instance_ = node.instance;
      bool replaced = false;
      for (const Rule& rule : rules_) {
        if (std::find(options_.skip.begin(), options_.skip.end(), rule.name) != options_.skip.end()) continue;
        if (rewrites_ >= options_.max_rewrites) break;
        // Rules see the node with its inputs as they are now, and values as the sweep began.
        std::optional<Patch> patch = rule.apply(context, node);
        if (!patch || !Apply(rule, std::move(*patch), node)) continue;
        replaced = fired = true;
        break;
      }
      if (!replaced) out_.push_back(std::move(node));
    }
    for (ValueId& id : graph_.outputs) id = Renamed(id);
    graph_.ReplaceNodes(std::move(out_));
    return fired;
  }

 private:
  ValueId Renamed(ValueId id) const {
    for (auto it = renamed_.find(id); it != renamed_.end(); it = renamed_.find(id)) id = it->second;
    return id;
  }

  // Where the node stands in out_ whose only output is the value, if no node behind it reads that.
  std::optional<size_t> DroppableProducer(ValueId value) const {
    for (size_t i = out_.size(), steps = 0; i-- > 0 && steps < kMostSteps; ++steps) {
      const Node& node = out_[i];
      if (std::find(node.outputs.begin(), node.outputs.end(), value) != node.outputs.end())
        return node.outputs.size() == 1 ? std::optional<size_t>(i) : std::nullopt;
      if (std::find(node.inputs.begin(), node.inputs.end(), value) != node.inputs.end()) return {};
      for (const Body& body : node.bodies)
        if (std::find(body.captures.begin(), body.captures.end(), value) != body.captures.end()) return {};
    }
    return {};
  }

  // False where a new node is not accepted; nothing has changed then.
  bool Apply(const Rule& rule, Patch patch, const Node& replaced) {
    std::vector<Fact> facts(patch.new_values_.size());
    for (size_t i = 0; i < facts.size(); ++i)
      if (patch.new_values_[i]) facts[i] = Fact::Constant(patch.new_values_[i]);
    auto fact_of = [&](ValueId id) -> const Fact& {
      return Patch::IsNew(id) ? facts[Patch::IndexOf(id)] : graph_.FactOf(id);
    };
    for (Node& node : patch.nodes_) {
      node.op = options_.find_op(node.domain, node.op_type);
      if (!node.op || !node.op->infer)
        throw Error(ErrorCode::kInternal,
                    "rule '" + std::string(rule.name) + "' makes unknown operator '" + node.op_type + "'");
      node.origin = replaced.origin;
      node.name = replaced.name;
      // What shapes alone decide is computed on the host.
      node.instance = node.op->flags & kOpShapeOnly ? 0 : replaced.instance;
      node.placement_reason = replaced.placement_reason;
      const std::vector<Fact> outputs = InferNode(node, fact_of, fresh_);
      if (options_.accepts && !(node.op->flags & kOpView)) {
        std::vector<Fact> inputs;
        for (ValueId id : node.inputs) inputs.push_back(id == kNoValue ? Fact{} : fact_of(id));
        if (!options_.accepts(node, inputs, outputs)) return false;
      }
      for (size_t i = 0; i < outputs.size() && i < node.outputs.size(); ++i)
        if (node.outputs[i] != kNoValue) facts[Patch::IndexOf(node.outputs[i])] = outputs[i];
    }
    for (const auto& [old_value, with] : patch.replacements_)
      if (!Compatible(graph_.FactOf(old_value), fact_of(with)))
        throw Error(ErrorCode::kInternal, "rule '" + std::string(rule.name) + "' at " + Describe(replaced) + " turns " +
                                              graph_.FactOf(old_value).ToString() + " into " +
                                              fact_of(with).ToString());

    std::vector<size_t> dropped;  // of out_
    for (const auto& [old_value, with] : patch.replacements_) {
      if (std::find(replaced.outputs.begin(), replaced.outputs.end(), old_value) != replaced.outputs.end()) continue;
      const std::optional<size_t> at = DroppableProducer(old_value);
      if (!at || !Patch::IsNew(with)) return false;
      for (const Node& node : patch.nodes_)
        if (std::find(node.inputs.begin(), node.inputs.end(), old_value) != node.inputs.end()) return false;
      dropped.push_back(*at);
    }
    std::sort(dropped.rbegin(), dropped.rend());
    for (size_t at : dropped) out_.erase(out_.begin() + static_cast<ptrdiff_t>(at));

    // A new value takes over the handle, and so the name, of the one that it replaces.
    std::vector<ValueId> ids(facts.size(), kNoValue);
    for (const auto& [old_value, with] : patch.replacements_)
      if (Patch::IsNew(with) && ids[Patch::IndexOf(with)] == kNoValue && !patch.new_values_[Patch::IndexOf(with)]) {
        ids[Patch::IndexOf(with)] = old_value;
        graph_.value(old_value).fact = Merge(graph_.FactOf(old_value), facts[Patch::IndexOf(with)]);
      }
    // Not with a colon: TensorFlow's values are NODE:0.
    for (size_t i = 0; i < ids.size(); ++i)
      if (ids[i] == kNoValue) ids[i] = graph_.AddValue(replaced.name + "#" + std::to_string(i), facts[i]);
    // Rules look at producers as the sweep began: what took their inputs' place since is read instead.
    auto real = [&](ValueId id) { return Patch::IsNew(id) ? ids[Patch::IndexOf(id)] : Renamed(id); };
    const size_t first_added = out_.size();
    for (Node& node : patch.nodes_) {
      for (ValueId& id : node.inputs) id = real(id);
      for (ValueId& id : node.outputs) id = real(id);
      out_.push_back(std::move(node));
    }
    for (const auto& [old_value, with] : patch.replacements_) {
      if (real(with) == old_value) continue;
      if (is_output_[old_value]) {
        Node identity;  // an output keeps its name
        identity.op = options_.find_op("", "Identity");
        identity.op_type = "Identity";
        identity.origin = replaced.origin;
        identity.name = replaced.name;
        identity.instance = replaced.instance;
        identity.placement_reason = replaced.placement_reason;
        identity.inputs = {real(with)};
        identity.outputs = {old_value};
        out_.push_back(std::move(identity));
      } else {
        renamed_[old_value] = real(with);
      }
    }
    ++rewrites_;
    if (options_.on_rewrite)
      options_.on_rewrite({rule.name, patch.reason_, graph_, replaced, std::span(out_).subspan(first_added)});
    return true;
  }

  Graph& graph_;
  std::span<const Rule> rules_;
  const RuleOptions& options_;
  int64_t& rewrites_;
  std::vector<Node> out_;
  std::vector<bool> is_output_;  // by value, as the sweep began
  std::unordered_map<ValueId, ValueId> renamed_;
  int64_t fresh_ = 0;
};

void RunRules(Graph& graph, std::span<const Rule> rules, const RuleOptions& options, int64_t& rewrites) {
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id)
    if (!(graph.node(id).op->flags & kOpRegion))  // a provider has claimed its nodes as they are
      for (const Body& body : graph.node(id).bodies) RunRules(*body.graph, rules, options, rewrites);
  RuleRunner runner(graph, rules, options, rewrites);
  for (int sweep = 0; sweep < kMaxSweeps && runner.Sweep(); ++sweep) DropDeadNodes(graph);
  DropDeadNodes(graph);
}

void DropDeadNodes(Graph& graph) {
  std::vector<bool> needed(graph.values().size());
  for (ValueId id : graph.outputs) needed[id] = true;
  std::vector<Node> kept;
  for (NodeId id = static_cast<NodeId>(graph.nodes().size()) - 1; id >= 0; --id) {
    Node& node = graph.node(id);
    if (std::none_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) { return v != kNoValue && needed[v]; }))
      continue;
    for (ValueId v : node.inputs)
      if (v != kNoValue) needed[v] = true;
    for (const Body& body : node.bodies)
      for (ValueId v : body.captures) needed[v] = true;
    kept.push_back(std::move(node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.ReplaceNodes(std::move(kept));
  for (ValueId id : graph.inputs) needed[id] = true;
  for (ValueId id = 0; id < static_cast<ValueId>(needed.size()); ++id)
    if (!needed[id]) graph.value(id).fact.constant = nullptr;
}

}  // namespace onda
