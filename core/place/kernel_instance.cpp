#include "core/place/kernel_instance.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/ir/op_def.h"
#include "core/ir/string_bound.h"
#include "core/place/node_view.h"

namespace onda {
namespace {

struct Evaluation {
  std::vector<std::shared_ptr<Tensor>> outputs;
  std::span<const Fact> facts;
  int64_t max_bytes;
  std::chrono::steady_clock::time_point deadline;
  bool late = false;  // and so the outputs are not complete

  bool Late() {
    late = late ||
           (deadline != std::chrono::steady_clock::time_point::max() && std::chrono::steady_clock::now() >= deadline);
    return late;
  }
};

const OndaHost kInlineHost = {
    sizeof(OndaHost),
    [](void* state, int64_t n, int64_t grain, void (*body)(void*, int64_t, int64_t), void* arg) {
      // As threads would take it, so that the deadline is asked in between.
      const int64_t step = std::max<int64_t>({grain, (n + 63) / 64, 1});
      for (int64_t begin = 0; begin < n && !static_cast<Evaluation*>(state)->Late(); begin += step)
        body(arg, begin, std::min(begin + step, n));
    },
    [](void*) -> int32_t { return 1; },
    [](void* state) -> int32_t { return static_cast<Evaluation*>(state)->Late(); },
    [](void* state, int32_t index, int32_t rank, const int64_t* dims, OndaTensorView* out,
       OndaStatus* status) -> int32_t {
      status->code = 0;
      GuardStatus(status, [&] {
        Evaluation& e = *static_cast<Evaluation*>(state);
        std::vector<int64_t> shape(dims, dims + rank);
        const DType dtype = e.facts[index].dtype;
        if (static_cast<int64_t>(BytesOf(dtype, CountOf(shape))) > e.max_bytes)
          throw Error(ErrorCode::kResourceLimit, "too large to fold");
        e.outputs[index] = Tensor::Make(dtype, std::move(shape));
        *out = e.outputs[index]->view();
      });
      return status->code;
    },
    [](void*, const void* from, void* to, size_t bytes, OndaStatus*) -> int32_t {
      std::memcpy(to, from, bytes);
      return 0;
    },
};

}  // namespace

const OndaKernelDef* ChooseKernel(std::span<const OndaKernelDef* const> candidates, const Node& node,
                                  std::span<const Fact> inputs, std::span<const Fact> outputs,
                                  std::vector<Refusal>* refusals) {
  if (candidates.empty()) return nullptr;
  const NodeViewStorage storage(node, inputs, outputs);
  for (const OndaKernelDef* def : candidates) {
    char reason[256] = "";
    if (!def->rejects(&storage.view, reason, sizeof(reason))) return def;
    if (refusals) refusals->push_back({def, reason});
  }
  return nullptr;
}

std::unique_ptr<KernelInstance> OwnKernel(const OndaKernelDef& def, void* kernel) {
  std::unique_ptr<void, void (*)(void*)> made(kernel, def.destroy);
  auto instance = std::make_unique<KernelInstance>(&def, kernel);
  made.release();
  return instance;
}

std::unique_ptr<KernelInstance> CreateKernel(const OndaKernelDef& def, const Node& node, std::span<const Fact> inputs,
                                             std::span<const Fact> outputs) {
  const NodeViewStorage storage(node, inputs, outputs);
  OndaStatus status{};
  void* kernel = def.create(&storage.view, &status);
  if (!kernel)
    throw Error(status.code ? static_cast<ErrorCode>(status.code) : ErrorCode::kInternal,
                Describe(node) + ": " + status.message);
  return OwnKernel(def, kernel);
}

std::optional<std::vector<TensorPtr>> EvaluateOnce(std::span<const OndaKernelDef* const> candidates, const Node& node,
                                                   std::span<const TensorPtr> inputs, std::span<const Fact> outputs,
                                                   int64_t max_bytes, std::chrono::steady_clock::time_point deadline) {
  if (node.op->flags & kOpView) {  // the same bytes under another shape
    if (!outputs[0].static_shape()) return {};
    return std::vector<TensorPtr>{
        Tensor::Wrap(inputs[0]->dtype(), outputs[0].static_dims(), inputs[0]->data(), inputs[0])};
  }
  std::vector<Fact> facts;
  std::vector<OndaTensorView> input_views;
  for (const TensorPtr& t : inputs) {
    facts.push_back(t ? Fact::Constant(t) : Fact{});
    input_views.push_back(t ? t->view() : OndaTensorView{});
  }
  const OndaKernelDef* def = ChooseKernel(candidates, node, facts, outputs, nullptr);
  if (!def) return {};

  Evaluation evaluation;
  evaluation.facts = outputs;
  evaluation.max_bytes = max_bytes;
  evaluation.deadline = deadline;
  evaluation.outputs.resize(outputs.size());
  std::vector<OndaTensorView> output_views;
  for (size_t i = 0; i < outputs.size(); ++i) {
    OndaTensorView view{};
    if (node.outputs[i] != kNoValue) {
      if (outputs[i].static_shape()) {
        evaluation.outputs[i] = Tensor::Make(outputs[i].dtype, outputs[i].static_dims());
        view = evaluation.outputs[i]->view();
      } else {
        view.dtype = static_cast<int32_t>(outputs[i].dtype);
      }
    }
    output_views.push_back(view);
  }
  const StringBound strings = BoundStrings(node, input_views, output_views);
  if (strings.longest > static_cast<uint64_t>(max_bytes) || strings.total > static_cast<uint64_t>(max_bytes)) return {};
  const auto kernel = CreateKernel(*def, node, facts, outputs);
  const uint64_t workspace_bytes = kernel->Workspace(input_views, output_views);
  const std::unique_ptr<void, void (*)(void*)> workspace(
      workspace_bytes ? std::aligned_alloc(64, (workspace_bytes + 63) / 64 * 64) : nullptr, std::free);
  if (workspace_bytes && !workspace) throw Error(ErrorCode::kOutOfMemory, Describe(node) + ": no memory for workspace");

  OndaLaunch launch{};
  launch.size = sizeof(launch);
  launch.inputs = input_views.data();
  launch.input_count = static_cast<int32_t>(input_views.size());
  launch.outputs = output_views.data();
  launch.output_count = static_cast<int32_t>(output_views.size());
  launch.workspace = workspace.get();
  launch.host = &kInlineHost;
  launch.host_state = &evaluation;
  OndaStatus status{};
  kernel->Launch(launch, &status);
  if (evaluation.late || status.code == static_cast<int32_t>(ErrorCode::kResourceLimit)) return {};
  // A data-dependent error belongs to the run, not to loading: the node may lie on a branch that is never taken.
  if (status.code == static_cast<int32_t>(ErrorCode::kRuntime)) return {};
  if (status.code) ThrowStatus(status, node, input_views);
  std::vector<TensorPtr> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue && !evaluation.outputs[i]) return {};
    results.push_back(evaluation.outputs[i]);
  }
  return results;
}

void ThrowStatus(const OndaStatus& status, const Node& node, std::span<const OndaTensorView> inputs) {
  std::string text = Describe(node) + ": " + status.message + "; inputs:";
  for (const OndaTensorView& v : inputs) {
    text += " ";
    if (!v.dtype) {
      text += "omitted";
      continue;
    }
    text += std::string(NameOf(static_cast<DType>(v.dtype))) + "[";
    for (int i = 0; i < v.rank; ++i) text += (i ? "," : "") + std::to_string(v.dims[i]);
    text += "]";
  }
  throw Error(static_cast<ErrorCode>(status.code), text);
}

}  // namespace onda
