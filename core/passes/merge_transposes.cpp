// Transpose(Transpose(x, p), q) -> Transpose(x, p after q).
#include "core/passes/rules.h"

namespace onda {

std::optional<Patch> MergeTransposes(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Transpose")) return {};
  const Node* first = c.ProducedBy(node, 0, "Transpose");
  if (!first || !c.FactOf(first->inputs[0]).has_rank()) return {};
  const int rank = c.FactOf(first->inputs[0]).rank();
  auto permutation = [&](const Node& transpose) {
    std::vector<int64_t> perm = transpose.attributes.view().Ints("perm");
    if (perm.empty())
      for (int i = rank - 1; i >= 0; --i) perm.push_back(i);
    return perm;
  };
  const std::vector<int64_t> p = permutation(*first), q = permutation(node);
  std::vector<int64_t> merged;
  for (int64_t axis : q) merged.push_back(p[axis]);
  Patch patch("two transposes are one");
  const ValueId y = patch.Add("Transpose", {first->inputs[0]}, {{"perm", merged}});
  patch.Replace(node.outputs[0], y);
  return patch;
}

}  // namespace onda
