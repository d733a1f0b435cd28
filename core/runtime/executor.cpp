#include "core/runtime/executor.h"

#include <algorithm>
#include <cstring>

#include "core/ir/at_node.h"
#include "core/ir/op_def.h"
#include "core/plan/bind.h"
#include "core/runtime/host_op.h"
#include "core/runtime/kernel_loop.h"

namespace onda {
namespace {

constexpr int kMaxDepth = 64;

BlockPool& PoolOf(const RunContext& context, int32_t instance) {
  return instance == 0 ? *context.pool : *context.pools[instance];
}

// The engine as a kernel sees it during one launch.
struct LaunchState {
  const RunContext* context;
  Frame* frame;
  const Argument* outputs;
  OndaTensorView* views;
  const ProviderInstance* provider;
  void* stream;
};

const OndaHost kHost = {
    sizeof(OndaHost),
    [](void* state, int64_t n, int64_t grain, void (*body)(void*, int64_t, int64_t), void* arg) {
      const RunContext& context = *static_cast<LaunchState*>(state)->context;
      RunKernelLoop(*context.threads, context.stop, context.deterministic, n, grain, body, arg);
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
  Lanes(const InstanceSet& instances, const Plan& plan, Frame& frame)
      : instances_(instances), plan_(plan), lanes_(frame.lanes) {
    lanes_.resize(instances.instances.size());
  }
  // On the way of an error: nothing may run any more when memory is given back, and lanes may wait for each other's
  // events. A lane in doubt is thrown away.
  ~Lanes() {
    for (size_t i = 1; i < lanes_.size(); ++i) {
      if (!lanes_[i]) continue;
      try {
        instances_.instances[i]->Synchronize(lanes_[i]->stream);
      } catch (const Error&) {  // what failed first is what the caller hears of
      }
    }
    for (size_t i = 1; i < lanes_.size(); ++i)
      if (lanes_[i]) instances_.instances[i]->ReturnLane(std::move(lanes_[i]), false);
  }

  ProviderInstance::Lane& At(int32_t instance) {
    if (!lanes_[instance])
      lanes_[instance] = instances_.instances[instance]->TakeLane(static_cast<size_t>(plan_.event_counts[instance]));
    return *lanes_[instance];
  }

  // Waits for all work and reads the status words. Returns the node that met an error, and its code; or kNoNode.
  std::pair<NodeId, int32_t> Finish() {
    for (size_t i = 1; i < lanes_.size(); ++i) {
      if (!lanes_[i]) continue;
      const ProviderInstance& provider = *instances_.instances[i];
      int32_t status[2] = {0, 0};
      provider.Copy(status, lanes_[i]->status, sizeof(status), kOndaDeviceToHost, lanes_[i]->stream);
      provider.Synchronize(lanes_[i]->stream);
      if (status[1] != 0) return {status[0], status[1]};
    }
    for (size_t i = 1; i < lanes_.size(); ++i)
      if (lanes_[i]) instances_.instances[i]->ReturnLane(std::move(lanes_[i]), true);
    return {kNoNode, 0};
  }

 private:
  const InstanceSet& instances_;
  const Plan& plan_;
  std::vector<std::unique_ptr<ProviderInstance::Lane>>& lanes_;  // all null before and after
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
        plan = Bind(program_, position, values_);
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
    try {
      op(c);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory) throw;
      throw AtNode(node, error);
    }
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
        slot.SetTensor(e.dtype, e.dims);
        slot.data = binding->data;
      } else {
        try {
          MakeTensor(slot, PoolOf(context_, e.instance), e.dtype, e.dims, e.instance);
        } catch (const Error& error) {
          const Node* node = graph_.Producer(e.id);
          if (!node) throw;
          throw AtNode(*node, error);
        }
      }
    }
  }

  OutputBinding BindingOf(const Escape& e) const {
    for (size_t i = 0; i < bindings_.size(); ++i)
      if (program_.outputs()[i] == e.id && bindings_[i] && bindings_[i]->dtype == e.dtype &&
          bindings_[i]->dims == e.dims && e.dtype != DType::kString && e.instance == 0)
        return bindings_[i];
    return nullptr;
  }

  void RunPlan(const Plan& plan) {
    const InstanceSet& instances = program_.compiled().instances();
    Allocate(plan);
    Lanes lanes(instances, plan, frame_);
    frame_.views.resize(plan.arguments.size());
    for (const Step& step : plan.steps) {
      switch (step.kind) {
        case Step::Kind::kLaunch:
          Launch(plan, step, lanes);
          break;
        case Step::Kind::kCopy: {
          const OndaTensorView* views = Resolve(plan, step.first_argument, 2);
          const size_t bytes =
              BytesOf(static_cast<DType>(views[0].dtype), static_cast<const TensorView&>(views[0]).count());
          if (bytes)
            instances.instances[step.instance]->Copy(views[1].data, views[0].data, bytes, step.copy,
                                                     lanes.At(step.instance).stream);
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
    const auto [node, code] = lanes.Finish();
    if (code) throw Error(ErrorCode::kRuntime, Describe(graph_.node(node)) + ": " + DeviceErrorText(code));
    for (std::shared_ptr<void>& block : frame_.blocks) block.reset();
    CheckStop();
  }

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
                      &provider, nullptr};
    OndaLaunch launch{};
    launch.size = sizeof(launch);
    launch.inputs = views.data();
    launch.input_count = step.input_count;
    launch.outputs = views.data() + step.input_count;
    launch.output_count = step.output_count;
    launch.workspace =
        step.workspace_bytes ? static_cast<char*>(frame_.blocks[step.instance].get()) + step.workspace_offset : nullptr;
    launch.host = &kHost;
    launch.host_state = &state;
    launch.node = step.node;
    if (!provider.is_host()) {
      ProviderInstance::Lane& lane = lanes.At(step.instance);
      launch.stream = state.stream = lane.stream;
      launch.status = lane.status;
    }
    OndaStatus status;
    status.code = 0;
    const auto start = context_.observer ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
    step.kernel->Launch(launch, &status);
    if (status.code) {
      CheckStop();
      ThrowStatus(status, graph_.node(step.node), views.first(step.input_count));
    }
    if (context_.observer) {
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
      context_.observer->after_node(graph_, graph_.node(step.node), views.first(step.input_count),
                                    views.subspan(step.input_count), took.count());
    }
    for (size_t i = step.input_count; i < count; ++i)
      if (arguments[i].place == Argument::Place::kDynamic && !values_[arguments[i].id].present())
        throw Error(ErrorCode::kInternal, Describe(graph_.node(step.node)) + ": the kernel gave output " +
                                              std::to_string(i - step.input_count) + " no shape");
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
