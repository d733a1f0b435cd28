// activation(Gemm(x, W, b)) -> FusedGemm(x, W, b), also where views lie between: they come behind it. Holds where
// nothing else reads what is in between. On a device Relu alone, which is free behind a library's product: others are
// fused with what follows them.
#include "core/passes/fusable_activation.h"

namespace onda {

std::optional<Patch> FuseGemmActivation(const RuleContext& c, const Node& node) {
  const std::optional<FusableActivation> activation = FusableActivationOf(c, node);
  if (!activation || (node.instance != 0 && activation->name != "Relu")) return {};
  const Node* below = c.UsedOnce(node.inputs[0]) ? c.Producer(node.inputs[0]) : nullptr;
  const Node* view = nullptr;
  if (below && c.Is(*below, "Reshape")) {
    view = below;
    below = c.UsedOnce(view->inputs[0]) ? c.Producer(view->inputs[0]) : nullptr;
  }
  if (!below || !c.Is(*below, "Gemm") || c.FactOf(below->outputs[0]).dtype != DType::kFloat) return {};
  AttributeMap attributes = below->attributes;
  attributes.Set("activation", activation->name);
  if (!activation->parameters.empty()) attributes.Set("activation_alpha", activation->parameters[0]);
  if (activation->parameters.size() > 1) attributes.Set("activation_beta", activation->parameters[1]);
  Patch patch("finish " + node.op_type + " inside the product");
  ValueId y = patch.Add("FusedGemm", below->inputs, std::move(attributes), "com.microsoft");
  if (view) y = patch.Add("Reshape", {y, view->inputs[1]}, view->attributes);
  patch.Replace(node.outputs[0], y);
  return patch;
}

}  // namespace onda
