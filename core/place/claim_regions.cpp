#include "core/place/claim_regions.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <string>
#include <utility>

#include "core/place/carried.h"
#include "core/place/cost.h"
#include "core/place/kernel_instance.h"
#include "core/place/region_view.h"
#include "kernels/region/region.h"

namespace onda {
namespace {

std::string Whole(double microseconds) { return std::to_string(static_cast<int64_t>(microseconds + 0.5)); }

class Claimer {
 public:
  Claimer(Graph& graph, const InstanceSet& instances, OndaRegionStage stage, const PlaceOptions& options)
      : graph_(graph),
        instances_(instances),
        stage_(stage),
        options_(options),
        region_of_(graph.nodes().size(), -1),
        readers_(graph.values().size()),
        is_output_(graph.values().size()) {
    for (NodeId id = 0; id < Count(); ++id) {
      const Node& node = graph.node(id);
      for (ValueId v : node.inputs)
        if (v != kNoValue) readers_[v].push_back(id);
      for (const Body& body : node.bodies)
        for (ValueId v : body.captures) readers_[v].push_back(id);
    }
    for (ValueId v : graph.outputs) is_output_[v] = true;
  }

  void Run() {
    for (int32_t instance : instances_.preference) {
      const ProviderInstance& provider = *instances_.instances[instance];
      if (!provider.is_host() && provider.claims_regions()) Ask(instance, provider);
    }
    if (!regions_.empty()) Rebuild();
  }

 private:
  struct Region {
    int32_t instance;
    std::vector<NodeId> nodes;  // ascending
    std::string reason;
  };

  NodeId Count() const { return static_cast<NodeId>(graph_.nodes().size()); }

  // Nodes that are behind the same number of nodes which nobody may claim, on the longest path, are convex: a path that
  // leaves them and passes such a node ends at a higher number.
  void Ask(int32_t instance, const ProviderInstance& provider) {
    std::map<int32_t, std::vector<NodeId>> levels;
    std::vector<int32_t> level(graph_.nodes().size());
    for (NodeId id = 0; id < Count(); ++id) {
      const Node& node = graph_.node(id);
      const auto after = [&](ValueId v) {
        const NodeId p = v == kNoValue ? kNoNode : graph_.value(v).producer;
        if (p != kNoNode) level[id] = std::max(level[id], level[p] + !MayBeClaimed(p));
      };
      for (ValueId v : node.inputs) after(v);
      for (const Body& body : node.bodies)
        for (ValueId v : body.captures) after(v);
      if (MayBeClaimed(id)) levels[level[id]].push_back(id);
    }
    const auto accepted = [&](const Node& node) {
      const std::vector<Fact> inputs = graph_.FactsOf(node.inputs), outputs = graph_.FactsOf(node.outputs);
      return ChooseKernel(provider.KernelsFor(node), node, inputs, outputs, nullptr) != nullptr;
    };
    for (const auto& [number, nodes] : levels) {
      std::vector<bool> inside(graph_.nodes().size());
      for (NodeId id : nodes) inside[id] = true;
      const RegionViewStorage storage(graph_, nodes, ReadOutside(graph_, inside), stage_, graph_.name, accepted);
      provider.AskForClaims(storage.view, [&](const OndaClaim& claim) { Consider(instance, nodes, claim); });
    }
  }

  bool MayBeClaimed(NodeId id) const {
    const Node& node = graph_.node(id);
    return region_of_[id] < 0 && !RunByEngine(graph_, node) && !(node.op->flags & (kOpRegion | kOpCopy | kOpRandom));
  }

