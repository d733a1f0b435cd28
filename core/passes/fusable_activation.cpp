#include "core/passes/fusable_activation.h"

#include <limits>

namespace onda {

std::optional<FusableActivation> FusableActivationOf(const RuleContext& c, const Node& node) {
  if (!node.has_input(0)) return {};
  const DType type = c.FactOf(node.inputs[0]).dtype;
  if (type != DType::kFloat && !(IsHalf(type) && node.instance != 0)) return {};
  const Attributes a = node.attributes.view();
  if (c.Is(node, "Relu") || c.Is(node, "Sigmoid") || c.Is(node, "Tanh") || c.Is(node, "HardSwish"))
    return FusableActivation{node.op_type, {}};
  if (c.Is(node, "Swish") && a.Float("alpha", 1) == 1) return FusableActivation{"Swish", {}};
  if (c.Is(node, "Gelu")) return FusableActivation{a.String("approximate", "none") == "tanh" ? "FastGelu" : "Gelu", {}};
  if (c.Is(node, "LeakyRelu")) return FusableActivation{node.op_type, {a.Float("alpha", 0.01f)}};
  if (c.Is(node, "HardSigmoid"))
    return FusableActivation{node.op_type, {a.Float("alpha", 0.2f), a.Float("beta", 0.5f)}};
  if (!c.Is(node, "Clip")) return {};
  float bounds[2] = {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity()};
  for (size_t i = 0; i < 2; ++i) {
    if (!node.has_input(i + 1)) continue;
    const std::optional<double> bound = c.ScalarOf(node.inputs[i + 1]);
    if (!bound) return {};
    bounds[i] = static_cast<float>(*bound);
  }
  if (!(bounds[0] <= bounds[1])) return {};
  return FusableActivation{"Clip", {bounds[0], bounds[1]}};
}

}  // namespace onda
