#include "core/runtime/executor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <exception>
#include <utility>

#include "core/ir/at_node.h"
#include "core/ir/op_def.h"
#include "core/ir/string_bound.h"
#include "core/plan/bind.h"
#include "core/runtime/host_op.h"
#include "core/runtime/kernel_loop.h"
#include "core/runtime/work_timer.h"

namespace onda {
namespace {

constexpr int kMaxDepth = 64;

BlockPool& PoolOf(const RunContext& context, int32_t instance) {
  return instance == 0 ? *context.pool : *context.pools[instance];
}

// Whether phases are told of: not where only nodes are observed.
bool TellsPhases(const RunContext& context) { return context.observer && context.observer->after_phase; }

// A loop whose parts are told of.
struct ObservedLoop {
  const NodeObserver* observer;
  const std::string* name;
  void (*body)(void*, int64_t, int64_t);
  void* arg;

  static void Run(void* self, int64_t begin, int64_t end) {
    const auto& loop = *static_cast<const ObservedLoop*>(self);
    const auto start = std::chrono::steady_clock::now();
    loop.body(loop.arg, begin, end);
    loop.observer->after_phase("loop", *loop.name, start);
  }
};

// The engine as a kernel sees it during one launch.
struct LaunchState {
  const RunContext* context;
  Frame* frame;
  const Argument* outputs;
  OndaTensorView* views;
  const ProviderInstance* provider;
  void* stream;
  const Node* node;
};

const OndaHost kHost = {
    sizeof(OndaHost),
    [](void* state, int64_t n, int64_t grain, void (*body)(void*, int64_t, int64_t), void* arg) {
      const LaunchState& s = *static_cast<LaunchState*>(state);
      const RunContext& context = *s.context;
      if (!TellsPhases(context))
        return RunKernelLoop(*context.threads, context.stop, context.deterministic, n, grain, body, arg);
      ObservedLoop loop{context.observer, &s.node->op_type, body, arg};
      RunKernelLoop(*context.threads, context.stop, context.deterministic, n, grain, ObservedLoop::Run, &loop);
    },
    [](void* state) -> int32_t {
      const RunContext& context = *static_cast<LaunchState*>(state)->context;
      return context.deterministic ? kDeterministicThreads : context.threads->threads();
    },
    [](void* state) -> int32_t {
      const StopToken* stop = static_cast<LaunchState*>(state)->context->stop;
      return stop && stop->requested();
    },
    [](void* state, int32_t index, int32_t rank, const int64_t* dims, OndaTensorView* out,
       OndaStatus* status) -> int32_t {
      status->code = 0;
      GuardStatus(status, [&] {
        LaunchState& s = *static_cast<LaunchState*>(state);
        const Argument& argument = s.outputs[index];
        if (argument.place != Argument::Place::kDynamic)
          throw Error(ErrorCode::kInternal, "the shape of output " + std::to_string(index) + " is settled already");
        RuntimeValue& slot = s.frame->values[argument.id];
        MakeTensor(slot, PoolOf(*s.context, argument.instance), static_cast<DType>(argument.view.dtype),
                   std::span(dims, static_cast<size_t>(rank)), argument.instance);
        *out = slot.view();
        s.views[index] = *out;
      });
      return status->code;
    },
    [](void* state, const void* device, void* host, size_t bytes, OndaStatus* status) -> int32_t {
      status->code = 0;
      GuardStatus(status, [&] {
        LaunchState& s = *static_cast<LaunchState*>(state);
        if (s.provider->is_host()) {
          std::memcpy(host, device, bytes);
          return;
        }
        s.provider->Copy(host, device, bytes, kOndaDeviceToHost, s.stream);
        s.provider->Synchronize(s.stream);
      });
      return status->code;
    },
};

const char* DeviceErrorText(int32_t code) {
  switch (code) {
    case kOndaIndexOutOfRange:
      return "an index is out of range";
    case kOndaDivisionByZero:
      return "division by zero";
    default:
      return "an input holds what it must not";
  }
}

// The lanes of the devices that a plan uses, for one walk of it.
class Lanes {
 public:
  Lanes(const InstanceSet& instances, const Plan& plan, Frame& frame, std::span<void* const> streams)
      : instances_(instances), plan_(plan), streams_(streams), lanes_(frame.lanes) {
    lanes_.resize(instances.instances.size());
  }
  // On the way of an error: nothing may run any more when memory is given back, and lanes may wait for each other's
  // events. A lane in doubt is thrown away.
  ~Lanes() {
    for (size_t i = 1; i < lanes_.size(); ++i)
      if (lanes_[i]) instances_.instances[i]->Quiet(lanes_[i]->stream);
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
    return *lanes_[instance];
  }

