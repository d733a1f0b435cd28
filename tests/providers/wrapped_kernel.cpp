#include "tests/providers/wrapped_kernel.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "kernels/op_table.h"

namespace onda {
namespace {

// The most kernels that one operator has.
constexpr size_t kMaxKernels = 12;

bool TakesStrings(const OndaNodeView& node) {
  const int32_t string = static_cast<int32_t>(DType::kString);
  for (int i = 0; i < node.input_count; ++i)
    if (node.inputs[i].dtype == string) return true;
  for (int i = 0; i < node.output_count; ++i)
    if (node.outputs[i].dtype == string) return true;
  return false;
}

// Functions of a kernel definition know their node alone, so there is one set of them for each index.
template <size_t kIndex, bool kStrings>
struct Functions {
  static const OndaKernelDef& Inner(const OndaNodeView& node) { return *CpuKernels(node.domain, node.op)[kIndex]; }

  static int32_t Rejects(const OndaNodeView* node, char* reason, size_t size) {
    if (!kStrings && TakesStrings(*node)) {
      std::snprintf(reason, size, "no strings");
      return 1;
    }
    return Inner(*node).rejects(node, reason, size);
  }
  static void* Create(const OndaNodeView* node, OndaStatus* status) {
    const OndaKernelDef& inner = Inner(*node);
    std::unique_ptr<WrappedKernel> wrapped;
    GuardStatus(status, [&] {
      wrapped.reset(new WrappedKernel{&inner, nullptr, std::string(node->op) + " '" + node->name + "'"});
    });
    if (!wrapped || !(wrapped->kernel = inner.create(node, status))) return nullptr;
    return wrapped.release();
  }
};

void Destroy(void* kernel) {
  WrappedKernel* k = static_cast<WrappedKernel*>(kernel);
  k->inner->destroy(k->kernel);
  delete k;
}

uint64_t Workspace(const void* kernel, const OndaTensorView* inputs, int32_t input_count, const OndaTensorView* outputs,
                   int32_t output_count) {
  const WrappedKernel& k = *static_cast<const WrappedKernel*>(kernel);
  return k.inner->workspace(k.kernel, inputs, input_count, outputs, output_count);
}

template <bool kStrings, size_t... kIndices>
void SetFunctions(OndaKernelDef& def, size_t index, std::index_sequence<kIndices...>) {
  ((index == kIndices
        ? (def.rejects = Functions<kIndices, kStrings>::Rejects, def.create = Functions<kIndices, kStrings>::Create, 0)
        : 0),
   ...);
}

}  // namespace

OndaKernelDef WrapKernel(std::string_view domain, std::string_view op, size_t index, bool strings,
                         LaunchFunction launch) {
  if (index >= kMaxKernels) throw Error(ErrorCode::kInternal, "more kernels of one operator than can be wrapped");
  OndaKernelDef def = *CpuKernels(domain, op)[index];
  if (strings) {
    SetFunctions<true>(def, index, std::make_index_sequence<kMaxKernels>());
  } else {
    SetFunctions<false>(def, index, std::make_index_sequence<kMaxKernels>());
  }
  def.destroy = Destroy;
  def.workspace = Workspace;
  def.launch = launch;
  return def;
}

}  // namespace onda
