#include "core/passes/attention_mask.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/passes/uniform_value.h"
#include "onda/float_formats.h"

namespace onda {
namespace {

constexpr int64_t kMostElements = int64_t{1} << 22;  // of constants that are looked through

// The node behind views that add dimensions of 1 in front.
const Node* BehindUnsqueeze(const RuleContext& c, ValueId value) {
  const Node* node = c.Producer(value);
  while (node && c.Is(*node, "Unsqueeze")) {
    const Fact &x = c.FactOf(node->inputs[0]), &y = c.FactOf(node->outputs[0]);
    if (!x.has_rank() || !y.has_rank() || x.rank() < 2) return nullptr;
    if (!std::equal(x.shape->end() - 2, x.shape->end(), y.shape->end() - 2)) return nullptr;
    node = c.Producer(node->inputs[0]);
  }
  return node;
}

// Whether a constant holds `below` on and below the diagonal of its last two dimensions and `above` above it.
template <class Below, class Above>
bool IsTriangle(const Tensor& t, Below below, Above above) {
  const std::vector<int64_t>& dims = t.dims();
  if (dims.size() < 2 || t.count() > kMostElements) return false;
  const int64_t rows = dims[dims.size() - 2], columns = dims.back();
  if (t.count() != rows * columns || t.count() == 0) return false;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      const double v = LoadDouble(t.dtype(), t.data(), i * columns + j);
      if (!(j <= i ? below(v) : above(v))) return false;
    }
  return true;
}

// Trilu of a uniform value: the number, and whether the triangle above the diagonal is kept (else that on and below).
struct Triangle {
  double value;
  bool above;
};
std::optional<Triangle> TriangleOf(const RuleContext& c, ValueId value) {
  const Node* node = BehindUnsqueeze(c, value);
  while (node && c.Is(*node, "Cast")) node = BehindUnsqueeze(c, node->inputs[0]);
  if (!node || !c.Is(*node, "Trilu")) return {};
  std::optional<double> k = 0;
  if (node->has_input(1)) k = c.ScalarOf(node->inputs[1]);
  const bool upper = node->attributes.view().Int("upper", 1) != 0;
  const std::optional<double> number = UniformValue(c, node->inputs[0]);
  if (!number || !k || *k != (upper ? 1 : 0)) return {};
  return Triangle{*number, upper};
}

// Whether a boolean value is true on and below the diagonal only, or above it only.
bool Selects(const RuleContext& c, ValueId value, bool above) {
  if (const TensorPtr t = c.ConstantOf(value)) {
    auto yes = [](double v) { return v != 0; };
    auto no = [](double v) { return v == 0; };
    return above ? IsTriangle(*t, no, yes) : IsTriangle(*t, yes, no);
  }
  if (const Node* node = BehindUnsqueeze(c, value); node && c.Is(*node, "Not"))
    return Selects(c, node->inputs[0], !above);
  const std::optional<Triangle> triangle = TriangleOf(c, value);
  return triangle && triangle->value != 0 && triangle->above == above;
}

// Whether a value to be added is 0 on and below the diagonal and hides what is above.
bool Hides(const RuleContext& c, ValueId value) {
  if (const TensorPtr t = c.ConstantOf(value))
    return IsTriangle(
        *t, [](double v) { return v == 0; }, [](double v) { return v <= kHidden; });
  const Node* node = BehindUnsqueeze(c, value);
  if (node && c.Is(*node, "Where")) {
    const std::optional<double> a = UniformValue(c, node->inputs[1]), b = UniformValue(c, node->inputs[2]);
    if (!a || !b) return false;
    return (*a <= kHidden && *b == 0 && Selects(c, node->inputs[0], true)) ||
           (*a == 0 && *b <= kHidden && Selects(c, node->inputs[0], false));
  }
  const std::optional<Triangle> triangle = TriangleOf(c, value);
  return triangle && triangle->value <= kHidden && triangle->above;
}

// Whether a value to be added is known to be nowhere -inf.
bool IsBounded(const RuleContext& c, ValueId value) {
  if (const TensorPtr t = c.ConstantOf(value)) {
    if (t->count() > kMostElements) return false;
    for (int64_t i = 0; i < t->count(); ++i)
      if (!std::isfinite(LoadDouble(t->dtype(), t->data(), i))) return false;
    return true;
  }
  const Node* node = BehindUnsqueeze(c, value);
  if (!node || !c.Is(*node, "Where")) return false;
  const std::optional<double> a = UniformValue(c, node->inputs[1]), b = UniformValue(c, node->inputs[2]);
  return a && b && std::isfinite(*a) && std::isfinite(*b);
}

}  // namespace

