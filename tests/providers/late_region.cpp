#include "tests/providers/late_region.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/ir/op_def.h"
#include "core/passes/infer_node.h"
#include "core/place/kernel_instance.h"
#include "core/place/place.h"
#include "kernels/op_table.h"

namespace onda {
namespace {

TensorPtr CopyOf(const FactView& fact) {
  auto tensor = Tensor::Make(fact.type(), {fact.shape().begin(), fact.shape().end()});
  if (tensor->bytes()) std::memcpy(tensor->mutable_data(), fact.constant, tensor->bytes());
  return tensor;
}

AttributeValue ValueOf(const OndaAttribute& a) {
  switch (a.kind) {
    case kOndaInt:
      return a.i;
    case kOndaFloat:
      return static_cast<float>(a.f);
    case kOndaString:
      return std::string(a.s.data, a.s.size);
    case kOndaInts:
      return std::vector<int64_t>(a.ints, a.ints + a.count);
    case kOndaFloats:
      return std::vector<float>(a.floats, a.floats + a.count);
    case kOndaStrings: {
      std::vector<std::string> strings;
      for (size_t i = 0; i < a.count; ++i) strings.emplace_back(a.strings[i].data, a.strings[i].size);
      return strings;
    }
    default: {
      FactView fact{};
      fact.dtype = a.tensor.dtype;
      fact.rank = a.tensor.rank;
      fact.dims = a.tensor.dims;
      fact.constant = a.tensor.data;
      return CopyOf(fact);
    }
  }
}

// A shape that nothing but the data gives has a dimension of the engine's own making.
bool HasKnownShape(const RegionValue& value) {
  if (value.fact().type() == DType::kString || value.fact().rank < 0) return false;
  for (int i = 0; i < value.fact().rank; ++i)
    if (value.dim_text(i).find('_') != std::string_view::npos) return false;
  return true;
}

class LateRegion {
 public:
  explicit LateRegion(const RegionView& region) {
    for (int i = 0; i < region.value_count(); ++i) {
      const RegionValue value = region.value(i);
      Fact fact = Fact::TensorOfUnknownRank(value.fact().type());
      if (value.fact().rank >= 0) fact.shape.emplace();
      for (int d = 0; d < value.fact().rank; ++d) fact.shape->push_back(ParseDim(value.dim_text(d)));
      if (value.is_constant()) fact = Fact::Constant(CopyOf(value.fact()));
      graph_.AddValue(std::string(value.name()), fact);
      on_host_.push_back(value.on_host());
    }
    for (int32_t i : region.inputs()) graph_.inputs.push_back(i);
    for (int32_t i : region.outputs()) graph_.outputs.push_back(i);
    for (int n = 0; n < region.node_count(); ++n) {
      const RegionNode from = region.node(n);
      Node node;
      node.domain = from.domain();
      node.op_type = from.op();
      node.name = from.view().name();
      node.op = FindOp(node.domain, node.op_type);
      for (int32_t i : from.inputs()) node.inputs.push_back(i);
      for (int32_t i : from.outputs()) node.outputs.push_back(i);
      const OndaNodeView& view = from.raw();
      for (int32_t a = 0; a < view.attribute_count; ++a)
        node.attributes.Set(view.attributes[a].name, ValueOf(view.attributes[a]));
      kernels_.push_back(nullptr);
      if (!(node.op->flags & kOpView)) {
        std::vector<Fact> inputs, outputs;
        for (ValueId v : node.inputs) inputs.push_back(v == kNoValue ? Fact{} : graph_.FactOf(v));
        for (ValueId v : node.outputs) outputs.push_back(v == kNoValue ? Fact{} : graph_.FactOf(v));
        kernels_.back() = CreateKernel(*ReferenceKernel(node.domain, node.op_type), node, inputs, outputs);
      }
      graph_.AddNode(std::move(node));
    }
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    std::vector<OndaTensorView> views;
    for (size_t i = 0; i < graph_.inputs.size(); ++i) views.push_back(inputs[static_cast<int>(i)]);
    return Settle(views).bytes;
  }

  void Launch(const LaunchArgs& args) const {
    std::vector<OndaTensorView> inputs;
    for (int i = 0; i < args.input_count(); ++i) inputs.push_back(args.input(i));
    Layout layout = Settle(inputs);
    std::vector<OndaTensorView>& views = layout.views;
    for (size_t v = 0; v < views.size(); ++v)
      if (!views[v].data && layout.offsets[v] != SIZE_MAX)
        views[v].data = static_cast<char*>(args.workspace()) + layout.offsets[v];
    for (size_t i = 0; i < graph_.outputs.size(); ++i)
      if (args.wants_output(static_cast<int>(i))) views[graph_.outputs[i]].data = args.output(static_cast<int>(i)).data;
    for (NodeId id = 0; id < static_cast<NodeId>(kernels_.size()); ++id) {
      const Node& node = graph_.node(id);
      std::vector<OndaTensorView> in, out;
      for (ValueId v : node.inputs) in.push_back(v == kNoValue ? OndaTensorView{} : views[v]);
      for (ValueId v : node.outputs) out.push_back(v == kNoValue ? OndaTensorView{} : views[v]);
      if (!kernels_[id]) {
        const size_t bytes = static_cast<const TensorView&>(in[0]).bytes();
        if (bytes) std::memcpy(out[0].data, in[0].data, bytes);
        continue;
      }
      OndaLaunch launch = {};
      launch.size = sizeof(launch);
      launch.inputs = in.data();
      launch.outputs = out.data();
      launch.input_count = static_cast<int32_t>(in.size());
      launch.output_count = static_cast<int32_t>(out.size());
      launch.workspace = static_cast<char*>(args.workspace()) + layout.node_workspace;
      launch.host = &args.host();
      launch.host_state = args.host_state();
      OndaStatus status{};
      kernels_[id]->Launch(launch, &status);
      if (status.code) throw Error(static_cast<ErrorCode>(status.code), status.message);
    }
  }