  // Waits for all work and reads the status words. Returns the node that met an error, and its code; or kNoNode.
  std::pair<NodeId, int32_t> Finish() {
    for (size_t i = 1; i < lanes_.size(); ++i) {
      if (!lanes_[i]) continue;
      const ProviderInstance& provider = *instances_.instances[i];
      int32_t(&status)[2] = lanes_[i]->read_status;
      provider.Copy(status, lanes_[i]->status, sizeof(status), kOndaDeviceToHost, lanes_[i]->stream);
      provider.Synchronize(lanes_[i]->stream);
      if (status[1] != 0) return {status[0], status[1]};
    }
    for (size_t i = 1; i < lanes_.size(); ++i)
      if (lanes_[i]) GiveBack(i, true);
    return {kNoNode, 0};
  }

 private:
  void GiveBack(size_t instance, bool clean) {
    if (instance < own_streams_.size() && own_streams_[instance])
      instances_.instances[instance]->DestroyStream(
          std::exchange(lanes_[instance]->stream, std::exchange(own_streams_[instance], nullptr)));
    instances_.instances[instance]->ReturnLane(std::move(lanes_[instance]), clean);
  }

  const InstanceSet& instances_;
  const Plan& plan_;
  std::span<void* const> streams_;  // of the caller's
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

class Execution {
 public:
  Execution(const Program& program, const RunContext& context)
      : program_(program),
        graph_(program.compiled().graph()),
        context_(context),
        owned_(program.frames().Take()),
        frame_(*owned_),
        values_(frame_.values) {
    values_.resize(graph_.values().size());
  }
  ~Execution() {
    for (RuntimeValue& value : values_)
      if (value.present()) value.Clear();
    frame_.blocks.clear();
    program_.frames().Return(std::move(owned_));
  }

  void Run(std::span<RuntimeValue> inputs, std::span<const OutputBinding> bindings,
           std::vector<RuntimeValue>& results) {
    bindings_ = bindings;
    for (size_t i = 0; i < graph_.inputs.size(); ++i) std::swap(values_[graph_.inputs[i]], inputs[i]);
    const int32_t size = static_cast<int32_t>(program_.order().size());
    for (int32_t position = 0; position < size;) {
      CheckStop();
      std::shared_ptr<const Plan> plan = program_.plans().Find(position, values_);
      if (!plan) {
        const auto start =
            context_.observer ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
        plan = Bind(program_, position, values_);
        if (TellsPhases(context_)) context_.observer->after_phase("bind", "bind", start);
        program_.plans().Add(plan);
      }
      if (plan->engine) {
        RunEngineNode(position);
      } else {
        RunPlan(*plan);
      }
      for (ValueId id : plan->released) values_[id].Clear();
      position = plan->end;
    }
    results.resize(program_.outputs().size());
    for (size_t i = 0; i < results.size(); ++i) {
      const ValueId id = program_.outputs()[i];
      const Fact& fact = graph_.FactOf(id);
      if (fact.constant) {
        results[i].SetConstant(fact.constant);
      } else {
        results[i] = values_[id];
      }
      if (!results[i].present())
        throw Error(ErrorCode::kInternal, "output '" + graph_.value(id).name + "' was not made");
    }
  }

 private:
  void CheckStop() const {
    if (context_.stop && context_.stop->requested()) throw Error(ErrorCode::kCancelled, "the run was terminated");
  }

  RuntimeValue ValueOf(ValueId id) const {
    if (id == kNoValue) return {};
    const Fact& fact = graph_.FactOf(id);
    if (fact.constant && !values_[id].present()) return RuntimeValue::FromTensor(fact.constant);
    return values_[id];
  }

