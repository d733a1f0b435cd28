#include "kernels/matmul_nbits/matmul_nbits.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::matmul_nbits {
namespace {

// Rejects an input whose number of elements is known and is not `want`.
void RequireCount(InferContext& c, size_t i, int64_t want) {
  if (!c.has_input(i) || !c.has_rank(i)) return;
  const Dim count = Product(*c.shape(i));
  if (count.known() && count.value() != want)
    c.Reject("input " + std::to_string(i) + " has " + count.ToString() + " elements instead of " +
             std::to_string(want));
}

void Infer(InferContext& c) {
  const Params p(c.attributes());
  if (p.n < 1 || p.k < 1 || p.bits < 2 || p.bits > 8 || p.block < 16 || (p.block & (p.block - 1)) != 0)
    c.Reject("N, K, bits and block_size make no sense");
  if (c.has_input(4)) c.Reject("g_idx is not supported");
  if (c.attributes().Int("weight_prepacked", 0)) c.Reject("the weight is packed for another provider");
  RequireCount(c, 1, CheckedMul(p.n, CheckedMul(p.blocks(), p.block_bytes())));
  RequireCount(c, 2, CheckedMul(p.n, p.blocks()));
  if (c.has_input(3)) RequireCount(c, 3, CheckedMul(p.n, c.dtype(3) == DType::kUint8 ? p.zero_bytes() : p.blocks()));
  RequireCount(c, 5, p.n);
  std::optional<Dims> out = c.shape(0);
  if (out) {
    if (out->empty()) c.Reject("A is a scalar");
    MergeDim(c, out->back(), Dim(p.k), "A's last dimension and K");
    out->back() = p.n;
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
}

constexpr OpDef kOps[] = {{.name = "MatMulNBits", .domain = "com.microsoft", .infer = Infer}};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::matmul_nbits
