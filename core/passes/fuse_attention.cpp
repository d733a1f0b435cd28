// MatMul(Softmax(mask(cap(MatMul(Q, K^T) * scale))), V) -> Attention(Q, K, V, mask), over inputs of rank 4 (batch,
// heads, rows, width), 3 (taken for one batch of many heads) or 5 (the first two taken for the batch).
//   - scale: products and quotients with scalars, behind the product, on Q, on K or on both (its square root);
//   - cap: c * tanh(scores / c);
//   - mask: sums with what broadcasts to the scores, and Where with a number of at most -9999; what hides the keys
//     behind each query becomes is_causal;
//   - a softmax in fp32 of half precision scores, and Where(IsNaN(p), 0, p) behind it.
// Holds where nothing else reads what is in between, the leading dimensions of Q, K and V are provably the same (or K
// and V have one head), and no mask makes the scores larger as far as sizes are known. A row whose keys are all masked
// by -inf stays NaN (nan_rows) where a mask may do that and no Where behind the softmax makes it 0. Source:
// Operators.md, Attention.
#include <algorithm>
#include <cmath>

#include "core/passes/attention_mask.h"
#include "core/passes/factors.h"
#include "core/passes/uniform_value.h"

namespace onda {
namespace {

constexpr int kMostSteps = 8;  // between the softmax and its product

struct Scores {
  const Node* product = nullptr;
  double scale = 1, softcap = 0;
  AttentionMask mask;
};

// The other operand of a product or quotient with a scalar; multiplies `scale`.
ValueId BehindScale(const RuleContext& c, const Node& node, double& scale) {
  if (node.inputs.size() != 2 || !node.has_input(0) || !node.has_input(1)) return kNoValue;
  const bool product = c.Is(node, "Mul");
  if (!product && !c.Is(node, "Div")) return kNoValue;
  for (size_t side = 0; side < (product ? 2u : 1u); ++side) {
    const std::optional<double> s = c.ScalarOf(node.inputs[1 - side]);
    if (!s || *s == 0 || !std::isfinite(*s)) continue;
    if (c.FactOf(node.inputs[side]).shape != c.FactOf(node.outputs[0]).shape) continue;
    scale = product ? scale * *s : scale / *s;
    return node.inputs[side];
  }
  return kNoValue;
}

ValueId PeelScale(const RuleContext& c, ValueId value, double& scale) {
  for (const Node* node = c.UsedOnce(value) ? c.Producer(value) : nullptr; node;
       node = c.UsedOnce(value) ? c.Producer(value) : nullptr) {
    const ValueId inner = BehindScale(c, *node, scale);
    if (inner == kNoValue) break;
    value = inner;
  }
  return value;
}

// Whether all dimensions but the last are those of the product's result. Where neither is known they may differ: that
// the mask fits is checked when shapes are bound.
bool KeepsShape(const RuleContext& c, const Node& node, const Fact& product) {
  const Fact& y = c.FactOf(node.outputs[0]);
  if (!y.has_rank() || y.rank() != product.rank()) return false;
  for (int i = 0; i + 1 < y.rank(); ++i) {
    const Dim &before = (*product.shape)[i], &after = (*y.shape)[i];
    if (!(before == after) && (before.known() || after.known())) return false;
  }
  return true;
}

// FusedMatMul of Q and K that transposes K by itself.
bool IsProductWithTransposed(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "FusedMatMul", "com.microsoft")) return false;
  const Attributes a = node.attributes.view();
  return a.Int("transB", 0) && !a.Int("transA", 0) && !a.Int("transBatchA", 0) && !a.Int("transBatchB", 0);
}

