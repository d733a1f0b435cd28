#include "kernels/pad/pad.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::pad {
namespace {

void Infer(InferContext& c) {
  const Mode mode = ModeOf(c.attributes());
  if (mode == Mode::kUnknown) c.Reject("mode is none of constant, reflect, edge, wrap");
  if (c.has_input(2) && c.input(2).static_shape() && CountOf(c.input(2).static_dims()) != 1)
    c.Reject("constant_value must have one element");
  if (!c.has_rank(0)) return c.SetOutput(0, c.dtype(0), {});
  const int rank = c.input(0).rank();
  c.RequireRank(1, 1);
  const std::optional<Dims> pads = c.Content(1);
  std::vector<int> axes;
  if (c.has_input(3)) {
    const auto given = c.Int64s(3);
    if (!given) return c.SetOutput(0, c.dtype(0), c.FreshDims(rank));
    axes = NormalizeAxes(c, *given, rank);
  } else {
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  }
  if (pads && pads->size() != 2 * axes.size())
    c.Reject("pads has " + std::to_string(pads->size()) + " entries for " + std::to_string(axes.size()) + " axes");
  Dims out = *c.shape(0);
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& d = out[axes[i]];
    if (!pads) {
      d = c.FreshDim();
      continue;
    }
    const Dim &begin = (*pads)[i], &end = (*pads)[axes.size() + i], size = d;
    d = size + (begin + end);  // one may be a large negative number
    if (mode != Mode::kConstant && size.known() && begin.known() && end.known() && d.value() > 0 &&
        AxisPad(size.value(), begin.value(), end.value()).extent <= 0)
      c.Reject("dimension " + std::to_string(axes[i]) + " is empty: there is nothing to continue");
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
}

void Upgrade(RewriteContext& c) {
  if (c.node().domain == "com.microsoft") {  // pads may be [1, 2 * rank]
    c.node().domain = "";
    if (!c.fact(1).has_rank() || c.fact(1).rank() != 1) c.SetInput(1, c.Add("Reshape", {c.input(1), c.Int64s({-1})}));
    return;
  }
  if (c.version() >= 11) return;
  const float value = c.attributes().Float("value", 0);
  c.AttributeToInput(c.version() < 2 ? "paddings" : "pads", 1);
  c.node().attributes.Remove("value");
  if (!c.has_input(1)) c.Reject("has no pads");
  if (value != 0) c.SetInput(2, c.ScalarLike(value));
}

constexpr OpDef kOps[] = {
    {.name = "Pad", .infer = Infer, .upgrade = Upgrade, .host_inputs = 2 | 8},
    {.name = "Pad", .domain = "com.microsoft", .upgrade = Upgrade, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::pad
