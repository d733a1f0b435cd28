// Binds one segment of a program to shapes. Private to core/plan; bind.h is how it is asked for. The parts:
//   bind.cpp         walks the nodes: facts, what shapes alone decide, views
//   bind_steps.cpp   launches and copies with their arguments, buffers and events
//   schedule_copies.cpp  copies that run beside launches
//   branch_streams.cpp  launches that run beside each other on a device
//   finish_plan.cpp  what outlives the segment, branches, memory offsets, spans that can be captured
#ifndef ONDA_CORE_PLAN_BINDER_H_
#define ONDA_CORE_PLAN_BINDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/ir/op_def.h"
#include "core/passes/infer_node.h"
#include "core/place/place.h"
#include "core/plan/memory_planner.h"
#include "core/plan/plan.h"
#include "core/plan/program.h"
#include "core/plan/runtime_value.h"

namespace onda {

class Binder : public InferContext {
 public:
  Binder(const Program& program, int32_t position, const std::vector<RuntimeValue>& frame)
      : program_(program),
        graph_(program.compiled().graph()),
        frame_(frame),
        values_(graph_.values().size()),
        plan_(std::make_shared<Plan>()) {
    plan_->begin = position;
    plan_->arena_bytes.resize(program.compiled().instances().instances.size());
    plan_->event_counts.resize(plan_->arena_bytes.size());
    plan_->live_bytes.resize(plan_->arena_bytes.size());
    plan_->peak_nodes.resize(plan_->arena_bytes.size(), kNoNode);
  }

  ~Binder();

  std::shared_ptr<const Plan> Run();

  // Contents of values that the segment itself computes are not known; of others they are read, and become part of what
  // the plan is found by. Only inputs that fix shapes are read so: others would tie the plan to the data.
  std::optional<Dims> Content(size_t i) override {
    const Fact& fact = input(i);
    if (auto content = fact.Content()) return content;
    if (const TensorPtr tensor = ReadFrame(i);
        tensor && (IsInteger(tensor->dtype()) || tensor->dtype() == DType::kBool)) {
      const std::vector<int64_t> elements = tensor->ToInt64s();
      return Dims(elements.begin(), elements.end());
    }
    return {};
  }
  std::optional<std::vector<double>> Doubles(size_t i) override {
    const TensorPtr tensor = Constant(i);
    if (!tensor || tensor->count() > kMaxContent || tensor->dtype() == DType::kString) return {};
    return tensor->ToDoubles();
  }
  TensorPtr Constant(size_t i) override {
    if (const TensorPtr& constant = input(i).constant) return constant;
    if (TensorPtr tensor = Materialize(input(i))) return tensor;
    return ReadFrame(i);
  }
  Dim FreshDim() override { return Dim::Symbol("_" + std::to_string(fresh_++)); }
  std::vector<Fact> InferBody(size_t index, std::vector<Fact> inputs) override {
    return InferGraph(*node().bodies.at(index).graph, std::move(inputs), fresh_);
  }

 private:
  enum class State : uint8_t { kUnseen, kConstant, kFrame, kArena, kEscaped };
  struct BoundValue {
    State state = State::kUnseen;
    Fact fact;                // not set for compile-time constants: the graph has it
    ValueId root = kNoValue;  // whose memory it shares: itself, or what it is a view of
    int32_t dims = -1;        // index into Plan::dims
    int32_t buffer = -1;      // arena roots: index into buffers_
    int32_t last_use = -1;    // arena roots: over all views
  };

  const Fact& FactOf(ValueId id);
  TensorPtr ReadFrame(size_t i);
  static TensorPtr Materialize(const Fact& fact);
  bool TryEvaluate(const Node& node);
  void AddStep(NodeId id, int32_t position, bool dynamic);
  void AddCopy(NodeId id);
  void WaitForCopies(const Node& node);
  bool Overlaps(const Step& copy) const;
  void ScheduleCopies();
  // A set of launches on several streams; steps [begin, end) with the records and waits around them.
  struct StreamGroup {
    int32_t begin, end;
  };
  // Puts branches that do not depend on each other on streams of their own, where their provider's costs say that it
  // pays: one stream after the other, between events that all of them wait for.
  std::vector<StreamGroup> SplitBranches();
  double MicrosecondsOf(const Step& launch) const;
  // What an argument's elements lie in: a buffer, or what a value has for itself. What shares memory in place is in
  // order so.
  using Memory = std::pair<bool, size_t>;
  // For each step of [begin, end) those of them, counted from `begin`, that must have run before, by the memory that
  // they use.
  std::vector<std::vector<int32_t>> PredecessorsOf(int32_t begin, int32_t end,
                                                   const std::function<Memory(const Argument&)>& memory_of) const;
  // What a group's streams use lives accordingly.
  void KeepForStreams(const std::vector<StreamGroup>& groups);
  // Has the kernel make what its launches of these shapes need.
  void Prepare(const Step& step, std::span<OndaTensorView> views);
  int32_t NewBuffer(int32_t instance, size_t bytes);
  int32_t NewEvent(int32_t instance) { return plan_->event_counts[instance]++; }
  int32_t Location(ValueId id) const { return LocationOf(graph_, id); }
  void AddView(const Node& node);
  bool ReadsBoundMemory(const Node& node);
  Argument MakeArgument(ValueId id);
  const std::vector<int64_t>& DimsOf(ValueId id);
  void Finish(int32_t end);
  bool CanBeCaptured(const Step& step) const;
  void FindCaptureSpans();
  void FindGroups();

  const Program& program_;
  const Graph& graph_;
  const std::vector<RuntimeValue>& frame_;
  std::vector<BoundValue> values_;
  std::vector<BufferLifetime> buffers_;
  std::vector<int32_t> buffer_instances_;  // by buffer
  struct Pending {
    int32_t instance;
    int32_t event;
    bool overlaps;  // is on a stream of its own
  };
  std::map<ValueId, Pending> pending_;  // copies to the host that nobody has waited for yet
  std::vector<ValueId> held_;           // values that copies may read until the plan's end
  std::vector<ValueId> produced_;       // by this segment, in order
  std::shared_ptr<Plan> plan_;
  std::vector<std::unique_ptr<ProviderInstance::Lane>> lanes_;  // by instance: of Prepare; or null
  int64_t fresh_ = 0;
};

}  // namespace onda

#endif  // ONDA_CORE_PLAN_BINDER_H_