// Reads from the softmax's input down to the product of Q and K^T. Where both operands of a sum could be the scores,
// the first that leads to a product is.
std::optional<Scores> ReadScores(const RuleContext& c, ValueId value, int steps, bool masks_done) {
  const Node* node = steps > 0 && c.UsedOnce(value) ? c.Producer(value) : nullptr;
  if (!node || !node->has_input(0)) return {};
  auto inner = [&](ValueId v, bool done) { return ReadScores(c, v, steps - 1, done); };
  if (c.Is(*node, "MatMul") || IsProductWithTransposed(c, *node)) {
    Scores scores;
    scores.product = node;
    scores.scale = node->attributes.view().Float("alpha", 1);
    return scores;
  }
  if (c.Is(*node, "Cast")) {
    const DType from = c.FactOf(node->inputs[0]).dtype, to = c.FactOf(node->outputs[0]).dtype;
    if (IsHalf(from) && to == DType::kFloat) return inner(node->inputs[0], masks_done);
    return {};
  }
  if (c.Is(*node, "Add") && !masks_done) {
    for (size_t side = 0; side < 2; ++side) {
      std::optional<Scores> scores = inner(node->inputs[side], false);
      if (!scores || !KeepsShape(c, *node, c.FactOf(scores->product->outputs[0]))) continue;
      if (const ValueId addend = node->inputs[1 - side]; UniformValue(c, addend) != 0.0) scores->mask.Add(addend);
      return scores;
    }
    return {};
  }
  if (c.Is(*node, "Where") && !masks_done) {
    for (size_t side = 1; side < 3; ++side) {
      const std::optional<double> fill = UniformValue(c, node->inputs[3 - side]);
      if (!fill || !(*fill <= kHidden)) continue;
      std::optional<Scores> scores = inner(node->inputs[side], false);
      if (!scores || !KeepsShape(c, *node, c.FactOf(scores->product->outputs[0]))) continue;
      scores->mask.Select(node->inputs[0], side == 1, *fill);
      return scores;
    }
    return {};
  }
  double scale = 1;
  const ValueId scaled = BehindScale(c, *node, scale);
  if (scaled == kNoValue) return {};
  // c * tanh(x / c).
  if (const Node* tanh = c.UsedOnce(scaled) ? c.Producer(scaled) : nullptr; tanh && c.Is(*tanh, "Tanh")) {
    std::optional<Scores> scores = inner(tanh->inputs[0], true);
    if (!scores || scores->softcap != 0 || scale <= 0) return {};
    scores->scale *= scale;
    scores->softcap = scale;
    return scores;
  }
  std::optional<Scores> scores = inner(scaled, true);
  if (!scores || scores->softcap != 0) return {};
  scores->scale *= scale;
  return scores;
}

// The softmax over the last dimension that makes the probabilities, behind Cast and Where(IsNaN(p), 0, p).
// guarded: whether the latter is there.
const Node* SoftmaxOf(const RuleContext& c, ValueId value, bool& guarded) {
  const Node* node = c.UsedOnce(value) ? c.Producer(value) : nullptr;
  if (node && c.Is(*node, "Cast") && IsHalf(c.FactOf(value).dtype)) {
    value = node->inputs[0];
    node = c.UsedOnce(value) ? c.Producer(value) : nullptr;
  }
  int32_t readers = 1;
  if (node && c.Is(*node, "Where")) {
    const ValueId p = node->inputs[2];
    const Node* test = c.ProducedBy(*node, 0, "IsNaN");
    if (!test || test->inputs[0] != p || UniformValue(c, node->inputs[1]) != 0.0) return nullptr;
    if (c.FactOf(p).shape != c.FactOf(node->outputs[0]).shape) return nullptr;
    value = p;
    node = c.Producer(p);
    readers = 2;
    guarded = true;
  }
  if (!node || !c.Is(*node, "Softmax") || c.Uses(value) != readers) return nullptr;
  const Fact& p = c.FactOf(value);
  const int64_t axis = node->attributes.view().Int("axis", -1);
  return p.has_rank() && (axis == -1 || axis == p.rank() - 1) ? node : nullptr;
}

// K from K^T, as a permutation of a value. Keys that arrive transposed are turned around: that costs less than scores
// in memory.
struct Keys {
  ValueId value = kNoValue;
  std::vector<int64_t> perm;
};
Keys KeysOf(const RuleContext& c, ValueId transposed, bool by_product, double& scale) {
  const int rank = c.FactOf(transposed).rank();
  transposed = PeelScale(c, transposed, scale);
  Keys keys{transposed, {}};
  for (int i = 0; i < rank; ++i) keys.perm.push_back(i);
  if (by_product) return keys;
  const Node* node = c.Producer(transposed);
  if (node && c.Is(*node, "Transpose") && static_cast<int>(node->attributes.view().Ints("perm").size()) == rank) {
    keys.perm = node->attributes.view().Ints("perm");
    keys.value = c.UsedOnce(transposed) ? PeelScale(c, node->inputs[0], scale) : node->inputs[0];
  }
  std::swap(keys.perm[rank - 2], keys.perm[rank - 1]);
  return keys;
}

