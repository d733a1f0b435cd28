// Reshape(x) + mask -> Reshape(x + Reshape(mask)), where the Reshape takes the first dimension of x apart and mask has
// one element for all of the first part: masks of shifted windows (1, windows, 1, rows, rows) of one picture. The view
// then meets that which joins the dimensions again. Holds where nothing else reads the view and all leading sizes are
// known.
#include <algorithm>

#include "core/passes/rules.h"

namespace onda {

std::optional<Patch> ViewsBehindMasks(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Add")) return {};
  const Fact& y = c.FactOf(node.outputs[0]);
  for (size_t side = 0; side < 2 && y.has_rank(); ++side) {
    const Node* view = c.UsedOnce(node.inputs[side]) ? c.ProducedBy(node, side, "Reshape") : nullptr;
    if (!view || c.FactOf(view->outputs[0]).shape != y.shape) continue;
    const Fact &x = c.FactOf(view->inputs[0]), &mask = c.FactOf(node.inputs[1 - side]);
    if (!x.has_rank() || !mask.has_rank() || x.rank() < 2 || y.rank() != x.rank() + 1) continue;
    const Dims &s = *x.shape, &split = *y.shape;
    if (!(split[0] == Dim(1)) || !(split[1] == s[0]) || !s[0].known()) continue;
    if (!std::equal(s.begin() + 1, s.end(), split.begin() + 2)) continue;
    // Of the added dimension, of one element, mask has no more.
    const Dims rest(mask.shape->begin() + (mask.rank() == y.rank()), mask.shape->end());
    if (std::any_of(rest.begin(), rest.end(), [](const Dim& d) { return !d.known() || d.value() < 1; })) continue;
    Patch patch("the view comes behind the mask");
    ValueId m = node.inputs[1 - side];
    if (mask.rank() == y.rank()) m = patch.AddView(m, rest);
    const ValueId sum = patch.Add("Add", {view->inputs[0], m});
    patch.Replace(node.outputs[0], patch.Add("Reshape", {sum, view->inputs[1]}, view->attributes));
    return patch;
  }
  return {};
}

}  // namespace onda
