#include "kernels/attention/rotary.h"

#include "core/ir/shape_math.h"
#include "kernels/attention/ops.h"

namespace onda::attention {
namespace {

void Infer(InferContext& c) {
  const RotaryParams p(c.attributes());
  if (p.heads < 0 || p.dim < 0 || p.dim % 2 != 0) c.Reject("num_heads or rotary_embedding_dim is negative or odd");
  InferSameAsInput(c);
  const int cache_rank = c.has_input(3) ? 2 : 3;
  c.RequireRank(1, cache_rank);
  c.RequireRank(2, cache_rank);
  if (!c.has_rank(0)) return;
  const Dims& x = *c.shape(0);
  if (x.size() != 3 && x.size() != 4) c.Reject("X must have rank 3 or 4");
  const Dim rows = x[x.size() - 2];
  Dim half = p.dim / 2;
  for (size_t i = 1; i < 3; ++i) {
    if (!c.has_rank(i)) continue;
    const Dims& cache = *c.shape(i);
    if (cache_rank == 3) {
      MergeDim(c, cache[0], x[0], "batch of X and of the caches");
      MergeDim(c, cache[1], rows, "rows of X and of the caches");
    }
    half = half == Dim(0) ? cache.back() : MergeDim(c, half, cache.back(), "widths of the caches");
  }
  if (cache_rank == 2 && c.has_rank(1) && c.has_rank(2))
    MergeDim(c, (*c.shape(1))[0], (*c.shape(2))[0], "positions of the caches");
  Dim width = x.back();
  if (x.size() == 3 && p.heads > 0) {
    if (width.known() && width.value() % p.heads != 0) c.Reject("num_heads does not divide the hidden size");
    width = FloorDiv(width, p.heads);
  } else if (x.size() == 3 && width.known() && half.known() &&
             (half.value() == 0 || width.value() % (2 * half.value()) != 0)) {
    c.Reject("the caches' width does not divide the hidden size");
  }
  if ((x.size() == 4 || p.heads > 0) && width.known() && half.known() &&
      (p.dim == 0 ? width.value() != 2 * half.value() : width.value() < p.dim))
    c.Reject("the caches have " + half.ToString() + " frequencies for heads of " + width.ToString());
  if (c.has_input(3) && c.has_rank(3)) {
    const Dims& ids = *c.shape(3);
    if (ids.size() > 2) c.Reject("position_ids must have rank 2");
    if (ids.size() == 2) {
      MergeDim(c, ids[0], x[0], "batch of X and of position_ids");
      MergeDim(c, ids[1], rows, "rows of X and of position_ids");
    } else if (ids.size() == 1) {
      MergeDim(c, ids[0], 1, "position_ids of rank 1");
    }
  }
}

// ONNX Runtime's: input, position_ids, cos_cache, sin_cache. A head is as wide as the caches say where there is no
// num_heads.
void UpgradeMicrosoft(RewriteContext& c) {
  Node& node = c.node();
  if (c.attributes().Int("is_packed_batching", 0) != 0) c.Reject("is_packed_batching is not supported");
  node.inputs = {c.input(0), c.input(2), c.input(3), c.input(1)};
  node.attributes.Remove("is_packed_batching");
  node.attributes.Remove("scale");
  node.domain = "";
}

constexpr OpDef kOps[] = {
    {.name = "RotaryEmbedding", .infer = Infer},
    {.name = "RotaryEmbedding", .domain = "com.microsoft", .upgrade = UpgradeMicrosoft, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> RotaryOps() { return kOps; }

}  // namespace onda::attention
