#include "core/place/carried.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/ir/op_def.h"
#include "core/place/place.h"

namespace onda {
namespace {

// A branch is not always taken, a loop's body is run often.
constexpr double kBranchWeight = 0.5;
constexpr double kLoopWeight = 10;

// The value that another one becomes: of the same graph, or an input of a body.
struct Slot {
  const Graph* graph = nullptr;
  ValueId value = kNoValue;  // kNoValue: none
  bool anywhere = false;     // none, and nobody looks at the elements either
};

bool Is(const Node& node, std::string_view name) { return node.op->domain.empty() && node.op->name == name; }

Slot BodyInput(const Body& body, size_t i) {
  return i < body.graph->inputs.size() ? Slot{body.graph.get(), body.graph->inputs[i]} : Slot{};
}

Slot Output(const Graph& graph, const Node& node, size_t i) {
  return node.has_output(i) ? Slot{&graph, node.outputs[i]} : Slot{nullptr, kNoValue, true};
}

// What input i of a node that the engine runs becomes.
Slot SlotOfInput(const Graph& graph, const Node& node, size_t i) {
  if (Is(node, "SequenceLength") || Is(node, "OptionalHasElement")) return {nullptr, kNoValue, true};
  if (Is(node, "Loop") && i >= 2) return BodyInput(node.bodies[0], i);
  if (Is(node, "Scan") || Is(node, "SequenceMap")) return BodyInput(node.bodies[0], i);
  if (Is(node, "SequenceConstruct") || (Is(node, "SequenceInsert") && i < 2)) return Output(graph, node, 0);
  for (std::string_view name : {"Identity", "SequenceErase", "SequenceAt", "ConcatFromSequence", "SplitToSequence",
                                "Optional", "OptionalGetElement"})
    if (i == 0 && Is(node, name)) return Output(graph, node, 0);
  return {};
}

// Of Loop and Scan: how many outputs are states, and which body input and body output is the first of them.
struct States {
  size_t count = 0, first_input = 0, first_output = 0;
};

States StatesOf(const Node& node) {
  if (Is(node, "Loop")) return {std::max<size_t>(node.inputs.size(), 2) - 2, 2, 1};
  if (!Is(node, "Scan")) return {};
  const size_t scanned = static_cast<size_t>(node.attributes.view().Int("num_scan_inputs", 0));
  return {node.inputs.size() - std::min(scanned, node.inputs.size()), 0, 0};
}

// What output j of a body becomes.
Slot SlotOfBodyOutput(const Graph& graph, const Node& node, const Body& body, size_t j) {
  if (Is(node, "If") || Is(node, "SequenceMap")) return Output(graph, node, j);
  if (!Is(node, "Loop") && !Is(node, "Scan")) return {};
  const States states = StatesOf(node);
  if (j < states.first_output) return {};  // a condition
  const size_t k = j - states.first_output;
  if (!node.has_output(k) && k < states.count) return BodyInput(body, states.first_input + k);
  return Output(graph, node, k);
}

Slot SlotOfCapture(const Body& body, size_t c) {
  return BodyInput(body, body.graph->inputs.size() - body.captures.size() + c);
}

int32_t PlaceOf(const Slot& slot) {
  if (slot.value == kNoValue) return slot.anywhere ? kAnywhere : 0;
  return slot.graph->value(slot.value).instance;
}

bool MayLieOnDevice(const Fact& fact) {
  if (fact.is_tensor())
    return fact.dtype != DType::kUndefined && fact.dtype != DType::kString && BitsOf(fact.dtype) >= 8;
  const bool holder = fact.kind == ValueKind::kSequence || fact.kind == ValueKind::kOptional;
  return holder && fact.element && MayLieOnDevice(*fact.element);
}

// Groups of values that become each other, and what speaks for which memory.
class CarriedPlacer {
 public:
  void Run(Graph& graph) {
    AddMembers(graph, false);
    if (members_.empty()) return;
    Visit(graph, 1);
    for (ValueId output : graph.outputs) Vote(Find(graph, output), 0, 1);
    for (Member& member : members_) member.graph->value(member.value).instance = Best(Root(member.group));
  }

 private:
  struct Member {
    Graph* graph;
    ValueId value;
    size_t group;
  };
  struct Group {
    size_t parent;
    bool host_only = false;
    std::map<int32_t, double> votes;
  };
  static constexpr size_t kNone = SIZE_MAX;

  void AddMember(Graph& graph, ValueId value) {
    if (value == kNoValue) return;
    index_[{&graph, value}] = members_.size();
    members_.push_back({&graph, value, groups_.size()});
    // Kernels find constants in every memory.
    const Fact& fact = graph.FactOf(value);
    groups_.push_back({groups_.size(), fact.constant || !MayLieOnDevice(fact), {}});
  }

  void AddMembers(Graph& graph, bool is_body) {
    for (size_t i = 0; is_body && i < graph.inputs.size(); ++i) AddMember(graph, graph.inputs[i]);
    for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
      const Node& node = graph.node(id);
      if (!RunByEngine(graph, node)) continue;
      for (ValueId output : node.outputs) AddMember(graph, output);
      for (const Body& body : node.bodies) AddMembers(*body.graph, true);
    }
  }

