// activation(Conv(x, W, b)) -> FusedConv(x, W, b), and activation(Conv(x, W, b) + z) -> FusedConv(x, W, b, z): the
// result is finished before it leaves the cache. Holds when the convolution has no other reader and z has its shape.
#include "core/passes/fusable_activation.h"

namespace onda {

std::optional<Patch> FuseConvActivation(const RuleContext& c, const Node& node) {
  const std::optional<FusableActivation> activation = FusableActivationOf(c, node);
  if (!activation) return {};
  const Node* conv = c.ProducedBy(node, 0, "Conv");
  ValueId residual = kNoValue;
  if (!conv) {
    const Node* sum = c.ProducedBy(node, 0, "Add");
    if (!sum || !c.UsedOnce(sum->outputs[0])) return {};
    for (size_t side = 0; side < 2 && !conv; ++side) {
      conv = c.ProducedBy(*sum, side, "Conv");
      residual = sum->inputs[1 - side];
      if (conv && (!c.UsedOnce(conv->outputs[0]) || c.FactOf(residual).shape != c.FactOf(conv->outputs[0]).shape ||
                   !c.FactOf(residual).has_rank()))
        conv = nullptr;
    }
  }
  if (!conv || !c.UsedOnce(conv->outputs[0])) return {};
  AttributeMap attributes = conv->attributes;
  attributes.Set("activation", activation->name);
  if (!activation->parameters.empty()) attributes.Set("activation_params", activation->parameters);
  std::vector<ValueId> inputs = conv->inputs;
  if (residual != kNoValue) {
    inputs.resize(4, kNoValue);
    inputs[3] = residual;
  }
  Patch patch("finish " + node.op_type + " inside the convolution");
  const ValueId y = patch.Add("FusedConv", std::move(inputs), std::move(attributes), "com.microsoft");
  patch.Replace(node.outputs[0], y);
  return patch;
}

}  // namespace onda
