#include <algorithm>
#include <numeric>
#include <utility>

#include "core/place/node_view.h"
#include "core/plan/binder.h"
#include "core/plan/branches.h"

namespace onda {
namespace {

// What a group must take less than on one stream, of that.
constexpr double kLeastGain = 0.05;

struct Cost {
  double latency = 0;  // of launches, during which a device has room for others
  double work = 0;     // that fills the device
  double total() const { return latency + work; }
};

// The chains of a group on streams: the costliest first, each to where least is.
struct Spread {
  std::vector<std::vector<size_t>> chains;  // by stream
  double microseconds = 0;                  // of all, events between included
};

Spread SpreadChains(const std::vector<Cost>& costs, double launch_microseconds) {
  std::vector<size_t> order(costs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return costs[a].total() > costs[b].total(); });
  const size_t streams = std::min(costs.size(), kSideStreams + 1);
  Spread spread;
  spread.chains.resize(streams);
  std::vector<double> taken(streams);
  double work = 0;
  for (size_t chain : order) {
    const size_t least = static_cast<size_t>(std::min_element(taken.begin(), taken.end()) - taken.begin());
    spread.chains[least].push_back(chain);
    taken[least] += costs[chain].total();
    work += costs[chain].work;
  }
  // Each side stream waits once, and is waited for.
  spread.microseconds = std::max(*std::max_element(taken.begin(), taken.end()), work) +
                        2 * launch_microseconds * static_cast<double>(streams - 1);
  return spread;
}

}  // namespace

double Binder::MicrosecondsOf(const Step& launch) const {
  const ProviderInstance& provider = *program_.compiled().instances().instances[launch.instance];
  if (!provider.def().node_microseconds) return 0;
  std::vector<Fact> inputs, outputs;
  for (uint32_t i = 0; i < size_t{launch.input_count} + launch.output_count; ++i) {
    const OndaTensorView& view = plan_->arguments[launch.first_argument + i].view;
    Fact fact;
    if (view.dtype != 0) fact = Fact::Tensor(static_cast<DType>(view.dtype), Dims(view.dims, view.dims + view.rank));
    (i < launch.input_count ? inputs : outputs).push_back(std::move(fact));
  }
  const NodeViewStorage storage(graph_.node(launch.node), inputs, outputs);
  return std::max(provider.NodeMicroseconds(storage.view), 0.0);
}

std::vector<std::vector<int32_t>> Binder::PredecessorsOf(
    int32_t begin, int32_t end, const std::function<Memory(const Argument&)>& memory_of) const {
  struct Use {
    int32_t writer = -1;
    std::vector<int32_t> readers;  // since
  };
  std::map<Memory, Use> uses;
  std::vector<std::vector<int32_t>> predecessors(static_cast<size_t>(end - begin));
  for (int32_t s = begin; s < end; ++s) {
    const Step& step = plan_->steps[static_cast<size_t>(s)];
    std::vector<int32_t>& mine = predecessors[static_cast<size_t>(s - begin)];
    for (size_t i = 0; i < size_t{step.input_count} + step.output_count; ++i) {
      const Argument& argument = plan_->arguments[step.first_argument + i];
      if (argument.place != Argument::Place::kArena && argument.place != Argument::Place::kFrame) continue;
      Use& use = uses[memory_of(argument)];
      if (use.writer >= 0 && use.writer != s - begin) mine.push_back(use.writer);
      if (i < step.input_count) {
        use.readers.push_back(s - begin);
        continue;
      }
      for (int32_t reader : use.readers)
        if (reader != s - begin) mine.push_back(reader);
      use = {s - begin, {}};
    }
  }
  return predecessors;
}

