#include "core/place/place.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <utility>

#include "core/place/carried.h"
#include "core/place/cost.h"
#include "core/place/kernel_instance.h"

namespace onda {
namespace {

// Values of at most so many elements may be shape arithmetic.
constexpr int64_t kSmall = 64;

// Places one graph; its bodies have placers of their own.
class Placer {
 public:
  Placer(Graph& graph, const InstanceSet& instances, const PlaceOptions& options)
      : graph_(graph), instances_(instances), options_(options), refusals_(graph.nodes().size()) {}

  // By what the providers take. has_condition: output 0 is a loop's condition, which the host reads.
  void Choose(bool has_condition) {
    for (NodeId id = 0; id < Count(); ++id) {
      graph_.node(id).instance = FirstThatAccepts(id);
      for (const Body& body : graph_.node(id).bodies) {
        bodies_.push_back({id, &body, std::make_unique<Placer>(*body.graph, instances_, options_)});
        bodies_.back().placer->Choose(graph_.node(id).op_type == "Loop");
      }
    }
    KeepShapeArithmeticOnHost(has_condition);
  }

  // wanted: in whose memory the outputs are read.
  void MoveCheap(const std::vector<int32_t>& wanted) {
    for (const Inner& inner : bodies_)
      inner.placer->MoveCheap(WantedOutputs(graph_, graph_.node(inner.node), *inner.body));
    MoveCheapRegions(wanted);
  }

  void Explain() {
    for (NodeId id = 0; id < Count(); ++id) {
      Node& node = graph_.node(id);
      const std::string& label = instances_.instances[node.instance]->label();
      std::string why;
      if (RunByEngine(graph_, node)) {
        why = "run by the engine, which hands values on and computes nothing";
      } else if (IsView(node)) {
        why = "the memory of its input, in " + label;
      } else if (refusals_[id].empty()) {
        why = label + " is the first provider and takes it";
      } else {
        why = refusals_[id];
      }
      node.placement_reason = std::move(why);
    }
    for (const Inner& inner : bodies_) inner.placer->Explain();
  }

 private:
  NodeId Count() const { return static_cast<NodeId>(graph_.nodes().size()); }

  bool IsView(const Node& node) const { return (node.op->flags & kOpView) && !RunByEngine(graph_, node); }

  int32_t FirstThatAccepts(NodeId id) {
    const Node& node = graph_.node(id);
    if (RunByEngine(graph_, node)) return 0;
    if (IsView(node)) return LocationOf(graph_, node.inputs[0]);
    const std::vector<Fact> inputs = graph_.FactsOf(node.inputs), outputs = graph_.FactsOf(node.outputs);
    for (int32_t instance : instances_.preference) {
      const ProviderInstance& provider = *instances_.instances[instance];
      std::vector<Refusal> refused;
      if (ChooseKernel(provider.KernelsFor(node), node, inputs, outputs, &refused)) return instance;
      std::string why = refused.empty() ? "has no kernel for it" : "";
      for (const Refusal& r : refused) why += (why.empty() ? "" : ", ") + r.reason;
      Note(id, provider.label() + ": " + why);
    }
    throw Error(ErrorCode::kNotImplemented, Describe(node) + ": no provider runs it; " + refusals_[id]);
  }

  void Note(NodeId id, const std::string& reason) { refusals_[id] += (refusals_[id].empty() ? "" : "; ") + reason; }

  // Backwards: what only host readers read, small and cheap, is computed on the host.
  void KeepShapeArithmeticOnHost(bool has_condition) {
    std::vector<bool> device_reader(graph_.values().size());  // some reader wants it on a device
    // Leave what leads to an output where it is.
    for (size_t i = has_condition ? 1 : 0; i < graph_.outputs.size(); ++i) device_reader[graph_.outputs[i]] = true;
    for (NodeId id = Count() - 1; id >= 0; --id) {
      Node& node = graph_.node(id);
      if (node.instance != 0 && !IsView(node)) {
        bool host = true;
        for (ValueId v : node.outputs) {
          if (v == kNoValue) continue;
          const Fact& fact = graph_.FactOf(v);
          const bool integer = IsInteger(fact.dtype) || fact.dtype == DType::kBool;
          host = host && !device_reader[v] && integer && fact.has_rank() && fact.rank() <= 1 &&
                 EstimatedElements(fact) <= kSmall;
        }
        for (ValueId v : node.inputs) {
          if (v == kNoValue || (node.op->flags & kOpShapeOnly)) continue;
          host = host && EstimatedElements(graph_.FactOf(v)) <= kSmall;
        }
        if (node.op->flags & kOpShapeOnly) host = true;
        if (host) {
          Note(id, instances_.instances[node.instance]->label() + ": shape arithmetic stays on the host");
          node.instance = 0;
        }
      }
      if (node.instance == 0 && !IsView(node)) continue;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (node.inputs[i] == kNoValue || ReadsOnHost(node, i)) continue;
        if (!IsView(node) || device_reader[node.outputs[0]]) device_reader[node.inputs[i]] = true;
      }
    }
  }