  void RunEngineNode(int32_t position) {
    const NodeId id = program_.order()[position];
    const Node& node = graph_.node(id);
    std::vector<RuntimeValue> inputs;
    for (ValueId input : node.inputs) inputs.push_back(ValueOf(input));
    std::vector<std::vector<RuntimeValue>> captures;
    for (const Body& body : node.bodies) {
      std::vector<RuntimeValue>& list = captures.emplace_back();
      for (ValueId capture : body.captures) list.push_back(ValueOf(capture));
    }
    const HostOp op = FindHostOp(node.op->domain, node.op->name);
    if (!op) throw Error(ErrorCode::kNotImplemented, Describe(node) + ": not for sequences, optionals or maps");
    HostOpContext c(program_.compiled(), id, context_, std::move(inputs), std::move(captures));
    const auto start = context_.observer ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
    try {
      op(c);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory) throw;
      throw AtNode(node, error);
    }
    if (TellsPhases(context_)) context_.observer->after_phase("engine", node.op_type, start);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.has_output(i) || !program_.wanted(node.outputs[i])) continue;
      if (!c.outputs[i].present()) throw Error(ErrorCode::kInternal, Describe(node) + ": output was not made");
      if (!LiesIn(c.outputs[i], LocationOf(graph_, node.outputs[i])))
        throw Error(ErrorCode::kInternal, Describe(node) + ": output lies in another memory than was planned");
      values_[node.outputs[i]] = std::move(c.outputs[i]);
    }
  }

  static bool LiesIn(const RuntimeValue& value, int32_t instance) {
    if (value.is_tensor()) return value.instance == instance;
    return !value.elements ||
           std::ranges::all_of(*value.elements, [&](const RuntimeValue& element) { return LiesIn(element, instance); });
  }

  void Allocate(const Plan& plan) {
    frame_.blocks.resize(plan.arena_bytes.size());
    for (size_t i = 0; i < plan.arena_bytes.size(); ++i) {
      if (!plan.arena_bytes[i]) continue;
      try {
        frame_.blocks[i] = PoolOf(context_, static_cast<int32_t>(i)).Allocate(plan.arena_bytes[i]);
      } catch (const Error& error) {
        if (plan.peak_nodes[i] == kNoNode) throw;
        throw Error(error.code(), Describe(graph_.node(plan.peak_nodes[i])) + ": " + error.what() +
                                      "; at this node the values in use are largest");
      }
    }
    for (const Escape& e : plan.escapes) {
      RuntimeValue& slot = values_[e.id];
      if (e.constant) {
        slot.SetConstant(e.constant);
      } else if (e.view_of != kNoValue) {
        slot = values_[e.view_of];
        slot.dims = e.dims;
      } else if (const OutputBinding binding = BindingOf(e)) {
        slot.SetTensor(e.dtype, e.dims, e.instance);
        slot.data = binding->data;
      } else {
        try {
          MakeTensor(slot, PoolFor(e), e.dtype, e.dims, e.instance);
        } catch (const Error& error) {
          const Node* node = graph_.Producer(e.id);
          if (!node) throw;
          throw AtNode(*node, error);
        }
      }
    }
  }

  // What is copied from a device goes to memory that its copies reach best.
  BlockPool& PoolFor(const Escape& e) const {
    const Node* producer = graph_.Producer(e.id);
    if (e.instance == 0 && producer && (producer->op->flags & kOpCopy) &&
        static_cast<size_t>(producer->instance) < context_.host_pools.size() && context_.host_pools[producer->instance])
      return *context_.host_pools[producer->instance];
    return PoolOf(context_, e.instance);
  }

  OutputBinding BindingOf(const Escape& e) const {
    for (size_t i = 0; i < bindings_.size(); ++i)
      if (program_.outputs()[i] == e.id && bindings_[i] && bindings_[i]->dtype == e.dtype &&
          bindings_[i]->dims == e.dims && e.dtype != DType::kString && e.instance == bindings_[i]->instance)
        return bindings_[i];
    return nullptr;
  }

