// LayerNormalization(x + skip, scale, bias) -> com.microsoft.SkipLayerNormalization(x, skip, scale, bias). Holds in
// fp32 over the last dimension where nothing else reads the sum, both addends have its shape, and of the norm only Y is
// used.
#include "core/passes/rules.h"

namespace onda {

std::optional<Patch> FuseSkipLayerNorm(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "LayerNormalization") || node.outputs.size() != 1 || !node.has_input(1)) return {};
  const Attributes a = node.attributes.view();
  const Fact& x = c.FactOf(node.inputs[0]);
  if (x.dtype != DType::kFloat || !x.has_rank() || x.rank() < 1 || a.Int("stash_type", 1) != 1) return {};
  if (const int64_t axis = a.Int("axis", -1); axis != -1 && axis != x.rank() - 1) return {};
  const Node* sum = c.ProducedBy(node, 0, "Add");
  if (!sum || !c.UsedOnce(sum->outputs[0])) return {};
  if (c.FactOf(sum->inputs[0]).shape != x.shape || c.FactOf(sum->inputs[1]).shape != x.shape) return {};
  AttributeMap attributes;
  attributes.Set("epsilon", a.Float("epsilon", 1e-5f));
  std::vector<ValueId> inputs{sum->inputs[0], sum->inputs[1], node.inputs[1]};
  if (node.has_input(2)) inputs.push_back(node.inputs[2]);
  Patch patch("add inside the normalization");
  const ValueId y = patch.Add("SkipLayerNormalization", std::move(inputs), std::move(attributes), "com.microsoft");
  patch.Replace(node.outputs[0], y);
  return patch;
}

}  // namespace onda
