#include "kernels/gather/gather.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::gather {
namespace {

void InferGather(InferContext& c) {
  const int64_t given = Params(c.attributes()).axis;
  if (!c.has_rank(0) || !c.has_rank(1)) {
    if (c.has_rank(0)) NormalizeAxis(c, given, c.input(0).rank());
    return c.SetOutput(0, c.dtype(0), {});
  }
  const Dims &data = *c.shape(0), &indices = *c.shape(1);
  const int axis = NormalizeAxis(c, given, c.input(0).rank());
  Dims out(data.begin(), data.begin() + axis);
  out.insert(out.end(), indices.begin(), indices.end());
  out.insert(out.end(), data.begin() + axis + 1, data.end());
  if (data.size() == 1) {
    const std::optional<Dims> content = c.Content(0);
    const auto chosen = content ? c.Int64s(1) : std::nullopt;
    if (chosen) {
      const int64_t size = static_cast<int64_t>(content->size());
      Dims elements;
      for (int64_t i : *chosen) {
        if (i < -size || i >= size) c.Reject("index " + std::to_string(i) + " is out of range");
        elements.push_back((*content)[i < 0 ? i + size : i]);
      }
      return c.SetContent(0, c.dtype(0), std::move(out), std::move(elements));
    }
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
}

void InferGatherElements(InferContext& c) {
  if (c.has_rank(0)) {
    const int axis = NormalizeAxis(c, Params(c.attributes()).axis, c.input(0).rank());
    c.RequireRank(1, c.input(0).rank());
    if (c.has_rank(1)) {
      for (int i = 0; i < c.input(0).rank(); ++i) {
        const Dim &d = (*c.shape(0))[i], &n = (*c.shape(1))[i];
        if (i != axis && d.known() && n.known() && n.value() > d.value())
          c.Reject("dimension " + std::to_string(i) + " of the indices exceeds that of the data");
      }
    }
  }
  c.SetOutput(0, c.dtype(0),
              c.has_rank(1)   ? c.shape(1)
              : c.has_rank(0) ? std::optional(c.FreshDims(c.input(0).rank()))
                              : std::nullopt);
}

void InferGatherND(InferContext& c) {
  const int64_t batch = NdParams(c.attributes()).batch_dims;
  if (batch < 0) c.Reject("batch_dims is negative");
  if (!c.has_rank(0) || !c.has_rank(1)) return c.SetOutput(0, c.dtype(0), {});
  const Dims &data = *c.shape(0), &indices = *c.shape(1);
  if (indices.empty()) c.Reject("the indices are a scalar");
  if (batch >= static_cast<int64_t>(std::min(data.size(), indices.size())))
    c.Reject("batch_dims must be below the ranks of both inputs");
  for (int64_t i = 0; i < batch; ++i) MergeDim(c, data[i], indices[i], "batch dimensions");
  if (!indices.back().known()) return c.SetOutput(0, c.dtype(0), {});
  const int64_t depth = indices.back().value();
  if (depth + batch > static_cast<int64_t>(data.size())) c.Reject("the index tuples are longer than the data's rank");
  Dims out(indices.begin(), indices.end() - 1);
  out.insert(out.end(), data.begin() + batch + depth, data.end());
  c.SetOutput(0, c.dtype(0), std::move(out));
}

void UpgradeRename(RewriteContext& c) { c.node().domain = ""; }

constexpr OpDef kOps[] = {
    {.name = "Gather", .infer = InferGather},
    {.name = "GatherElements", .infer = InferGatherElements},
    {.name = "GatherND", .infer = InferGatherND},
    {.name = "GatherND", .domain = "com.microsoft", .upgrade = UpgradeRename, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::gather