  void RunPlan(const Plan& plan) {
    const InstanceSet& instances = program_.compiled().instances();
    const Range range(context_, instances, plan, graph_.name);
    Allocate(plan);
    Replays replays(plan, frame_);  // ahead of the lanes: given back when nothing runs any more
    Lanes lanes(instances, plan, frame_, context_.streams);
    frame_.views.resize(plan.arguments.size());
    uint32_t next = 0;
    if (plan.captures && context_.capture && !context_.observer) {
      const std::vector<CaptureSpan>& spans = plan.captures->spans();
      for (size_t i = 0; i < spans.size(); ++i) {
        RunSteps(plan, next, spans[i].first, lanes);
        RunSpan(plan, i, lanes, replays);
        next = spans[i].end;
      }
    }
    RunSteps(plan, next, static_cast<uint32_t>(plan.steps.size()), lanes);
    const auto [node, code] = lanes.Finish();
    if (code) throw Error(ErrorCode::kRuntime, Describe(graph_.node(node)) + ": " + DeviceErrorText(code));
    for (std::shared_ptr<void>& block : frame_.blocks) block.reset();
    CheckStop();
  }

  void RunSteps(const Plan& plan, uint32_t begin, uint32_t end, Lanes& lanes) {
    const InstanceSet& instances = program_.compiled().instances();
    auto group = plan.branches.begin();
    for (uint32_t s = begin; s < end; ++s) {
      if (group != plan.branches.end() && s == static_cast<uint32_t>(group->begin)) {
        RunBranches(plan, *group, plan.trials[group - plan.branches.begin()], lanes);
        s = static_cast<uint32_t>(group++->end) - 1;
        continue;
      }
      const Step& step = plan.steps[s];
      switch (step.kind) {
        case Step::Kind::kLaunch:
          Launch(plan, step, lanes);
          break;
        case Step::Kind::kCopy: {
          const OndaTensorView* views = Resolve(plan, step.first_argument, 2);
          const size_t bytes = static_cast<const TensorView&>(views[0]).bytes();
          const bool observed = context_.observer && context_.observer->after_copy;
          WorkTimer timer(observed, *instances.instances[step.instance], lanes.At(step.instance).stream);
          if (bytes)
            instances.instances[step.instance]->Copy(views[1].data, views[0].data, bytes, KindOf(plan, step),
                                                     lanes.At(step.instance).stream);
          if (observed)
            context_.observer->after_copy(graph_.node(step.node), std::span(views, 2), timer.Milliseconds());
          break;
        }
        case Step::Kind::kRecord:
          instances.instances[step.instance]->Record(lanes.At(step.instance).events[step.event],
                                                     lanes.At(step.instance).stream);
          break;
        case Step::Kind::kWait:
          instances.instances[step.instance]->Wait(lanes.At(step.instance).stream,
                                                   lanes.At(step.other).events[step.event]);
          break;
        case Step::Kind::kHostWait:
          instances.instances[step.instance]->SynchronizeEvent(lanes.At(step.instance).events[step.event]);
          break;
      }
    }
  }

  // An input may lie already in the memory that its copy leads to.
  OndaCopyKind KindOf(const Plan& plan, const Step& step) const {
    const Argument& from = plan.arguments[step.first_argument];
    const bool there = step.copy == kOndaHostToDevice && from.place == Argument::Place::kFrame &&
                       values_[from.id].instance == step.instance;
    return there ? kOndaDeviceToDevice : step.copy;
  }

