#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::roi {
namespace {

// Before version 16 there was no shift by half a pixel.
void UpgradeAlign(RewriteContext& c) {
  if (c.version() < 16) {
    c.node().attributes.Set("coordinate_transformation_mode", std::string("output_half_pixel"));
  }
}

void RequirePixels(const InferContext& c) {
  if (c.has_rank(0) && ((*c.shape(0))[2] == Dim(0) || (*c.shape(0))[3] == Dim(0)))
    c.Reject("X " + ToString(*c.shape(0)) + " has no pixels");
}

// x [N, C, H, W], rois [R, 4], batch_indices [R] -> [R, C, output_height, output_width].
void InferAlign(InferContext& c) {
  c.RequireRank(0, 4);
  RequirePixels(c);
  c.RequireRank(1, 2);
  c.RequireRank(2, 1);
  Dim count = c.has_rank(1) ? (*c.shape(1))[0] : c.FreshDim();
  if (c.has_rank(1)) MergeDim(c, (*c.shape(1))[1], 4, "columns of rois");
  if (c.has_rank(2)) count = MergeDim(c, count, (*c.shape(2))[0], "number of rois");
  const int64_t height = c.attributes().Int("output_height", 1), width = c.attributes().Int("output_width", 1);
  if (height < 1 || width < 1) c.Reject("output_height and output_width must be positive");
  if (c.attributes().Int("sampling_ratio", 0) < 0) c.Reject("sampling_ratio must not be negative");
  const std::string mode = c.attributes().String("mode", "avg");
  if (mode != "avg" && mode != "max") c.Reject("mode is '" + mode + "', not avg or max");
  const std::string shift = c.attributes().String("coordinate_transformation_mode", "half_pixel");
  if (shift != "half_pixel" && shift != "output_half_pixel") {
    c.Reject("coordinate_transformation_mode is '" + shift + "', not half_pixel or output_half_pixel");
  }
  c.SetOutput(0, c.dtype(0), Dims{count, c.has_rank(0) ? (*c.shape(0))[1] : c.FreshDim(), height, width});
}

// x [N, C, H, W], rois [R, 5] -> [R, C, pooled_shape...].
void InferMax(InferContext& c) {
  c.RequireRank(0, 4);
  RequirePixels(c);
  c.RequireRank(1, 2);
  if (c.has_rank(1)) MergeDim(c, (*c.shape(1))[1], 5, "columns of rois");
  const std::vector<int64_t> pooled = c.attributes().Ints("pooled_shape");
  if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1) c.Reject("pooled_shape must have two positive values");
  c.SetOutput(0, c.dtype(0),
              Dims{c.has_rank(1) ? (*c.shape(1))[0] : c.FreshDim(), c.has_rank(0) ? (*c.shape(0))[1] : c.FreshDim(),
                   pooled[0], pooled[1]});
}

constexpr OpDef kOps[] = {
    {.name = "RoiAlign", .infer = InferAlign, .upgrade = UpgradeAlign},
    {.name = "MaxRoiPool", .infer = InferMax},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::roi
