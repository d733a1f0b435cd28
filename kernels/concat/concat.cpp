#include "kernels/concat/concat.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::concat {
namespace {

void InferConcat(InferContext& c) {
  const DType dtype = c.dtype(0);
  int rank = -1;
  for (size_t i = 0; i < c.input_count(); ++i) {
    if (!c.has_rank(i)) continue;
    if (rank >= 0 && c.input(i).rank() != rank) c.Reject("inputs have different ranks");
    rank = c.input(i).rank();
  }
  if (rank < 0) return c.SetOutput(0, dtype, {});
  if (rank == 0) c.Reject("scalars cannot be concatenated");
  const int axis = NormalizeAxis(c, Params(c.attributes()).axis, rank);
  std::optional<Dims> out;
  bool all = true;
  for (size_t i = 0; i < c.input_count(); ++i) {
    if (!c.has_rank(i)) {
      all = false;
    } else if (!out) {
      out = *c.shape(i);
    } else {
      for (int k = 0; k < rank; ++k) {
        const Dim& d = (*c.shape(i))[k];
        (*out)[k] = k == axis ? (*out)[k] + d : MergeDim(c, (*out)[k], d, "dimensions beside the axis");
      }
    }
  }
  if (!all) (*out)[axis] = c.FreshDim();
  if (rank == 1 && all && (*out)[0].known() && (*out)[0].value() <= kMaxContent) {
    std::optional<Dims> content = Dims{};
    for (size_t i = 0; content && i < c.input_count(); ++i) {
      const std::optional<Dims> part = c.Content(i);
      if (part) content->insert(content->end(), part->begin(), part->end());
      if (!part) content.reset();
    }
    if (content) return c.SetContent(0, dtype, std::move(*out), std::move(*content));
  }
  c.SetOutput(0, dtype, std::move(out));
}

void UpgradeConcat(RewriteContext& c) {
  if (c.version() < 4 && !c.node().attributes.Has("axis")) c.node().attributes.Set("axis", int64_t{1});
}

// Sizes of the parts; nullopt where they are not known.
std::optional<Dims> SplitSizes(InferContext& c, const Dim& whole) {
  const int64_t parts = static_cast<int64_t>(c.output_count());
  if (c.has_input(1)) {
    std::optional<Dims> sizes = c.Content(1);
    if (!sizes) return {};
    if (static_cast<int64_t>(sizes->size()) != parts)
      c.Reject("split has " + std::to_string(sizes->size()) + " sizes for " + std::to_string(parts) + " outputs");
    for (const Dim& d : *sizes)
      if (d.known() && d.value() < 0) c.Reject("split has a negative size");
    const Dim sum = [&] {
      Dim s = 0;
      for (const Dim& d : *sizes) s = s + d;
      return s;
    }();
    MergeDim(c, sum, whole, "the sizes' sum and the dimension");
    return sizes;
  }
  const int64_t declared = c.attributes().Int("num_outputs", parts);
  if (declared != parts)
    c.Reject("num_outputs is " + std::to_string(declared) + " for " + std::to_string(parts) + " outputs");
  Dim chunk = FloorDiv(whole, parts);
  if (!(chunk * Dim(parts) == whole)) chunk = CeilDiv(whole, parts);
  Dims sizes(parts, chunk);
  if (whole.known()) {  // the last ones get what is left
    int64_t left = whole.value();
    for (Dim& d : sizes) {
      d = std::min(left, chunk.value());
      left -= d.value();
    }
  } else {
    sizes.back() = whole - chunk * Dim(parts - 1);
    if (!IsNonNegative(sizes.back())) sizes.back() = Max(sizes.back(), 0);
  }
  return sizes;
}

void InferSplit(InferContext& c) {
  const DType dtype = c.dtype(0);
  const size_t parts = c.output_count();
  if (!c.has_rank(0)) {
    for (size_t i = 0; i < parts; ++i) c.SetOutput(i, dtype, {});
    return;
  }
  const Dims& in = *c.shape(0);
  const int axis = NormalizeAxis(c, Params(c.attributes()).axis, c.input(0).rank());
  const std::optional<Dims> sizes = SplitSizes(c, in[axis]);
  const std::optional<Dims> content = in.size() == 1 && sizes ? c.Content(0) : std::nullopt;
  size_t at = 0;
  for (size_t i = 0; i < parts; ++i) {
    Dims out = in;
    out[axis] = sizes ? (*sizes)[i] : c.FreshDim();
    Fact fact = Fact::Tensor(dtype, out);
    if (content && out[0].known() && at + out[0].value() <= content->size()) {
      fact.content = std::make_shared<const Dims>(content->begin() + at, content->begin() + at + out[0].value());
      at += out[0].value();
    }
    if (out[axis].known() && out[axis].value() < 0) c.Reject("a part has a negative size");
    c.SetOutput(i, std::move(fact));
  }
}

void UpgradeSplit(RewriteContext& c) {
  if (c.version() < 13) c.AttributeToInput("split", 1);
  // Since version 18 equal parts are asked for by their number.
  if (c.version() < 18 && !c.has_input(1)) {
    c.node().attributes.Set("num_outputs", static_cast<int64_t>(c.node().outputs.size()));
  }
  if (c.version() >= 13) return;
  // Version 1 gives the sizes as numbers of the tensor's own type.
  if (c.has_input(1) && c.fact(1).dtype != DType::kInt64)
    c.SetInput(1, c.Add("Cast", {c.input(1)}, {{"to", static_cast<int64_t>(DType::kInt64)}}));
}

constexpr OpDef kOps[] = {
    {.name = "Concat", .infer = InferConcat, .upgrade = UpgradeConcat},
    {.name = "Split", .infer = InferSplit, .upgrade = UpgradeSplit, .host_inputs = 2},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::concat
