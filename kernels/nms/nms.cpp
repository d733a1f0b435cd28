#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::nms {
namespace {

// boxes [batches, boxes, 4], scores [batches, classes, boxes] -> [selected, 3].
void Infer(InferContext& c) {
  c.RequireRank(0, 3);
  c.RequireRank(1, 3);
  if (c.has_rank(0) && c.has_rank(1)) {
    const Dims &boxes = *c.shape(0), &scores = *c.shape(1);
    MergeDim(c, boxes[0], scores[0], "number of batches");
    MergeDim(c, boxes[1], scores[2], "number of boxes");
    MergeDim(c, boxes[2], 4, "size of a box");
  }
  const int64_t format = c.attributes().Int("center_point_box", 0);
  if (format != 0 && format != 1) c.Reject("center_point_box must be 0 or 1 but is " + std::to_string(format));
  c.SetOutput(0, DType::kInt64, Dims{c.FreshDim(), 3});
}

constexpr OpDef kOps[] = {{.name = "NonMaxSuppression", .infer = Infer}};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::nms
