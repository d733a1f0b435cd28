#include "kernels/attention/linear.h"

#include "core/ir/shape_math.h"
#include "kernels/attention/ops.h"

namespace onda::attention {
namespace {

// query (B, T, Hq * dk), key (B, T, Hkv * dk), value (B, T, Hkv * dv), past_state? (B, Hkv, dk, dv), decay?
// (B, T, Hkv * dk or Hkv), beta? (B, T, Hkv or 1); output (B, T, Hq * dv), present_state.
void InferLinear(InferContext& c) {
  const LinearParams p(c.attributes());
  if (p.q_heads <= 0 || p.kv_heads <= 0 || p.q_heads % p.kv_heads != 0)
    c.Reject("q_num_heads must be a positive multiple of kv_num_heads");
  if (p.gated != c.has_input(4)) c.Reject(p.gated ? "this update_rule needs decay" : "this update_rule has no decay");
  if (p.delta != c.has_input(5)) c.Reject(p.delta ? "this update_rule needs beta" : "this update_rule has no beta");
  Dim batch = c.FreshDim(), rows = c.FreshDim(), width = c.FreshDim(), v_width = c.FreshDim();
  bool have_batch = false;
  auto agree = [&](Dim& ours, const Dim& theirs, const char* what, bool have) {
    ours = have ? MergeDim(c, ours, theirs, what) : theirs;
  };
  auto split = [&](const Dim& hidden, int64_t heads) {
    if (hidden.known() && hidden.value() % heads != 0) c.Reject("a hidden size does not divide into its heads");
    return FloorDiv(hidden, heads);
  };
  bool have_width = false;
  for (size_t i : {0, 1, 2, 4, 5}) {
    if (!c.has_input(i)) continue;
    c.RequireRank(i, 3);
    if (!c.has_rank(i)) continue;
    const Dims& s = *c.shape(i);
    agree(batch, s[0], "batch", have_batch);
    agree(rows, s[1], "sequence length", have_batch);
    have_batch = true;
    if (i < 2) {
      agree(width, split(s[2], i == 0 ? p.q_heads : p.kv_heads), "width of query and key heads", have_width);
      have_width = true;
    } else if (i == 2) {
      v_width = split(s[2], p.kv_heads);
    } else if (s[2].known() && !(s[2] == Dim(p.kv_heads) || (i == 5 && s[2] == Dim(1)) ||
                                 (i == 4 && (!width.known() || s[2] == width * Dim(p.kv_heads))))) {
      c.Reject(std::string(i == 4 ? "decay" : "beta") + " has the wrong width");
    }
  }
  if (c.has_input(3)) {
    c.RequireRank(3, 4);
    if (c.has_rank(3)) {
      const Dims& s = *c.shape(3);
      agree(batch, s[0], "batch of past_state", have_batch);
      MergeDim(c, s[1], p.kv_heads, "heads of past_state");
      width = MergeDim(c, width, s[2], "key width of past_state");
      v_width = MergeDim(c, v_width, s[3], "value width of past_state");
    }
  }
  c.SetOutput(0, c.dtype(0), Dims{batch, rows, v_width * Dim(p.q_heads)});
  c.SetOutput(1, c.has_input(3) ? c.dtype(3) : c.dtype(0), Dims{batch, Dim(p.kv_heads), width, v_width});
}

// input (B, C, L), weight (C, 1, k), bias? (C), past_state? (B, C, k - 1); output (B, C, L), present_state (B, C, k -
// 1).
void InferConv(InferContext& c) {
  IsSilu(c.attributes());
  c.RequireRank(0, 3);
  c.RequireRank(1, 3);
  Dims x = c.has_rank(0) ? *c.shape(0) : c.FreshDims(3);
  const Dims w = c.has_rank(1) ? *c.shape(1) : Dims{x[1], 1, c.FreshDim()};
  x[1] = MergeDim(c, x[1], w[0], "channels of input and weight");
  MergeDim(c, w[1], 1, "second dimension of weight");
  if (w[2].known() && w[2].value() < 1) c.Reject("the kernel is empty");
  if (c.has_input(2)) {
    c.RequireRank(2, 1);
    if (c.has_rank(2)) x[1] = MergeDim(c, x[1], (*c.shape(2))[0], "channels of input and bias");
  }
  const Dims state{x[0], x[1], w[2] - 1};
  if (c.has_input(3)) {
    c.RequireRank(3, 3);
    if (c.has_rank(3))
      for (size_t i = 0; i < 3; ++i) MergeDim(c, (*c.shape(3))[i], state[i], "past_state");
  }
  c.SetOutput(0, c.dtype(0), x);
  c.SetOutput(1, c.dtype(0), state);
}

constexpr OpDef kOps[] = {
    {.name = "LinearAttention", .infer = InferLinear},
    {.name = "CausalConvWithState", .infer = InferConv},
};

}  // namespace

std::span<const OpDef> LinearOps() { return kOps; }

}  // namespace onda::attention
