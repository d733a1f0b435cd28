// Attention(Q, Concat(past_k, K), Concat(past_v, V), mask) -> Attention(Q, K, V, mask, past_k, past_v), whose outputs
// present_key and present_value take the place of the concatenations where others read them. Holds where the two pasts
// are provably of one length and nothing is hidden by position, which would be counted from another key.
#include "core/passes/rules.h"

namespace onda {
namespace {

const Node* PastOf(const RuleContext& c, const Node& node, size_t i) {
  const Node* concat = c.ProducedBy(node, i, "Concat");
  if (!concat || concat->inputs.size() != 2) return nullptr;
  const Fact &past = c.FactOf(concat->inputs[0]), &fresh = c.FactOf(concat->inputs[1]);
  if (!past.has_rank() || !fresh.has_rank() || past.rank() != 4 || fresh.rank() != 4) return nullptr;
  const int64_t axis = concat->attributes.view().Int("axis", 0);
  return axis == 2 || axis == -2 ? concat : nullptr;
}

}  // namespace

std::optional<Patch> FuseAttentionPast(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Attention") || node.outputs.size() != 1) return {};
  for (size_t i = 4; i < node.inputs.size(); ++i)
    if (node.has_input(i)) return {};
  const Attributes a = node.attributes.view();
  if (a.Int("is_causal", 0) || a.Int("left_window_size", -1) >= 0 || a.Int("right_window_size", -1) >= 0) return {};
  const Node *k = PastOf(c, node, 1), *v = PastOf(c, node, 2);
  if (!k || !v) return {};
  auto dim = [&](ValueId id, int axis) { return (*c.FactOf(id).shape)[axis]; };
  for (int axis : {0, 1, 2})
    if (!(dim(k->inputs[0], axis) == dim(v->inputs[0], axis))) return {};
  const bool presents = c.Uses(k->outputs[0]) > 1 || c.Uses(v->outputs[0]) > 1;
  std::vector<ValueId> inputs{node.inputs[0], k->inputs[1], v->inputs[1], node.has_input(3) ? node.inputs[3] : kNoValue,
                              k->inputs[0],   v->inputs[0]};
  Patch patch("the past goes into Attention");
  const std::vector<ValueId> y = patch.AddNode("Attention", std::move(inputs), node.attributes, "", presents ? 3 : 1);
  patch.Replace(node.outputs[0], y[0]);
  if (presents) {
    patch.Replace(k->outputs[0], y[1]);
    patch.Replace(v->outputs[0], y[2]);
  }
  return patch;
}

}  // namespace onda
