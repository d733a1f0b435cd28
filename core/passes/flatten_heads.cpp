// Attention and RotaryEmbedding read heads where they lie, side by side in each row:
//   Attention(T(q), T(k), T(v), ...) -> T(split(Attention<heads>(merge(q), merge(k), merge(v), ...)))
//   RotaryEmbedding(T(x), cos, sin) -> T(split(RotaryEmbedding<num_heads>(merge(x), cos, sin)))
// where T is Transpose<perm = [0, 2, 1, 3]>, q is (batch, rows, heads, width), and merge and split are views of it as
// (batch, rows, heads * width). Keys and values of one head need no T. Holds for known heads and widths. The transpose
// behind meets that of the reader.
#include "core/passes/rules.h"

namespace onda {
namespace {

const std::vector<int64_t> kSwapHeads{0, 2, 1, 3};

// An input as (batch, rows, heads * width).
struct Rows {
  ValueId value = kNoValue;  // that is seen so; kNoValue where there is none
  int64_t heads = 0, width = 0;
  bool one_head = false;  // value is (batch, 1, rows, width), and no transpose is in front
};
Rows RowsOf(const RuleContext& c, const Node& node, size_t i) {
  const Fact& input = c.FactOf(node.inputs[i]);
  const Node* transpose = c.ProducedBy(node, i, "Transpose");
  if (transpose && transpose->attributes.view().Ints("perm") == kSwapHeads) {
    const Fact& x = c.FactOf(transpose->inputs[0]);
    if (!x.has_rank() || x.rank() != 4 || !(*x.shape)[2].known() || !(*x.shape)[3].known()) return {};
    const Rows rows{transpose->inputs[0], (*x.shape)[2].value(), (*x.shape)[3].value()};
    return rows.heads > 0 && rows.width > 0 ? rows : Rows{};
  }
  if (i == 0 || !input.has_rank() || input.rank() != 4 || !((*input.shape)[1] == Dim(1))) return {};
  const int64_t width = (*input.shape)[3].value_or_unknown();
  return width > 0 ? Rows{node.inputs[i], 1, width, true} : Rows{};
}

ValueId Reshape(Patch& patch, ValueId x, std::vector<int64_t> shape) {
  return patch.Add("Reshape", {x, patch.Constant(Tensor::Int64s(shape))});
}

ValueId Merge(Patch& patch, const Rows& rows) {
  return Reshape(patch, rows.value, {0, rows.one_head ? -1 : 0, rows.heads * rows.width});
}

ValueId SplitHeads(Patch& patch, ValueId x, int64_t heads, int64_t width) {
  return patch.Add("Transpose", {Reshape(patch, x, {0, 0, heads, width})}, {{"perm", kSwapHeads}});
}

std::optional<Patch> FlattenAttention(const RuleContext& c, const Node& node) {
  const Rows rows[] = {RowsOf(c, node, 0), RowsOf(c, node, 1), RowsOf(c, node, 2)};
  for (const Rows& r : rows)
    if (r.value == kNoValue) return {};
  if (rows[1].heads != rows[2].heads || rows[0].heads % rows[1].heads != 0) return {};
  Patch patch("Attention reads heads side by side");
  std::vector<ValueId> inputs = node.inputs;
  for (size_t i = 0; i < 3; ++i) inputs[i] = Merge(patch, rows[i]);
  AttributeMap attributes = node.attributes;
  attributes.Set("q_num_heads", rows[0].heads);
  attributes.Set("kv_num_heads", rows[1].heads);
  const std::vector<ValueId> y =
      patch.AddNode("Attention", std::move(inputs), std::move(attributes), "", static_cast<int>(node.outputs.size()));
  patch.Replace(node.outputs[0], SplitHeads(patch, y[0], rows[0].heads, rows[2].width));
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
  const Rows rows = RowsOf(c, node, 0);
  if (rows.value == kNoValue) return {};
  Patch patch("RotaryEmbedding reads heads side by side");
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = Merge(patch, rows);
  AttributeMap attributes = node.attributes;
  attributes.Set("num_heads", rows.heads);
  const ValueId y = patch.Add("RotaryEmbedding", std::move(inputs), std::move(attributes));
  patch.Replace(node.outputs[0], SplitHeads(patch, y, rows.heads, rows.width));
  return patch;
}

}  // namespace onda
