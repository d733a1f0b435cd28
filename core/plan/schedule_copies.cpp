#include <algorithm>
#include <set>
#include <utility>

#include "core/plan/binder.h"

namespace onda {
namespace {

// A copy of so many bytes is worth waiting for, or starting, in the middle of what could be captured as a whole.
constexpr size_t kSplitBytes = size_t{1} << 20;

size_t BytesOf(const Argument& argument) { return static_cast<const TensorView&>(argument.view).bytes(); }

// The steps of a plan in another order, with events between streams.
class StepList {
 public:
  StepList(Plan& plan, size_t old_count) : plan_(plan), recorded_(plan.event_counts.size(), -1), place_(old_count) {}

  void Add(const Step& step, size_t old_index) {
    place_[old_index] = static_cast<int32_t>(steps_.size());
    Push(step);
  }
  int32_t Record(int32_t instance, StreamRole stream) {
    Step step;
    step.kind = Step::Kind::kRecord;
    step.instance = instance;
    step.stream = stream;
    step.event = plan_.event_counts[static_cast<size_t>(instance)]++;
    Push(step);
    return step.event;
  }
  void Wait(int32_t instance, StreamRole stream, int32_t event) {
    Step step;
    step.kind = Step::Kind::kWait;
    step.instance = step.other = instance;
    step.stream = stream;
    step.event = event;
    Push(step);
  }
  // The download stream waits for what the instance has computed so far.
  void WaitForComputing(int32_t instance) {
    int32_t& event = recorded_[static_cast<size_t>(instance)];
    if (event >= 0) return;
    const int32_t recorded = Record(instance, StreamRole::kCompute);
    Wait(instance, StreamRole::kDownload, recorded);
    event = recorded;
  }
  // Gives the plan the steps; where each old one went, and behind that where a next one would go.
  std::vector<int32_t> Finish() {
    plan_.steps = std::move(steps_);
    place_.push_back(static_cast<int32_t>(plan_.steps.size()));
    return std::move(place_);
  }

 private:
  void Push(const Step& step) {
    if (step.stream == StreamRole::kCompute && step.kind != Step::Kind::kHostWait)
      recorded_[static_cast<size_t>(step.instance)] = -1;
    steps_.push_back(step);
  }

  Plan& plan_;
  std::vector<Step> steps_;
  std::vector<int32_t> recorded_;  // by instance: the event of all its computing, for which downloads wait; or -1
  std::vector<int32_t> place_;
};

}  // namespace

bool Binder::Overlaps(const Step& copy) const {
  if (copy.kind != Step::Kind::kCopy || copy.copy == kOndaPeerToPeer) return false;
  const Argument& from = plan_->arguments[copy.first_argument];
  const size_t bytes = BytesOf(from);
  if (!bytes || bytes < program_.compiled().instances().instances[copy.instance]->overlap_bytes()) return false;
  // What this segment makes on the host is read there soon after, and its copy would have nothing to run beside.
  return copy.copy == kOndaDeviceToHost || from.place == Argument::Place::kConstant ||
         values_[values_[from.id].root].state == State::kFrame;
}

// Copies of what is there before the segment go ahead of it on the upload stream, into memory that nothing else has
// before: computing waits for them together, for a large one where it is read first. Copies to the host go on the
// download stream, large ones as soon as their value is made; held_ keeps it until the end.
void Binder::ScheduleCopies() {
  const std::vector<Step> old = std::move(plan_->steps);
  const auto root_of = [&](uint32_t argument) { return values_[plan_->arguments[argument].id].root; };
  StepList list(*plan_, old.size());

  std::set<ValueId> sent_on;  // read by another device, whose copy waits for computing alone
  std::map<ValueId, size_t> makers;
  std::vector<std::vector<size_t>> downloads(old.size());  // by the step that they follow
  std::vector<bool> moved(old.size());
  for (size_t s = 0; s < old.size(); ++s) {
    const Step& step = old[s];
    if (step.kind == Step::Kind::kCopy && step.copy == kOndaPeerToPeer) sent_on.insert(root_of(step.first_argument));
    if (step.kind == Step::Kind::kCopy && step.copy == kOndaDeviceToHost && Overlaps(step) &&
        BytesOf(plan_->arguments[step.first_argument]) >= kSplitBytes) {
      const auto maker = makers.find(root_of(step.first_argument));
      if (maker != makers.end() && !Overlaps(old[maker->second])) {
        downloads[maker->second].push_back(s);
        moved[s] = moved[s + 1] = true;  // with the record behind it
      }
    }
    if (step.kind != Step::Kind::kLaunch && step.kind != Step::Kind::kCopy) continue;
    for (uint32_t i = 0; i < step.output_count; ++i) {
      const uint32_t argument = step.first_argument + step.input_count + i;
      if (plan_->arguments[argument].place != Argument::Place::kAbsent) makers[root_of(argument)] = s;
    }
  }

  std::map<ValueId, int32_t> arriving;  // large uploads: the event
  std::vector<bool> joined(plan_->event_counts.size());
  for (const bool large : {false, true}) {
    for (size_t s = 0; s < old.size(); ++s) {
      Step step = old[s];
      if (step.copy != kOndaHostToDevice || !Overlaps(step)) continue;
      const ValueId to = root_of(step.first_argument + 1);
      if (large != (BytesOf(plan_->arguments[step.first_argument]) >= kSplitBytes && !sent_on.contains(to))) continue;
      moved[s] = true;
      step.stream = StreamRole::kUpload;
      list.Add(step, s);
      joined[static_cast<size_t>(step.instance)] = true;
      if (large) arriving[to] = list.Record(step.instance, StreamRole::kUpload);
    }
    for (size_t i = 0; i < joined.size() && !large; ++i)
      if (joined[i])
        list.Wait(static_cast<int32_t>(i), StreamRole::kCompute,
                  list.Record(static_cast<int32_t>(i), StreamRole::kUpload));
  }

  const auto wait_for_uploads = [&](const Step& step) {
    for (uint32_t i = 0; i < size_t{step.input_count} + step.output_count; ++i) {
      if (plan_->arguments[step.first_argument + i].place == Argument::Place::kAbsent) continue;
      const auto upload = arriving.find(root_of(step.first_argument + i));
      if (upload == arriving.end()) continue;
      list.Wait(step.instance, StreamRole::kCompute, upload->second);
      arriving.erase(upload);
    }
  };
  const auto download = [&](size_t s) {
    Step step = old[s];
    wait_for_uploads(step);
    list.WaitForComputing(step.instance);
    step.stream = StreamRole::kDownload;
    list.Add(step, s);
    Step record = old[s + 1];
    record.stream = StreamRole::kDownload;
    list.Add(record, s + 1);
  };
  for (size_t s = 0; s < old.size(); ++s) {
    if (moved[s]) continue;
    if (old[s].copy == kOndaDeviceToHost && Overlaps(old[s])) {
      download(s++);
    } else {
      if (old[s].kind == Step::Kind::kLaunch || old[s].kind == Step::Kind::kCopy) wait_for_uploads(old[s]);
      list.Add(old[s], s);
    }
    for (size_t d : downloads[s]) download(d);
  }

  const std::vector<int32_t> place = list.Finish();
  for (BufferLifetime& buffer : buffers_) {
    buffer.first = place[static_cast<size_t>(buffer.first)];
    buffer.last = place[static_cast<size_t>(buffer.last)];
  }
}

}  // namespace onda
