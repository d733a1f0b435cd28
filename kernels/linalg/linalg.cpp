// Det, and com.microsoft.Inverse: of each matrix of a stack.
#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::linalg {
namespace {

// Rejects what is not a stack of square matrices.
void RequireSquare(InferContext& c) {
  if (!c.has_rank(0)) return;
  const Dims& in = *c.shape(0);
  if (in.size() < 2) c.Reject("the input must have at least two dimensions");
  MergeDim(c, in[in.size() - 2], in[in.size() - 1], "rows and columns");
}

void InferDet(InferContext& c) {
  RequireSquare(c);
  std::optional<Dims> out = c.shape(0);
  if (out) out->resize(out->size() - 2);
  c.SetOutput(0, c.dtype(0), std::move(out));
}

void InferInverse(InferContext& c) {
  RequireSquare(c);
  InferSameAsInput(c);
}

constexpr OpDef kOps[] = {
    {.name = "Det", .infer = InferDet},
    {.name = "Inverse", .domain = "com.microsoft", .infer = InferInverse},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::linalg
