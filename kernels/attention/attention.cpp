#include "kernels/attention/attention.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"
#include "kernels/attention/ops.h"

namespace onda::attention {
namespace {

// A flat hidden dimension by heads; rejects what does not divide.
Dim Split(const InferContext& c, const Dim& hidden, int64_t heads, const char* what) {
  if (hidden.known() && hidden.value() % heads != 0)
    c.Reject(std::string(what) + " of " + hidden.ToString() + " does not divide into " + std::to_string(heads) +
             " heads");
  return FloorDiv(hidden, Dim(heads));
}

// (batch, heads, rows, width) of input i of rank 3 or 4.
Dims HeadShape(InferContext& c, size_t i, int64_t heads, const char* what) {
  if (!c.has_rank(i)) return c.FreshDims(4);
  const Dims& s = *c.shape(i);
  if (s.size() == 4) return s;
  return {s[0], Dim(heads), s[1], Split(c, s[2], heads, what)};
}

void RequireMask(const InferContext& c, const Dims& mask, const Dims& scores) {
  if (mask.empty() || mask.size() > 4) c.Reject("attn_mask must have rank 1 to 4");
  for (size_t i = 0; i < mask.size(); ++i) {
    const Dim &m = mask[mask.size() - 1 - i], &s = scores[3 - i];
    if (!m.known() || !s.known()) continue;
    const bool fits = i == 0 ? m.value() <= s.value() : m.value() == 1 || m == s;
    if (!fits) c.Reject("attn_mask " + ToString(mask) + " does not fit scores " + ToString(scores));
  }
}

void Infer(InferContext& c) {
  const Params p(c.attributes());
  if (p.left_window < -1 || p.right_window < -1) c.Reject("a window size is below -1");
  if (p.qk_mode < 0 || p.qk_mode > 3) c.Reject("qk_matmul_output_mode must be 0 to 3");
  if (!(p.softcap >= 0)) c.Reject("softcap is negative");
  if (c.has_input(4) != c.has_input(5)) c.Reject("past_key and past_value must be given together");
  if (c.has_input(6) && c.has_input(4)) c.Reject("nonpad_kv_seqlen and past_key exclude each other");
  int rank = 0;
  for (size_t i = 0; i < 3; ++i) {
    if (!c.has_rank(i)) continue;
    const int r = c.input(i).rank();
    if (r != 3 && r != 4) c.Reject("Q, K and V must have rank 3 or 4");
    if (rank != 0 && r != rank) c.Reject("Q, K and V must have the same rank");
    rank = r;
  }
  if (rank == 3 && (p.q_heads <= 0 || p.kv_heads <= 0)) c.Reject("inputs of rank 3 need q_num_heads and kv_num_heads");
  if (rank == 0) {  // nothing known
    c.SetOutput(0, c.dtype(0), std::nullopt);
    c.SetOutput(1, c.dtype(1), c.FreshDims(4));
    c.SetOutput(2, c.dtype(2), c.FreshDims(4));
    return c.SetOutput(3, c.dtype(0), c.FreshDims(4));
  }
  const Dims q = HeadShape(c, 0, p.q_heads, "Q"), k = HeadShape(c, 1, p.kv_heads, "K"),
             v = HeadShape(c, 2, p.kv_heads, "V");
  const Dim batch = MergeDim(c, MergeDim(c, q[0], k[0], "batch of Q and K"), v[0], "batch of V");
  const Dim kv_heads = MergeDim(c, k[1], v[1], "heads of K and V");
  const Dim rows = MergeDim(c, k[2], v[2], "lengths of K and V");
  Dim width = MergeDim(c, q[3], k[3], "head sizes of Q and K"), v_width = v[3];
  if (q[1].known() && kv_heads.known() && (kv_heads.value() == 0 || q[1].value() % kv_heads.value() != 0))
    c.Reject(q[1].ToString() + " query heads do not divide into " + kv_heads.ToString() + " key heads");
  Dim past = 0;
  if (c.has_input(4)) {
    c.RequireRank(4, 4);
    c.RequireRank(5, 4);
    past = c.FreshDim();
    for (size_t i = 4; i < 6; ++i) {
      if (!c.has_rank(i)) continue;
      const Dims& s = *c.shape(i);
      MergeDim(c, s[0], batch, "batch of the past");
      MergeDim(c, s[1], kv_heads, "heads of the past");
      Dim& w = i == 4 ? width : v_width;
      w = MergeDim(c, w, s[3], "head size of the past");
      // A length that is known is better than a fresh one.
      past = i == 4 ? s[2] : MergeDim(c, past, s[2], "lengths of past_key and past_value");
    }
  }
  const Dim keys = past + rows;
  const Dims scores{batch, q[1], q[2], keys};
  if (c.has_input(3) && c.has_rank(3)) RequireMask(c, *c.shape(3), scores);
  if (c.has_input(6)) {
    c.RequireRank(6, 1);
    if (c.has_rank(6)) MergeDim(c, (*c.shape(6))[0], batch, "nonpad_kv_seqlen and batch");
  }
  if (rank == 4) {
    c.SetOutput(0, c.dtype(0), Dims{batch, q[1], q[2], v_width});
  } else {
    c.SetOutput(0, c.dtype(0), Dims{batch, q[2], v_width * Dim(p.q_heads)});
  }
  c.SetOutput(1, c.dtype(1), Dims{batch, kv_heads, keys, width});
  c.SetOutput(2, c.dtype(2), Dims{batch, kv_heads, keys, v_width});
  c.SetOutput(3, c.dtype(0), scores);
}

constexpr OpDef kOps[] = {
    {.name = "Attention", .infer = Infer},
};

}  // namespace

std::span<const OpDef> Ops() {
  static const std::vector<OpDef> ops = [] {
    std::vector<OpDef> all(std::begin(kOps), std::end(kOps));
    for (std::span<const OpDef> more : {FlexOps(), RotaryOps(), LinearOps(), MicrosoftOps()})
      all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return ops;
}

}  // namespace onda::attention
