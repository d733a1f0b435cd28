// A canonical graph with its kernels, and the order in which the nodes that some outputs need are run.
#ifndef ONDA_CORE_PLAN_PROGRAM_H_
#define ONDA_CORE_PLAN_PROGRAM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/ir/graph.h"
#include "core/plan/kernel_instance.h"
#include "core/plan/plan.h"

namespace onda {

class CompiledGraph;

struct CompiledNode {
  std::unique_ptr<KernelInstance> kernel;              // null for views and for what the engine runs itself
  std::vector<std::unique_ptr<CompiledGraph>> bodies;  // as Node::bodies
  std::string kernel_name;                             // provider and kernel, for Placement()
  std::vector<Refusal> refusals;                       // kernels that were asked first, with their reasons
};

// The nodes that `outputs` need, in order.
class Program {
 public:
  Program(const CompiledGraph& compiled, std::vector<ValueId> outputs);

  const CompiledGraph& compiled() const { return compiled_; }
  const std::vector<NodeId>& order() const { return order_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  // The last position in order() that reads the value; order().size() for outputs; -1 where nobody does.
  int32_t last_use(ValueId value) const { return last_use_[value]; }
  bool wanted(ValueId value) const { return last_use_[value] >= 0; }
  PlanCache& plans() const { return plans_; }

 private:
  const CompiledGraph& compiled_;
  std::vector<NodeId> order_;
  std::vector<ValueId> outputs_;
  std::vector<int32_t> last_use_;
  mutable PlanCache plans_;
};

// Gives the kernels that may run a node, best first, with the provider's name.
using KernelFinder = std::function<std::span<const OndaKernelDef* const>(const Node& node)>;

class CompiledGraph {
 public:
  // Chooses and creates the kernels of all nodes, of bodies too. Throws kNotImplemented where a node has none.
  CompiledGraph(std::shared_ptr<const Graph> graph, const KernelFinder& find_kernels);

  const Graph& graph() const { return *graph_; }
  const CompiledNode& node(NodeId id) const { return nodes_[id]; }
  const KernelFinder& find_kernels() const { return find_kernels_; }
  // The program for these outputs, made at the first call. Safe from any thread; lives as long as this.
  const Program& ProgramFor(const std::vector<ValueId>& outputs) const;
  // All of the graph's outputs.
  const Program& ProgramForAll() const { return ProgramFor(graph_->outputs); }

 private:
  std::shared_ptr<const Graph> graph_;
  KernelFinder find_kernels_;
  std::vector<CompiledNode> nodes_;
  mutable std::mutex mutex_;
  mutable std::map<std::vector<ValueId>, std::unique_ptr<Program>> programs_;
};

// Whether the engine runs the node itself: control flow, and whatever touches something else than tensors.
bool RunByEngine(const Graph& graph, const Node& node);

}  // namespace onda

#endif  // ONDA_CORE_PLAN_PROGRAM_H_
