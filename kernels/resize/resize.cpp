#include "kernels/resize/resize.h"

#include <cmath>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"

namespace onda::resize {
namespace {

// Upsample and Resize-10: no half pixels, nearest rounds towards the input's start (but see NearestMode::kSimple).
void ToAsymmetric(RewriteContext& c) {
  Node& node = c.node();
  node.op_type = "Resize";
  // Upsample-1 calls it by its two-dimensional name.
  if (c.attributes().String("mode", "nearest") == "bilinear") node.attributes.Set("mode", std::string("linear"));
  node.attributes.Set("coordinate_transformation_mode", std::string("asymmetric"));
  node.attributes.Set("nearest_mode", std::string("simple"));
}

ValueId Floats(RewriteContext& c, const std::vector<float>& values) {
  auto tensor = Tensor::Make(DType::kFloat, {static_cast<int64_t>(values.size())});
  std::copy(values.begin(), values.end(), tensor->mutable_as<float>().begin());
  return c.Constant(tensor);
}

void UpgradeUpsample(RewriteContext& c) {
  Node& node = c.node();
  const ValueId x = c.input(0);
  ValueId scales;
  if (c.version() >= 9) {
    scales = c.input(1);
  } else if (c.version() >= 7) {
    scales = Floats(c, c.attributes().Floats("scales"));
  } else {
    scales = Floats(c, {1, 1, c.attributes().Float("height_scale", 1), c.attributes().Float("width_scale", 1)});
  }
  for (const char* name : {"scales", "height_scale", "width_scale"}) node.attributes.Remove(name);
  node.inputs = {x, kNoValue, scales};
  ToAsymmetric(c);
}

void UpgradeResize(RewriteContext& c) {
  if (c.version() == 10) {
    c.node().inputs = {c.input(0), kNoValue, c.input(1)};
    ToAsymmetric(c);
    return;
  }
  if (c.has_input(kRoi) && c.attributes().String("coordinate_transformation_mode", "") != "tf_crop_and_resize") {
    c.node().inputs[kRoi] = kNoValue;
  }
}

// floor(dim * scale) where the scale has a short binary fraction: exact for symbols too.
Dim ScaledDim(InferContext& c, const Dim& dim, double scale) {
  if (dim.known()) return ScaledLength(dim.value(), static_cast<float>(scale));
  for (int64_t denominator = 1; denominator <= 1024; denominator *= 2) {
    const double numerator = scale * static_cast<double>(denominator);
    if (numerator == std::floor(numerator) && numerator < 1e6) {
      const Dim product = dim * static_cast<int64_t>(numerator);
      return denominator == 1 ? product : FloorDiv(product, denominator);
    }
  }
  return c.FreshDim();
}

// Of an input that is given and not empty. Resize-11 writes an empty tensor for "not given".
bool Given(InferContext& c, size_t i) {
  return c.has_input(i) && !(c.has_rank(i) && c.input(i).rank() == 1 && (*c.shape(i))[0] == Dim(0));
}

void RequireLength(InferContext& c, size_t i, int64_t length, const char* what) {
  c.RequireRank(i, 1);
  if (!c.has_rank(i)) return;
  const Dim& dim = (*c.shape(i))[0];
  if (dim.known() && dim.value() != length) {
    c.Reject(std::string(what) + " has " + dim.ToString() + " elements where " + std::to_string(length) +
             " are needed");
  }
}

void FromScales(InferContext& c, const Params& params, int rank, Dims& dims) {
  const auto scales = c.Doubles(kScales);
  for (int axis = 0; axis < rank; ++axis) {
    const int64_t at = params.PositionOf(axis, rank);
    if (at < 0) continue;
    if (!scales) {
      dims[axis] = c.FreshDim();
      continue;
    }
    const double scale = (*scales)[at];
    if (!(scale > 0) || !std::isfinite(scale)) c.Reject("scales must be positive, but one is " + std::to_string(scale));
    dims[axis] = ScaledDim(c, dims[axis], scale);
  }
}

void FromSizes(InferContext& c, const Params& params, int rank, Dims& dims) {
  const auto sizes = c.Content(kSizes);
  bool known = sizes.has_value();
  std::vector<double> ratios;
  for (int axis = 0; axis < rank && known; ++axis) {
    const int64_t at = params.PositionOf(axis, rank);
    if (at < 0) continue;
    const Dim& size = (*sizes)[at];
    if (size.known() && size.value() < 0) c.Reject("sizes must not be negative, but one is " + size.ToString());
    if (!size.known() || !dims[axis].known()) {
      known = false;
    } else if (dims[axis].value() > 0) {
      ratios.push_back(static_cast<double>(size.value()) / static_cast<double>(dims[axis].value()));
    }
  }
  const double scale = CommonScale(params.policy, ratios);
  for (int axis = 0; axis < rank; ++axis) {
    const int64_t at = params.PositionOf(axis, rank);
    if (at < 0) continue;
    if (params.policy == AspectPolicy::kStretch) {
      dims[axis] = sizes ? (*sizes)[at] : c.FreshDim();
    } else {
      dims[axis] = known ? Dim(RoundedLength(dims[axis].value(), scale)) : c.FreshDim();
    }
  }
}

void Infer(InferContext& c) {
  const Params params(c.attributes());
  const bool by_scales = Given(c, kScales), by_sizes = Given(c, kSizes);
  if (by_scales && by_sizes) c.Reject("both scales and sizes are given");
  if (!by_scales && !by_sizes) c.Reject("neither scales nor sizes are given");
  const DType dtype = c.dtype(kX);
  if (params.mode != Mode::kNearest && (dtype == DType::kString || dtype == DType::kBool || IsComplex(dtype))) {
    c.Reject("only nearest works on " + std::string(NameOf(dtype)));
  }
  if (!c.has_rank(kX)) return c.SetOutput(0, dtype, std::nullopt);
  Dims dims = *c.shape(kX);
  const int rank = c.input(kX).rank();
  NormalizeAxes(c, params.axes, rank);
  const int64_t count = params.axes.empty() ? rank : static_cast<int64_t>(params.axes.size());
  if (params.coordinates == Coordinates::kTfCropAndResize && Given(c, kRoi)) {
    RequireLength(c, kRoi, 2 * count, "roi");
  }
  RequireLength(c, by_scales ? kScales : kSizes, count, by_scales ? "scales" : "sizes");
  if (by_scales) {
    FromScales(c, params, rank, dims);
  } else {
    FromSizes(c, params, rank, dims);
  }
  c.SetOutput(0, dtype, std::move(dims));
}

constexpr OpDef kOps[] = {
    {.name = "Resize", .infer = Infer, .upgrade = UpgradeResize, .host_inputs = 1 << kRoi | 1 << kScales | 1 << kSizes},
    {.name = "Upsample", .upgrade = UpgradeUpsample, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::resize
