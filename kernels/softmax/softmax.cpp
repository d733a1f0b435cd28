#include "kernels/softmax/softmax.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::softmax {
namespace {

// Before version 13 the input is seen as a matrix (product of dims before axis, product of the rest) and each row is
// normalised. Scalars have axis 0 of an implied [1].
void Upgrade(RewriteContext& c) {
  if (c.version() >= 13) return;
  const int64_t axis = c.attributes().Int("axis", 1);
  c.node().attributes.Remove("axis");
  const Fact& x = c.fact(0);
  if (x.has_rank() && (axis == x.rank() - 1 || axis == -1)) return;
  const ValueId shape = c.Add("Shape", {c.input(0)});
  const ValueId matrix = c.Add("Flatten", {c.input(0)}, {{"axis", axis}});
  const ValueId y = c.Add(c.node().op_type, {matrix});
  c.ReplaceOutputs({c.Add("Reshape", {y, shape}, {{"allowzero", int64_t{1}}})});
}

void Infer(InferContext& c) {
  if (c.has_rank(0)) NormalizeAxis(c, c.attributes().Int("axis", -1), c.input(0).rank());
  InferSameAsInput(c);
}

constexpr OpDef kOps[] = {
    {.name = "Softmax", .infer = Infer, .upgrade = Upgrade},
    {.name = "LogSoftmax", .infer = Infer, .upgrade = Upgrade},
    {.name = "Hardmax", .infer = Infer, .upgrade = Upgrade},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::softmax
