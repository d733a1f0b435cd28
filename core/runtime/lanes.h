// The devices' side of one walk of a plan: lanes (a stream with its events and its status word), executables that are
// replayed, and named ranges for profilers.
#ifndef ONDA_CORE_RUNTIME_LANES_H_
#define ONDA_CORE_RUNTIME_LANES_H_

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/place/provider_instance.h"
#include "core/plan/capture_cache.h"
#include "core/plan/frame.h"
#include "core/plan/plan.h"
#include "core/runtime/executor.h"

namespace onda {

// The lanes of the devices that a plan uses, for one walk of it.
class Lanes {
 public:
  // milliseconds: by instance, to which the time of each device's work is added; below 0 where it cannot be measured.
  // Empty: nothing is measured.
  Lanes(const InstanceSet& instances, const Plan& plan, Frame& frame, std::span<void* const> streams,
        std::span<double> milliseconds)
      : instances_(instances), plan_(plan), streams_(streams), milliseconds_(milliseconds), lanes_(frame.lanes) {
    lanes_.resize(instances.instances.size());
  }
  // On the way of an error: nothing may run any more when memory is given back, and lanes may wait for each other's
  // events. A lane in doubt is thrown away.
  ~Lanes() {
    for (size_t i = 1; i < lanes_.size(); ++i)
      if (lanes_[i]) {
        instances_.instances[i]->Quiet(lanes_[i]->stream);
        for (size_t s = 0; s < kStreamRoles; ++s)
          if (lanes_[i]->used[s]) instances_.instances[i]->Quiet(lanes_[i]->more[s]);
      }
    for (size_t i = 1; i < lanes_.size(); ++i)
      if (lanes_[i]) GiveBack(i, false);
  }

  ProviderInstance::Lane& At(int32_t instance) {
    if (lanes_[instance]) return *lanes_[instance];
    const ProviderInstance& provider = *instances_.instances[instance];
    lanes_[instance] = provider.TakeLane(static_cast<size_t>(plan_.event_counts[instance]));
    if (static_cast<size_t>(instance) < streams_.size() && streams_[instance]) {
      provider.Synchronize(lanes_[instance]->stream);  // a new lane clears its status word there
      own_streams_.resize(lanes_.size());
      void* const wrapped = provider.WrapStream(streams_[instance]);
      own_streams_[instance] = std::exchange(lanes_[instance]->stream, wrapped);
    }
    BeginTiming(static_cast<size_t>(instance));
    return *lanes_[instance];
  }
  // A stream of the caller's takes all of the work.
  void* Stream(int32_t instance, StreamRole role) {
    ProviderInstance::Lane& lane = At(instance);
    const size_t i = static_cast<size_t>(instance);
    if (role == StreamRole::kCompute || (i < own_streams_.size() && own_streams_[i])) return lane.stream;
    return instances_.instances[i]->StreamFor(lane, role);
  }

  // Waits for all work and reads the status words. Returns the node that met an error, and its code; or kNoNode.
  std::pair<NodeId, int32_t> Finish() {
    for (size_t i = 1; i < lanes_.size(); ++i) {
      if (!lanes_[i]) continue;
      const ProviderInstance& provider = *instances_.instances[i];
      int32_t(&status)[2] = lanes_[i]->read_status;
      provider.Copy(status, lanes_[i]->status, sizeof(status), kOndaDeviceToHost, lanes_[i]->stream);
      EndTiming(i);
      provider.Synchronize(lanes_[i]->stream);
      for (size_t s = 0; s < kStreamRoles; ++s)
        if (lanes_[i]->used[s]) provider.Synchronize(lanes_[i]->more[s]);
      AddTime(i);
      if (status[1] != 0) return {status[0], status[1]};
    }
    for (size_t i = 1; i < lanes_.size(); ++i)
      if (lanes_[i]) GiveBack(i, true);
    return {kNoNode, 0};
  }