  void Consider(int32_t instance, const std::vector<NodeId>& shown, const OndaClaim& claim) {
    const ProviderInstance& provider = *instances_.instances[instance];
    Region region{instance, {}, ""};
    for (int32_t i = 0; i < claim.node_count; ++i) {
      const int32_t index = claim.nodes[i];
      if (index < 0 || index >= static_cast<int32_t>(shown.size()))
        throw Error(ErrorCode::kInternal, provider.label() + ": claims node " + std::to_string(index) +
                                              " of a region of " + std::to_string(shown.size()));
      region.nodes.push_back(shown[index]);
    }
    std::sort(region.nodes.begin(), region.nodes.end());
    region.nodes.erase(std::unique(region.nodes.begin(), region.nodes.end()), region.nodes.end());
    if (region.nodes.empty()) return;
    const char* text = claim.reason ? claim.reason : "";
    std::string why_not;
    if (std::any_of(region.nodes.begin(), region.nodes.end(), [&](NodeId id) { return region_of_[id] >= 0; })) {
      why_not = "another claim has some of its nodes";
    } else if (!IsConvex(region.nodes)) {
      why_not = "a path leaves it and comes back";
    } else if (ReadsOneValueOnBothSides(region.nodes)) {
      why_not = "it reads a value both on the host and on the device";
    } else {
      why_not = Weigh(region, claim.microseconds);
    }
    if (!why_not.empty()) {
      for (NodeId id : region.nodes) {
        std::string& reason = graph_.node(id).placement_reason;
        reason += (reason.empty() ? "" : "; ") + provider.label() + "'s claim of " +
                  std::to_string(region.nodes.size()) + " nodes is not granted: " + why_not;
      }
      return;
    }
    std::map<std::string, int> counts;
    for (NodeId id : region.nodes) ++counts[graph_.node(id).op_type];
    std::string ops;
    for (const auto& [op, count] : counts)
      ops += (ops.empty() ? "" : ", ") + (count > 1 ? std::to_string(count) + " " : "") + op;
    region.reason = provider.label() + " claims " + std::to_string(region.nodes.size()) + " nodes (" + ops + ")" +
                    (*text ? std::string(": ") + text : "") + region.reason;
    for (NodeId id : region.nodes) region_of_[id] = static_cast<int32_t>(regions_.size());
    regions_.push_back(std::move(region));
  }

  // No path from the set leaves it and comes back, where granted regions are single nodes already.
  bool IsConvex(const std::vector<NodeId>& nodes) const {
    const std::set<NodeId> inside(nodes.begin(), nodes.end());
    // A path that has passed the last node comes back only through a region that begins before it.
    NodeId last = nodes.back();
    for (bool grown = true; grown;) {
      grown = false;
      for (const Region& r : regions_)
        if (r.nodes.front() <= last && r.nodes.back() > last) last = r.nodes.back(), grown = true;
    }
    std::vector<NodeId> stack;
    std::set<NodeId> seen;
    const auto visit_readers = [&](NodeId id) {
      for (ValueId v : graph_.node(id).outputs)
        if (v != kNoValue)
          for (NodeId reader : readers_[v])
            if (reader <= last && !inside.count(reader) && seen.insert(reader).second) stack.push_back(reader);
    };
    for (NodeId id : nodes) visit_readers(id);
    while (!stack.empty()) {
      const NodeId id = stack.back();
      stack.pop_back();
      const auto leads_back = [&](NodeId from) {
        for (ValueId v : graph_.node(from).outputs)
          if (v != kNoValue && std::any_of(readers_[v].begin(), readers_[v].end(),
                                           [&](NodeId reader) { return inside.count(reader) != 0; }))
            return true;
        return false;
      };
      const std::vector<NodeId> alone{id};
      for (NodeId member : region_of_[id] < 0 ? alone : regions_[region_of_[id]].nodes) {
        if (leads_back(member)) return false;
        visit_readers(member);
      }
    }
    return true;
  }

  bool ReadsOneValueOnBothSides(const std::vector<NodeId>& nodes) const {
    const std::set<NodeId> inside(nodes.begin(), nodes.end());
    std::map<ValueId, int> sides;
    for (NodeId id : nodes) {
      const Node& node = graph_.node(id);
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const ValueId v = node.inputs[i];
        if (v == kNoValue || graph_.FactOf(v).constant) continue;
        if (const NodeId p = graph_.value(v).producer; p != kNoNode && inside.count(p)) continue;
        if ((sides[v] |= ReadsOnHost(node, i) ? 1 : 2) == 3) return true;
      }
    }
    return false;
  }

  // Where a node runs now, granted regions regarded.
  int32_t InstanceOf(NodeId id) const {
    return region_of_[id] < 0 ? graph_.node(id).instance : regions_[region_of_[id]].instance;
  }

