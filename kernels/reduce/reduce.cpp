#include "kernels/reduce/reduce.h"

#include <algorithm>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::reduce {
namespace {

// Axes were an attribute before ReduceSum-13 and before version 18 of the others.
void Upgrade(RewriteContext& c) { c.AttributeToInput("axes", 1); }

void Infer(InferContext& c) {
  const Params p(c.attributes());
  std::optional<std::vector<int64_t>> axes = std::vector<int64_t>{};
  int64_t axis_count = 0;  // -1: unknown
  if (c.has_input(1)) {
    if (c.has_rank(1) && c.input(1).rank() > 1) c.Reject("axes must have rank 1");
    axes = c.Int64s(1);
    axis_count = -1;
    if (axes) {
      axis_count = static_cast<int64_t>(axes->size());
    } else if (c.has_rank(1) && (*c.shape(1)).size() == 1 && (*c.shape(1))[0].known()) {
      axis_count = (*c.shape(1))[0].value();
      if (axis_count == 0) axes = std::vector<int64_t>{};
    }
  }
  if (!c.has_rank(0)) {
    const bool to_scalar = axis_count == 0 && !p.noop_with_empty_axes && !p.keepdims;
    return c.SetOutput(0, c.dtype(0), to_scalar ? std::optional<Dims>(Dims{}) : std::nullopt);
  }
  const Dims& x = *c.shape(0);
  const int rank = static_cast<int>(x.size());
  if (!axes) {
    if (p.keepdims) return c.SetOutput(0, c.dtype(0), c.FreshDims(rank));
    if (axis_count < 0) return c.SetOutput(0, c.dtype(0), std::nullopt);
    if (axis_count > rank) c.Reject("more axes than dimensions");
    return c.SetOutput(0, c.dtype(0), c.FreshDims(rank - static_cast<int>(axis_count)));
  }
  std::vector<bool> reduced(rank, axes->empty() && !p.noop_with_empty_axes);
  for (int axis : NormalizeAxes(c, *axes, rank)) reduced[axis] = true;
  Dims y;
  for (int i = 0; i < rank; ++i) {
    if (!reduced[i]) {
      y.push_back(x[i]);
    } else if (p.keepdims) {
      y.push_back(1);
    }
  }
  c.SetOutput(0, c.dtype(0), std::move(y));
}

constexpr OpDef Op(std::string_view name) {
  return {.name = name, .infer = Infer, .upgrade = Upgrade, .host_inputs = 1u << 1};
}
constexpr OpDef kOps[] = {
    Op("ReduceSum"), Op("ReduceMean"), Op("ReduceMax"),    Op("ReduceMin"),       Op("ReduceProd"),
    Op("ReduceL1"),  Op("ReduceL2"),   Op("ReduceLogSum"), Op("ReduceLogSumExp"), Op("ReduceSumSquare"),
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::reduce
