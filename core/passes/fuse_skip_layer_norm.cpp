// LayerNormalization(x + skip, scale, bias) -> com.microsoft.SkipLayerNormalization(x, skip, scale, bias), and
// RMSNormalization(x + skip, scale) -> com.microsoft.SkipSimplifiedLayerNormalization(x, skip, scale). Where others
// read the sum too, it is the fourth output. Holds in fp32 and half precision over the last dimension where both
// addends have the sum's shape, nothing in between reads the sum, and of the norm only Y is used.
#include "core/passes/rules.h"

namespace onda {

std::optional<Patch> FuseSkipLayerNorm(const RuleContext& c, const Node& node) {
  const bool layer = c.Is(node, "LayerNormalization");
  if (!layer && !c.Is(node, "RMSNormalization")) return {};
  if (node.outputs.size() != 1 || !node.has_input(1)) return {};
  const Attributes a = node.attributes.view();
  const Fact &x = c.FactOf(node.inputs[0]), &scale = c.FactOf(node.inputs[1]);
  if (!IsFloatOrHalf(x.dtype)) return {};
  if (scale.dtype != x.dtype || !x.has_rank() || x.rank() < 1 || a.Int("stash_type", 1) != 1) return {};
  if (const int64_t axis = a.Int("axis", -1); axis != -1 && axis != x.rank() - 1) return {};
  if (!scale.has_rank() || scale.rank() != 1 || !(scale.shape->back() == x.shape->back())) return {};
  const Node* sum = c.ProducedBy(node, 0, "Add");
  if (!sum) return {};
  if (c.FactOf(sum->inputs[0]).shape != x.shape || c.FactOf(sum->inputs[1]).shape != x.shape) return {};
  AttributeMap attributes;
  attributes.Set("epsilon", a.Float("epsilon", 1e-5f));
  std::vector<ValueId> inputs{sum->inputs[0], sum->inputs[1], node.inputs[1]};
  if (layer && node.has_input(2)) inputs.push_back(node.inputs[2]);
  const bool shared = !c.UsedOnce(sum->outputs[0]);
  Patch patch("add inside the normalization");
  const std::vector<ValueId> y =
      patch.AddNode(layer ? "SkipLayerNormalization" : "SkipSimplifiedLayerNormalization", std::move(inputs),
                    std::move(attributes), "com.microsoft", shared ? 4 : 1);
  if (shared) {
    patch.Omit(1);
    patch.Omit(2);
  }
  patch.Replace(node.outputs[0], y[0]);
  if (shared) patch.Replace(sum->outputs[0], y[3]);
  return patch;
}

}  // namespace onda
