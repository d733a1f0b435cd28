#include "kernels/slice/slice.h"

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::slice {
namespace {

// A start or end of a slice with a positive step, as a position in [0, size]; nullopt where its sign is not known.
std::optional<Dim> Position(const Dim& at, const Dim& size) {
  if (at.known() && size.known()) {
    const int64_t i = at.value() < 0 ? at.value() + size.value() : at.value();
    return Dim(std::clamp<int64_t>(i, 0, size.value()));
  }
  if (at.known() && at.value() == 0) return at;
  // Exporters write the largest integers for "to the end".
  if (at.known() && at.value() >= INT32_MAX) return size;
  if (at.known() && at.value() <= INT32_MIN) return Dim(0);
  if (at.known() && at.value() < 0) {
    const Dim position = size + at;
    return IsNonNegative(position) ? position : Max(position, 0);
  }
  if (!IsNonNegative(at)) return {};
  // size = at + something that cannot be negative
  if (IsNonNegative(size - at)) return at;
  if (IsNonNegative(at - size)) return size;
  return Min(at, size);
}

Dim SlicedDim(InferContext& c, const Dim& start, const Dim& end, const Dim& step, const Dim& size) {
  if (!step.known()) return c.FreshDim();
  if (step.value() == 0) c.Reject("a step is 0");
  if (start.known() && end.known() && size.known())
    return RangeOf(start.value(), end.value(), step.value(), size.value()).count;
  if (step.value() < 0) {
    const bool from_last = start.known() && (start.value() == -1 || start.value() >= INT32_MAX);
    const bool to_first = end.known() && end.value() <= INT32_MIN;
    return from_last && to_first && step.value() != INT64_MIN ? CeilDiv(size, -step.value()) : c.FreshDim();
  }
  const std::optional<Dim> first = Position(start, size), last = Position(end, size);
  if (!first || !last) return c.FreshDim();
  // A start behind the end gives nothing, so that it need not be clamped to the size.
  const Dim length = *last - (IsNonNegative(start) ? start : *first);
  const Dim count = CeilDiv(length, step);
  return IsNonNegative(length) ? count : Max(count, 0);
}

// The length that inputs 1 to 4 share where it is known, else -1.
int64_t SliceCount(InferContext& c) {
  int64_t count = -1;
  for (size_t i = 1; i < 5; ++i) {
    if (!c.has_input(i) || !c.has_rank(i)) continue;
    c.RequireRank(i, 1);
    const Dim& d = (*c.shape(i))[0];
    if (!d.known()) continue;
    if (count >= 0 && d.value() != count) c.Reject("starts, ends, axes and steps have different lengths");
    count = d.value();
  }
  return count;
}

void InferSlice(InferContext& c) {
  const int64_t count = SliceCount(c);
  if (!c.has_rank(0)) return c.SetOutput(0, c.dtype(0), {});
  const Dims& in = *c.shape(0);
  const int rank = static_cast<int>(in.size());
  std::vector<int> axes;
  if (c.has_input(3)) {
    const auto given = c.Int64s(3);
    if (!given) return c.SetOutput(0, c.dtype(0), c.FreshDims(rank));
    axes = NormalizeAxes(c, *given, rank);
  } else if (count >= 0) {
    if (count > rank) c.Reject("more starts than dimensions");
    for (int i = 0; i < count; ++i) axes.push_back(i);
  } else {
    return c.SetOutput(0, c.dtype(0), c.FreshDims(rank));
  }
  const auto starts = c.Content(1), ends = c.Content(2), steps = c.has_input(4) ? c.Content(4) : Dims(axes.size(), 1);
  for (const auto& list : {starts, ends, steps})
    if (list && list->size() != axes.size()) c.Reject("starts, ends, axes and steps have different lengths");
  Dims out = in;
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& d = out[axes[i]];
    d = starts && ends && steps ? SlicedDim(c, (*starts)[i], (*ends)[i], (*steps)[i], d) : c.FreshDim();
  }
  if (rank == 1 && axes.size() == 1 && starts && ends && steps) {
    const std::optional<Dims> content = c.Content(0);
    const Dim &start = (*starts)[0], &end = (*ends)[0], &step = (*steps)[0];
    if (content && start.known() && end.known() && step.known()) {
      const Range range = RangeOf(start.value(), end.value(), step.value(), static_cast<int64_t>(content->size()));
      Dims part;
      for (int64_t i = 0; i < range.count; ++i) part.push_back((*content)[range.first + i * range.step]);
      return c.SetContent(0, c.dtype(0), std::move(out), std::move(part));
    }
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
}

void UpgradeSlice(RewriteContext& c) {
  if (c.version() >= 10) return;
  c.AttributeToInput("starts", 1);
  c.AttributeToInput("ends", 2);
  c.AttributeToInput("axes", 3);
}

void InferTile(InferContext& c) {
  c.RequireRank(1, 1);
  const std::optional<Dims> repeats = c.Content(1);
  if (repeats)
    for (const Dim& d : *repeats)
      if (d.known() && d.value() < 0) c.Reject("a repeat count is negative");
  if (!c.has_rank(0)) {
    return c.SetOutput(0, c.dtype(0),
                       repeats ? std::optional(c.FreshDims(static_cast<int>(repeats->size()))) : std::nullopt);
  }
  const Dims& in = *c.shape(0);
  if (!repeats) return c.SetOutput(0, c.dtype(0), c.FreshDims(static_cast<int>(in.size())));
  if (repeats->size() != in.size()) c.Reject("repeats must have an entry for each dimension of the input");
  Dims out;
  for (size_t i = 0; i < in.size(); ++i) out.push_back(in[i] * (*repeats)[i]);
  if (out.size() == 1 && out[0].known() && out[0].value() <= kMaxContent && in[0].known()) {
    if (const std::optional<Dims> content = c.Content(0)) {
      Dims repeated;
      for (int64_t i = 0; i < out[0].value(); ++i) repeated.push_back((*content)[i % in[0].value()]);
      return c.SetContent(0, c.dtype(0), std::move(out), std::move(repeated));
    }
  }
  c.SetOutput(0, c.dtype(0), std::move(out));
}

// Version 1: how often, and along which one axis, as scalars of the tensor's own type.
void UpgradeTile(RewriteContext& c) {
  if (c.version() >= 6) return;
  auto as_list = [&](size_t i) {
    const ValueId integer = c.Add("Cast", {c.input(i)}, {{"to", static_cast<int64_t>(DType::kInt64)}});
    return c.Add("Reshape", {integer, c.Int64s({1})});
  };
  const ValueId rank = c.Add("Shape", {c.Add("Shape", {c.input(0)})});
  auto one = Tensor::Make(DType::kInt64, {1});
  one->mutable_as<int64_t>()[0] = 1;
  const ValueId ones = c.Add("ConstantOfShape", {rank}, {{"value", TensorPtr(one)}});
  const ValueId repeats = c.Add("ScatterElements", {ones, as_list(2), as_list(1)});
  c.node().inputs = {c.input(0), repeats};
}

void InferTrilu(InferContext& c) {
  if (c.has_rank(0) && c.input(0).rank() < 2) c.Reject("the input must have at least two dimensions");
  InferSameAsInput(c);
}

void InferReverseSequence(InferContext& c) {
  const ReverseParams p(c.attributes());
  if (p.time_axis < 0 || p.time_axis > 1 || p.batch_axis < 0 || p.batch_axis > 1 || p.time_axis == p.batch_axis)
    c.Reject("time_axis and batch_axis must be 0 and 1, or 1 and 0");
  c.RequireRank(1, 1);
  if (c.has_rank(0)) {
    if (c.input(0).rank() < 2) c.Reject("the input must have at least two dimensions");
    if (c.has_rank(1)) MergeDim(c, (*c.shape(0))[p.batch_axis], (*c.shape(1))[0], "batch and sequence_lens");
  }
  InferSameAsInput(c);
}

int64_t BlockSize(InferContext& c) {
  const int64_t b = BlockParams(c.attributes()).blocksize;
  if (b < 1 || b > INT32_MAX) c.Reject("blocksize must be positive");
  c.RequireRank(0, 4);
  return b;
}

void InferDepthToSpace(InferContext& c) {
  const int64_t b = BlockSize(c);
  const std::string mode = c.attributes().String("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") c.Reject("mode is neither DCR nor CRD");
  if (!c.has_rank(0)) return c.SetOutput(0, c.dtype(0), c.FreshDims(4));
  const Dims& in = *c.shape(0);
  if (in[1].known() && in[1].value() % (b * b) != 0) c.Reject("the depth is not a multiple of blocksize squared");
  c.SetOutput(0, c.dtype(0), Dims{in[0], FloorDiv(in[1], b * b), in[2] * Dim(b), in[3] * Dim(b)});
}

void InferSpaceToDepth(InferContext& c) {
  const int64_t b = BlockSize(c);
  if (!c.has_rank(0)) return c.SetOutput(0, c.dtype(0), c.FreshDims(4));
  const Dims& in = *c.shape(0);
  for (int i = 2; i < 4; ++i)
    if (in[i].known() && in[i].value() % b != 0) c.Reject("height and width must be multiples of blocksize");
  c.SetOutput(0, c.dtype(0), Dims{in[0], in[1] * Dim(b * b), FloorDiv(in[2], b), FloorDiv(in[3], b)});
}

void UpgradeRename(RewriteContext& c) { c.node().domain = ""; }

constexpr OpDef kOps[] = {
    {.name = "Slice", .infer = InferSlice, .upgrade = UpgradeSlice, .host_inputs = 30},
    {.name = "Tile", .infer = InferTile, .upgrade = UpgradeTile, .host_inputs = 2},
    {.name = "Trilu", .infer = InferTrilu, .host_inputs = 2},
    {.name = "Trilu", .domain = "com.microsoft", .upgrade = UpgradeRename, .flags = kOpAlias},
    {.name = "ReverseSequence", .infer = InferReverseSequence},
    {.name = "DepthToSpace", .infer = InferDepthToSpace},
    {.name = "SpaceToDepth", .infer = InferSpaceToDepth},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::slice
