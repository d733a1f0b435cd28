#include "kernels/cumulative/cumulative.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::cumulative {
namespace {

void Infer(InferContext& c) {
  if (c.input(1).static_shape() && CountOf(c.input(1).static_dims()) != 1) c.Reject("axis must be a scalar");
  const auto axis = c.Int64s(1);
  if (axis && c.has_rank(0)) NormalizeAxis(c, axis->at(0), c.input(0).rank());
  InferSameAsInput(c);
}

constexpr OpDef kOps[] = {
    {.name = "CumSum", .infer = Infer, .host_inputs = 2},
    {.name = "CumProd", .infer = Infer, .host_inputs = 2},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::cumulative
