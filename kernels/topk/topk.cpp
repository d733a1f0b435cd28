#include "kernels/topk/topk.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::topk {
namespace {

void InferTopK(InferContext& c) {
  if (c.input(1).static_shape() && CountOf(c.input(1).static_dims()) != 1) c.Reject("K must have one element");
  std::optional<Dims> out = c.shape(0);
  if (out) {
    Dim& d = (*out)[NormalizeAxis(c, Params(c.attributes()).axis, c.input(0).rank())];
    const std::optional<Dims> k = c.Content(1);
    const Dim count = k ? k->at(0) : c.FreshDim();
    if (count.known() && count.value() < 0) c.Reject("K is negative");
    if (count.known() && d.known() && count.value() > d.value())
      c.Reject("K is " + count.ToString() + " but there are only " + d.ToString() + " elements");
    d = count;
  }
  c.SetOutput(0, c.dtype(0), out);
  c.SetOutput(1, DType::kInt64, std::move(out));
}

void UpgradeTopK(RewriteContext& c) {
  if (c.version() >= 10) return;
  const int64_t k = c.attributes().Int("k", 0);
  if (k < 1) c.Reject("k must be positive");
  c.SetInput(1, c.Int64s({k}));
  c.node().attributes.Remove("k");
}

void InferArg(InferContext& c) {
  const ArgParams p(c.attributes());
  std::optional<Dims> out = c.shape(0);
  if (out) {
    const int axis = NormalizeAxis(c, p.axis, c.input(0).rank());
    if ((*out)[axis] == Dim(0)) c.Reject("there is no extreme among no elements");
    if (p.keepdims) (*out)[axis] = 1;
    if (!p.keepdims) out->erase(out->begin() + axis);
  }
  c.SetOutput(0, DType::kInt64, std::move(out));
}

constexpr OpDef kOps[] = {
    {.name = "TopK", .infer = InferTopK, .upgrade = UpgradeTopK, .host_inputs = 2},
    {.name = "ArgMax", .infer = InferArg},
    {.name = "ArgMin", .infer = InferArg},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::topk