// (a, b, ...) as (a * b, ...).
Dims JoinLeading(const Dims& shape) {
  Dims joined{shape[0] * shape[1]};
  joined.insert(joined.end(), shape.begin() + 2, shape.end());
  return joined;
}

bool IsIdentity(const std::vector<int64_t>& perm) {
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<int64_t>(i)) return false;
  return true;
}

}  // namespace

std::optional<Patch> FuseAttention(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "MatMul")) return {};
  const DType dtype = c.FactOf(node.outputs[0]).dtype;
  if (!IsFloatOrHalf(dtype)) return {};
  bool guarded = false;
  const Node* softmax = SoftmaxOf(c, node.inputs[0], guarded);
  if (!softmax) return {};
  std::optional<Scores> scores = ReadScores(c, softmax->inputs[0], kMostSteps, false);
  if (!scores) return {};
  const Node& product = *scores->product;
  const Fact &left = c.FactOf(product.inputs[0]), &right = c.FactOf(product.inputs[1]);
  const Fact &v = c.FactOf(node.inputs[1]), &result = c.FactOf(product.outputs[0]);
  if (!left.has_rank() || !right.has_rank() || !v.has_rank() || !result.has_rank()) return {};
  const int rank = left.rank();
  if (rank < 3 || rank > 5 || right.rank() != rank || v.rank() != rank || left.dtype != dtype) return {};
  for (int i = 0; i + 2 < rank; ++i) {
    const Dim &a = (*left.shape)[i], &b = (*right.shape)[i], &d = (*v.shape)[i];
    const bool one_head = rank == 4 && i == 1 && b == Dim(1) && d == Dim(1) && a.known();
    if (!one_head && (!(a == b) || !(a == d))) return {};
  }
  const bool transposes = c.Is(product, "FusedMatMul", "com.microsoft");
  const Keys keys = KeysOf(c, product.inputs[1], transposes, scores->scale);
  const ValueId q = PeelScale(c, product.inputs[0], scores->scale);
  const float scale = static_cast<float>(scores->scale);
  if (scale == 0 || !std::isfinite(scale)) return {};

  Patch patch("softmax(Q K^T) V is Attention");
  AttributeMap attributes;
  attributes.Set("scale", scale);
  if (scores->softcap != 0) attributes.Set("softcap", static_cast<float>(scores->softcap));
  const Dim &query_count = (*result.shape)[rank - 2], &key_count = result.shape->back();
  if (scores->mask.TakeCausal(c, query_count, key_count)) attributes.Set("is_causal", int64_t{1});
  if (!guarded && scores->mask.MayHideAll(c)) attributes.Set("nan_rows", int64_t{1});
  ValueId mask = kNoValue;
  if (!scores->mask.Make(c, patch, dtype, key_count, keys.value, keys.perm[rank - 2], rank == 5 ? 3 : 4, mask))
    return {};
  const ValueId k = IsIdentity(keys.perm) ? keys.value : patch.Add("Transpose", {keys.value}, {{"perm", keys.perm}});
  std::vector<ValueId> inputs{q, k, node.inputs[1]};
  ValueId front = kNoValue;
  if (rank == 3) {
    front = patch.Constant(Tensor::Int64s(std::vector<int64_t>{0}));
    for (ValueId& id : inputs) id = patch.Add("Unsqueeze", {id, front});
  }
  if (rank == 5) {
    Dims k_shape;
    for (int64_t axis : keys.perm) k_shape.push_back((*c.FactOf(keys.value).shape)[axis]);
    const Dims* const shapes[] = {&*left.shape, &k_shape, &*v.shape};
    for (size_t i = 0; i < 3; ++i)
      if ((inputs[i] = patch.AddView(inputs[i], JoinLeading(*shapes[i]))) == kNoValue) return {};
  }
  if (mask != kNoValue) inputs.push_back(mask);
  ValueId y = patch.Add("Attention", std::move(inputs), std::move(attributes));
  if (rank == 3) y = patch.Add("Squeeze", {y, front});
  if (rank == 5 && (y = patch.AddView(y, *c.FactOf(node.outputs[0]).shape)) == kNoValue) return {};
  patch.Replace(node.outputs[0], y);
  return patch;
}

}  // namespace onda
