#include "kernels/scatter/scatter.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::scatter {
namespace {

void CheckReduction(InferContext& c) {
  const Reduction reduction = ReductionOf(c.attributes());
  if (reduction == Reduction::kUnknown) c.Reject("reduction is none of none, add, mul, max, min");
  const DType t = c.dtype(0);
  const bool ordered = reduction == Reduction::kMax || reduction == Reduction::kMin;
  if (reduction != Reduction::kNone && (t == DType::kString || (ordered && IsComplex(t))))
    c.Reject("elements of type " + std::string(NameOf(t)) + " cannot be reduced");
}

void InferScatterElements(InferContext& c) {
  CheckReduction(c);
  if (c.has_rank(0)) {
    const int rank = c.input(0).rank(), axis = NormalizeAxis(c, Params(c.attributes()).axis, rank);
    c.RequireRank(1, rank);
    c.RequireRank(2, rank);
    for (int i = 0; c.has_rank(1) && i < rank; ++i) {
      const Dim &d = (*c.shape(0))[i], &n = (*c.shape(1))[i];
      if (i != axis && d.known() && n.known() && n.value() > d.value())
        c.Reject("dimension " + std::to_string(i) + " of the indices exceeds that of the data");
    }
  }
  if (c.has_rank(1) && c.has_rank(2)) {
    c.RequireRank(2, c.input(1).rank());
    for (int i = 0; i < c.input(1).rank(); ++i) MergeDim(c, (*c.shape(1))[i], (*c.shape(2))[i], "indices and updates");
  }
  InferSameAsInput(c);
}

void InferScatterND(InferContext& c) {
  CheckReduction(c);
  if (c.has_rank(0) && c.has_rank(1)) {
    const Dims &data = *c.shape(0), &indices = *c.shape(1);
    if (indices.empty()) c.Reject("the indices are a scalar");
    if (indices.back().known()) {
      const int64_t depth = indices.back().value(), lead = static_cast<int64_t>(indices.size()) - 1;
      if (depth > static_cast<int64_t>(data.size())) c.Reject("the index tuples are longer than the data's rank");
      const int rank = static_cast<int>(lead + static_cast<int64_t>(data.size()) - depth);
      c.RequireRank(2, rank);
      for (int i = 0; c.has_rank(2) && i < rank; ++i)
        MergeDim(c, i < lead ? indices[i] : data[depth + i - lead], (*c.shape(2))[i], "the updates' shape");
    }
  }
  InferSameAsInput(c);
}

void InferTensorScatter(InferContext& c) {
  const TensorScatterParams p(c.attributes());
  const std::string mode = c.attributes().String("mode", "linear");
  if (mode != "linear" && mode != "circular") c.Reject("mode is neither linear nor circular");
  c.RequireRank(2, 1);
  if (c.has_rank(0)) {
    const int rank = c.input(0).rank(), axis = NormalizeAxis(c, p.axis, rank);
    if (axis == 0) c.Reject("the axis cannot be the batch dimension");
    c.RequireRank(1, rank);
    for (int i = 0; c.has_rank(1) && i < rank; ++i) {
      const Dim &d = (*c.shape(0))[i], &n = (*c.shape(1))[i];
      if (i != axis) MergeDim(c, d, n, "the update's shape");
      if (i == axis && d.known() && n.known() && n.value() > d.value()) c.Reject("the update is longer than the cache");
    }
    if (c.has_input(2) && c.has_rank(2)) MergeDim(c, (*c.shape(0))[0], (*c.shape(2))[0], "batch and write_indices");
  }
  InferSameAsInput(c);
}

void UpgradeScatter(RewriteContext& c) { c.node().op_type = "ScatterElements"; }

constexpr OpDef kOps[] = {
    {.name = "ScatterElements", .infer = InferScatterElements},
    {.name = "ScatterND", .infer = InferScatterND},
    {.name = "TensorScatter", .infer = InferTensorScatter},
    {.name = "Scatter", .upgrade = UpgradeScatter, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::scatter
