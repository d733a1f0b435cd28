#include "core/runtime/executor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/ir/at_node.h"
#include "core/ir/op_def.h"
#include "core/plan/bind.h"
#include "core/runtime/execution.h"
#include "core/runtime/host_op.h"
#include "core/runtime/work_timer.h"

namespace onda {
namespace {

constexpr int kMaxDepth = 64;

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

}  // namespace

Execution::Execution(const Program& program, const RunContext& context)
    : program_(program),
      graph_(program.compiled().graph()),
      context_(context),
      owned_(program.frames().Take()),
      frame_(*owned_),
      values_(frame_.values) {
  values_.resize(graph_.values().size());
}

Execution::~Execution() {
  for (RuntimeValue& value : values_)
    if (value.present()) value.Clear();
  frame_.blocks.clear();
  program_.frames().Return(std::move(owned_));
}

void Execution::Run(std::span<RuntimeValue> inputs, std::span<const OutputBinding> bindings,
                    std::vector<RuntimeValue>& results) {
  bindings_ = bindings;
  for (size_t i = 0; i < graph_.inputs.size(); ++i) std::swap(values_[graph_.inputs[i]], inputs[i]);
  const int32_t size = static_cast<int32_t>(program_.order().size());
  for (int32_t position = 0; position < size;) {
    CheckStop();
    std::shared_ptr<const Plan> plan = program_.plans().Find(position, values_);
    if (!plan) {
      const auto start = context_.observer ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point();
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
    if (!results[i].present()) throw Error(ErrorCode::kInternal, "output '" + graph_.value(id).name + "' was not made");
  }
}

void Execution::CheckStop() const {
  if (context_.stop && context_.stop->requested()) throw Error(ErrorCode::kCancelled, "the run was terminated");
}

RuntimeValue Execution::ValueOf(ValueId id) const {
  if (id == kNoValue) return {};
  const Fact& fact = graph_.FactOf(id);
  if (fact.constant && !values_[id].present()) return RuntimeValue::FromTensor(fact.constant);
  return values_[id];
}

void Execution::RunEngineNode(int32_t position) {
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

bool Execution::LiesIn(const RuntimeValue& value, int32_t instance) {
  if (value.is_tensor()) return value.instance == instance;
  return !value.elements ||
         std::ranges::all_of(*value.elements, [&](const RuntimeValue& element) { return LiesIn(element, instance); });
}

void Execution::Allocate(const Plan& plan) {
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
        MakeTensor(slot, PoolFor(e), e.dtype, e.dims, e.instance, context_.stop);
      } catch (const Error& error) {
        const Node* node = graph_.Producer(e.id);
        if (!node) throw;
        throw AtNode(*node, error);
      }
    }
  }
}

BlockPool& Execution::PoolFor(const Escape& e) const {
  const Node* producer = graph_.Producer(e.id);
  if (e.instance == 0 && producer && (producer->op->flags & kOpCopy) &&
      static_cast<size_t>(producer->instance) < context_.host_pools.size() && context_.host_pools[producer->instance])
    return *context_.host_pools[producer->instance];
  return PoolOf(context_, e.instance);
}

OutputBinding Execution::BindingOf(const Escape& e) const {
  for (size_t i = 0; i < bindings_.size(); ++i)
    if (program_.outputs()[i] == e.id && bindings_[i] && bindings_[i]->dtype == e.dtype &&
        bindings_[i]->dims == e.dims && e.dtype != DType::kString && e.instance == bindings_[i]->instance)
      return bindings_[i];
  return nullptr;
}

void Execution::RunPlan(const Plan& plan) {
  const InstanceSet& instances = program_.compiled().instances();
  const Range range(context_, instances, plan, graph_.name);
  Allocate(plan);
  Replays replays(plan, frame_);  // ahead of the lanes: given back when nothing runs any more
  Lanes lanes(instances, plan, frame_, context_.streams, context_.device_ms);
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

void Execution::RunSteps(const Plan& plan, uint32_t begin, uint32_t end, Lanes& lanes, bool one_stream) {
  const InstanceSet& instances = program_.compiled().instances();
  auto group = plan.branches.begin();
  for (uint32_t s = begin; s < end; ++s) {
    if (group != plan.branches.end() && s == static_cast<uint32_t>(group->begin)) {
      RunBranches(plan, *group, plan.trials[group - plan.branches.begin()], lanes);
      s = static_cast<uint32_t>(group++->end) - 1;
      continue;
    }
    const Step& step = plan.steps[s];
    if (one_stream && step.between_branches) continue;
    const auto stream = [&] { return lanes.Stream(step.instance, step.stream); };
    switch (step.kind) {
      case Step::Kind::kLaunch:
        Launch(plan, step, lanes, one_stream);
        break;
      case Step::Kind::kCopy: {
        const OndaTensorView* views = Resolve(plan, step.first_argument, 2);
        const size_t bytes = static_cast<const TensorView&>(views[0]).bytes();
        const bool observed = context_.observer && context_.observer->after_copy;
        WorkTimer timer(observed, *instances.instances[step.instance], stream());
        if (bytes)
          instances.instances[step.instance]->Copy(views[1].data, views[0].data, bytes, KindOf(plan, step), stream());
        if (observed) context_.observer->after_copy(graph_.node(step.node), std::span(views, 2), timer.Milliseconds());
        break;
      }
      case Step::Kind::kRecord:
        instances.instances[step.instance]->Record(lanes.At(step.instance).events[step.event], stream());
        break;
      case Step::Kind::kWait:
        instances.instances[step.instance]->Wait(stream(), lanes.At(step.other).events[step.event]);
        break;
      case Step::Kind::kHostWait:
        instances.instances[step.instance]->SynchronizeEvent(lanes.At(step.instance).events[step.event]);
        break;
    }
  }
}

OndaCopyKind Execution::KindOf(const Plan& plan, const Step& step) const {
  const Argument& from = plan.arguments[step.first_argument];
  const bool there = step.copy == kOndaHostToDevice && from.place == Argument::Place::kFrame &&
                     values_[from.id].instance == step.instance;
  return there ? kOndaDeviceToDevice : step.copy;
}

void Execute(const Program& program, std::span<RuntimeValue> inputs, const RunContext& context,
             std::span<const OutputBinding> bindings, std::vector<RuntimeValue>& results) {
  if (context.depth > kMaxDepth) throw Error(ErrorCode::kResourceLimit, "bodies are nested too deep");
  Execution(program, context).Run(inputs, bindings, results);
}

void MakeTensor(RuntimeValue& value, BlockPool& pool, DType dtype, std::span<const int64_t> dims, int32_t instance,
                const StopToken* stop) {
  value.SetTensor(dtype, dims, instance);
  const int64_t count = CountOf(dims);
  if (dtype == DType::kString) {
    if (BytesOf(dtype, count) > pool.limit())
      throw Error(ErrorCode::kOutOfMemory, "the memory limit of " + std::to_string(pool.limit()) +
                                               " bytes does not allow " + std::to_string(count) + " strings");
    auto strings = std::make_shared<std::vector<std::string>>();
    strings->reserve(static_cast<size_t>(count));
    // Making millions of strings takes a while, most of it for fresh pages.
    constexpr int64_t kAtOnce = 1 << 16;
    for (int64_t made = 0; made < count; made += kAtOnce) {
      if (stop && stop->requested()) throw Error(ErrorCode::kCancelled, "the run was terminated");
      strings->resize(static_cast<size_t>(std::min(count, made + kAtOnce)));
    }
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