 private:
  static constexpr size_t kDownload = static_cast<size_t>(StreamRole::kDownload);
  void BeginTiming(size_t instance) {
    if (milliseconds_.empty()) return;
    ProviderInstance::Lane& lane = *lanes_[instance];
    const ProviderInstance& provider = *instances_.instances[instance];
    for (void*& event : lane.timing)
      if (!event) event = provider.CreateTimingEvent();
    if (lane.timing[0]) provider.Record(lane.timing[0], lane.stream);
  }
  void EndTiming(size_t instance) {
    if (milliseconds_.empty()) return;
    ProviderInstance::Lane& lane = *lanes_[instance];
    if (!lane.timing[2]) return;
    instances_.instances[instance]->Record(lane.timing[1], lane.stream);
    if (lane.used[kDownload]) instances_.instances[instance]->Record(lane.timing[2], lane.more[kDownload]);
  }
  // Once all is reached.
  void AddTime(size_t instance) {
    if (milliseconds_.empty()) return;
    const ProviderInstance::Lane& lane = *lanes_[instance];
    const ProviderInstance& provider = *instances_.instances[instance];
    if (!lane.timing[2]) {
      milliseconds_[instance] = -1;
      return;
    }
    double time = provider.ElapsedMilliseconds(lane.timing[0], lane.timing[1]);
    if (lane.used[kDownload]) time = std::max(time, provider.ElapsedMilliseconds(lane.timing[0], lane.timing[2]));
    milliseconds_[instance] += time;
  }
  void GiveBack(size_t instance, bool clean) {
    if (instance < own_streams_.size() && own_streams_[instance])
      instances_.instances[instance]->DestroyStream(
          std::exchange(lanes_[instance]->stream, std::exchange(own_streams_[instance], nullptr)));
    std::ranges::fill(lanes_[instance]->used, false);
    instances_.instances[instance]->ReturnLane(std::move(lanes_[instance]), clean);
  }

  const InstanceSet& instances_;
  const Plan& plan_;
  std::span<void* const> streams_;  // of the caller's
  std::span<double> milliseconds_;
  std::vector<void*> own_streams_;  // by instance: of the lane, while the caller's is in its place
  std::vector<std::unique_ptr<ProviderInstance::Lane>>& lanes_;  // all null before and after
};

// The name of a graph around the walk of a plan, for the profilers of the devices that have a part in it.
class Range {
 public:
  Range(const RunContext& context, const InstanceSet& instances, const Plan& plan, const std::string& name)
      : context_(context), instances_(instances), plan_(plan) {
    for (size_t i = 1; context.ranges && i < instances.instances.size(); ++i)
      if (TakesPart(i)) instances.instances[i]->PushRange((instances.instances[i]->label() + ": " + name).c_str());
  }
  ~Range() {
    for (size_t i = 1; context_.ranges && i < instances_.instances.size(); ++i)
      if (TakesPart(i)) instances_.instances[i]->PopRange();
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

 private:
  bool TakesPart(size_t i) const {
    return instances_.instances[i]->has_ranges() &&
           std::any_of(plan_.steps.begin(), plan_.steps.end(),
                       [&](const Step& step) { return step.instance == static_cast<int32_t>(i); });
  }
  const RunContext& context_;
  const InstanceSet& instances_;
  const Plan& plan_;
};

// The executables that one walk of a plan replays. They go back once their work is done.
class Replays {
 public:
  Replays(const Plan& plan, Frame& frame) : plan_(plan), entries_(frame.captured) {
    if (plan.captures) entries_.resize(plan.captures->spans().size());
  }
  ~Replays() {
    for (size_t i = 0; i < entries_.size(); ++i)
      if (entries_[i].second) plan_.captures->Return(i, std::move(entries_[i].first));
    entries_.clear();
  }
  std::unique_ptr<CaptureCache::Entry>& Take(size_t span, const CaptureAddresses& addresses) {
    entries_[span] = {plan_.captures->Take(span, addresses), true};
    return entries_[span].first;
  }

 private:
  const Plan& plan_;
  std::vector<std::pair<std::unique_ptr<CaptureCache::Entry>, bool>>& entries_;  // empty before and after
};

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_LANES_H_
