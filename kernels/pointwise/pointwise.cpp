#include "kernels/pointwise/pointwise.h"

#include <span>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::pointwise {
namespace {

void Infer(InferContext& c) {
  const Program program(c.attributes(), static_cast<int>(c.input_count()));
  c.SetOutput(0, program.steps.back().type, BroadcastInputs(c, 0, c.input_count()));
}

constexpr OpDef kOps[] = {{.name = "Pointwise", .domain = "onda", .infer = Infer}};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::pointwise
