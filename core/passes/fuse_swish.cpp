// x * Sigmoid(x) -> Swish(x). Holds in fp32 and half precision, which then rounds once, where nothing else reads the
// sigmoid.
#include "core/passes/rules.h"

namespace onda {

std::optional<Patch> FuseSwish(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Mul") || !IsFloatOrHalf(c.FactOf(node.outputs[0]).dtype)) return {};
  for (size_t side = 0; side < 2; ++side) {
    const Node* gate = c.ProducedBy(node, side, "Sigmoid");
    if (!gate || !c.UsedOnce(gate->outputs[0]) || gate->inputs[0] != node.inputs[1 - side]) continue;
    Patch patch("x * sigmoid(x) is Swish");
    patch.Replace(node.outputs[0], patch.Add("Swish", {gate->inputs[0]}));
    return patch;
  }
  return {};
}

}  // namespace onda
