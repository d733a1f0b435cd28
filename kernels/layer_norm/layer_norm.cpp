#include "kernels/layer_norm/layer_norm.h"

#include <algorithm>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::layer_norm {
namespace {

// Rejects the node unless input i is absent or broadcasts to `to` without changing it.
void RequireBroadcastsTo(const InferContext& c, int i, const Dims& to, const char* what) {
  if (i < 0 || !c.has_input(i) || !c.has_rank(i)) return;
  const Dims& from = *c.shape(i);
  bool fits = from.size() <= to.size();
  for (size_t k = 0; fits && k < from.size(); ++k) {
    const Dim &f = from[k], &t = to[to.size() - from.size() + k];
    fits = !f.known() || f.value() == 1 || !t.known() || f == t;
  }
  if (!fits) c.Reject(std::string(what) + " " + ToString(from) + " does not broadcast to " + ToString(to));
}

void InferForm(InferContext& c, const Form& form, DType y_type, DType stash_type) {
  const Params p(c.attributes(), form);
  std::optional<Dims> x = c.shape(0), stash;
  if (x) {
    if (x->empty()) c.Reject("the input has rank 0");
    const int axis = NormalizeAxis(c, p.axis, static_cast<int>(x->size()));
    stash = x;
    std::fill(stash->begin() + axis, stash->end(), Dim(1));
    RequireBroadcastsTo(c, form.skip, *x, "skip");
    RequireBroadcastsTo(c, form.gamma, *x, "scale");
    RequireBroadcastsTo(c, form.beta, *x, "bias");
    RequireBroadcastsTo(c, form.bias, *x, "bias");
  }
  c.SetOutput(0, y_type, x);
  if (form.mean >= 0) c.SetOutput(form.mean, stash_type, stash);
  if (form.inverse_deviation >= 0) c.SetOutput(form.inverse_deviation, stash_type, stash);
  if (form.sum >= 0) c.SetOutput(form.sum, c.dtype(0), x);
}

DType StashType(const InferContext& c) {
  const DType type = Params(c.attributes(), kLayer).stash_type;
  if (!IsFloating(type)) c.Reject("stash_type " + std::to_string(static_cast<int>(type)) + " is not a floating type");
  return type;
}

// Mean and InvStdDev of LayerNormalization have type stash_type.
void InferLayer(InferContext& c) { InferForm(c, kLayer, c.dtype(0), StashType(c)); }
// Y has the type of the scale.
void InferRms(InferContext& c) { InferForm(c, kRms, c.dtype(1), StashType(c)); }
void InferSimplified(InferContext& c) { InferForm(c, kSimplified, c.dtype(1), StashType(c)); }
void InferSkipLayer(InferContext& c) { InferForm(c, kSkipLayer, c.dtype(0), DType::kFloat); }
void InferSkipSimplified(InferContext& c) { InferForm(c, kSkipSimplified, c.dtype(0), DType::kFloat); }

// Sum of the embeddings of words, positions and segments, then LayerNormalization. Inputs: input_ids, segment_ids?,
// word_embedding, position_embedding, segment_embedding?, gamma, beta, mask?, position_ids?; outputs: the result, the
// number of unmasked words of each sentence, and the sum.
void UpgradeEmbed(RewriteContext& c) {
  const float epsilon = c.attributes().Float("epsilon", 1e-12f);
  const ValueId ids = c.input(0);
  ValueId sum = c.Add("Gather", {c.input(2), ids});
  ValueId positions;
  if (c.has_input(8)) {
    positions = c.Add("Gather", {c.input(3), c.input(8)});
  } else {
    const ValueId length = c.Add("Shape", {ids}, {{"start", int64_t{1}}, {"end", int64_t{2}}});
    positions = c.Add("Slice", {c.input(3), c.Int64s({0}), length, c.Int64s({0})});
  }
  sum = c.Add("Add", {sum, positions});
  if (c.has_input(1) && c.has_input(4)) sum = c.Add("Add", {sum, c.Add("Gather", {c.input(4), c.input(1)})});
  const ValueId y = c.Add("LayerNormalization", {sum, c.input(5), c.input(6)}, {{"epsilon", epsilon}});
  std::vector<ValueId> outputs{y};
  if (c.node().outputs.size() > 1) {
    ValueId index = kNoValue;
    if (c.has_output(1)) {
      if (c.has_input(7)) {
        index = c.Add("ReduceSum", {c.input(7), c.Int64s({1})}, {{"keepdims", int64_t{0}}});
      } else {
        const ValueId batch = c.Add("Shape", {ids}, {{"start", int64_t{0}}, {"end", int64_t{1}}});
        auto zero = Tensor::Make(DType::kInt32, {1});
        index = c.Add("Expand", {c.Constant(zero), batch});
      }
    }
    outputs.push_back(index);
  }
  if (c.node().outputs.size() > 2) outputs.push_back(c.has_output(2) ? sum : kNoValue);
  c.ReplaceOutputs(std::move(outputs));
}

constexpr std::string_view kMicrosoft = "com.microsoft";
constexpr OpDef kOps[] = {
    {.name = "LayerNormalization", .infer = InferLayer},
    {.name = "RMSNormalization", .infer = InferRms},
    {.name = "SimplifiedLayerNormalization", .infer = InferSimplified},
    {.name = "SkipLayerNormalization", .domain = kMicrosoft, .infer = InferSkipLayer},
    {.name = "SkipSimplifiedLayerNormalization", .domain = kMicrosoft, .infer = InferSkipSimplified},
    {.name = "EmbedLayerNormalization", .domain = kMicrosoft, .upgrade = UpgradeEmbed, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::layer_norm
