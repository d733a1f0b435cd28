#include "kernels/select/select.h"

#include <cmath>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::select {
namespace {

void InferOneHot(InferContext& c) {
  if (c.input(2).static_shape() && c.input(2).static_dims() != std::vector<int64_t>{2})
    c.Reject("values must have two elements");
  if (c.input(1).static_shape() && CountOf(c.input(1).static_dims()) != 1) c.Reject("depth must have one element");
  if (!c.has_rank(0)) return c.SetOutput(0, c.dtype(2), {});
  const int rank = c.input(0).rank();
  const int axis = NormalizeAxis(c, OneHotParams(c.attributes()).axis, rank + 1);
  Dim depth;
  if (const std::optional<Dims> content = c.Content(1)) {
    depth = content->at(0);
  } else if (const auto real = c.Doubles(1)) {
    if (!(std::fabs(real->at(0)) < 0x1p62)) c.Reject("depth is no number of classes");
    depth = static_cast<int64_t>(real->at(0));
  } else {
    depth = c.FreshDim();
  }
  if (depth.known() && depth.value() < 1) c.Reject("depth must be positive");
  Dims out = *c.shape(0);
  out.insert(out.begin() + axis, depth);
  c.SetOutput(0, c.dtype(2), std::move(out));
}

void UpgradeOneHot(RewriteContext& c) {
  if (c.version() < 11) c.node().attributes.Set("wrap_negative", int64_t{0});
}

void InferCompress(InferContext& c) {
  const AxisParams p(c.attributes());
  c.RequireRank(1, 1);
  std::optional<Dims> out = p.axis ? c.shape(0) : Dims{Dim()};
  if (c.has_rank(0)) {
    if (c.input(0).rank() == 0) c.Reject("the input must have at least one dimension");
    if (p.axis) NormalizeAxis(c, *p.axis, c.input(0).rank());
  }
  if (!out) return c.SetOutput(0, c.dtype(0), {});
  const int axis = p.axis ? NormalizeAxis(c, *p.axis, static_cast<int>(out->size())) : 0;
  const Dim length = p.axis ? (*out)[axis] : c.has_rank(0) ? Product(*c.shape(0)) : c.FreshDim();
  const auto condition = c.Int64s(1);
  if (condition && length.known()) {
    int64_t count = 0;
    for (int64_t i = 0; i < std::min<int64_t>(length.value(), static_cast<int64_t>(condition->size())); ++i)
      count += (*condition)[i] != 0;
    (*out)[axis] = count;
  } else {
    (*out)[axis] = c.FreshDim();
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
}

void InferNonZero(InferContext& c) {
  c.SetOutput(0, DType::kInt64, Dims{c.has_rank(0) ? Dim(c.input(0).rank()) : c.FreshDim(), c.FreshDim()});
}

void InferUnique(InferContext& c) {
  const AxisParams p(c.attributes());
  const Dim found = c.FreshDim();
  std::optional<Dims> out = Dims{found};
  Dim length = c.FreshDim();
  if (p.axis) {
    out = c.shape(0);
    if (out) {
      const int axis = NormalizeAxis(c, *p.axis, c.input(0).rank());
      length = (*out)[axis];
      (*out)[axis] = found;
    }
  } else if (c.has_rank(0)) {
    length = Product(*c.shape(0));
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
  c.SetOutput(1, DType::kInt64, Dims{found});
  c.SetOutput(2, DType::kInt64, Dims{length});
  c.SetOutput(3, DType::kInt64, Dims{found});
}

// com.microsoft: values in the order of their first occurrence, for each input element the index of its value, counts.
void UpgradeUnique(RewriteContext& c) {
  c.node().domain = "";
  c.node().attributes.Set("sorted", int64_t{0});
  c.node().outputs.resize(3, kNoValue);
  c.node().outputs.insert(c.node().outputs.begin() + 1, kNoValue);
}

constexpr OpDef kOps[] = {
    {.name = "OneHot", .infer = InferOneHot, .upgrade = UpgradeOneHot, .host_inputs = 2},
    {.name = "Compress", .infer = InferCompress},
    {.name = "NonZero", .infer = InferNonZero},
    {.name = "Unique", .infer = InferUnique},
    {.name = "Unique", .domain = "com.microsoft", .upgrade = UpgradeUnique, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::select
