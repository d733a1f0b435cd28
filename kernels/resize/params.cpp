#include <algorithm>
#include <cmath>
#include <iterator>

#include "kernels/resize/resize.h"
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

// The place in the input of output position x. Real is float for nearest under given scales, where ties are decided as
// float arithmetic does: 1.5f / 0.6f is 2.5, though the double of 0.6f gives a little less.
template <class Real>
Real Original(const Params& params, const AxisScale& axis, int64_t position) {
  const Real x = static_cast<Real>(position), scale = static_cast<Real>(axis.scale), half = static_cast<Real>(0.5);
  const Real last = static_cast<Real>(axis.in - 1);
  // The length before it was rounded down. What a scale in single precision misses of an integer is no fraction.
  double exact = axis.scale * static_cast<double>(axis.in);
  if (std::fabs(exact - std::round(exact)) < 1e-6 * exact) exact = std::round(exact);
  const Real length = static_cast<Real>(exact);
  switch (params.coordinates) {
    case Coordinates::kHalfPixel:
      return (x + half) / scale - half;
    case Coordinates::kHalfPixelSymmetric: {
      const Real adjustment = static_cast<Real>(axis.out) / length;
      return static_cast<Real>(axis.in) / 2 * (1 - adjustment) + (x + half) / scale - half;
    }
    case Coordinates::kPytorchHalfPixel:
      return axis.out > 1 ? (x + half) / scale - half : 0;
    case Coordinates::kAlignCorners:
      return length == 1 ? 0 : x * last / (length - 1);
    case Coordinates::kAsymmetric:
      return x / scale;
    case Coordinates::kTfHalfPixelForNn:
      return (x + half) / scale;
    case Coordinates::kTfCropAndResize: {
      const Real start = static_cast<Real>(axis.roi_start), end = static_cast<Real>(axis.roi_end);
      // Unlike align_corners, by the length of the output itself.
      if (axis.out == 1) return half * (start + end) * last;
      return start * last + x * (end - start) * last / static_cast<Real>(axis.out - 1);
    }
  }
  return 0;
}

double Round(NearestMode mode, double x, bool shrinks) {
  switch (mode) {
    case NearestMode::kRoundPreferFloor:
      return std::ceil(x - 0.5);
    case NearestMode::kRoundPreferCeil:
      return std::floor(x + 0.5);
    case NearestMode::kFloor:
      return std::floor(x);
    case NearestMode::kCeil:
      return std::ceil(x);
    case NearestMode::kSimple:
      return shrinks ? std::ceil(x) : std::floor(x);
  }
  return x;
}

// Keys' cubic kernel with parameter a (IEEE TASSP 29, 1981, equation 4).
double Cubic(double a, double x) {
  x = std::fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// The filter is stretched by 1 / scale where an axis shrinks under antialiasing.
double Stretch(const Params& params, const AxisScale& axis) {
  return params.antialias ? std::min(axis.scale, 1.0) : 1.0;
}

double Radius(const Params& params) { return params.mode == Mode::kCubic ? 2 : 1; }

// Taps lie at base + k for k in [first, first + taps), where base < x <= base + 1.
int64_t FirstTap(const Params& params, const AxisScale& axis) {
  return static_cast<int64_t>(std::floor(-Radius(params) / Stretch(params, axis))) + 1;
}

void FillTaps(const Params& params, const AxisScale& axis, int64_t position, const AxisTable& table) {
  int64_t* index = table.index + position * table.taps;
  double* weight = table.weight + position * table.taps;
  const double x = Original<double>(params, axis, position), last = static_cast<double>(axis.in - 1);
  std::fill(index, index + table.taps, 0);
  std::fill(weight, weight + table.taps, 0.0);
  if (params.coordinates == Coordinates::kTfCropAndResize && !(x >= 0 && x <= last)) {
    index[0] = -1;
    return;
  }
  if (!(std::fabs(x) < 0x1p52)) return;
  const double base = std::ceil(x) - 1, stretch = Stretch(params, axis);
  const int64_t first = FirstTap(params, axis);
  double sum = 0;
  for (int64_t k = 0; k < table.taps; ++k) {
    const double at = base + static_cast<double>(first + k), distance = (at - x) * stretch;
    double w = params.mode == Mode::kCubic ? Cubic(params.cubic_a, distance) : std::max(0.0, 1 - std::fabs(distance));
    if (params.exclude_outside && (at < 0 || at > last)) w = 0;
    index[k] = static_cast<int64_t>(std::clamp(at, 0.0, last));
    weight[k] = w;
    sum += w;
  }
  if (!params.antialias && !params.exclude_outside) return;
  for (int64_t k = 0; k < table.taps && sum != 0; ++k) weight[k] /= sum;
}

int64_t NearestIndex(const Params& params, const AxisScale& axis, int64_t position) {
  const double last = static_cast<double>(axis.in - 1);
  const double x = axis.given ? Original<float>(params, axis, position) : Original<double>(params, axis, position);
  if (params.coordinates == Coordinates::kTfCropAndResize && !(x >= 0 && x <= last)) return -1;
  const double rounded = Round(params.nearest, x, axis.scale < 1);
  return rounded > 0 ? std::min(static_cast<int64_t>(std::min(rounded, 0x1p62)), axis.in - 1) : 0;
}

}  // namespace

Params::Params(const Attributes& a)
    : mode(Choose(a, "mode", "nearest", kModes)),
      coordinates(Choose(a, "coordinate_transformation_mode", "half_pixel", kCoordinates)),
      nearest(Choose(a, "nearest_mode", "round_prefer_floor", kNearestModes)),
      policy(Choose(a, "keep_aspect_ratio_policy", "stretch", kPolicies)),
      antialias(a.Int("antialias", 0) != 0 && mode != Mode::kNearest),
      exclude_outside(a.Int("exclude_outside", 0) != 0),
      cubic_a(a.Float("cubic_coeff_a", -0.75f)),
      extrapolation(a.Float("extrapolation_value", 0)),
      axes(a.Ints("axes")) {}

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
      FillTaps(params, axis, i, table);
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
