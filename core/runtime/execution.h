// One run of a program. Private to core/runtime; executor.h is how it is asked for. The parts:
//   executor.cpp       walks segments and steps; memory of a plan
//   launch.cpp         one kernel: its arguments, the engine as it sees it, strings
//   replay_span.cpp    spans of steps that a device records and replays
//   run_branches.cpp   chains of steps at once
#ifndef ONDA_CORE_RUNTIME_EXECUTION_H_
#define ONDA_CORE_RUNTIME_EXECUTION_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/plan/frame.h"
#include "core/plan/plan.h"
#include "core/plan/program.h"
#include "core/runtime/executor.h"
#include "core/runtime/lanes.h"

namespace onda {

inline BlockPool& PoolOf(const RunContext& context, int32_t instance) {
  return instance == 0 ? *context.pool : *context.pools[instance];
}

// Whether phases are told of: not where only nodes are observed.
inline bool TellsPhases(const RunContext& context) { return context.observer && context.observer->after_phase; }

class Execution {
 public:
  Execution(const Program& program, const RunContext& context);
  ~Execution();
  void Run(std::span<RuntimeValue> inputs, std::span<const OutputBinding> bindings, std::vector<RuntimeValue>& results);

 private:
  void CheckStop() const;
  RuntimeValue ValueOf(ValueId id) const;
  void RunEngineNode(int32_t position);
  static bool LiesIn(const RuntimeValue& value, int32_t instance);
  void Allocate(const Plan& plan);
  // What is copied from a device goes to memory that its copies reach best.
  BlockPool& PoolFor(const Escape& e) const;
  OutputBinding BindingOf(const Escape& e) const;
  void RunPlan(const Plan& plan);
  // one_stream: launches of side streams go on the computing stream, in an order in which that is the same.
  void RunSteps(const Plan& plan, uint32_t begin, uint32_t end, Lanes& lanes, bool one_stream = false);
  // An input may lie already in the memory that its copy leads to.
  OndaCopyKind KindOf(const Plan& plan, const Step& step) const;
  // Where the steps of a span find their data in this run.
  void FindAddresses(const Plan& plan, const CaptureSpan& span, const ProviderInstance::Lane& lane);
  // By replaying what was captured where data lie as they did then, else by capturing; step by step where that fails.
  void RunSpan(const Plan& plan, size_t index, Lanes& lanes, Replays& replays);
  // Lets the entry, or a new one, hold the steps of the span as they are now. Gives why they cannot be captured, or "";
  // throws where the run is to end.
  std::string Capture(const Plan& plan, const CaptureSpan& span, Lanes& lanes,
                      std::unique_ptr<CaptureCache::Entry>& entry, bool one_stream);
  void* WorkspaceOf(const Step& step) const;
  // The chains of the group, at once where that has proved faster.
  void RunBranches(const Plan& plan, const BranchGroup& group, BranchTrial& trial, Lanes& lanes);
  struct Chains;
  // Where the arguments are now.
  OndaTensorView* Resolve(const Plan& plan, size_t first, size_t count);
  void Launch(const Plan& plan, const Step& step, Lanes& lanes, bool one_stream = false);
  // The characters of strings lie where std::string puts them; blocks that are never touched stand for them in the
  // pool's count. Before a launch: for the most that it may make.
  std::shared_ptr<void> ReserveStrings(const Node& node, std::span<const OndaTensorView> inputs,
                                       std::span<const OndaTensorView> outputs) const;
  // After it: for what it made.
  void ChargeStrings(ValueId id);
  const Program& program_;
  const Graph& graph_;
  const RunContext& context_;
  std::unique_ptr<Frame> owned_;
  Frame& frame_;
  std::vector<RuntimeValue>& values_;
  std::span<const OutputBinding> bindings_;
};

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_EXECUTION_H_
