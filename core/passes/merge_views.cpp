// Reshape, Squeeze, Unsqueeze and Flatten of another of them: one Reshape of what the first reads, or nothing where its
// shape comes back. Holds where at most one dimension of the result is unknown.
#include "core/passes/rules.h"

namespace onda {
std::optional<Patch> MergeViews(const RuleContext& c, const Node& node) {
  if (!c.IsView(node)) return {};
  const Node* first = c.Producer(node.inputs[0]);
  if (!first || !c.IsView(*first)) return {};
  const ValueId x = first->inputs[0];
  const Fact &before = c.FactOf(x), &after = c.FactOf(node.outputs[0]);
  if (!before.is_tensor() || !after.has_rank()) return {};
  if (before.shape == after.shape && !c.IsOutput(node.outputs[0]))
    return Patch("the shape comes back").Replace(node.outputs[0], x);
  Patch patch("two views are one");
  const ValueId y = patch.AddView(x, *after.shape);
  if (y == kNoValue) return {};
  patch.Replace(node.outputs[0], y);
  return patch;
}

}  // namespace onda
