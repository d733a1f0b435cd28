// Reshape(InstanceNormalization(Reshape(x, [N, groups, -1]), 1, 0)) * scale + bias -> GroupNormalization(x, scale,
// bias), as PyTorch writes it. Holds in fp32 for constant scale and bias of one element per channel, where nothing else
// reads what is in between. Source: Operators.md, GroupNormalization.
#include "core/passes/rules.h"
#include "core/passes/uniform_value.h"

namespace onda {
namespace {

// A constant of one element for each of the channels of y (batch, channels, ...), as a row; null where it is none.
TensorPtr PerChannel(const RuleContext& c, ValueId value, const Dims& y) {
  const TensorPtr t = c.ConstantOf(value);
  if (!t || t->dtype() != DType::kFloat || t->dims().size() > y.size() || !y[1].known()) return nullptr;
  const size_t channels = t->dims().size() + 1 - y.size();  // where they are in t
  if (t->dims().size() + 1 < y.size() || t->dims()[channels] != y[1].value() || t->count() != y[1].value())
    return nullptr;
  return Tensor::Wrap(t->dtype(), {t->count()}, t->data(), t);
}

const Node* OnlyProducer(const RuleContext& c, const Node& node, size_t i, std::string_view op) {
  return c.UsedOnce(node.inputs[i]) ? c.ProducedBy(node, i, op) : nullptr;
}

}  // namespace

std::optional<Patch> FuseGroupNorm(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Add")) return {};
  const Fact& y = c.FactOf(node.outputs[0]);
  if (y.dtype != DType::kFloat || !y.has_rank() || y.rank() < 3) return {};
  for (size_t i = 0; i < 2; ++i) {
    const Node* product = OnlyProducer(c, node, i, "Mul");
    const TensorPtr bias = product ? PerChannel(c, node.inputs[1 - i], *y.shape) : nullptr;
    for (size_t j = 0; bias && j < 2; ++j) {
      const TensorPtr scale = PerChannel(c, product->inputs[1 - j], *y.shape);
      const Node* back = scale ? OnlyProducer(c, *product, j, "Reshape") : nullptr;
      const Node* norm = back ? OnlyProducer(c, *back, 0, "InstanceNormalization") : nullptr;
      const Node* split = norm ? OnlyProducer(c, *norm, 0, "Reshape") : nullptr;
      if (!split || UniformValue(c, norm->inputs[1]) != 1.0 || UniformValue(c, norm->inputs[2]) != 0.0) continue;
      const ValueId x = split->inputs[0];
      const Fact& grouped = c.FactOf(norm->inputs[0]);
      if (c.FactOf(x).shape != y.shape || c.FactOf(back->outputs[0]).shape != y.shape || !grouped.has_rank()) continue;
      const Dims& s = *grouped.shape;
      if (s.size() != 3 || !(s[0] == (*y.shape)[0]) || !s[1].known() || s[1].value() < 1) continue;
      if (scale->count() % s[1].value() != 0) continue;
      AttributeMap attributes;
      attributes.Set("num_groups", s[1].value());
      attributes.Set("epsilon", norm->attributes.view().Float("epsilon", 1e-5f));
      Patch patch("a normalization of groups of channels");
      patch.Replace(node.outputs[0],
                    patch.Add("GroupNormalization", {x, patch.Constant(scale), patch.Constant(bias)}, attributes));
      return patch;
    }
  }
  return {};
}

}  // namespace onda
