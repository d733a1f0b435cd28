#include <algorithm>

#include "core/plan/binder.h"
#include "core/plan/branches.h"

namespace onda {

// Steps that do not depend on each other, and longer lives for what they use. Arguments name roots by now, and those in
// the arena their buffers. Only plans of the host alone: devices have streams for that.
void Binder::FindGroups() {
  for (const Step& step : plan_->steps)
    if (step.kind != Step::Kind::kLaunch || step.instance != 0) return;
  plan_->branches =
      FindBranches(PredecessorsOf(0, static_cast<int32_t>(plan_->steps.size()), [](const Argument& argument) {
        return argument.place == Argument::Place::kArena ? Memory(true, argument.offset) : Memory(false, argument.id);
      }));
  plan_->trials = std::make_unique<BranchTrial[]>(plan_->branches.size());
  for (const BranchGroup& group : plan_->branches) {
    for (BufferLifetime& buffer : buffers_) {
      if (buffer.first >= group.begin && buffer.first < group.end) buffer.first = group.begin;
      if (buffer.last >= group.begin && buffer.last < group.end) buffer.last = group.end - 1;
    }
  }
}

void Binder::Finish(int32_t end) {
  plan_->end = end;
  ScheduleCopies();
  const std::vector<StreamGroup> groups = SplitBranches();
  const int32_t size = static_cast<int32_t>(program_.order().size());
  auto outlives = [&](ValueId id) { return program_.last_use(id) >= end; };
  // Values that outlive the segment leave the arena, with all that shares their memory.
  for (ValueId id : produced_)
    if (values_[id].state == State::kArena && outlives(id)) values_[values_[id].root].state = State::kEscaped;
  std::vector<bool> buffer_escapes(buffers_.size());
  for (ValueId id : produced_) {
    BoundValue& bound = values_[id];
    if (bound.buffer >= 0 && bound.state == State::kEscaped) buffer_escapes[bound.buffer] = true;
  }
  std::vector<Escape> escapes;
  for (ValueId id : produced_) {
    BoundValue& bound = values_[id];
    if (bound.root == id && bound.state == State::kEscaped && bound.buffer >= 0) {
      // Another value that wrote into the same buffer in place gets a block of its own as well: a kernel may be in
      // place, it need not.
      escapes.push_back({id, bound.fact.dtype, DimsOf(id), Location(id), kNoValue, nullptr});
    }
  }
  for (ValueId id : produced_) {
    const BoundValue& bound = values_[id];
    if (!outlives(id)) continue;
    if (bound.state == State::kConstant) {
      escapes.push_back({id, bound.fact.dtype, DimsOf(id), 0, kNoValue, bound.fact.constant});
    } else if (bound.root != id) {
      escapes.push_back({id, bound.fact.dtype, DimsOf(id), Location(id), bound.root, nullptr});
    }
  }
  plan_->escapes.insert(plan_->escapes.end(), std::make_move_iterator(escapes.begin()),
                        std::make_move_iterator(escapes.end()));

  // Lifetimes in steps, from the arguments; escaped buffers take no room.
  for (size_t s = 0; s < plan_->steps.size(); ++s) {
    const Step& step = plan_->steps[s];
    for (size_t a = step.first_argument; a < step.first_argument + step.input_count + step.output_count; ++a) {
      Argument& argument = plan_->arguments[a];
      if (argument.place != Argument::Place::kArena && argument.place != Argument::Place::kFrame) continue;
      const BoundValue& root = values_[values_[argument.id].root];
      argument.id = values_[argument.id].root;
      if (root.state == State::kEscaped || root.state == State::kFrame) {
        argument.place = Argument::Place::kFrame;
      } else {
        BufferLifetime& buffer = buffers_[root.buffer];
        buffer.last = std::max(buffer.last, static_cast<int32_t>(s));
        argument.offset = static_cast<size_t>(root.buffer);
      }
    }
  }
  if (program_.compiled().branches()) FindGroups();
  KeepForStreams(groups);
  // What copies may still be reading or writing when the last step is done.
  for (const auto& [id, pending] : pending_) held_.push_back(id);
  for (ValueId id : held_)
    if (values_[id].state == State::kArena)
      buffers_[values_[id].buffer].last = static_cast<int32_t>(plan_->steps.size());
  // A buffer whose value escaped may still be used by another that shared it in place.
  std::vector<bool> used(buffers_.size());
  for (const Argument& a : plan_->arguments)
    if (a.place == Argument::Place::kArena) used[a.offset] = true;
  for (size_t b = 0; b < buffers_.size(); ++b)
    if (buffer_escapes[b] && !used[b]) buffers_[b].bytes = 0;
  for (size_t instance = 0; instance < plan_->arena_bytes.size(); ++instance) {
    std::vector<BufferLifetime> own;
    for (size_t b = 0; b < buffers_.size(); ++b)
      if (buffer_instances_[b] == static_cast<int32_t>(instance)) own.push_back(buffers_[b]);
    plan_->arena_bytes[instance] = PlanMemory(own);
    const LivePeak peak = LargestLiveSet(own);
    plan_->live_bytes[instance] = peak.bytes;
    if (peak.bytes && !plan_->steps.empty())
      plan_->peak_nodes[instance] = plan_->steps[std::min<size_t>(peak.step, plan_->steps.size() - 1)].node;
    for (size_t b = 0, next = 0; b < buffers_.size(); ++b)
      if (buffer_instances_[b] == static_cast<int32_t>(instance)) buffers_[b].offset = own[next++].offset;
  }
  for (Argument& argument : plan_->arguments)
    if (argument.place == Argument::Place::kArena) argument.offset = buffers_[argument.offset].offset;
  for (Step& step : plan_->steps)
    if (step.workspace_bytes) step.workspace_offset = buffers_[step.workspace_offset].offset;

  for (ValueId id = 0; id < static_cast<ValueId>(values_.size()); ++id) {
    const int32_t last = program_.last_use(id);
    if (last >= 0 && last < end && last >= plan_->begin && last < size && !graph_.FactOf(id).constant &&
        values_[id].state != State::kArena && values_[id].state != State::kConstant)
      plan_->released.push_back(id);
    // Roots that only their views kept alive.
    if (last < end && values_[id].state == State::kEscaped && last < 0) plan_->released.push_back(id);
  }
}

// Whether asking for the step again, with data at the same addresses, asks for the same work.
bool Binder::CanBeCaptured(const Step& step) const {
  if (step.instance == 0 || !program_.compiled().instances().instances[step.instance]->captures()) return false;
  if (step.kind == Step::Kind::kCopy) return step.copy != kOndaPeerToPeer && step.stream == StreamRole::kCompute;
  if (step.between_branches) return true;
  if (step.kind != Step::Kind::kLaunch || (step.kernel->def().flags & kOndaKernelNotCaptured)) return false;
  const Node& node = graph_.node(step.node);
  for (size_t i = 0; i < size_t{step.input_count} + step.output_count; ++i) {
    const Argument& argument = plan_->arguments[step.first_argument + i];
    if (argument.place == Argument::Place::kDynamic) return false;
    if (i >= step.input_count || !ReadsOnHost(node, i)) continue;
    // A launch may read it when it is asked for: its contents have to be those that the plan is found by.
    const auto known = [&](const Plan::ContentKey& key) { return key.id == argument.id; };
    if (argument.place != Argument::Place::kAbsent && argument.place != Argument::Place::kConstant &&
        std::none_of(plan_->contents.begin(), plan_->contents.end(), known))
      return false;
  }
  return true;
}

// Runs of steps that can be captured, without the copies at their ends, which often have the caller's memory at one end
// and gain nothing; at least two launches. All streams of a group are in one run.
void Binder::FindCaptureSpans() {
  const std::vector<Step>& steps = plan_->steps;
  std::vector<CaptureSpan> spans;
  std::vector<std::shared_ptr<const ProviderInstance>> instances;
  for (uint32_t first = 0; first < steps.size();) {
    uint32_t end = first;
    CaptureSpan span{0, 0, steps[first].instance, 0};
    for (; end < steps.size() && steps[end].instance == span.instance && CanBeCaptured(steps[end]); ++end) {
      if (steps[end].kind != Step::Kind::kLaunch && !steps[end].between_branches) continue;
      if (span.end == 0) span.first = end;
      span.launches += steps[end].kind == Step::Kind::kLaunch;
      span.end = end + 1;
    }
    if (span.launches > 1) {
      spans.push_back(span);
      instances.push_back(program_.compiled().instances().instances[span.instance]);
    }
    first = std::max(end, first + 1);
  }
  if (!spans.empty()) plan_->captures = std::make_unique<CaptureCache>(std::move(spans), std::move(instances));
}

}  // namespace onda
