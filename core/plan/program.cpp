#include "core/plan/program.h"

#include "core/ir/op_def.h"

namespace onda {

bool RunByEngine(const Graph& graph, const Node& node) {
  if (node.op->flags & (kOpControlFlow | kOpHost) || !node.bodies.empty()) return true;
  for (ValueId id : node.inputs)
    if (id != kNoValue && graph.FactOf(id).known() && !graph.FactOf(id).is_tensor()) return true;
  for (ValueId id : node.outputs)
    if (id != kNoValue && graph.FactOf(id).known() && !graph.FactOf(id).is_tensor()) return true;
  return false;
}

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
  }
  for (ValueId id : outputs_) last_use_[id] = static_cast<int32_t>(order_.size());
}

CompiledGraph::CompiledGraph(std::shared_ptr<const Graph> graph, const KernelFinder& find_kernels)
    : graph_(std::move(graph)), find_kernels_(find_kernels), nodes_(graph_->nodes().size()) {
  for (NodeId id = 0; id < static_cast<NodeId>(nodes_.size()); ++id) {
    const Node& node = graph_->node(id);
    CompiledNode& compiled = nodes_[id];
    for (const Body& body : node.bodies)
      compiled.bodies.push_back(std::make_unique<CompiledGraph>(body.graph, find_kernels));
    if (RunByEngine(*graph_, node)) {
      compiled.kernel_name = "engine";
      continue;
    }
    if (node.op->flags & kOpView) {
      compiled.kernel_name = "view";
      continue;
    }
    std::vector<Fact> inputs, outputs;
    for (ValueId input : node.inputs) inputs.push_back(input == kNoValue ? Fact{} : graph_->FactOf(input));
    for (ValueId output : node.outputs) outputs.push_back(output == kNoValue ? Fact{} : graph_->FactOf(output));
    const OndaKernelDef* def = ChooseKernel(find_kernels(node), node, inputs, outputs, &compiled.refusals);
    if (!def) {
      std::string text = Describe(node) + ": no provider has a kernel for it";
      for (const Refusal& r : compiled.refusals) text += "; " + r.reason;
      throw Error(ErrorCode::kNotImplemented, text);
    }
    compiled.kernel_name = "cpu";
    compiled.kernel = CreateKernel(*def, node, inputs, outputs);
  }
}

const Program& CompiledGraph::ProgramFor(const std::vector<ValueId>& outputs) const {
  std::lock_guard lock(mutex_);
  std::unique_ptr<Program>& program = programs_[outputs];
  if (!program) program = std::make_unique<Program>(*this, outputs);
  return *program;
}

}  // namespace onda
