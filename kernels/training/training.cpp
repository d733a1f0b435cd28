#include "kernels/training/training.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::training {
namespace {

void Infer(InferContext& c) {
  const size_t accumulators = static_cast<size_t>(AccumulatorsOf(c.node().op_type)), groups = accumulators + 2;
  if (c.input_count() < 2 + groups || (c.input_count() - 2) % groups != 0)
    c.Reject("after R and T there must be " + std::to_string(groups) + " inputs for each tensor");
  const size_t n = (c.input_count() - 2) / groups;
  if (c.output_count() != n * (accumulators + 1))
    c.Reject("there must be " + std::to_string(accumulators + 1) + " outputs for each tensor");
  for (size_t i = 0; i < 2; ++i) {
    if (!c.has_rank(i)) continue;
    for (const Dim& d : *c.shape(i))
      if (d.known() && d.value() != 1) c.Reject("R and T must be scalars");
  }
  for (size_t k = 0; k < n; ++k) {
    std::optional<Dims> shape = c.shape(2 + k);
    for (size_t g = 1; g < groups; ++g) {
      const std::optional<Dims>& other = c.shape(2 + g * n + k);
      if (!shape || !other) continue;
      if (shape->size() != other->size()) c.Reject("a tensor and its gradient or accumulator differ in shape");
      for (size_t d = 0; d < shape->size(); ++d)
        (*shape)[d] = MergeDim(c, (*shape)[d], (*other)[d], "tensor and gradient");
    }
    for (size_t o = 0; o <= accumulators; ++o) c.SetOutput(o * n + k, c.dtype(2 + k), shape);
  }
  const std::string mode = c.attributes().String("mode", "standard");
  if (mode != "standard" && mode != "nesterov") c.Reject("mode is '" + mode + "'");
}

constexpr OpDef Optimizer(std::string_view name) {
  return {.name = name, .domain = "ai.onnx.preview.training", .infer = Infer};
}
constexpr OpDef kOps[] = {Optimizer("Adagrad"), Optimizer("Adam"), Optimizer("Momentum")};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::training
