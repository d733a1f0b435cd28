// 0.5 * x * (1 + Erf(x / sqrt(2))) -> Gelu(x), and
// 0.5 * x * (1 + Tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) -> Gelu<approximate = "tanh">(x), however the factors are
// ordered and whether they divide or multiply; also x * (1 + 0.044715 * x^2) for the polynomial. Holds where nothing
// else reads what is in between, in fp32 and half precision, whose constants are rounded to it. Source: Operators.md,
// Gelu.
#include <cmath>

#include "core/passes/factors.h"

namespace onda {
namespace {

// As About of factors.h, or as `dtype` rounds the constant: to 11 bits of fp16, 8 of bf16.
bool IsConstant(double value, double expected, DType dtype) {
  if (!IsHalf(dtype)) return About(value, expected);
  const double step = dtype == DType::kFloat16 ? 1.0 / 1024 : 1.0 / 128;
  return std::abs(value - expected) <= step * std::abs(expected);
}

// 0.044715 * x^power?
bool IsCubicTerm(const RuleContext& c, ValueId value, ValueId x, size_t power) {
  const Factors f = FactorsOf(c, value);
  return IsConstant(f.coefficient, 0.044715, c.FactOf(x).dtype) && f.values == std::vector<ValueId>(power, x);
}

// sqrt(2 / pi) * (x + 0.044715 * x^3)?
bool IsTanhArgument(const RuleContext& c, ValueId value, ValueId x) {
  const Factors f = FactorsOf(c, value);
  if (!IsConstant(f.coefficient, std::sqrt(2 / M_PI), c.FactOf(x).dtype)) return false;
  if (f.values.size() == 1) {
    const Node* sum = c.UsedOnce(f.values[0]) ? c.Producer(f.values[0]) : nullptr;
    if (!sum || !c.Is(*sum, "Add")) return false;
    for (size_t side = 0; side < 2; ++side)
      if (sum->inputs[side] == x && IsCubicTerm(c, sum->inputs[1 - side], x, 3)) return true;
    return false;
  }
  if (f.values.size() != 2) return false;
  for (size_t side = 0; side < 2; ++side) {
    const ValueId term = f.values[side] == x ? AddendOf(c, f.values[1 - side], 1) : kNoValue;
    if (term != kNoValue && IsCubicTerm(c, term, x, 2)) return true;
  }
  return false;
}

}  // namespace

std::optional<Patch> FuseGelu(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Mul") && !c.Is(node, "Div")) return {};
  const Fact& y = c.FactOf(node.outputs[0]);
  if (!IsFloatOrHalf(y.dtype) || !y.has_rank()) return {};
  const Factors product = FactorsOf(c, node);
  if (product.values.size() != 2 || !About(product.coefficient, 0.5)) return {};
  for (size_t side = 0; side < 2; ++side) {
    const ValueId x = product.values[side];
    const ValueId inner = AddendOf(c, product.values[1 - side], 1);
    if (inner == kNoValue || !c.UsedOnce(inner) || c.FactOf(x).shape != y.shape) continue;
    const Node* function = c.Producer(inner);
    if (!function) continue;
    if (c.Is(*function, "Erf")) {
      const Factors u = FactorsOf(c, function->inputs[0]);
      if (u.values != std::vector<ValueId>{x} || !IsConstant(u.coefficient, std::sqrt(0.5), y.dtype)) continue;
      Patch patch("x * (1 + erf(x / sqrt(2))) / 2 is Gelu");
      patch.Replace(node.outputs[0], patch.Add("Gelu", {x}));
      return patch;
    }
    if (c.Is(*function, "Tanh") && IsTanhArgument(c, function->inputs[0], x)) {
      AttributeMap attributes;
      attributes.Set("approximate", std::string("tanh"));
      Patch patch("the tanh form of Gelu");
      patch.Replace(node.outputs[0], patch.Add("Gelu", {x}, std::move(attributes)));
      return patch;
    }
  }
  return {};
}

}  // namespace onda
