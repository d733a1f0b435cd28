// Attention and RotaryEmbedding read heads where they lie, side by side in each row:
//   Attention(T(q), T(k), T(v), ...) -> T(split(Attention<heads>(merge(q), merge(k), merge(v), ...)))
//   RotaryEmbedding(T(x), cos, sin) -> T(split(RotaryEmbedding<num_heads>(merge(x), cos, sin)))
// where T is Transpose<perm = [0, 2, 1, 3]>, q is (batch, rows, heads, width), and merge and split are views of it as
// (batch, rows, heads * width). Holds for known heads and widths. The transpose behind meets that of the reader.
#include "core/passes/rules.h"

namespace onda {
namespace {

const std::vector<int64_t> kSwapHeads{0, 2, 1, 3};

// What the transpose in front of input i reads; heads and width are set.
ValueId RowsOf(const RuleContext& c, const Node& node, size_t i, int64_t& heads, int64_t& width) {
  const Node* transpose = c.ProducedBy(node, i, "Transpose");
  if (!transpose || transpose->attributes.view().Ints("perm") != kSwapHeads) return kNoValue;
  const Fact& x = c.FactOf(transpose->inputs[0]);
  if (!x.has_rank() || x.rank() != 4 || !(*x.shape)[2].known() || !(*x.shape)[3].known()) return kNoValue;
  heads = (*x.shape)[2].value();
  width = (*x.shape)[3].value();
  return heads > 0 && width > 0 ? transpose->inputs[0] : kNoValue;
}

ValueId Reshape(Patch& patch, ValueId x, std::vector<int64_t> shape) {
  return patch.Add("Reshape", {x, patch.Constant(Tensor::Int64s(shape))});
}

ValueId SplitHeads(Patch& patch, ValueId x, int64_t heads, int64_t width) {
  return patch.Add("Transpose", {Reshape(patch, x, {0, 0, heads, width})}, {{"perm", kSwapHeads}});
}

std::optional<Patch> FlattenAttention(const RuleContext& c, const Node& node) {
  int64_t heads[3], width[3];
  std::vector<ValueId> inputs = node.inputs;
  for (size_t i = 0; i < 3; ++i)
    if ((inputs[i] = RowsOf(c, node, i, heads[i], width[i])) == kNoValue) return {};
  if (heads[1] != heads[2] || heads[0] % heads[1] != 0) return {};
  Patch patch("Attention reads heads side by side");
  for (size_t i = 0; i < 3; ++i) inputs[i] = Reshape(patch, inputs[i], {0, 0, heads[i] * width[i]});
  AttributeMap attributes = node.attributes;
  attributes.Set("q_num_heads", heads[0]);
  attributes.Set("kv_num_heads", heads[1]);
  const std::vector<ValueId> y =
      patch.AddNode("Attention", std::move(inputs), std::move(attributes), "", static_cast<int>(node.outputs.size()));
  patch.Replace(node.outputs[0], SplitHeads(patch, y[0], heads[0], width[2]));
  for (size_t i = 1; i < y.size(); ++i)
    if (node.has_output(i)) patch.Replace(node.outputs[i], y[i]);
  return patch;
}

}  // namespace

std::optional<Patch> FlattenHeads(const RuleContext& c, const Node& node) {
  if (c.Is(node, "Attention"))
    return node.attributes.view().Int("q_num_heads", 0) || node.has_output(3) ? std::nullopt
                                                                              : FlattenAttention(c, node);
  if (!c.Is(node, "RotaryEmbedding") || node.attributes.view().Int("num_heads", 0) != 0) return {};
  int64_t heads, width;
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = RowsOf(c, node, 0, heads, width);
  if (inputs[0] == kNoValue) return {};
  Patch patch("RotaryEmbedding reads heads side by side");
  inputs[0] = Reshape(patch, inputs[0], {0, 0, heads * width});
  AttributeMap attributes = node.attributes;
  attributes.Set("num_heads", heads);
  const ValueId y = patch.Add("RotaryEmbedding", std::move(inputs), std::move(attributes));
  patch.Replace(node.outputs[0], SplitHeads(patch, y, heads, width));
  return patch;
}

}  // namespace onda
