// FlexAttention is written out in other operators, with its bodies as branches that are always taken.
#include "kernels/attention/ops.h"

namespace onda::attention {
namespace {

// The body `name` applied to x, or x where there is none.
ValueId Apply(RewriteContext& c, const char* name, ValueId x) {
  const Body* body = c.node().FindBody(name);
  if (!body) return x;
  Node branch;
  branch.op_type = "If";
  auto yes = Tensor::Make(DType::kBool, {});
  yes->mutable_as<uint8_t>()[0] = 1;
  branch.inputs = {c.Constant(yes)};
  std::vector<ValueId> captures{x};  // the body's declared input becomes its first capture
  captures.insert(captures.end(), body->captures.begin(), body->captures.end());
  if (body->graph->inputs.size() != captures.size() || body->graph->outputs.size() != 1)
    c.Reject(std::string(name) + " must have one input and one output");
  branch.bodies = {{"then_branch", body->graph, captures}, {"else_branch", body->graph, captures}};
  return c.AddNode(std::move(branch), 1)[0];
}

// Q, K, V of rank 4. Query heads that share a key head are seen as rows of one head: (B, Hk, Hq / Hk * L, D).
void UpgradeFlex(RewriteContext& c) {
  for (size_t i = 0; i < 3; ++i)
    if (c.fact(i).has_rank() && c.fact(i).rank() != 4) c.Reject("Q, K and V must have rank 4");
  const DType type = c.fact(0).dtype;
  const int64_t precision =
      c.attributes().Int("softmax_precision", static_cast<int64_t>(type == DType::kDouble ? type : DType::kFloat));
  auto cast = [&](ValueId x, int64_t to) { return c.Add("Cast", {x}, {{"to", to}}); };
  ValueId q = cast(c.input(0), precision), k = cast(c.input(1), precision), v = cast(c.input(2), precision);
  int64_t q_heads = 0, kv_heads = 0;
  if (c.fact(0).has_rank() && c.fact(1).has_rank()) {
    q_heads = (*c.fact(0).shape)[1].value_or_unknown();
    kv_heads = (*c.fact(1).shape)[1].value_or_unknown();
  }
  if (q_heads != kv_heads && (q_heads <= 0 || kv_heads <= 0 || q_heads % kv_heads != 0))
    c.Reject("the query's heads must be a known multiple of the key's");
  auto with_heads = [&](ValueId x, int64_t heads) {
    return q_heads == kv_heads ? x : c.Add("Reshape", {x, c.Int64s({0, heads, -1, 0})});
  };
  ValueId scale;
  if (const float given = c.attributes().Float("scale", 0); given != 0 || c.attributes().Has("scale")) {
    scale = c.Constant(Tensor::Scalar(static_cast<DType>(precision), given));
  } else {
    const ValueId width = c.Add("Shape", {q}, {{"start", int64_t{3}}, {"end", int64_t{4}}});
    scale = c.Add("Reciprocal", {c.Add("Sqrt", {cast(width, precision)})});
  }
  const ValueId k_transposed = c.Add("Transpose", {k}, {{"perm", std::vector<int64_t>{0, 1, 3, 2}}});
  ValueId scores = with_heads(c.Add("MatMul", {with_heads(q, kv_heads), k_transposed}), q_heads);
  scores = Apply(c, "score_mod", c.Add("Mul", {scores, scale}));
  const ValueId probabilities = Apply(c, "prob_mod", c.Add("Softmax", {scores}, {{"axis", int64_t{-1}}}));
  const ValueId y = with_heads(c.Add("MatMul", {with_heads(probabilities, kv_heads), v}), q_heads);
  c.ReplaceOutputs({cast(y, static_cast<int64_t>(type))});
}

constexpr OpDef kOps[] = {
    {.name = "FlexAttention", .domain = "ai.onnx.preview", .upgrade = UpgradeFlex, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> FlexOps() { return kOps; }

}  // namespace onda::attention