std::vector<Binder::StreamGroup> Binder::SplitBranches() {
  std::vector<StreamGroup> groups;
  const auto& instances = program_.compiled().instances().instances;
  // Launches that neither wait nor allocate, and that can be captured with all around them.
  const auto may_move = [&](const Step& step) {
    if (step.kind != Step::Kind::kLaunch || step.instance == 0 ||
        instances[static_cast<size_t>(step.instance)]->def().launch_microseconds <= 0 ||
        (step.kernel->def().flags & kOndaKernelNotCaptured))
      return false;
    for (uint32_t i = 0; i < step.output_count; ++i)
      if (plan_->arguments[step.first_argument + step.input_count + i].place == Argument::Place::kDynamic) return false;
    return !instances[static_cast<size_t>(step.instance)]->captures() || CanBeCaptured(step);
  };
  const auto memory_of = [&](const Argument& argument) {
    const ValueId root = values_[argument.id].root;
    const int32_t buffer = values_[root].buffer;
    return buffer >= 0 ? Memory(true, buffer) : Memory(false, root);
  };
  const std::vector<Step>& old = plan_->steps;
  std::vector<Step> steps;
  std::vector<int32_t> place(old.size() + 1);
  const auto add = [&](int32_t s, StreamRole stream) {
    place[static_cast<size_t>(s)] = static_cast<int32_t>(steps.size());
    steps.push_back(old[static_cast<size_t>(s)]);
    if (old[static_cast<size_t>(s)].kind == Step::Kind::kLaunch) steps.back().stream = stream;
  };
  const auto add_event = [&](Step::Kind kind, int32_t instance, StreamRole stream, int32_t event) {
    Step step;
    step.kind = kind;
    step.instance = step.other = instance;
    step.stream = stream;
    step.event = event;
    step.between_branches = true;
    steps.push_back(step);
  };
  const int32_t size = static_cast<int32_t>(old.size());
  for (int32_t begin = 0; begin < size;) {
    int32_t end = begin;
    const int32_t instance = old[static_cast<size_t>(begin)].instance;
    while (end < size && old[static_cast<size_t>(end)].instance == instance && may_move(old[static_cast<size_t>(end)]))
      ++end;
    const double launch = instances[static_cast<size_t>(instance)]->def().launch_microseconds;
    int32_t next = begin;
    for (const BranchGroup& group :
         end - begin < 4 ? std::vector<BranchGroup>() : FindBranches(PredecessorsOf(begin, end, memory_of))) {
      std::vector<Cost> costs;
      double serial = 0;
      for (const std::vector<int32_t>& chain : group.chains) {
        Cost& cost = costs.emplace_back();
        for (int32_t s : chain) {
          cost.latency += launch;
          cost.work += MicrosecondsOf(old[static_cast<size_t>(begin + s)]);
        }
        serial += cost.total();
      }
      const Spread spread = SpreadChains(costs, launch);
      if (spread.microseconds >= serial * (1 - kLeastGain)) continue;
      while (next < begin + group.begin) add(next++, StreamRole::kCompute);
      StreamGroup made{static_cast<int32_t>(steps.size()), 0};
      const int32_t fork = NewEvent(instance);
      add_event(Step::Kind::kRecord, instance, StreamRole::kCompute, fork);
      const size_t sides = spread.chains.size() - 1;
      for (size_t i = 0; i < sides; ++i) add_event(Step::Kind::kWait, instance, SideStream(i), fork);
      std::vector<int32_t> joins;
      for (size_t i = 0; i <= sides; ++i) {
        const StreamRole stream = i < sides ? SideStream(i) : StreamRole::kCompute;
        for (size_t chain : spread.chains[i < sides ? i + 1 : 0])
          for (int32_t s : group.chains[chain]) add(begin + s, stream);
        if (i == sides) break;
        joins.push_back(NewEvent(instance));
        add_event(Step::Kind::kRecord, instance, stream, joins.back());
      }
      for (int32_t join : joins) add_event(Step::Kind::kWait, instance, StreamRole::kCompute, join);
      next = begin + group.end;
      made.end = static_cast<int32_t>(steps.size());
      groups.push_back(made);
    }
    begin = std::max(end, begin + 1);
    while (next < begin) add(next++, StreamRole::kCompute);
  }
  place.back() = static_cast<int32_t>(steps.size());
  if (groups.empty()) return groups;
  plan_->steps = std::move(steps);
  for (BufferLifetime& buffer : buffers_) {
    buffer.first = place[static_cast<size_t>(buffer.first)];
    buffer.last = place[static_cast<size_t>(buffer.last)];
  }
  return groups;
}

// In the order of the steps a stream's launches follow each other, so that what one stream alone uses may take the
// place of what it used before. All else in use inside of the group is so for all of it.
void Binder::KeepForStreams(const std::vector<StreamGroup>& groups) {
  constexpr int32_t kNobody = -1, kSeveral = -2;
  for (size_t g = 0; g < groups.size(); ++g) {
    const auto [begin, end] = groups[g];
    std::vector<int32_t> users(buffers_.size(), kNobody);
    const auto use = [&](size_t buffer, StreamRole stream) {
      int32_t& user = users[buffer];
      const int32_t now = static_cast<int32_t>(stream);
      user = user == kNobody || user == now ? now : kSeveral;
    };
    for (int32_t s = begin; s < end; ++s) {
      const Step& step = plan_->steps[static_cast<size_t>(s)];
      for (uint32_t i = 0; i < size_t{step.input_count} + step.output_count; ++i) {
        const Argument& argument = plan_->arguments[step.first_argument + i];
        if (argument.place == Argument::Place::kArena) use(argument.offset, step.stream);
      }
      if (step.workspace_bytes) use(step.workspace_offset, step.stream);
    }
    for (size_t b = 0; b < buffers_.size(); ++b) {
      BufferLifetime& buffer = buffers_[b];
      const bool first_inside = buffer.first >= begin && buffer.first < end;
      const bool last_inside = buffer.last >= begin && buffer.last < end;
      if (first_inside && last_inside && users[b] >= 0) {
        buffer.group = static_cast<int32_t>(g);
        buffer.stream = users[b];
        continue;
      }
      if (first_inside) buffer.first = begin;
      if (last_inside) buffer.last = end - 1;
    }
  }
}

}  // namespace onda
