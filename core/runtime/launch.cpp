#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "core/ir/at_node.h"
#include "core/ir/op_def.h"
#include "core/ir/string_bound.h"
#include "core/runtime/execution.h"
#include "core/runtime/kernel_loop.h"
#include "core/runtime/work_timer.h"

namespace onda {
namespace {

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
                   std::span(dims, static_cast<size_t>(rank)), argument.instance, s.context->stop);
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

}  // namespace

OndaTensorView* Execution::Resolve(const Plan& plan, size_t first, size_t count) {
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

void* Execution::WorkspaceOf(const Step& step) const {
  if (!step.workspace_bytes) return nullptr;
  return static_cast<char*>(frame_.blocks[step.instance].get()) + step.workspace_offset;
}

void Execution::Launch(const Plan& plan, const Step& step, Lanes& lanes, bool one_stream) {
  CheckStop();
  const Argument* arguments = &plan.arguments[step.first_argument];
  const size_t count = size_t{step.input_count} + step.output_count;
  const std::span<OndaTensorView> views(Resolve(plan, step.first_argument, count), count);
  const ProviderInstance& provider = *program_.compiled().instances().instances[step.instance];
  LaunchState state{&context_, &frame_, arguments + step.input_count, views.data() + step.input_count,
                    &provider, nullptr, &graph_.node(step.node)};
  OndaLaunch launch = step.LaunchOf(views);
  launch.workspace = WorkspaceOf(step);
  launch.host = &kHost;
  launch.host_state = &state;
  if (!provider.is_host()) {
    launch.stream = state.stream = lanes.Stream(step.instance, one_stream ? StreamRole::kCompute : step.stream);
    launch.status = lanes.At(step.instance).status;
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

std::shared_ptr<void> Execution::ReserveStrings(const Node& node, std::span<const OndaTensorView> inputs,
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

void Execution::ChargeStrings(ValueId id) {
  constexpr uint64_t kUncounted = 4096;
  RuntimeValue& made = values_[id];
  const uint64_t bytes = made.present() ? StringBytes(made.view()) : 0;
  if (bytes <= kUncounted) return;
  using Owners = std::pair<std::shared_ptr<const void>, std::shared_ptr<void>>;
  made.owner = std::make_shared<Owners>(std::move(made.owner), context_.pool->Allocate(bytes));
}

}  // namespace onda
