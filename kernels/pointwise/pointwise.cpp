#include "kernels/pointwise/pointwise.h"

#include <span>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::pointwise {
namespace {

void Infer(InferContext& c) {
  const Program program(c.attributes(), static_cast<int>(c.input_count()));
  Fact y = Fact::TensorOfUnknownRank(program.steps.back().type);
  y.shape = BroadcastInputs(c, 0, c.input_count());
  // One layout for all that is not a single number: then elements meet as they lie.
  for (size_t i = 0; i < c.input_count(); ++i)
    if (c.input(i).channel_block != 1) y.channel_block = c.input(i).channel_block;
  for (size_t i = 0; i < c.input_count() && y.channel_block != 1; ++i) {
    if (c.has_rank(i) && Product(*c.shape(i)) == Dim(1)) continue;
    if (c.input(i).channel_block != y.channel_block || c.shape(i) != y.shape)
      c.Reject("inputs differ in shape or layout: onda.Reorder is missing");
  }
  c.SetOutput(0, std::move(y));
}

constexpr OpDef kOps[] = {{.name = "Pointwise", .domain = "onda", .infer = Infer, .flags = kOpAnyLayout}};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::pointwise
