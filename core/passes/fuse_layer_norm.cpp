// With d = x - mean(x): d / sqrt(mean(d^2) + epsilon) * scale -> LayerNormalization(x, scale), and that plus a bias ->
// LayerNormalization(x, scale, bias); the same with x itself in the place of d -> RMSNormalization(x, scale). Division
// and multiplication by a reciprocal are the same here. In half precision, between a Cast of x to fp32 and one of the
// normalized value back, ahead of the scale: both operators round there too. Holds over the last dimension, with
// constant 1-D scale and bias, where nothing else reads what is in between. Sources: Operators.md, LayerNormalization
// and RMSNormalization.
#include "core/passes/rules.h"

namespace onda {
namespace {

// A constant of shape [n], n being the last dimension of y.
bool IsRow(const RuleContext& c, ValueId value, const Fact& y) {
  const TensorPtr t = value == kNoValue ? nullptr : c.ConstantOf(value);
  const Dim& n = y.shape->back();
  return t && t->dtype() == y.dtype && t->dims().size() == 1 && n.known() && t->dims()[0] == n.value();
}

// x where the value is the mean of x over the last dimension, which stays as 1.
ValueId MeanOf(const RuleContext& c, ValueId value) {
  const Node* mean = c.Producer(value);
  if (!mean || !c.Is(*mean, "ReduceMean") || mean->attributes.view().Int("keepdims", 1) != 1) return kNoValue;
  const TensorPtr axes = mean->has_input(1) ? c.ConstantOf(mean->inputs[1]) : nullptr;
  const Fact& x = c.FactOf(mean->inputs[0]);
  if (!axes || axes->count() != 1 || !x.has_rank()) return kNoValue;
  const int64_t axis = static_cast<int64_t>(axes->ToDoubles()[0]);
  return axis == -1 || axis == x.rank() - 1 ? mean->inputs[0] : kNoValue;
}

// x where d is x - mean(x).
ValueId CentredFrom(const RuleContext& c, ValueId d) {
  const Node* difference = c.Producer(d);
  if (!difference || !c.Is(*difference, "Sub")) return kNoValue;
  const ValueId x = difference->inputs[0];
  return MeanOf(c, difference->inputs[1]) == x ? x : kNoValue;
}

// The base of a square.
ValueId SquareRootOf(const RuleContext& c, ValueId value) {
  const Node* square = c.UsedOnce(value) ? c.Producer(value) : nullptr;
  if (!square || square->inputs.size() != 2) return kNoValue;
  if (c.Is(*square, "Mul") && square->inputs[0] == square->inputs[1]) return square->inputs[0];
  if (c.Is(*square, "Pow") && c.ScalarOf(square->inputs[1]) == 2.0) return square->inputs[0];
  return kNoValue;
}

struct Root {
  ValueId of = kNoValue;  // d of sqrt(mean(d^2) + epsilon)
  double epsilon = 0;
};

Root RootOf(const RuleContext& c, ValueId value) {
  const Node* root = c.UsedOnce(value) ? c.Producer(value) : nullptr;
  if (!root || !c.Is(*root, "Sqrt") || !c.UsedOnce(root->inputs[0])) return {};
  const Node* sum = c.ProducedBy(*root, 0, "Add");
  if (!sum) return {};
  for (size_t side = 0; side < 2; ++side) {
    const std::optional<double> epsilon = c.ScalarOf(sum->inputs[1 - side]);
    const ValueId variance = sum->inputs[side];
    if (!epsilon || *epsilon < 0 || !c.UsedOnce(variance)) continue;
    const ValueId square = MeanOf(c, variance);
    if (square != kNoValue) return {SquareRootOf(c, square), *epsilon};
  }
  return {};
}

// 1 / value.
ValueId ReciprocalOf(const RuleContext& c, ValueId value) {
  const Node* node = c.UsedOnce(value) ? c.Producer(value) : nullptr;
  if (!node) return kNoValue;
  if (c.Is(*node, "Reciprocal")) return node->inputs[0];
  return c.Is(*node, "Div") && c.ScalarOf(node->inputs[0]) == 1.0 ? node->inputs[1] : kNoValue;
}

// The value divided by the root: d / root or d * (1 / root).
std::pair<ValueId, Root> NormalizedFrom(const RuleContext& c, ValueId value) {
  const Node* node = c.UsedOnce(value) ? c.Producer(value) : nullptr;
  if (!node || node->inputs.size() != 2) return {kNoValue, {}};
  if (c.Is(*node, "Div")) return {node->inputs[0], RootOf(c, node->inputs[1])};
  if (!c.Is(*node, "Mul")) return {kNoValue, {}};
  for (size_t side = 0; side < 2; ++side)
    if (const ValueId root = ReciprocalOf(c, node->inputs[side]); root != kNoValue)
      return {node->inputs[1 - side], RootOf(c, root)};
  return {kNoValue, {}};
}

// What is cast from or to fp32; kNoValue where the value is nothing cast, or where others read it and that matters.
ValueId BeforeCast(const RuleContext& c, ValueId value, bool from_float) {
  const Node* cast = !from_float || c.UsedOnce(value) ? c.Producer(value) : nullptr;
  if (!cast || !c.Is(*cast, "Cast")) return kNoValue;
  return c.FactOf(from_float ? cast->inputs[0] : value).dtype == DType::kFloat ? cast->inputs[0] : kNoValue;
}

std::optional<Patch> AddBias(const RuleContext& c, const Node& node, const Fact& y) {
  for (size_t side = 0; side < 2; ++side) {
    const Node* norm = c.ProducedBy(node, side, "LayerNormalization");
    if (!norm || norm->has_input(2) || norm->outputs.size() != 1 || !c.UsedOnce(norm->outputs[0])) continue;
    if (c.FactOf(norm->outputs[0]).shape != y.shape || !IsRow(c, node.inputs[1 - side], y)) continue;
    Patch patch("the addend is the normalization's bias");
    const ValueId sum =
        patch.Add("LayerNormalization", {norm->inputs[0], norm->inputs[1], node.inputs[1 - side]}, norm->attributes);
    patch.Replace(node.outputs[0], sum);
    return patch;
  }
  return {};
}

}  // namespace

std::optional<Patch> FuseLayerNorm(const RuleContext& c, const Node& node) {
  const bool is_sum = c.Is(node, "Add");
  if (!is_sum && !c.Is(node, "Mul")) return {};
  const Fact& y = c.FactOf(node.outputs[0]);
  const bool is_half = IsHalf(y.dtype);
  if (!IsFloatOrHalf(y.dtype) || !y.has_rank() || y.rank() < 1) return {};
  if (is_sum) return AddBias(c, node, y);
  for (size_t side = 0; side < 2; ++side) {
    const ValueId scale = node.inputs[side];
    if (!IsRow(c, scale, y)) continue;
    ValueId normalized = node.inputs[1 - side];
    if (is_half && (normalized = BeforeCast(c, normalized, true)) == kNoValue) continue;
    const auto [d, root] = NormalizedFrom(c, normalized);
    if (d == kNoValue || root.of == kNoValue) continue;
    // Some exporters compute the difference twice.
    const ValueId x = CentredFrom(c, d);
    const bool centred = x != kNoValue && (root.of == d || CentredFrom(c, root.of) == x);
    if (!centred && root.of != d) continue;
    ValueId from = centred ? x : d;
    if (is_half && (from = BeforeCast(c, from, false)) == kNoValue) continue;
    if (c.FactOf(from).dtype != y.dtype || c.FactOf(from).shape != y.shape) continue;
    AttributeMap attributes;
    attributes.Set("axis", int64_t{-1});
    attributes.Set("epsilon", static_cast<float>(root.epsilon));
    Patch patch(centred ? "the scaled deviation is a layer normalization" : "x / rms(x) is a normalization");
    const ValueId norm = patch.Add(centred ? "LayerNormalization" : "RMSNormalization", {from, scale}, attributes);
    patch.Replace(node.outputs[0], norm);
    return patch;
  }
  return {};
}

}  // namespace onda
