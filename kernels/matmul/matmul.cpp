#include "kernels/matmul/matmul.h"

#include <algorithm>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::matmul {
namespace {

// The shape after FusedMatMul's transposes; for rank 1 unchanged.
Dims Transposed(Dims dims, bool trans_batch, bool trans) {
  if (dims.size() < 2) return dims;
  if (trans_batch) std::rotate(dims.begin(), dims.begin() + 1, dims.end() - 1);
  if (trans) std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
  return dims;
}

void InferMatMul(InferContext& c) {
  const MatMulParams p(c.attributes());
  if (!c.has_rank(0) || !c.has_rank(1)) return c.SetOutput(0, c.dtype(0), std::nullopt);
  const Dims a = Transposed(*c.shape(0), p.trans_batch_a, p.trans_a);
  const Dims b = Transposed(*c.shape(1), p.trans_batch_b, p.trans_b);
  if (a.empty() || b.empty()) c.Reject("a scalar cannot be an operand of a matrix product");
  MergeDim(c, a.back(), b.size() == 1 ? b[0] : b[b.size() - 2], "the dimension to sum over");
  const Dims a_batch(a.begin(), a.size() < 2 ? a.begin() : a.end() - 2);
  const Dims b_batch(b.begin(), b.size() < 2 ? b.begin() : b.end() - 2);
  Dims out = Broadcast(c, a_batch, b_batch);
  if (a.size() > 1) out.push_back(a[a.size() - 2]);
  if (b.size() > 1) out.push_back(b.back());
  c.SetOutput(0, c.dtype(0), std::move(out));
}

void InferGemm(InferContext& c) {
  const GemmParams p(c.attributes());
  c.RequireRank(0, 2);
  c.RequireRank(1, 2);
  if (c.has_rank(0) && c.has_rank(1)) {
    const Dims a = Transposed(*c.shape(0), false, p.trans_a), b = Transposed(*c.shape(1), false, p.trans_b);
    MergeDim(c, a[1], b[0], "the dimension to sum over");
    Dims out = {a[0], b[1]};
    if (c.has_input(2) && c.has_rank(2)) {
      const Dims& addend = *c.shape(2);
      if (addend.size() > 2) c.Reject("C has rank " + std::to_string(addend.size()) + "; at most 2 is allowed");
      for (size_t i = 0; i < addend.size(); ++i) {
        const Dim& have = addend[addend.size() - 1 - i];
        const Dim& want = out[1 - i];
        if (have.known() && want.known() && have.value() != 1 && have.value() != want.value())
          c.Reject("C of shape " + ToString(addend) + " does not broadcast to " + ToString(out));
      }
    }
    return c.SetOutput(0, c.dtype(0), std::move(out));
  }
  c.SetOutput(0, c.dtype(0), Dims{c.FreshDim(), c.FreshDim()});
}

// Before version 7 an attribute said whether C is broadcast; its shape says the same.
void UpgradeGemm(RewriteContext& c) { c.node().attributes.Remove("broadcast"); }

constexpr OpDef kOps[] = {
    {.name = "MatMul", .infer = InferMatMul},
    {.name = "FusedMatMul", .domain = "com.microsoft", .infer = InferMatMul},
    {.name = "Gemm", .infer = InferGemm, .upgrade = UpgradeGemm},
    {.name = "FusedGemm", .domain = "com.microsoft", .infer = InferGemm},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::matmul
