#include "kernels/deform_conv/deform_conv.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::deform_conv {
namespace {

void Infer(InferContext& c) {
  const Params params(c.attributes());
  const DType dtype = c.dtype(kX);
  const std::optional<Dims>&x = c.shape(kX), &w = c.shape(kW), &offset = c.shape(kOffset), &mask = c.shape(kMask);
  int rank = -1;
  for (size_t i : {size_t{kX}, size_t{kW}, size_t{kOffset}}) {
    if (rank >= 0) c.RequireRank(i, rank);
    if (c.has_rank(i)) rank = c.input(i).rank();
  }
  if (rank < 0) return c.SetOutput(0, dtype, std::nullopt);
  if (rank < 3 || rank > 12) c.Reject("X must have one to ten spatial axes");
  const size_t axes = static_cast<size_t>(rank) - 2;
  params.Check(axes);
  Dims y = {c.FreshDim(), c.FreshDim()};
  if (x) y[0] = (*x)[0];
  if (offset) y[0] = MergeDim(c, y[0], (*offset)[0], "number of batches");
  if (w) {
    y[1] = (*w)[0];
    if (y[1].known() && y[1].value() % params.group != 0) c.Reject("output channels are not a multiple of group");
    if (x) MergeDim(c, (*x)[1], (*w)[1] * params.group, "input channels");
  }
  if (x && (*x)[1].known() && (*x)[1].value() % params.offset_group != 0) {
    c.Reject("input channels are not a multiple of offset_group");
  }
  if (c.has_input(kB)) {
    c.RequireRank(kB, 1);
    if (c.has_rank(kB)) y[1] = MergeDim(c, y[1], (*c.shape(kB))[0], "output channels");
  }
  Dim taps = 1;
  for (size_t i = 0; i < axes; ++i) {
    Dim kernel = params.kernel.empty() ? c.FreshDim() : Dim(params.kernel[i]);
    if (w) kernel = MergeDim(c, kernel, (*w)[i + 2], "kernel_shape");
    taps = taps * kernel;
    Dim out = offset ? (*offset)[i + 2] : c.FreshDim();
    if (x) {
      const Dim room =
          (*x)[i + 2] + (params.pad_begin(i) + params.pad_end(i, axes)) - (kernel - 1) * params.dilation(i) - 1;
      out = FloorDiv(room, params.stride(i)) + 1;
    }
    if (offset) out = MergeDim(c, out, (*offset)[i + 2], "output extent and extent of offset");
    y.push_back(out);
  }
  if (offset) MergeDim(c, taps * params.offset_group * static_cast<int64_t>(axes), (*offset)[1], "channels of offset");
  if (c.has_input(kMask)) {
    c.RequireRank(kMask, rank);
    if (mask) {
      MergeDim(c, taps * params.offset_group, (*mask)[1], "channels of mask");
      MergeDim(c, y[0], (*mask)[0], "number of batches");
      for (size_t i = 0; i < axes; ++i) MergeDim(c, y[i + 2], (*mask)[i + 2], "output extent and extent of mask");
    }
  }
  c.SetOutput(0, dtype, std::move(y));
}

constexpr OpDef kOps[] = {{.name = "DeformConv", .infer = Infer}};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::deform_conv
