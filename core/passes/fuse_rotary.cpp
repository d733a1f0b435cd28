// x * cos + concat(-x2, x1) * sin -> RotaryEmbedding(x, cos', sin'), x1 and x2 being the halves of x (Slice or Split)
// along its last dimension and cos', sin' the first halves of cos and sin, whose halves are the same. Holds in fp32 and
// half precision for x (batch, heads, rows, width) where nothing else reads what is in between and cos and sin have one
// element for all heads. Source: Operators.md, RotaryEmbedding.
#include <cstring>

#include "core/passes/rules.h"
#include "onda/float_formats.h"

namespace onda {
namespace {

constexpr int kMostSteps = 12;  // from cos and sin to the concatenation of their angles

bool IsLast(int64_t axis, int rank) { return axis == -1 || axis == rank - 1; }

// Whether both halves of the last dimension hold the same.
bool HalvesAgree(const RuleContext& c, ValueId value, const Dim& width, int steps = kMostSteps) {
  const Fact& fact = c.FactOf(value);
  if (steps == 0 || !fact.has_rank() || fact.rank() < 1 || !(fact.shape->back() == width)) return false;
  if (const TensorPtr t = c.ConstantOf(value)) {
    const int64_t n = width.value(), half = n / 2;
    if (!IsFloatOrHalf(t->dtype()) || t->count() == 0) return false;
    const int64_t size = t->dtype() == DType::kFloat ? 4 : 2;
    const auto* bytes = static_cast<const std::byte*>(t->data());
    for (int64_t i = 0; i < t->count(); i += n)
      if (std::memcmp(bytes + i * size, bytes + (i + half) * size, static_cast<size_t>(half * size)) != 0) return false;
    return true;
  }
  const Node* node = c.Producer(value);
  if (!node || !node->has_input(0)) return false;
  if (c.Is(*node, "Concat"))
    return node->inputs.size() == 2 && node->inputs[0] == node->inputs[1] &&
           IsLast(node->attributes.view().Int("axis", 0), fact.rank());
  // Those that keep rows of `width` whole.
  for (std::string_view op : {"Cos", "Sin", "Cast", "Unsqueeze", "Squeeze", "Reshape", "Expand"})
    if (c.Is(*node, op)) return HalvesAgree(c, node->inputs[0], width, steps - 1);
  if (c.Is(*node, "Gather")) {
    const Fact& table = c.FactOf(node->inputs[0]);
    const int64_t axis = node->attributes.view().Int("axis", 0);
    return table.has_rank() && table.rank() > 1 && !IsLast(axis, table.rank()) &&
           HalvesAgree(c, node->inputs[0], width, steps - 1);
  }
  if (c.Is(*node, "Slice")) {  // of other dimensions: the last one keeps its width, and is not turned around
    const std::optional<Dims> axes = node->has_input(3) ? c.FactOf(node->inputs[3]).Content() : std::nullopt;
    if (!axes) return false;
    for (const Dim& axis : *axes)
      if (!axis.known() || IsLast(axis.value(), fact.rank())) return false;
    return HalvesAgree(c, node->inputs[0], width, steps - 1);
  }
  if (c.Is(*node, "Mul"))
    for (size_t side = 0; side < 2; ++side)
      if (c.ScalarOf(node->inputs[1 - side])) return HalvesAgree(c, node->inputs[side], width, steps - 1);
  return false;
}

// The tensor that the value is elements [begin, end) of, along its last dimension; kNoValue where it is none.
ValueId PartOf(const RuleContext& c, ValueId value, int64_t begin, int64_t end) {
  const Node* node = c.UsedOnce(value) ? c.Producer(value) : nullptr;
  if (!node || !node->has_input(0)) return kNoValue;
  const Fact& x = c.FactOf(node->inputs[0]);
  if (!x.has_rank() || x.rank() < 1 || !x.shape->back().known()) return kNoValue;
  const int64_t width = x.shape->back().value();
  if (c.Is(*node, "Split")) {
    if (!IsLast(node->attributes.view().Int("axis", 0), x.rank()) || node->outputs.size() != 2) return kNoValue;
    const Fact& first = c.FactOf(node->outputs[0]);
    if (width != 2 * (end - begin) || !first.has_rank() || !(first.shape->back() == Dim(end - begin))) return kNoValue;
    return node->outputs[begin == 0 ? 0 : 1] == value ? node->inputs[0] : kNoValue;
  }
  if (!c.Is(*node, "Slice")) return kNoValue;
  auto one = [&](size_t i, int64_t absent) -> std::optional<int64_t> {
    if (!node->has_input(i)) return absent;
    const std::optional<Dims> content = c.FactOf(node->inputs[i]).Content();
    if (!content || content->size() != 1 || !(*content)[0].known()) return {};
    return (*content)[0].value();
  };
  const std::optional<int64_t> from = one(1, 0), to = one(2, 0), axis = one(3, 0), step = one(4, 1);
  if (!from || !to || !axis || !step || !IsLast(*axis, x.rank()) || *step != 1) return kNoValue;
  auto clamped = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + width : i, 0, width); };
  return clamped(*from) == begin && clamped(*to) == end ? node->inputs[0] : kNoValue;
}

