// y = Identity(x), Cast to x's own type, Transpose that moves nothing, Reshape to x's own shape, Concat or Sum of one,
// x + 0, x - 0, x * 1, x / 1: y is x.
#include <numeric>

#include "core/passes/rules.h"

namespace onda {

std::optional<Patch> DropIdentity(const RuleContext& c, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNoValue || node.outputs.size() != 1 || !node.domain.empty()) return {};
  const Fact &x = c.FactOf(node.inputs[0]), &y = c.FactOf(node.outputs[0]);
  if (!x.is_tensor() || !y.is_tensor()) return {};
  bool same = node.op_type == "Identity";
  if (node.op_type == "Cast") same = x.dtype == y.dtype;
  if (node.op_type == "Reshape" || node.op_type == "Expand")
    same = x.has_rank() && y.has_rank() && *x.shape == *y.shape;
  if (node.op_type == "Concat" || node.op_type == "Sum" || node.op_type == "Max" || node.op_type == "Min")
    same = node.inputs.size() == 1;
  ValueId source = node.inputs[0];
  if (node.inputs.size() == 2 && node.has_input(1) && x.dtype == y.dtype) {
    // Which constant leaves the other operand as it is, and whether it may stand on either side.
    const bool sum = node.op_type == "Add", product = node.op_type == "Mul";
    if (sum || product || node.op_type == "Sub" || node.op_type == "Div") {
      const double neutral = sum || node.op_type == "Sub" ? 0 : 1;
      for (size_t side = 0; side < (sum || product ? 2u : 1u) && !same; ++side) {
        if (c.ScalarOf(node.inputs[1 - side]) != neutral || !y.has_rank()) continue;
        source = node.inputs[side];
        same = c.FactOf(source).shape == y.shape;
      }
    }
  }
  if (node.op_type == "Transpose" && x.has_rank()) {
    std::vector<int64_t> in_place(x.rank());
    std::iota(in_place.begin(), in_place.end(), 0);
    same = node.attributes.view().Ints("perm") == in_place || x.rank() < 2;
  }
  if (!same) return {};
  // An output of the graph has a name to keep: it stays a node, that costs nothing.
  if (c.IsOutput(node.outputs[0])) {
    if (node.op->flags & kOpView) return {};
    Patch patch("does nothing");
    patch.Replace(node.outputs[0], patch.Add("Identity", {source}));
    return patch;
  }
  return Patch("does nothing").Replace(node.outputs[0], source);
}

}  // namespace onda
