#include "core/plan/program.h"

#include <algorithm>

#include "core/ir/op_def.h"
#include "core/place/claim_regions.h"
#include "core/schema/check_node.h"

namespace onda {

Program::Program(const CompiledGraph& compiled, std::vector<ValueId> outputs)
    : compiled_(compiled), outputs_(std::move(outputs)) {
  const Graph& graph = compiled.graph();
  std::vector<bool> needed(graph.values().size()), run(graph.nodes().size());
  for (ValueId id : outputs_) needed[id] = true;
  for (NodeId id = static_cast<NodeId>(graph.nodes().size()) - 1; id >= 0; --id) {
    const Node& node = graph.node(id);
    for (ValueId output : node.outputs) run[id] = run[id] || (output != kNoValue && needed[output]);
    if (!run[id]) continue;
    for (ValueId input : node.inputs)
      if (input != kNoValue) needed[input] = true;
    for (const Body& body : node.bodies)
      for (ValueId capture : body.captures) needed[capture] = true;
  }
  last_use_.assign(graph.values().size(), -1);
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    if (!run[id]) continue;
    const int32_t position = static_cast<int32_t>(order_.size());
    order_.push_back(id);
    for (ValueId input : graph.node(id).inputs)
      if (input != kNoValue) last_use_[input] = position;
    for (const Body& body : graph.node(id).bodies)
      for (ValueId capture : body.captures) last_use_[capture] = position;
    // Outputs that an operator always has are written by its kernel, also where nobody reads them.
    const Node& node = graph.node(id);
    for (size_t i = 0; compiled.node(id).kernel && i < node.outputs.size(); ++i)
      if (node.has_output(i) && IsRequiredOutput(node, i)) last_use_[node.outputs[i]] = position;
  }
  for (ValueId id : outputs_) last_use_[id] = static_cast<int32_t>(order_.size());
}

bool PreparedConstants::Offer(const Tensor& constant) {
  constexpr size_t kSmall = 64 << 10;
  if (constant.bytes() <= kSmall || offered_.insert(constant.data()).second) return true;
  if (constant.bytes() > left_) return false;
  left_ -= constant.bytes();
  return true;
}

CompiledGraph::CompiledGraph(std::shared_ptr<const Graph> graph, std::shared_ptr<const InstanceSet> instances,
                             SharedConstants* shared, bool branches, std::shared_ptr<UploadedConstants> uploaded,
                             std::shared_ptr<PreparedConstants> prepared)
    : graph_(std::move(graph)),
      instances_(std::move(instances)),
      branches_(branches),
      uploaded_(uploaded ? std::move(uploaded) : std::make_shared<UploadedConstants>(instances_)),
      nodes_(graph_->nodes().size()) {
  if (!prepared) prepared = std::make_shared<PreparedConstants>();
  for (NodeId id = 0; id < static_cast<NodeId>(nodes_.size()); ++id) {
    const Node& node = graph_->node(id);
    CompiledNode& compiled = nodes_[id];
    const ProviderInstance& provider = *instances_->instances[node.instance];
    compiled.place = provider.label();
    if (node.op->flags & kOpRegion) {
      compiled.kernel = CompileRegion(provider, node);
      continue;
    }
    for (const Body& body : node.bodies)
      compiled.bodies.push_back(
          std::make_unique<CompiledGraph>(body.graph, instances_, shared, branches, uploaded_, prepared));
    if (RunByEngine(*graph_, node)) compiled.place = "engine";
    if (RunByEngine(*graph_, node) || (node.op->flags & kOpCopy)) continue;
    if (node.op->flags & kOpView) {
      compiled.place = "view";
      continue;
    }
    const std::vector<Fact> inputs = graph_->FactsOf(node.inputs), outputs = graph_->FactsOf(node.outputs);
    std::vector<Fact> offered = inputs;
    for (Fact& fact : offered)
      if (fact.constant && !prepared->Offer(*fact.constant)) fact.constant = nullptr;
    const OndaKernelDef* def = ChooseKernel(provider.KernelsFor(node), node, offered, outputs, &compiled.refusals);
    if (!def) {  // some kernels take constants only
      compiled.refusals.clear();
      offered = inputs;
      def = ChooseKernel(provider.KernelsFor(node), node, offered, outputs, &compiled.refusals);
    }
    if (!def) {
      std::string text = Describe(node) + ": " + provider.label() + " has no kernel for it";
      for (const Refusal& r : compiled.refusals) text += "; " + r.reason;
      throw Error(ErrorCode::kNotImplemented, text);
    }
    if (shared && node.instance == 0) {
      compiled.kernel = shared->Kernel(*def, node, offered, outputs);
    } else {
      compiled.kernel = CreateKernel(*def, node, offered, outputs);
    }
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (node.instance != 0 && node.has_input(i) && !ReadsOnHost(node, i) && inputs[i].constant)
        uploaded_->Add(node.instance, inputs[i].constant, graph_->value(node.inputs[i]).name);
  }
}

CompiledGraph::~CompiledGraph() = default;

const Program& CompiledGraph::ProgramFor(const std::vector<ValueId>& outputs) const {
  std::lock_guard lock(mutex_);
  std::unique_ptr<Program>& program = programs_[outputs];
  if (!program) program = std::make_unique<Program>(*this, outputs);
  return *program;
}

}  // namespace onda