 private:
  struct Layout {
    std::vector<std::vector<int64_t>> dims;  // by value
    std::vector<OndaTensorView> views;       // by value; data of inputs and constants is set
    std::vector<size_t> offsets;             // by value, in the workspace; SIZE_MAX elsewhere
    size_t node_workspace = 0;
    size_t bytes = 0;
  };

  Layout Settle(const std::vector<OndaTensorView>& inputs) const {
    std::vector<Fact> facts(graph_.values().size());
    Layout layout;
    layout.dims.resize(facts.size());
    layout.views.resize(facts.size());
    layout.offsets.assign(facts.size(), SIZE_MAX);
    for (ValueId v = 0; v < static_cast<ValueId>(facts.size()); ++v) facts[v] = graph_.FactOf(v);
    for (size_t i = 0; i < graph_.inputs.size(); ++i) {
      const ValueId v = graph_.inputs[i];
      const std::span<const int64_t> dims(inputs[i].dims, static_cast<size_t>(inputs[i].rank));
      facts[v] = Fact::Tensor(static_cast<DType>(inputs[i].dtype), Dims(dims.begin(), dims.end()));
      if (on_host_[v])
        facts[v] = Fact::Constant(Tensor::Wrap(facts[v].dtype, {dims.begin(), dims.end()}, inputs[i].data, nullptr));
      layout.views[v].data = inputs[i].data;
    }
    int64_t fresh = 0;
    for (const Node& node : graph_.nodes()) {
      std::vector<Fact> outputs = InferNode(
          node, [&](ValueId v) -> const Fact& { return facts[v]; }, fresh);
      for (size_t i = 0; i < node.outputs.size(); ++i)
        if (node.has_output(i)) facts[node.outputs[i]] = std::move(outputs[i]);
    }
    for (ValueId v = 0; v < static_cast<ValueId>(facts.size()); ++v) {
      if (!facts[v].static_shape()) throw Error(ErrorCode::kInternal, "a shape inside of a region is not known");
      layout.dims[v] = facts[v].static_dims();
      OndaTensorView& view = layout.views[v];
      view.dims = layout.dims[v].data();
      view.rank = static_cast<int32_t>(layout.dims[v].size());
      view.dtype = static_cast<int32_t>(facts[v].dtype);
      if (graph_.FactOf(v).constant) view.data = const_cast<void*>(graph_.FactOf(v).constant->data());
      if (graph_.value(v).producer == kNoNode) continue;
      layout.offsets[v] = layout.bytes;
      layout.bytes += (static_cast<const TensorView&>(view).bytes() + 64) / 64 * 64;
    }
    layout.node_workspace = layout.bytes;
    size_t most = 0;
    for (NodeId id = 0; id < static_cast<NodeId>(kernels_.size()); ++id) {
      if (!kernels_[id]) continue;
      std::vector<OndaTensorView> in, out;
      for (ValueId v : graph_.node(id).inputs) in.push_back(v == kNoValue ? OndaTensorView{} : layout.views[v]);
      for (ValueId v : graph_.node(id).outputs) out.push_back(v == kNoValue ? OndaTensorView{} : layout.views[v]);
      most = std::max<size_t>(most, kernels_[id]->Workspace(in, out));
    }
    layout.bytes += most;
    return layout;
  }

  Graph graph_;
  std::vector<bool> on_host_;                             // by value
  std::vector<std::unique_ptr<KernelInstance>> kernels_;  // by node; null for views
};

constexpr OndaKernelDef kLateRegion = MakeKernel<LateRegion>("Region", "onda");

}  // namespace

void ClaimSome(const RegionView& region, uint64_t seed, Claims& claims) {
  std::mt19937_64 random(seed);
  std::vector<std::vector<int32_t>> neighbours(region.node_count());
  std::vector<bool> usable(region.node_count());
  for (int n = 0; n < region.node_count(); ++n) {
    const OpDef* op = FindOp(region.node(n).domain(), region.node(n).op());
    usable[n] = region.node(n).accepted() || (op && (op->flags & kOpView));
    for (int32_t v : region.node(n).outputs()) usable[n] = usable[n] && (v < 0 || HasKnownShape(region.value(v)));
    for (size_t i = 0; i < region.node(n).inputs().size(); ++i) {
      const int32_t v = region.node(n).inputs()[i];
      if (v < 0 || region.value(v).producer() < 0) continue;
      // What fixes shapes would have to be known before the region runs.
      if (op && i < 32 && (op->host_inputs >> i & 1)) usable[n] = false;
      neighbours[n].push_back(region.value(v).producer());
      neighbours[region.value(v).producer()].push_back(n);
    }
  }
  for (int n = 0; n < region.node_count(); ++n) {
    if (!usable[n] || random() % 2) continue;
    std::set<int32_t> set{n};
    const size_t size = 1 + random() % 6;
    std::vector<int32_t> edge = neighbours[n];
    while (set.size() < size && !edge.empty()) {
      const size_t at = random() % edge.size();
      const int32_t next = edge[at];
      edge.erase(edge.begin() + static_cast<std::ptrdiff_t>(at));
      if (!usable[next] || !set.insert(next).second) continue;
      edge.insert(edge.end(), neighbours[next].begin(), neighbours[next].end());
    }
    const std::vector<int32_t> nodes(set.begin(), set.end());
    claims.Add(nodes, 0, "drawn");
  }
}

CompiledRegion CompileLateRegion(const RegionView& region) { return {&kLateRegion, new LateRegion(region)}; }

}  // namespace onda
