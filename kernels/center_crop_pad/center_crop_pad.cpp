#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::center_crop_pad {
namespace {

void Infer(InferContext& c) {
  const DType dtype = c.dtype(0);
  c.RequireRank(1, 1);
  if (!c.has_rank(0)) return c.SetOutput(0, dtype, std::nullopt);
  Dims dims = *c.shape(0);
  const int rank = c.input(0).rank();
  std::vector<int64_t> given = c.attributes().Ints("axes");
  if (!c.attributes().Has("axes")) {
    for (int i = 0; i < rank; ++i) given.push_back(i);
  }
  const std::vector<int> axes = NormalizeAxes(c, given, rank);
  const std::optional<Dims> shape = c.Content(1);
  if (shape && shape->size() != axes.size()) {
    c.Reject("shape has " + std::to_string(shape->size()) + " elements for " + std::to_string(axes.size()) + " axes");
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    dims[axes[i]] = shape ? (*shape)[i] : c.FreshDim();
    if (dims[axes[i]].known() && dims[axes[i]].value() < 0) c.Reject("shape must not be negative");
  }
  c.SetOutput(0, dtype, std::move(dims));
}

constexpr OpDef kOps[] = {{.name = "CenterCropPad", .infer = Infer, .host_inputs = 1 << 1}};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::center_crop_pad
