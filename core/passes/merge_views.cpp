// Reshape, Squeeze, Unsqueeze and Flatten of another of them: one Reshape of what the first reads, or nothing where its
// shape comes back. Holds where at most one dimension of the result is unknown.
#include "core/passes/rules.h"

namespace onda {
namespace {

bool IsView(const Node* node) {
  return node && node->op && (node->op->flags & kOpView) && node->has_input(0) && node->op_type != "Identity";
}

}  // namespace

std::optional<Patch> MergeViews(const RuleContext& c, const Node& node) {
  if (!IsView(&node)) return {};
  const Node* first = c.Producer(node.inputs[0]);
  if (!IsView(first)) return {};
  const ValueId x = first->inputs[0];
  const Fact &before = c.FactOf(x), &after = c.FactOf(node.outputs[0]);
  if (!before.is_tensor() || !after.has_rank()) return {};
  if (before.shape == after.shape && !c.IsOutput(node.outputs[0]))
    return Patch("the shape comes back").Replace(node.outputs[0], x);
  std::vector<int64_t> dims;
  int unknown = 0;
  bool empty = false;
  for (const Dim& d : *after.shape) {
    dims.push_back(d.value_or_unknown());
    unknown += !d.known();
    empty = empty || dims.back() == 0;
  }
  if (unknown > 1 || (unknown == 1 && empty)) return {};
  Patch patch("two views are one");
  AttributeMap attributes;
  if (empty) attributes.Set("allowzero", int64_t{1});
  patch.Replace(node.outputs[0],
                patch.Add("Reshape", {x, patch.Constant(Tensor::Int64s(dims))}, std::move(attributes)));
  return patch;
}

}  // namespace onda