  // What crossings of the values that the nodes read and write take, with the nodes on `instance`, or where they are
  // for -1.
  double CopiesOf(const std::vector<NodeId>& nodes, int32_t instance) const {
    const std::set<NodeId> inside(nodes.begin(), nodes.end());
    const auto where = [&](NodeId id) { return instance >= 0 && inside.count(id) ? instance : InstanceOf(id); };
    std::set<ValueId> values;
    for (NodeId id : nodes) {
      for (ValueId v : graph_.node(id).inputs)
        if (v != kNoValue && !graph_.FactOf(v).constant) values.insert(v);
      for (ValueId v : graph_.node(id).outputs)
        if (v != kNoValue) values.insert(v);
    }
    double total = 0;
    for (ValueId v : values) {
      const Node* producer = graph_.Producer(v);
      const bool by_node = producer && !RunByEngine(graph_, *producer);
      const int32_t from = by_node ? where(graph_.value(v).producer) : LocationOf(graph_, v);
      std::set<int32_t> to;
      for (NodeId reader : readers_[v]) {
        const Node& node = graph_.node(reader);
        if ((node.op->flags & kOpView) && !inside.count(reader)) continue;
        for (size_t i = 0; i < node.inputs.size(); ++i) {
          if (node.inputs[i] != v) continue;
          const int32_t wanted = WantedAt(graph_, node, i);
          if (wanted != kAnywhere) to.insert(wanted && !RunByEngine(graph_, node) ? where(reader) : wanted);
        }
      }
      if (is_output_[v]) to.insert(0);
      for (int32_t t : to)
        if (t != from) total += CopyMicroseconds(*instances_.instances[t ? t : from], graph_.FactOf(v));
    }
    return total;
  }

  // "" where the claim is granted, with what speaks for it in region.reason; else what speaks against it.
  std::string Weigh(Region& region, double claimed) const {
    const ProviderInstance& provider = *instances_.instances[region.instance];
    bool known = options_.by_cost && provider.def().launch_microseconds > 0;
    for (NodeId id : region.nodes) {
      const ProviderInstance& now = *instances_.instances[graph_.node(id).instance];
      known = known && (now.is_host() || now.def().launch_microseconds > 0);
    }
    if (!known) {
      const auto rank = [&](int32_t instance) {
        return std::find(instances_.preference.begin(), instances_.preference.end(), instance) -
               instances_.preference.begin();
      };
      for (NodeId id : region.nodes)
        if (const int32_t now = graph_.node(id).instance; rank(now) < rank(region.instance))
          return "'" + graph_.node(id).name + "' is on " + instances_.instances[now]->label() +
                 ", which comes first in the user's order";
      return "";
    }
    double now = CopiesOf(region.nodes, -1), compute = 0;
    for (NodeId id : region.nodes) {
      const Node& node = graph_.node(id);
      compute += DeviceMicroseconds(provider, graph_, node);
      if (node.op->flags & kOpView) continue;
      const ProviderInstance& place = *instances_.instances[node.instance];
      now += place.is_host() ? HostMicroseconds(graph_, node)
                             : place.def().launch_microseconds + DeviceMicroseconds(place, graph_, node);
    }
    const double then = CopiesOf(region.nodes, region.instance) + provider.def().launch_microseconds +
                        (claimed > 0 ? claimed : compute);
    const std::string figures = "about " + Whole(then) + " us with copies and launches, apart " + Whole(now) + " us";
    if (then >= now) return figures;
    region.reason = "; " + figures;
    return "";
  }