  // Connected regions of one device whose copies and launches cost more than the host's own work go to the host.
  void MoveCheapRegions(const std::vector<int32_t>& wanted_outputs) {
    std::vector<NodeId> region(Count());
    std::iota(region.begin(), region.end(), 0);
    std::function<NodeId(NodeId)> find = [&](NodeId n) {
      while (region[n] != n) n = region[n] = region[region[n]];
      return n;
    };
    auto producer = [&](ValueId v) { return v == kNoValue ? kNoNode : graph_.value(v).producer; };
    for (NodeId id = 0; id < Count(); ++id)
      for (ValueId v : graph_.node(id).inputs)
        if (const NodeId p = producer(v); p != kNoNode && graph_.node(p).instance == graph_.node(id).instance)
          region[find(id)] = find(p);

    struct Cost {
      double host = 0, device = 0;
    };
    std::map<NodeId, Cost> costs;
    std::map<std::pair<NodeId, ValueId>, bool> copied;
    auto copy_cost = [&](const ProviderInstance& p, ValueId v) { return CopyMicroseconds(p, graph_.FactOf(v)); };
    std::map<ValueId, int32_t> outputs;
    for (size_t i = 0; i < graph_.outputs.size(); ++i)
      if (wanted_outputs[i] != kAnywhere) outputs[graph_.outputs[i]] = wanted_outputs[i];
    for (NodeId id = 0; id < Count(); ++id) {
      const Node& node = graph_.node(id);
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const ValueId v = node.inputs[i];
        if (v == kNoValue || graph_.FactOf(v).constant) continue;
        const NodeId p = producer(v);
        const int32_t from = LocationOf(graph_, v), wanted = WantedAt(graph_, node, i);
        if (from == wanted || wanted == kAnywhere) continue;
        if (node.instance != 0 && wanted == node.instance && !copied[{find(id), v}]) {
          copied[{find(id), v}] = true;
          costs[find(id)].device += copy_cost(*instances_.instances[node.instance], v);
        }
        if (from != 0 && p != kNoNode && graph_.node(p).instance == from && !copied[{find(p), v}]) {
          copied[{find(p), v}] = true;
          costs[find(p)].device += copy_cost(*instances_.instances[from], v);
        }
      }
      if (node.instance == 0) continue;
      const ProviderInstance& provider = *instances_.instances[node.instance];
      Cost& cost = costs[find(id)];
      for (ValueId v : node.outputs)
        if (const auto at = outputs.find(v); at != outputs.end() && at->second != node.instance)
          cost.device += copy_cost(provider, v);
      if (IsView(node)) continue;
      cost.host += HostMicroseconds(graph_, node);
      cost.device += provider.def().launch_microseconds + DeviceMicroseconds(provider, graph_, node);
    }
    for (NodeId id = 0; id < Count(); ++id) {
      Node& node = graph_.node(id);
      if (node.instance == 0) continue;
      const Cost& cost = costs[find(id)];
      const ProviderInstance& provider = *instances_.instances[node.instance];
      if (provider.def().launch_microseconds <= 0 || cost.device <= cost.host) continue;
      if (!IsView(node) && !HostRuns(node)) continue;
      Note(id, provider.label() + ": its region's copies and launches take about " +
                   std::to_string(static_cast<int64_t>(cost.device)) + " us, the host " +
                   std::to_string(static_cast<int64_t>(cost.host)) + " us");
      node.instance = 0;
    }
  }

  bool HostRuns(const Node& node) const {
    const std::vector<Fact> inputs = graph_.FactsOf(node.inputs), outputs = graph_.FactsOf(node.outputs);
    return ChooseKernel(instances_.host().KernelsFor(node), node, inputs, outputs, nullptr) != nullptr;
  }

  struct Inner {
    NodeId node;
    const Body* body;
    std::unique_ptr<Placer> placer;
  };

  Graph& graph_;
  const InstanceSet& instances_;
  const PlaceOptions& options_;
  std::vector<std::string> refusals_;  // by node
  std::vector<Inner> bodies_;
};

}  // namespace

int32_t LocationOf(const Graph& graph, ValueId value) {
  if (value == kNoValue) return 0;
  const Node* producer = graph.Producer(value);
  if (!producer) return graph.value(value).instance;
  if (producer->op && (producer->op->flags & kOpCopy))
    return producer->op_type == "MemcpyToHost" ? 0 : producer->instance;
  return RunByEngine(graph, *producer) ? graph.value(value).instance : producer->instance;
}

bool RunByEngine(const Graph& graph, const Node& node) {
  if (node.op->flags & kOpRegion) return false;
  if (node.op->flags & (kOpControlFlow | kOpHost) || !node.bodies.empty()) return true;
  auto no_tensor = [&](ValueId id) {
    return id != kNoValue && graph.FactOf(id).known() && !graph.FactOf(id).is_tensor();
  };
  return std::any_of(node.inputs.begin(), node.inputs.end(), no_tensor) ||
         std::any_of(node.outputs.begin(), node.outputs.end(), no_tensor);
}

void FollowViews(Graph& graph) {
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    Node& node = graph.node(id);
    if ((node.op->flags & kOpView) && !RunByEngine(graph, node)) node.instance = LocationOf(graph, node.inputs[0]);
    for (const Body& body : node.bodies)
      if (!(node.op->flags & kOpRegion)) FollowViews(*body.graph);
  }
}

bool ReadsOnHost(const Node& node, size_t i) {
  if (i >= 32) return false;
  if (node.op->flags & kOpRegion) return node.attributes.view().Int("host_inputs", 0) >> i & 1;
  return node.op->host_inputs >> i & 1;
}

void Place(Graph& graph, const InstanceSet& instances, const PlaceOptions& options) {
  Placer placer(graph, instances, options);
  placer.Choose(false);
  FollowViews(graph);
  PlaceCarried(graph);
  FollowViews(graph);
  if (options.by_cost) {
    placer.MoveCheap(std::vector<int32_t>(graph.outputs.size(), 0));
    FollowViews(graph);
    PlaceCarried(graph);
    FollowViews(graph);
  }
  placer.Explain();
}

}  // namespace onda
