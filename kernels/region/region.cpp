#include "kernels/region/region.h"

#include <span>
#include <vector>

#include "core/ir/op_def.h"

namespace onda {
namespace region {
namespace {

void Infer(InferContext& c) {
  const int64_t host_inputs = c.attributes().Int("host_inputs", 0);
  std::vector<Fact> inputs;
  for (size_t i = 0; i < c.input_count(); ++i) {
    inputs.push_back(c.input(i));
    if (i >= 32 || !(host_inputs >> i & 1)) continue;
    if (const TensorPtr known = c.Constant(i)) inputs.back() = Fact::Constant(known);
  }
  std::vector<Fact> outputs = c.InferBody(0, std::move(inputs));
  for (size_t i = 0; i < outputs.size(); ++i) c.SetOutput(i, std::move(outputs[i]));
}

constexpr OpDef kOps[] = {{.name = "Region", .domain = "onda", .infer = Infer, .flags = kOpRegion}};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }
std::span<const OndaKernelDef> ReferenceKernels() { return {}; }
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace region

const OpDef& kRegion = region::kOps[0];

}  // namespace onda
