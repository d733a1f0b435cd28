// y = Identity(x), Cast to x's own type, Transpose that moves nothing, Reshape to x's own shape, Concat or Sum of one:
// y is x.
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
  if (node.op_type == "Transpose" && x.has_rank()) {
    std::vector<int64_t> in_place(x.rank());
    std::iota(in_place.begin(), in_place.end(), 0);
    same = node.attributes.view().Ints("perm") == in_place || x.rank() < 2;
  }
  if (!same) return {};
  // An output that is an input or constant of the graph stays a node: it has a name to keep.
  const auto& outputs = c.graph().outputs;
  for (ValueId output : outputs)
    if (output == node.outputs[0]) return {};
  return Patch("does nothing").Replace(node.outputs[0], node.inputs[0]);
}

}  // namespace onda
