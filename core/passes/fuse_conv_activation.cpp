// activation(Conv(x, W, b)) -> FusedConv(x, W, b), and activation(Conv(x, W, b) + z) -> FusedConv(x, W, b, z): the
// result is finished before it leaves the cache. Holds when the convolution has no other reader and z has its shape.
#include <limits>

#include "core/passes/rules.h"

namespace onda {
namespace {

struct Fusable {
  std::string name;
  std::vector<float> parameters;
};

// Activations whose parameters are constants and that a fused convolution takes; see kernels/simd/activation.h.
std::optional<Fusable> ActivationOf(const RuleContext& c, const Node& node) {
  const Attributes a = node.attributes.view();
  if (c.Is(node, "Relu") || c.Is(node, "Sigmoid") || c.Is(node, "Tanh") || c.Is(node, "HardSwish"))
    return Fusable{node.op_type, {}};
  if (c.Is(node, "LeakyRelu")) return Fusable{node.op_type, {a.Float("alpha", 0.01f)}};
  if (c.Is(node, "HardSigmoid")) return Fusable{node.op_type, {a.Float("alpha", 0.2f), a.Float("beta", 0.5f)}};
  if (c.Is(node, "Clip")) {
    float bounds[2] = {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity()};
    for (size_t i = 0; i < 2; ++i) {
      if (!node.has_input(i + 1)) continue;
      const std::optional<double> bound = c.ScalarOf(node.inputs[i + 1]);
      if (!bound) return {};
      bounds[i] = static_cast<float>(*bound);
    }
    if (bounds[0] > bounds[1]) return {};
    return Fusable{"Clip", {bounds[0], bounds[1]}};
  }
  return {};
}

}  // namespace

std::optional<Patch> FuseConvActivation(const RuleContext& c, const Node& node) {
  const std::optional<Fusable> activation = ActivationOf(c, node);
  if (!activation || c.FactOf(node.inputs[0]).dtype != DType::kFloat) return {};
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