bool AttentionMask::TakeCausal(const RuleContext& c, const Dim& queries, const Dim& keys) {
  auto is_causal = [&](const Part& part) {
    const Fact& fact = c.FactOf(part.value);
    if (!fact.has_rank() || fact.rank() < 2) return false;
    if (!((*fact.shape)[fact.rank() - 2] == queries) || !(fact.shape->back() == keys)) return false;
    return part.kind == Kind::kAdd ? Hides(c, part.value) : Selects(c, part.value, part.kind == Kind::kDrop);
  };
  return std::erase_if(parts_, is_causal) > 0;
}

bool AttentionMask::MayHideAll(const RuleContext& c) const {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
    return part.kind == Kind::kAdd ? !IsBounded(c, part.value) : std::isinf(part.fill);
  });
}

bool AttentionMask::Make(const RuleContext& c, Patch& patch, DType dtype, const Dim& keys, ValueId like, int64_t axis,
                         int most_dims, ValueId& mask) const {
  mask = kNoValue;
  bool whole = false;  // as wide as the keys
  for (const Part& part : parts_) {
    const Fact& fact = c.FactOf(part.value);
    if (!fact.has_rank()) return false;
    for (int i = 0; i < fact.rank() - most_dims; ++i)
      if (!((*fact.shape)[i] == Dim(1))) return false;
    if (part.kind == Kind::kAdd && fact.dtype != dtype) return false;
    whole = whole || (fact.rank() > 0 && fact.shape->back() == keys);
  }
  if (parts_.empty()) return true;
  if (parts_.size() == 1 && parts_[0].kind != Kind::kAdd && std::isinf(parts_[0].fill)) {
    mask = parts_[0].value;
    if (parts_[0].kind == Kind::kDrop) mask = patch.Add("Not", {mask});
  } else {
    for (const Part& part : parts_) {
      ValueId addend = part.value;
      if (part.kind != Kind::kAdd) {
        // What a finite number replaces is the same for all masked keys: so large an addend absorbs the scores, and a
        // row of masked keys alone gets equal probabilities as before.
        const double fill = std::isinf(part.fill) ? part.fill : dtype == DType::kFloat16 ? -65504.0 : -1e30;
        const ValueId hidden = patch.Constant(Tensor::Scalar(dtype, fill));
        const ValueId zero = patch.Constant(Tensor::Scalar(dtype, 0));
        addend = part.kind == Kind::kKeep ? patch.Add("Where", {part.value, zero, hidden})
                                          : patch.Add("Where", {part.value, hidden, zero});
      }
      mask = mask == kNoValue ? addend : patch.Add("Add", {mask, addend});
    }
  }
  int64_t rank = 0;
  for (const Part& part : parts_) rank = std::max<int64_t>(rank, c.FactOf(part.value).rank());
  if (rank > most_dims) {
    std::vector<int64_t> front(static_cast<size_t>(rank - most_dims));
    std::iota(front.begin(), front.end(), 0);
    mask = patch.Add("Squeeze", {mask, patch.Constant(Tensor::Int64s(front))});
  }
  if (!whole) {
    // Attention takes what is missing behind the last element for masked: one element for all keys is spread.
    const ValueId width = keys.known() ? patch.Constant(Tensor::Int64s(std::vector<int64_t>{keys.value()}))
                                       : patch.Add("Shape", {like}, {{"start", axis}, {"end", axis + 1}});
    mask = patch.Add("Expand", {mask, width});
  }
  return true;
}

}  // namespace onda
