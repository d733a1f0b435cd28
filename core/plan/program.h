// A canonical graph with its kernels, and the order in which the nodes that some outputs need are run.
#ifndef ONDA_CORE_PLAN_PROGRAM_H_
#define ONDA_CORE_PLAN_PROGRAM_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/ir/graph.h"
#include "core/place/kernel_instance.h"
#include "core/place/place.h"
#include "core/place/provider_instance.h"
#include "core/place/shared_constants.h"
#include "core/plan/frame.h"
#include "core/plan/plan.h"
#include "core/plan/uploaded_constants.h"

namespace onda {

class CompiledGraph;

struct CompiledNode {
  std::shared_ptr<const KernelInstance> kernel;        // null for views and for what the engine runs itself
  std::vector<std::unique_ptr<CompiledGraph>> bodies;  // as Node::bodies
  std::string place;                                   // for Placement(): the instance, "engine" or "view"
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
  FramePool& frames() const { return frames_; }

 private:
  const CompiledGraph& compiled_;
  std::vector<NodeId> order_;
  std::vector<ValueId> outputs_;
  std::vector<int32_t> last_use_;
  mutable PlanCache plans_;
  mutable FramePool frames_;
};

// Which constants the kernels of a session have been given to prepare. A constant that many nodes read would be packed
// by each of them: beyond the budget, nodes that are not the first are given none, and read it where it lies.
class PreparedConstants {
 public:
  explicit PreparedConstants(size_t max_repeated_bytes = size_t{64} << 20) : left_(max_repeated_bytes) {}
  // Whether one more kernel may prepare it.
  bool Offer(const Tensor& constant);

 private:
  size_t left_;  // bytes of constants that may still be offered again
  std::set<const void*> offered_;
};

class CompiledGraph {
 public:
  // Chooses and creates the kernels of all nodes, of bodies too, each of the instance that it is placed on, and uploads
  // the constants that devices read. Throws kNotImplemented where a node has none.
  // shared: where kernels that other sessions have are taken from; may be null. uploaded, prepared: of the graph around
  // a body.
  CompiledGraph(std::shared_ptr<const Graph> graph, std::shared_ptr<const InstanceSet> instances,
                SharedConstants* shared = nullptr, bool branches = false,
                std::shared_ptr<UploadedConstants> uploaded = nullptr,
                std::shared_ptr<PreparedConstants> prepared = nullptr);
  ~CompiledGraph();

  const Graph& graph() const { return *graph_; }
  const CompiledNode& node(NodeId id) const { return nodes_[id]; }
  const InstanceSet& instances() const { return *instances_; }
  // Whether plans say which steps may run at once.
  bool branches() const { return branches_; }
  // The copy of a constant in a device's memory.
  const void* UploadedConstant(int32_t instance, ValueId id) const {
    return uploaded_->At(instance, graph_->FactOf(id).constant);
  }
  // The program for these outputs, made at the first call. Safe from any thread; lives as long as this.
  const Program& ProgramFor(const std::vector<ValueId>& outputs) const;
  // All of the graph's outputs.
  const Program& ProgramForAll() const { return ProgramFor(graph_->outputs); }

 private:
  std::shared_ptr<const Graph> graph_;
  std::shared_ptr<const InstanceSet> instances_;
  const bool branches_;
  std::shared_ptr<UploadedConstants> uploaded_;
  std::vector<CompiledNode> nodes_;
  mutable std::mutex mutex_;
  mutable std::map<std::vector<ValueId>, std::unique_ptr<Program>> programs_;
};

}  // namespace onda

#endif  // ONDA_CORE_PLAN_PROGRAM_H_
