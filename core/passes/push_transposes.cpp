// Transposes move behind what does not care, so that two of them meet, or a fusion in front of them is free:
//   f(T(x)) -> T(f(x)) for f element by element; f(T(x), T(y)) -> T(f(x, y)); f(T(x), k) -> T(f(x, k')) for a constant
//   k
//     of one element per index of at most one dimension, k' being its reshape;
//   Concat(T(x), T(y)) -> T(Concat(x, y)), on the dimension that T moves there;
//   Slice, Gather of one index and Squeeze of T(x), on known dimensions -> T'(Slice(x)), ... : parts of a packed
//   tensor.
// Holds where nothing else reads the transposed values; parts are taken whoever else does.
#include "core/passes/rules.h"

namespace onda {
namespace {

constexpr std::string_view kUnary[] = {"Relu", "LeakyRelu", "Sigmoid",    "Tanh", "HardSigmoid", "HardSwish", "Swish",
                                       "Gelu", "Elu",       "Softplus",   "Clip", "Neg",         "Abs",       "Exp",
                                       "Log",  "Sqrt",      "Reciprocal", "Erf",  "Cast"};
constexpr std::string_view kBinary[] = {"Add", "Sub", "Mul", "Div"};

template <class List>
bool IsOneOf(const Node& node, const List& list) {
  return node.domain.empty() && std::find(std::begin(list), std::end(list), node.op_type) != std::end(list);
}

// The transpose that makes input i; nullptr where there is none, or where others read it and that matters.
const Node* TransposeOf(const RuleContext& c, const Node& node, size_t i, bool shared = false) {
  const Node* t = c.ProducedBy(node, i, "Transpose");
  if (!t || (!shared && !c.UsedOnce(t->outputs[0])) || !c.FactOf(t->inputs[0]).has_rank()) return nullptr;
  return static_cast<int>(t->attributes.view().Ints("perm").size()) == c.FactOf(t->inputs[0]).rank() ? t : nullptr;
}

std::vector<int64_t> PermOf(const Node& transpose) { return transpose.attributes.view().Ints("perm"); }

// A constant that is broadcast to the transposed value, as one to be broadcast to what is transposed; null where its
// elements would have to move.
TensorPtr BeforeTranspose(const TensorPtr& k, const std::vector<int64_t>& perm) {
  if (k->dims().size() > perm.size()) return nullptr;
  std::vector<int64_t> dims(perm.size(), 1);
  int extended = 0;
  for (size_t i = 0; i < k->dims().size(); ++i) {
    dims[perm[i + perm.size() - k->dims().size()]] = k->dims()[i];
    extended += k->dims()[i] != 1;
  }
  return extended > 1 ? nullptr : Tensor::Wrap(k->dtype(), dims, k->data(), k);
}

Patch Behind(Patch patch, const Node& node, ValueId y, std::vector<int64_t> perm) {
  patch.Replace(node.outputs[0], patch.Add("Transpose", {y}, {{"perm", std::move(perm)}}));
  return patch;
}

std::optional<Patch> PushBinary(const RuleContext& c, const Node& node) {
  const Fact& y = c.FactOf(node.outputs[0]);
  const Node *a = TransposeOf(c, node, 0), *b = TransposeOf(c, node, 1);
  if (!y.has_rank() || (!a && !b)) return {};
  const std::vector<int64_t> perm = PermOf(a ? *a : *b);
  if (static_cast<int>(perm.size()) != y.rank()) return {};
  Patch patch("the transpose comes behind " + node.op_type);
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < 2; ++i) {
    const Node* t = i == 0 ? a : b;
    if (t) {
      if (PermOf(*t) != perm) return {};
      inputs.push_back(t->inputs[0]);
      continue;
    }
    const TensorPtr k = c.ConstantOf(node.inputs[i]);
    const TensorPtr before = k && k->dtype() != DType::kString ? BeforeTranspose(k, perm) : nullptr;
    if (!before) return {};
    inputs.push_back(patch.Constant(before));
  }
  const ValueId result = patch.Add(node.op_type, std::move(inputs), node.attributes);
  return Behind(std::move(patch), node, result, perm);
}

std::optional<Patch> PushConcat(const RuleContext& c, const Node& node) {
  std::vector<ValueId> inputs;
  std::vector<int64_t> perm;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Node* t = TransposeOf(c, node, i);
    if (!t || (i > 0 && PermOf(*t) != perm)) return {};
    perm = PermOf(*t);
    inputs.push_back(t->inputs[0]);
  }
  const int64_t axis = node.attributes.view().Int("axis", 0), rank = static_cast<int64_t>(perm.size());
  if (axis < -rank || axis >= rank) return {};
  AttributeMap attributes = node.attributes;
  attributes.Set("axis", perm[axis < 0 ? axis + rank : axis]);
  Patch patch("the transpose comes behind Concat");
  const ValueId result = patch.Add("Concat", std::move(inputs), std::move(attributes));
  return Behind(std::move(patch), node, result, perm);
}