  // The region's nodes as a graph of its own, and a node that holds it.
  Node MakeNode(const Region& region, size_t number) {
    std::vector<bool> inside(graph_.nodes().size());
    for (NodeId id : region.nodes) inside[id] = true;
    const RegionViewStorage storage(graph_, region.nodes, ReadOutside(graph_, inside), stage_, "", nullptr);
    auto body = std::make_shared<Graph>();
    std::map<ValueId, ValueId> values;
    const auto map = [&](ValueId id) {
      if (id == kNoValue) return kNoValue;
      const auto [it, is_new] = values.try_emplace(id, kNoValue);
      if (is_new) it->second = body->AddValue(graph_.value(id).name, graph_.FactOf(id));
      return it->second;
    };
    Node node;
    node.op = &kRegion;
    node.op_type = kRegion.name;
    node.domain = kRegion.domain;
    node.instance = region.instance;
    node.placement_reason = region.reason;
    node.name = "region_" + std::to_string(number) + "_" + graph_.node(region.nodes.front()).name;
    node.origin.name = node.name;
    int64_t host_inputs = 0;
    for (size_t i = 0; i < storage.inputs.size(); ++i) {
      body->inputs.push_back(map(storage.inputs[i]));
      if (storage.view.values[storage.view.inputs[i]]->flags & kOndaRegionOnHost) host_inputs |= int64_t{1} << i;
    }
    if (storage.inputs.size() > 32 && host_inputs >> 32)
      throw Error(ErrorCode::kInternal, "region '" + node.name + "' reads too many inputs on the host");
    if (host_inputs) node.attributes.Set("host_inputs", host_inputs);
    for (NodeId id : region.nodes) {
      Node copy = graph_.node(id);
      copy.instance = region.instance;
      for (ValueId& v : copy.inputs) v = map(v);
      for (ValueId& v : copy.outputs) v = map(v);
      body->AddNode(std::move(copy));
    }
    for (ValueId v : storage.outputs) body->outputs.push_back(map(v));
    body->name = node.name;
    node.inputs = storage.inputs;
    node.outputs = storage.outputs;
    node.bodies.push_back({"body", std::move(body), {}});
    return node;
  }

  // Regions in the place of their nodes, in topological order and else as it was.
  void Rebuild() {
    const size_t regions = regions_.size();
    const auto unit = [&](NodeId id) {
      return region_of_[id] >= 0 ? static_cast<size_t>(region_of_[id]) : regions + static_cast<size_t>(id);
    };
    std::vector<std::set<size_t>> next(regions + graph_.nodes().size());
    std::vector<size_t> waits(next.size());
    for (ValueId v = 0; v < static_cast<ValueId>(readers_.size()); ++v) {
      const NodeId producer = graph_.value(v).producer;
      if (producer == kNoNode) continue;
      for (NodeId reader : readers_[v])
        if (unit(reader) != unit(producer) && next[unit(producer)].insert(unit(reader)).second) ++waits[unit(reader)];
    }
    // By the place of their last node.
    using Entry = std::pair<NodeId, size_t>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
    for (size_t r = 0; r < regions; ++r)
      if (!waits[r]) ready.emplace(regions_[r].nodes.back(), r);
    for (NodeId id = 0; id < Count(); ++id)
      if (region_of_[id] < 0 && !waits[unit(id)]) ready.emplace(id, unit(id));
    std::vector<Node> nodes;
    while (!ready.empty()) {
      const auto [key, u] = ready.top();
      ready.pop();
      nodes.push_back(u < regions ? MakeNode(regions_[u], u) : graph_.node(key));
      for (size_t n : next[u])
        if (--waits[n] == 0)
          ready.emplace(n < regions ? regions_[n].nodes.back() : static_cast<NodeId>(n - regions), n);
    }
    graph_.ReplaceNodes(std::move(nodes));
    FollowViews(graph_);
  }

  Graph& graph_;
  const InstanceSet& instances_;
  const OndaRegionStage stage_;
  const PlaceOptions& options_;
  std::vector<int32_t> region_of_;            // by node; index into regions_, or -1
  std::vector<std::vector<NodeId>> readers_;  // by value; nodes whose bodies capture it too
  std::vector<bool> is_output_;               // by value
  std::vector<Region> regions_;
};

}  // namespace

void ClaimRegions(Graph& graph, const InstanceSet& instances, OndaRegionStage stage, const PlaceOptions& options) {
  if (std::none_of(instances.instances.begin(), instances.instances.end(),
                   [](const auto& instance) { return !instance->is_host() && instance->claims_regions(); }))
    return;
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id)
    if (!(graph.node(id).op->flags & kOpRegion))
      for (const Body& body : graph.node(id).bodies) ClaimRegions(*body.graph, instances, stage, options);
  Claimer(graph, instances, stage, options).Run();
}

std::unique_ptr<KernelInstance> CompileRegion(const ProviderInstance& provider, const Node& region) {
  const RegionViewStorage storage(*region.bodies.at(0).graph, region.name, nullptr);
  try {
    const auto [def, kernel] = provider.CompileRegion(storage.view);
    return OwnKernel(*def, kernel);
  } catch (const Error& error) {
    throw Error(error.code(), Describe(region) + ": " + error.what());
  }
}

}  // namespace onda
