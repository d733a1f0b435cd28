// Attention(Q, repeat(K), repeat(V)) -> Attention(Q, K, V): Attention's groups of query heads share a key head. A
// repetition is Reshape(Expand(Unsqueeze(K, 2))), or Tile for Expand: (batch, heads, rows, width) to (batch, heads, n,
// rows, width) to (batch, heads * n, rows, width). Holds where both repeat as often and all sizes are provably so.
#include "core/passes/rules.h"

namespace onda {
namespace {

// What a value of rank 4 repeats along its heads; kNoValue where it repeats nothing.
ValueId RepeatedBy(const RuleContext& c, ValueId value) {
  const Node* merge = c.Producer(value);
  if (!merge || !c.Is(*merge, "Reshape")) return kNoValue;
  const Node* repeat = c.Producer(merge->inputs[0]);
  if (!repeat || (!c.Is(*repeat, "Expand") && !c.Is(*repeat, "Tile"))) return kNoValue;
  const Node* split = c.Producer(repeat->inputs[0]);
  if (!split || (!c.Is(*split, "Unsqueeze") && !c.Is(*split, "Reshape"))) return kNoValue;
  const ValueId source = split->inputs[0];
  const Fact &x = c.FactOf(source), &one = c.FactOf(repeat->inputs[0]), &many = c.FactOf(merge->inputs[0]),
             &y = c.FactOf(value);
  if (!x.has_rank() || !one.has_rank() || !many.has_rank() || !y.has_rank()) return kNoValue;
  if (x.rank() != 4 || one.rank() != 5 || many.rank() != 5 || y.rank() != 4) return kNoValue;
  const Dims &s = *x.shape, &n = *many.shape;
  if (*one.shape != Dims{s[0], s[1], Dim(1), s[2], s[3]} || n != Dims{s[0], s[1], n[2], s[2], s[3]}) return kNoValue;
  if (!s[1].known() || !n[2].known()) return kNoValue;
  return *y.shape == Dims{s[0], s[1] * n[2], s[2], s[3]} ? source : kNoValue;
}

}  // namespace

std::optional<Patch> FuseAttentionGroups(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Attention") || !node.has_input(2) || node.outputs.size() != 1) return {};
  if (node.attributes.view().Int("q_num_heads", 0) != 0) return {};
  const ValueId k = RepeatedBy(c, node.inputs[1]), v = RepeatedBy(c, node.inputs[2]);
  if (k == kNoValue || v == kNoValue || !((*c.FactOf(k).shape)[1] == (*c.FactOf(v).shape)[1])) return {};
  std::vector<ValueId> inputs = node.inputs;
  inputs[1] = k;
  inputs[2] = v;
  Patch patch("query heads share the key heads that were repeated");
  patch.Replace(node.outputs[0], patch.Add("Attention", std::move(inputs), node.attributes));
  return patch;
}

}  // namespace onda
