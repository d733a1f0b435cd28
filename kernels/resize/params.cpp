#include <algorithm>
#include <cmath>
#include <iterator>

#include "kernels/resize/taps.h"
#include "onda/float_formats.h"

namespace onda::resize {
namespace {

template <class Enum>
struct Choice {
  const char* name;
  Enum value;
};

template <class Enum, size_t kCount>
Enum Choose(const Attributes& a, const char* attribute, const char* absent, const Choice<Enum> (&choices)[kCount]) {
  const std::string name = a.String(attribute, absent);
  for (const Choice<Enum>& choice : choices) {
    if (name == choice.name) return choice.value;
  }
  throw Error(ErrorCode::kInvalidModel, std::string("unknown ") + attribute + " '" + name + "'");
}

constexpr Choice<Mode> kModes[] = {{"nearest", Mode::kNearest}, {"linear", Mode::kLinear}, {"cubic", Mode::kCubic}};
constexpr Choice<Coordinates> kCoordinates[] = {
    {"half_pixel", Coordinates::kHalfPixel},
    {"half_pixel_symmetric", Coordinates::kHalfPixelSymmetric},
    {"pytorch_half_pixel", Coordinates::kPytorchHalfPixel},
    {"align_corners", Coordinates::kAlignCorners},
    {"asymmetric", Coordinates::kAsymmetric},
    {"tf_half_pixel_for_nn", Coordinates::kTfHalfPixelForNn},
    {"tf_crop_and_resize", Coordinates::kTfCropAndResize},
};
constexpr Choice<NearestMode> kNearestModes[] = {
    {"round_prefer_floor", NearestMode::kRoundPreferFloor},
    {"round_prefer_ceil", NearestMode::kRoundPreferCeil},
    {"floor", NearestMode::kFloor},
    {"ceil", NearestMode::kCeil},
    {"simple", NearestMode::kSimple},
};
constexpr Choice<AspectPolicy> kPolicies[] = {
    {"stretch", AspectPolicy::kStretch},
    {"not_larger", AspectPolicy::kNotLarger},
    {"not_smaller", AspectPolicy::kNotSmaller},
};

}  // namespace

Params::Params(const Attributes& a)
    : policy(Choose(a, "keep_aspect_ratio_policy", "stretch", kPolicies)),
      extrapolation(a.Float("extrapolation_value", 0)),
      axes(a.Ints("axes")) {
  mode = Choose(a, "mode", "nearest", kModes);
  coordinates = Choose(a, "coordinate_transformation_mode", "half_pixel", kCoordinates);
  nearest = Choose(a, "nearest_mode", "round_prefer_floor", kNearestModes);
  antialias = a.Int("antialias", 0) != 0 && mode != Mode::kNearest;
  exclude_outside = a.Int("exclude_outside", 0) != 0;
  cubic_a = a.Float("cubic_coeff_a", -0.75f);
}

int64_t Params::PositionOf(int axis, int rank) const {
  if (axes.empty()) return axis;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] == axis || axes[i] == axis - rank) return static_cast<int64_t>(i);
  }
  return -1;
}

int64_t ScaledLength(int64_t length, float scale) {
  // The product is one of floats, as in other engines, as long as a float holds the length.
  if (length > int64_t{1} << 24) {
    return static_cast<int64_t>(std::floor(std::min(static_cast<double>(length) * static_cast<double>(scale), 0x1p62)));
  }
  return static_cast<int64_t>(std::floor(std::min(static_cast<float>(length) * scale, 0x1p62f)));
}

double CommonScale(AspectPolicy policy, std::span<const double> ratios) {
  if (ratios.empty()) return 1;
  return policy == AspectPolicy::kNotLarger ? *std::min_element(ratios.begin(), ratios.end())
                                            : *std::max_element(ratios.begin(), ratios.end());
}

int64_t RoundedLength(int64_t length, double scale) {
  return static_cast<int64_t>(std::floor(std::min(scale * static_cast<double>(length) + 0.5, 0x1p62)));
}

AxisScale ScaleOf(const Params& params, TensorViews inputs, const TensorView& output, int axis) {
  const TensorView &x = inputs[kX], &scales = inputs[kScales], &sizes = inputs[kSizes], &roi = inputs[kRoi];
  const int rank = x.rank;
  const int64_t position = params.PositionOf(axis, rank), count = params.axes.empty() ? rank : params.axes.size();
  AxisScale result{x.dim(axis), output.dim(axis), 1, 0, 1, false};
  if (position < 0 || result.in == 0) return result;
  auto element = [](const TensorView& v, int64_t i) { return LoadDouble(v.type(), v.data, i); };
  if (scales.present() && scales.count() > position) {
    result.scale = element(scales, position);
    result.given = true;
  } else if (sizes.present() && sizes.count() == count) {
    result.scale = element(sizes, position) / static_cast<double>(result.in);
    // The smallest or largest ratio of all resized axes.
    for (int other = 0; other < rank && params.policy != AspectPolicy::kStretch; ++other) {
      const int64_t at = params.PositionOf(other, rank);
      if (at < 0 || x.dim(other) == 0) continue;
      const double ratios[] = {result.scale, element(sizes, at) / static_cast<double>(x.dim(other))};
      result.scale = CommonScale(params.policy, ratios);
    }
  }
  if (roi.present() && roi.count() == 2 * count) {
    result.roi_start = element(roi, position);
    result.roi_end = element(roi, count + position);
  }
  return result;
}

AxisTable MakeTable(const Params& params, const AxisScale& axis, Carver& carver) {
  AxisTable table;
  table.in = axis.in;
  table.out = axis.out;
  const bool crops = params.coordinates == Coordinates::kTfCropAndResize && (axis.roi_start != 0 || axis.roi_end != 1);
  // So is tf_half_pixel_for_nn, though its shift by half a pixel would show where it rounds up: axes that keep their
  // length, channels among them, are not meant to be shifted.
  table.identity = axis.in == axis.out && axis.scale == 1 && !crops;
  if (table.identity || axis.out == 0) return table;
  if (params.mode != Mode::kNearest) {
    const int64_t first = FirstTap(params, axis);
    table.taps = 2 - 2 * first;
    table.weight = carver.Take<double>(axis.out * table.taps);
  }
  table.index = carver.Take<int64_t>(axis.out * table.taps);
  if (!table.index) return table;
  for (int64_t i = 0; i < axis.out; ++i) {
    if (params.mode == Mode::kNearest) {
      table.index[i] = NearestIndex(params, axis, i);
    } else {
      FillTaps(params, axis, i, table.taps, [&](int64_t k, int64_t index, double weight) {
        table.index[i * table.taps + k] = index;
        table.weight[i * table.taps + k] = weight;
      });
    }
  }
  return table;
}

bool CheckExtents(const TensorView& x, const TensorView& y) {
  if (y.count() == 0) return false;
  if (x.count() == 0) throw Error(ErrorCode::kInvalidModel, "an empty input cannot be resized to a non-empty output");
  return true;
}

}  // namespace onda::resize
