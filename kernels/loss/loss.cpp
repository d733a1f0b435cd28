#include "kernels/loss/loss.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::loss {
namespace {

// scores (N, C, d...), labels (N, d...), weights (C).
void Infer(InferContext& c) {
  const Params params(c.attributes());
  c.RequireRank(2, 1);
  std::optional<Dims> labels = c.shape(1);
  if (c.has_rank(0)) {
    const Dims& scores = *c.shape(0);
    if (scores.size() < 2) c.Reject("the scores must have at least two dimensions");
    Dims expected = scores;
    expected.erase(expected.begin() + 1);
    if (labels && labels->size() != expected.size())
      c.Reject("labels of shape " + ToString(*labels) + " do not fit scores of shape " + ToString(scores));
    for (size_t i = 0; labels && i < expected.size(); ++i)
      expected[i] = MergeDim(c, expected[i], (*labels)[i], "labels and scores");
    labels = std::move(expected);
    if (c.has_input(2) && c.has_rank(2)) MergeDim(c, scores[1], (*c.shape(2))[0], "classes and weights");
  }
  c.SetOutput(0, c.dtype(0), params.reduction == Reduction::kNone ? labels : Dims{});
  c.SetOutput(1, c.dtype(0), c.shape(0));
}

constexpr OpDef kOps[] = {
    {.name = "NegativeLogLikelihoodLoss", .infer = Infer},
    {.name = "SoftmaxCrossEntropyLoss", .infer = Infer},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::loss