  size_t Root(size_t group) {
    while (groups_[group].parent != group) group = groups_[group].parent = groups_[groups_[group].parent].parent;
    return group;
  }

  // The group of a value, or of what it is a view of; kNone where a kernel made it.
  size_t Find(const Graph& graph, ValueId value) {
    while (value != kNoValue) {
      const auto at = index_.find({&graph, value});
      if (at != index_.end()) return Root(members_[at->second].group);
      const Node* producer = graph.Producer(value);
      if (!producer || !(producer->op->flags & kOpView)) break;
      value = producer->inputs[0];
    }
    return kNone;
  }

  void Unite(size_t a, size_t b) {
    a = Root(a), b = Root(b);
    if (a == b) return;
    groups_[b].parent = a;
    groups_[a].host_only |= groups_[b].host_only;
    for (const auto& [instance, weight] : groups_[b].votes) groups_[a].votes[instance] += weight;
  }

  void Vote(size_t group, int32_t instance, double weight) {
    if (group != kNone && instance != kAnywhere) groups_[Root(group)].votes[instance] += weight;
  }

  // The value becomes what the slot is.
  void Tie(const Graph& graph, ValueId value, const Slot& slot, double weight) {
    if (value == kNoValue) return;
    const size_t own = Find(graph, value);
    const size_t other = slot.value == kNoValue ? kNone : Find(*slot.graph, slot.value);
    if (other == kNone) {
      if (!slot.anywhere) Vote(own, 0, weight);
    } else if (own != kNone) {
      Unite(own, other);
    } else if (!graph.FactOf(value).constant) {
      Vote(other, LocationOf(graph, value), weight);
    }
  }

  void Visit(const Graph& graph, double weight) {
    for (const Node& node : graph.nodes()) {
      if (RunByEngine(graph, node)) {
        for (size_t i = 0; i < node.inputs.size(); ++i) Tie(graph, node.inputs[i], SlotOfInput(graph, node, i), weight);
        const States states = StatesOf(node);
        for (size_t k = 0; k < states.count; ++k) {
          const Slot state = BodyInput(node.bodies[0], states.first_input + k);
          if (state.value != kNoValue && node.has_output(k))
            Unite(Find(*state.graph, state.value), Find(graph, node.outputs[k]));
        }
        for (const Body& body : node.bodies) VisitBody(graph, node, body, weight);
        continue;
      }
      if (node.op->flags & (kOpView | kOpShapeOnly)) continue;
      for (size_t i = 0; i < node.inputs.size(); ++i)
        Vote(Find(graph, node.inputs[i]), ReadsOnHost(node, i) ? 0 : node.instance, weight);
    }
  }

  void VisitBody(const Graph& graph, const Node& node, const Body& body, double weight) {
    // What the engine makes for the body itself lies on the host.
    const size_t declared = body.graph->inputs.size() - body.captures.size();
    for (size_t i = 0; i < declared; ++i)
      if (SlotOfInput(graph, node, i).graph != body.graph.get())
        groups_[Find(*body.graph, body.graph->inputs[i])].host_only = true;
    const bool branch = Is(node, "If");
    const double inner = weight * (branch ? kBranchWeight : kLoopWeight);
    for (size_t c = 0; c < body.captures.size(); ++c) {
      const Slot slot = SlotOfCapture(body, c);
      // What a kernel made is copied once ahead of a loop, and inside of a branch only where that is taken.
      if (branch || Find(graph, body.captures[c]) != kNone) Tie(graph, body.captures[c], slot, weight);
    }
    for (size_t j = 0; j < body.graph->outputs.size(); ++j)
      Tie(*body.graph, body.graph->outputs[j], SlotOfBodyOutput(graph, node, body, j), inner);
    Visit(*body.graph, inner);
  }

  int32_t Best(size_t group) const {
    int32_t best = 0;
    double most = 0;
    if (groups_[group].host_only) return 0;
    for (const auto& [instance, weight] : groups_[group].votes)  // the host comes first and keeps what is even
      if (weight > most) best = instance, most = weight;
    return best;
  }

  std::vector<Member> members_;
  std::vector<Group> groups_;
  std::map<std::pair<const Graph*, ValueId>, size_t> index_;  // of members
};

}  // namespace

void PlaceCarried(Graph& graph) { CarriedPlacer().Run(graph); }

int32_t WantedAt(const Graph& graph, const Node& node, size_t i) {
  if (RunByEngine(graph, node)) return PlaceOf(SlotOfInput(graph, node, i));
  if ((node.instance == 0 && (node.op->flags & kOpShapeOnly)) || (i == 0 && (node.op->flags & kOpView)))
    return kAnywhere;
  return ReadsOnHost(node, i) ? 0 : node.instance;
}

std::vector<int32_t> WantedOutputs(const Graph& graph, const Node& node, const Body& body) {
  std::vector<int32_t> wanted;
  for (size_t j = 0; j < body.graph->outputs.size(); ++j)
    wanted.push_back(PlaceOf(SlotOfBodyOutput(graph, node, body, j)));
  return wanted;
}

}  // namespace onda