  // Where the steps of a span find their data in this run.
  void FindAddresses(const Plan& plan, const CaptureSpan& span, const ProviderInstance::Lane& lane) {
    CaptureAddresses& addresses = frame_.addresses;
    addresses.Clear();
    addresses.fixed.push_back(lane.status);
    for (uint32_t s = span.first; s < span.end; ++s) {
      const Step& step = plan.steps[s];
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

  // By replaying what was captured where data lie as they did then, else by capturing; step by step where that fails.
  void RunSpan(const Plan& plan, size_t index, Lanes& lanes, Replays& replays) {
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
    if (const std::string failure = Capture(plan, span, lanes, entry); !failure.empty()) {
      cache.GiveUp(index, failure);
      return RunSteps(plan, span.first, span.end, lanes);
    }
    provider.LaunchExecutable(entry->executable, lane.stream);
  }

  // Lets the entry, or a new one, hold the steps of the span as they are now. Gives why they cannot be captured, or "";
  // throws where the run is to end.
  std::string Capture(const Plan& plan, const CaptureSpan& span, Lanes& lanes,
                      std::unique_ptr<CaptureCache::Entry>& entry) {
    const ProviderInstance& provider = *program_.compiled().instances().instances[span.instance];
    void* const stream = lanes.At(span.instance).stream;
    std::string failure;
    void* capture = nullptr;
    try {
      provider.BeginCapture(stream);
      try {
        RunSteps(plan, span.first, span.end, lanes);
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

  void* WorkspaceOf(const Step& step) const {
    if (!step.workspace_bytes) return nullptr;
    return static_cast<char*>(frame_.blocks[step.instance].get()) + step.workspace_offset;
  }

  // The chains of the group, at once where that has proved faster.
  void RunBranches(const Plan& plan, const BranchGroup& group, BranchTrial& trial, Lanes& lanes) {
    const int most = context_.inter_op_threads ? context_.inter_op_threads : context_.threads->threads();
    const bool parallel = most > 1 && context_.threads->threads() > 1 && !context_.observer && trial.NextParallel();
    const auto start = std::chrono::steady_clock::now();
    if (parallel) {
      Chains chains{this, &plan, &group, &lanes, {}, {}, {}};
      const int64_t runners = std::min<int64_t>(most, static_cast<int64_t>(group.chains.size()));
      context_.threads->ParallelFor(
          runners, 1,
          [](void* arg, int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) static_cast<Chains*>(arg)->RunSome();
          },
          &chains, ThreadPool::Waiting::kHelps);
      if (chains.error) std::rethrow_exception(chains.error);
    } else {
      for (int32_t s = group.begin; s < group.end; ++s) Launch(plan, plan.steps[static_cast<size_t>(s)], lanes);
    }
    trial.Took(parallel, std::chrono::steady_clock::now() - start);
  }

  // The chains of a group, taken one by one by several threads. After a failure no step begins any more.
  struct Chains {
    Execution* execution;
    const Plan* plan;
    const BranchGroup* group;
    Lanes* lanes;
    std::atomic<size_t> next;
    std::atomic<bool> failed;
    std::exception_ptr error;

    void RunSome() {
      for (size_t c; (c = next.fetch_add(1, std::memory_order_relaxed)) < group->chains.size();) {
        try {
          for (int32_t s : group->chains[c]) {
            if (failed.load(std::memory_order_relaxed)) return;
            execution->Launch(*plan, plan->steps[static_cast<size_t>(s)], *lanes);
          }
        } catch (...) {
          if (!failed.exchange(true)) error = std::current_exception();
        }
      }
    }
  };

  // Where the arguments are now.
  OndaTensorView* Resolve(const Plan& plan, size_t first, size_t count) {
    OndaTensorView* views = frame_.views.data() + first;
    for (size_t i = 0; i < count; ++i) {
      const Argument& argument = plan.arguments[first + i];
      views[i] = argument.view;
      if (argument.place == Argument::Place::kArena) {
        views[i].data = static_cast<char*>(frame_.blocks[argument.instance].get()) + argument.offset;
      } else if (argument.place == Argument::Place::kFrame) {
        views[i].data = values_[argument.id].data;
      }
    }
    return views;
  }

  void Launch(const Plan& plan, const Step& step, Lanes& lanes) {
    CheckStop();
    const Argument* arguments = &plan.arguments[step.first_argument];
    const size_t count = size_t{step.input_count} + step.output_count;
    const std::span<OndaTensorView> views(Resolve(plan, step.first_argument, count), count);
    const ProviderInstance& provider = *program_.compiled().instances().instances[step.instance];
    LaunchState state{&context_, &frame_, arguments + step.input_count, views.data() + step.input_count,
                      &provider, nullptr, &graph_.node(step.node)};
    OndaLaunch launch{};
    launch.size = sizeof(launch);
    launch.inputs = views.data();
    launch.input_count = step.input_count;
    launch.outputs = views.data() + step.input_count;
    launch.output_count = step.output_count;
    launch.workspace = WorkspaceOf(step);
    launch.host = &kHost;
    launch.host_state = &state;
    launch.node = step.node;
    if (!provider.is_host()) {
      ProviderInstance::Lane& lane = lanes.At(step.instance);
      launch.stream = state.stream = lane.stream;
      launch.status = lane.status;
    }
    const std::shared_ptr<void> reserved =
        ReserveStrings(graph_.node(step.node), views.first(step.input_count), views.subspan(step.input_count));
    OndaStatus status;
    status.code = 0;
    WorkTimer timer(context_.observer != nullptr, provider, launch.stream);
    const bool named = context_.ranges && !provider.is_host() && provider.has_ranges();
    if (named) provider.PushRange(Describe(graph_.node(step.node)).c_str());
    step.kernel->Launch(launch, &status);
    if (named) provider.PopRange();
    if (status.code) {
      CheckStop();
      ThrowStatus(status, graph_.node(step.node), views.first(step.input_count));
    }
    if (context_.observer)
      context_.observer->after_node(graph_, graph_.node(step.node), views.first(step.input_count),
                                    views.subspan(step.input_count), timer.Milliseconds());
    for (size_t i = step.input_count; i < count; ++i) {
      if (views[i].dtype == static_cast<int32_t>(DType::kString)) {
        ChargeStrings(arguments[i].id);
      }
      if (arguments[i].place == Argument::Place::kDynamic && !values_[arguments[i].id].present())
        throw Error(ErrorCode::kInternal, Describe(graph_.node(step.node)) + ": the kernel gave output " +
                                              std::to_string(i - step.input_count) + " no shape");
    }
  }

  // The characters of strings lie where std::string puts them; blocks that are never touched stand for them in the
  // pool's count. Before a launch: for the most that it may make.
  std::shared_ptr<void> ReserveStrings(const Node& node, std::span<const OndaTensorView> inputs,
                                       std::span<const OndaTensorView> outputs) const {
    constexpr uint64_t kUncounted = 1 << 20;
    const StringBound bound = BoundStrings(node, inputs, outputs);
    try {
      CheckStringLength(bound, context_.max_string_bytes);
      return bound.total > kUncounted ? context_.pool->Allocate(bound.total) : nullptr;
    } catch (const Error& error) {
      throw AtNode(node, error);
    }
  }

  // After it: for what it made.
  void ChargeStrings(ValueId id) {
    constexpr uint64_t kUncounted = 4096;
    RuntimeValue& made = values_[id];
    const uint64_t bytes = made.present() ? StringBytes(made.view()) : 0;
    if (bytes <= kUncounted) return;
    using Owners = std::pair<std::shared_ptr<const void>, std::shared_ptr<void>>;
    made.owner = std::make_shared<Owners>(std::move(made.owner), context_.pool->Allocate(bytes));
  }

  const Program& program_;
  const Graph& graph_;
  const RunContext& context_;
  std::unique_ptr<Frame> owned_;
  Frame& frame_;
  std::vector<RuntimeValue>& values_;
  std::span<const OutputBinding> bindings_;
};

}  // namespace

void Execute(const Program& program, std::span<RuntimeValue> inputs, const RunContext& context,
             std::span<const OutputBinding> bindings, std::vector<RuntimeValue>& results) {
  if (context.depth > kMaxDepth) throw Error(ErrorCode::kResourceLimit, "bodies are nested too deep");
  Execution(program, context).Run(inputs, bindings, results);
}

void MakeTensor(RuntimeValue& value, BlockPool& pool, DType dtype, std::span<const int64_t> dims, int32_t instance) {
  value.SetTensor(dtype, dims, instance);
  const int64_t count = CountOf(dims);
  if (dtype == DType::kString) {
    if (BytesOf(dtype, count) > pool.limit())
      throw Error(ErrorCode::kOutOfMemory, "the memory limit of " + std::to_string(pool.limit()) +
                                               " bytes does not allow " + std::to_string(count) + " strings");
    auto strings = std::make_shared<std::vector<std::string>>(count);
    value.data = strings->data();
    value.owner = std::move(strings);
  } else {
    value.owner = pool.Allocate(BytesOf(dtype, count));
    value.data = const_cast<void*>(value.owner.get());
  }
}

RuntimeValue NewTensor(BlockPool& pool, DType dtype, std::vector<int64_t> dims, int32_t instance) {
  RuntimeValue value;
  MakeTensor(value, pool, dtype, dims, instance);
  return value;
}

}  // namespace onda
