#include "kernels/grid_sample/grid_sample.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::grid_sample {
namespace {

// Before version 20 the modes had two-dimensional names.
void Upgrade(RewriteContext& c) {
  const std::string mode = c.attributes().String("mode", "");
  if (mode == "bilinear") c.node().attributes.Set("mode", std::string("linear"));
  if (mode == "bicubic") c.node().attributes.Set("mode", std::string("cubic"));
}

// com.microsoft's is GridSample-16, whose default mode is bilinear too.
void UpgradeContributed(RewriteContext& c) {
  c.node().domain = "";
  Upgrade(c);
}

void Infer(InferContext& c) {
  const Params params(c.attributes());
  const DType dtype = c.dtype(0);
  if (params.mode != Mode::kNearest && (dtype == DType::kString || dtype == DType::kBool)) {
    c.Reject("only nearest works on " + std::string(NameOf(dtype)));
  }
  if (c.has_rank(0) && c.input(0).rank() < 3) c.Reject("X must have rank 3 or more");
  if (c.has_rank(0)) c.RequireRank(1, c.input(0).rank());
  if (!c.has_rank(0) || !c.has_rank(1)) {
    const Fact& known = c.has_rank(0) ? c.input(0) : c.input(1);
    return c.SetOutput(0, dtype, known.has_rank() ? std::optional<Dims>(c.FreshDims(known.rank())) : std::nullopt);
  }
  const Dims &x = *c.shape(0), &grid = *c.shape(1);
  MergeDim(c, grid.back(), static_cast<int64_t>(x.size()) - 2, "size of a grid position");
  Dims y = {MergeDim(c, x[0], grid[0], "number of batches"), x[1]};
  y.insert(y.end(), grid.begin() + 1, grid.end() - 1);
  c.SetOutput(0, dtype, std::move(y));
}

// theta [N, r, r + 1], size [N, C, D1...Dr] -> [N, D1...Dr, r].
void InferAffine(InferContext& c) {
  c.RequireRank(0, 3);
  c.RequireRank(1, 1);
  const DType dtype = c.dtype(0);
  const std::optional<Dims> size = c.Content(1);
  Dim batch = c.has_rank(0) ? (*c.shape(0))[0] : c.FreshDim();
  int64_t rank = -1;
  if (size) {
    rank = static_cast<int64_t>(size->size()) - 2;
  } else if (c.has_rank(0) && (*c.shape(0))[1].known()) {
    rank = (*c.shape(0))[1].value();
  }
  if (rank < 0) return c.SetOutput(0, dtype, std::nullopt);
  if (rank != 2 && rank != 3) c.Reject("size must have 4 or 5 elements");
  if (c.has_rank(0)) {
    MergeDim(c, (*c.shape(0))[1], rank, "rows of theta");
    MergeDim(c, (*c.shape(0))[2], rank + 1, "columns of theta");
  }
  if (size) batch = MergeDim(c, batch, (*size)[0], "number of batches");
  Dims dims = {batch};
  for (int64_t i = 0; i < rank; ++i) {
    dims.push_back(size ? (*size)[i + 2] : c.FreshDim());
    if (dims.back().known() && dims.back().value() < 1) c.Reject("size must be positive");
  }
  dims.push_back(rank);
  c.SetOutput(0, dtype, std::move(dims));
}

constexpr OpDef kOps[] = {
    {.name = "GridSample", .infer = Infer, .upgrade = Upgrade},
    {.name = "GridSample", .domain = "com.microsoft", .upgrade = UpgradeContributed, .flags = kOpAlias},
    {.name = "AffineGrid", .infer = InferAffine, .host_inputs = 1 << 1},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::grid_sample