// The permutation of what is left without dimension `axis` of the result.
std::vector<int64_t> Without(const std::vector<int64_t>& perm, int64_t axis) {
  std::vector<int64_t> rest;
  for (size_t i = 0; i < perm.size(); ++i)
    if (static_cast<int64_t>(i) != axis) rest.push_back(perm[i] - (perm[i] > perm[axis]));
  return rest;
}

// The one axis that a constant names, from 0.
std::optional<int64_t> OneAxis(const RuleContext& c, ValueId axes, int64_t rank) {
  const std::optional<double> axis = c.ScalarOf(axes);
  if (!axis || *axis < -static_cast<double>(rank) || *axis >= static_cast<double>(rank)) return {};
  return static_cast<int64_t>(*axis) + (*axis < 0 ? rank : 0);
}

std::optional<Patch> PushPart(const RuleContext& c, const Node& node) {
  const Node* t = TransposeOf(c, node, 0, true);
  if (!t) return {};
  std::vector<int64_t> perm = PermOf(*t);
  const auto rank = static_cast<int64_t>(perm.size());
  Patch patch("the transpose comes behind " + node.op_type);
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = t->inputs[0];
  AttributeMap attributes = node.attributes;
  if (c.Is(node, "Gather")) {
    const Fact& index = c.FactOf(node.inputs[1]);
    int64_t axis = node.attributes.view().Int("axis", 0);
    if (!index.has_rank() || index.rank() != 0 || axis < -rank || axis >= rank) return {};
    axis += axis < 0 ? rank : 0;
    attributes.Set("axis", perm[axis]);
    perm = Without(perm, axis);
  } else {
    const bool slice = c.Is(node, "Slice");
    const size_t at = slice ? 3 : 1;
    if (!node.has_input(at)) return {};
    const std::optional<int64_t> axis = OneAxis(c, node.inputs[at], rank);
    if (!axis) return {};
    const TensorPtr named = c.ConstantOf(node.inputs[at]);
    inputs[at] = patch.Constant(Tensor::Int64s(std::vector<int64_t>{perm[*axis]}));
    if (slice && named->dtype() != DType::kInt64) return {};
    if (!slice) perm = Without(perm, *axis);
  }
  const ValueId part = patch.Add(node.op_type, std::move(inputs), std::move(attributes));
  return Behind(std::move(patch), node, part, perm);
}

}  // namespace

std::optional<Patch> PushTransposes(const RuleContext& c, const Node& node) {
  if (node.outputs.size() != 1 || !node.has_input(0) || !node.domain.empty()) return {};
  if (IsOneOf(node, kUnary)) {
    const Node* t = TransposeOf(c, node, 0);
    if (!t) return {};
    std::vector<ValueId> inputs = node.inputs;
    inputs[0] = t->inputs[0];
    Patch patch("the transpose comes behind " + node.op_type);
    const ValueId result = patch.Add(node.op_type, std::move(inputs), node.attributes);
    return Behind(std::move(patch), node, result, PermOf(*t));
  }
  if (IsOneOf(node, kBinary)) return PushBinary(c, node);
  if (c.Is(node, "Concat")) return PushConcat(c, node);
  if (c.Is(node, "Slice") || c.Is(node, "Gather") || c.Is(node, "Squeeze")) return PushPart(c, node);
  return {};
}

}  // namespace onda
