// Reshape(Transpose(x)) -> Transpose(Reshape(x)), where the Reshape takes apart or joins only what lies side by side in
// x too, so that it meets the views in front and the transpose meets those behind: PyTorch's
// scaled_dot_product_attention turns its keys around in three dimensions. Holds where all sizes are provably so, none
// is 0, and nothing else reads the transpose.
#include <algorithm>
#include <numeric>

#include "core/passes/rules.h"

namespace onda {
namespace {

// Dimensions [first, last) of the transposed value and of the view of it that are as many elements.
struct Block {
  size_t first, last, view_first, view_last;
};

bool IsPositive(const Dims& dims) {
  for (const Dim& d : dims)
    if (d.known() && d.value() < 1) return false;
  return true;
}

// The smallest blocks that the view keeps; nullopt where it is not known which they are.
std::optional<std::vector<Block>> BlocksOf(const Dims& x, const Dims& view) {
  std::vector<Block> blocks;
  size_t i = 0, j = 0;
  while (i < x.size() && j < view.size()) {
    Block block{i, i + 1, j, j + 1};
    Dim a = x[i++], b = view[j++];
    while (!(a == b)) {
      // The smaller side grows; where neither size is known, that of the value with more dimensions.
      const bool grow_view =
          a.known() == b.known() ? (a.known() ? b.value() < a.value() : view.size() >= x.size()) : b.known();
      if (grow_view && j < view.size()) {
        b = b * view[j++];
      } else if (i < x.size()) {
        a = a * x[i++];
      } else if (j < view.size()) {
        b = b * view[j++];
      } else {
        return {};
      }
    }
    block.last = i, block.view_last = j;
    blocks.push_back(block);
  }
  // What is left over has one element each way.
  for (; i < x.size(); ++i) {
    if (!(x[i] == Dim(1)) || blocks.empty()) return {};
    blocks.back().last = i + 1;
  }
  for (; j < view.size(); ++j) {
    if (!(view[j] == Dim(1)) || blocks.empty()) return {};
    blocks.back().view_last = j + 1;
  }
  return blocks;
}

}  // namespace

std::optional<Patch> ViewsBeforeTransposes(const RuleContext& c, const Node& node) {
  if (!c.IsView(node) || !c.UsedOnce(node.inputs[0])) return {};
  const Node* transpose = c.ProducedBy(node, 0, "Transpose");
  if (!transpose) return {};
  const Fact &x = c.FactOf(transpose->inputs[0]), &turned = c.FactOf(node.inputs[0]), &y = c.FactOf(node.outputs[0]);
  if (!x.has_rank() || !turned.has_rank() || !y.has_rank()) return {};
  if (!IsPositive(*turned.shape) || !IsPositive(*y.shape)) return {};
  const std::vector<int64_t> perm = transpose->attributes.view().Ints("perm");
  const std::optional<std::vector<Block>> blocks = BlocksOf(*turned.shape, *y.shape);
  if (!blocks || perm.size() != turned.shape->size()) return {};
  // Blocks in the order of x.
  std::vector<size_t> order(blocks->size());
  std::iota(order.begin(), order.end(), 0);
  for (const Block& b : *blocks)
    for (size_t i = b.first + 1; i < b.last; ++i)
      if (perm[i] != perm[i - 1] + 1) return {};
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return perm[(*blocks)[a].first] < perm[(*blocks)[b].first]; });
  Dims shape;
  std::vector<int64_t> moved(y.shape->size());  // by dimension of y: which of the new shape it is
  for (size_t i : order)
    for (size_t j = (*blocks)[i].view_first; j < (*blocks)[i].view_last; ++j) {
      moved[j] = static_cast<int64_t>(shape.size());
      shape.push_back((*y.shape)[j]);
    }
  std::vector<int64_t> dims;
  int unknown = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool kept = !shape[i].known() && i < x.shape->size() && shape[i] == (*x.shape)[i];
    dims.push_back(kept ? 0 : shape[i].value_or_unknown());
    unknown += dims.back() == -1;
  }
  const Node* before = c.Producer(transpose->inputs[0]);
  const bool comes_back = before && c.IsView(*before) && c.FactOf(before->inputs[0]).shape == shape;
  if (unknown > 1 && !comes_back) return {};
  Patch patch("the view comes before the transpose");
  const ValueId view = comes_back ? before->inputs[0]
                                  : patch.Add("Reshape", {transpose->inputs[0], patch.Constant(Tensor::Int64s(dims))});
  patch.Replace(node.outputs[0], patch.Add("Transpose", {view}, {{"perm", moved}}));
  return patch;
}

}  // namespace onda