// x where the value is concat(-x2, x1).
ValueId RotatedFrom(const RuleContext& c, ValueId value, int64_t width) {
  const Node* concat = c.UsedOnce(value) ? c.Producer(value) : nullptr;
  if (!concat || !c.Is(*concat, "Concat") || concat->inputs.size() != 2) return kNoValue;
  if (!IsLast(concat->attributes.view().Int("axis", 0), c.FactOf(value).rank())) return kNoValue;
  const Node* negated = c.UsedOnce(concat->inputs[0]) ? c.ProducedBy(*concat, 0, "Neg") : nullptr;
  if (!negated) return kNoValue;
  const ValueId x = PartOf(c, negated->inputs[0], width / 2, width);
  return x != kNoValue && PartOf(c, concat->inputs[1], 0, width / 2) == x ? x : kNoValue;
}

// cos or sin as (batch, rows, width / 2) for x; false where it does not suit.
bool MakeCache(const RuleContext& c, Patch& patch, ValueId value, ValueId x, ValueId& cache) {
  const Dims &s = *c.FactOf(value).shape, &of = *c.FactOf(x).shape;
  const size_t rank = s.size();
  if (rank < 2 || rank > 4 || !(s[rank - 2] == of[2])) return false;
  if (rank >= 3 && !(s[rank - 3] == Dim(1))) return false;  // the same for all heads
  const bool spread = !(of[0] == Dim(1)) && (rank < 4 || s[0] == Dim(1));
  if (rank == 4 && !spread && !(s[0] == of[0])) return false;
  auto ints = [&](std::vector<int64_t> v) { return patch.Constant(Tensor::Int64s(v)); };
  cache = patch.Add("Slice", {value, ints({0}), ints({of[3].value() / 2}), ints({static_cast<int64_t>(rank) - 1})});
  if (rank == 4) cache = patch.Add("Squeeze", {cache, ints({1})});
  if (rank == 2) cache = patch.Add("Unsqueeze", {cache, ints({0})});
  if (!spread) return true;
  const ValueId shape =
      of[0].known()
          ? ints({of[0].value(), 1, 1})
          : patch.Add("Concat", {patch.Add("Shape", {x}, {{"start", int64_t{0}}, {"end", int64_t{1}}}), ints({1, 1})},
                      {{"axis", int64_t{0}}});
  cache = patch.Add("Expand", {cache, shape});
  return true;
}

}  // namespace

std::optional<Patch> FuseRotary(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Add")) return {};
  const Fact& y = c.FactOf(node.outputs[0]);
  if (!IsFloatOrHalf(y.dtype) || !y.has_rank() || y.rank() != 4 || !y.shape->back().known()) return {};
  const int64_t width = y.shape->back().value();
  if (width <= 0 || width % 2 != 0) return {};
  for (size_t side = 0; side < 2; ++side) {
    const Node *turned = c.ProducedBy(node, side, "Mul"), *straight = c.ProducedBy(node, 1 - side, "Mul");
    if (!turned || !straight || !c.UsedOnce(turned->outputs[0]) || !c.UsedOnce(straight->outputs[0])) return {};
    for (size_t i = 0; i < 2; ++i) {
      const ValueId x = RotatedFrom(c, turned->inputs[i], width);
      if (x == kNoValue || c.FactOf(x).shape != y.shape) continue;
      const size_t at = straight->inputs[0] == x ? 0 : 1;
      if (straight->inputs[at] != x) continue;
      const ValueId cos = straight->inputs[1 - at], sin = turned->inputs[1 - i];
      if (!HalvesAgree(c, cos, Dim(width)) || !HalvesAgree(c, sin, Dim(width))) continue;
      Patch patch("x cos + rotated x sin is RotaryEmbedding");
      ValueId caches[2];
      if (!MakeCache(c, patch, cos, x, caches[0]) || !MakeCache(c, patch, sin, x, caches[1])) continue;
      patch.Replace(node.outputs[0], patch.Add("RotaryEmbedding", {x, caches[0], caches[1]}));
      return patch;
    }
  }
  return {};
}

}  // namespace onda
