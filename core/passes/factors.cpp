#include "core/passes/factors.h"

#include <cmath>

namespace onda {
namespace {

constexpr size_t kMaxFactors = 8;

void Collect(const RuleContext& c, ValueId value, Factors& out);

// False where the node is no product; `out` is unchanged then.
bool CollectNode(const RuleContext& c, const Node& node, Factors& out) {
  if (node.inputs.size() != 2 || !node.has_input(0) || !node.has_input(1)) return false;
  if (c.Is(node, "Mul")) {
    Collect(c, node.inputs[0], out);
    Collect(c, node.inputs[1], out);
    return true;
  }
  const std::optional<double> scalar = c.ScalarOf(node.inputs[1]);
  if (!scalar) return false;
  if (c.Is(node, "Div") && *scalar != 0) {
    out.coefficient /= *scalar;
    Collect(c, node.inputs[0], out);
    return true;
  }
  if (c.Is(node, "Pow") && (*scalar == 2 || *scalar == 3)) {
    out.values.insert(out.values.end(), static_cast<size_t>(*scalar), node.inputs[0]);
    return true;
  }
  return false;
}

void Collect(const RuleContext& c, ValueId value, Factors& out) {
  if (const std::optional<double> scalar = c.ScalarOf(value)) {
    out.coefficient *= *scalar;
    return;
  }
  const Node* node = c.UsedOnce(value) && out.values.size() < kMaxFactors ? c.Producer(value) : nullptr;
  if (!node || !CollectNode(c, *node, out)) out.values.push_back(value);
}

}  // namespace

Factors FactorsOf(const RuleContext& c, const Node& node) {
  Factors out;
  if (!CollectNode(c, node, out)) out.values.push_back(node.outputs[0]);
  return out;
}

Factors FactorsOf(const RuleContext& c, ValueId value) {
  Factors out;
  Collect(c, value, out);
  return out;
}

ValueId AddendOf(const RuleContext& c, ValueId value, double scalar) {
  const Node* sum = c.UsedOnce(value) ? c.Producer(value) : nullptr;
  if (!sum || !c.Is(*sum, "Add")) return kNoValue;
  for (size_t side = 0; side < 2; ++side)
    if (const std::optional<double> s = c.ScalarOf(sum->inputs[side]); s && *s == scalar) return sum->inputs[1 - side];
  return kNoValue;
}

bool About(double value, double expected) { return std::abs(value - expected) <= 1.5e-5 * std::abs(expected); }

}  // namespace onda
