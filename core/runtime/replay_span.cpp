#include <algorithm>
#include <utility>

#include "core/ir/op_def.h"
#include "core/runtime/execution.h"

namespace onda {

void Execution::FindAddresses(const Plan& plan, const CaptureSpan& span, const ProviderInstance::Lane& lane) {
  CaptureAddresses& addresses = frame_.addresses;
  addresses.Clear();
  addresses.fixed.push_back(lane.status);
  for (uint32_t s = span.first; s < span.end; ++s) {
    const Step& step = plan.steps[s];
    if (step.between_branches) continue;
    const size_t count = size_t{step.input_count} + step.output_count;
    const OndaTensorView* views = Resolve(plan, step.first_argument, count);
    if (step.kind == Step::Kind::kCopy) {
      if (!static_cast<const TensorView&>(views[0]).bytes()) continue;
      addresses.copies.emplace_back(views[1].data, views[0].data);
      addresses.kinds.push_back(KindOf(plan, step));
      continue;
    }
    // What a launch reads in host memory it has read when it returns, and its contents are those of the plan.
    const Node& node = graph_.node(step.node);
    for (size_t i = 0; i < count; ++i)
      if (i >= step.input_count || !ReadsOnHost(node, i)) addresses.fixed.push_back(views[i].data);
    addresses.fixed.push_back(WorkspaceOf(step));
  }
}

void Execution::RunSpan(const Plan& plan, size_t index, Lanes& lanes, Replays& replays) {
  CaptureCache& cache = *plan.captures;
  const CaptureSpan& span = cache.spans()[index];
  if (!cache.Begin(index)) return RunSteps(plan, span.first, span.end, lanes);
  CheckStop();
  const ProviderInstance& provider = *program_.compiled().instances().instances[span.instance];
  const ProviderInstance::Lane& lane = lanes.At(span.instance);
  FindAddresses(plan, span, lane);
  std::unique_ptr<CaptureCache::Entry>& entry = replays.Take(index, frame_.addresses);
  if (entry && entry->addresses.DifferInCopies(frame_.addresses) &&
      (provider.patches_copies() || entry->addresses.copies == frame_.addresses.copies)) {
    for (size_t i = 0; i < frame_.addresses.copies.size(); ++i) {
      auto& [to, from] = entry->addresses.copies[i];
      const auto& [new_to, new_from] = frame_.addresses.copies[i];
      if (to == new_to && from == new_from) continue;
      provider.UpdateCopy(entry->executable, static_cast<int32_t>(i), new_to, new_from);
      to = new_to;
      from = new_from;
    }
    provider.LaunchExecutable(entry->executable, lane.stream);
    cache.CountReplay(index);
    return;
  }
  for (uint32_t s = span.first; s < span.end; ++s) lanes.Stream(span.instance, plan.steps[s].stream);  // made ahead
  const bool several =
      !cache.OnOneStream(index) && std::any_of(plan.steps.begin() + span.first, plan.steps.begin() + span.end,
                                               [](const Step& s) { return s.between_branches; });
  std::string failure = Capture(plan, span, lanes, entry, !several);
  if (!failure.empty() && several) {
    cache.CaptureOnOneStream(index);
    failure = Capture(plan, span, lanes, entry, true);
  }
  if (!failure.empty()) {
    cache.GiveUp(index, failure);
    return RunSteps(plan, span.first, span.end, lanes);
  }
  provider.LaunchExecutable(entry->executable, lane.stream);
}

std::string Execution::Capture(const Plan& plan, const CaptureSpan& span, Lanes& lanes,
                               std::unique_ptr<CaptureCache::Entry>& entry, bool one_stream) {
  const ProviderInstance& provider = *program_.compiled().instances().instances[span.instance];
  void* const stream = lanes.At(span.instance).stream;
  std::string failure;
  void* capture = nullptr;
  try {
    provider.BeginCapture(stream);
    try {
      RunSteps(plan, span.first, span.end, lanes, one_stream);
    } catch (const Error& error) {
      failure = error.what();
    }
    capture = provider.EndCapture(stream);
  } catch (const Error& error) {
    if (failure.empty()) failure = error.what();
  }
  if (failure.empty()) {
    try {
      if (!entry) entry = std::make_unique<CaptureCache::Entry>();
      if (!entry->executable || !provider.UpdateExecutable(entry->executable, capture)) {
        void* executable = provider.Instantiate(capture);
        if (entry->executable) provider.DestroyExecutable(entry->executable);
        entry->executable = executable;
      }
      entry->addresses = frame_.addresses;
    } catch (const Error& error) {
      failure = error.what();
    }
  }
  if (capture) provider.DestroyCapture(capture);
  CheckStop();  // a run that is to end has not failed to be captured
  return failure;
}

}  // namespace onda
