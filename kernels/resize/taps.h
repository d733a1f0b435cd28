// Where an output position of one axis lies in the input, and which input positions it takes with which weights. Host
// and device code.
#ifndef ONDA_KERNELS_RESIZE_TAPS_H_
#define ONDA_KERNELS_RESIZE_TAPS_H_

#include <cmath>
#include <cstdint>

#include "kernels/resize/resize.h"
#include "kernels/simd/anywhere.h"

namespace onda::resize {

// The place in the input of output position x. Real is float for nearest under given scales, where ties are decided as
// float arithmetic does: 1.5f / 0.6f is 2.5, though the double of 0.6f gives a little less.
template <class Real>
ONDA_ANYWHERE Real Original(Coordinates coordinates, const AxisScale& axis, int64_t position) {
  const Real x = static_cast<Real>(position), scale = static_cast<Real>(axis.scale), half = static_cast<Real>(0.5);
  const Real last = static_cast<Real>(axis.in - 1);
  // The length before it was rounded down. What a scale in single precision misses of an integer is no fraction.
  double exact = axis.scale * static_cast<double>(axis.in);
  if (std::fabs(exact - std::round(exact)) < 1e-6 * exact) exact = std::round(exact);
  const Real length = static_cast<Real>(exact);
  switch (coordinates) {
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

ONDA_ANYWHERE inline double Round(NearestMode mode, double x, bool shrinks) {
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
ONDA_ANYWHERE inline double Cubic(double a, double x) {
  x = std::fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

// The filter is stretched by 1 / scale where an axis shrinks under antialiasing.
ONDA_ANYWHERE inline double Stretch(const TapRule& rule, const AxisScale& axis) {
  return rule.antialias && axis.scale < 1 ? axis.scale : 1;
}

ONDA_ANYWHERE inline double Radius(const TapRule& rule) { return rule.mode == Mode::kCubic ? 2 : 1; }

// Taps lie at base + k for k in [first, first + taps), where base < x <= base + 1.
ONDA_ANYWHERE inline int64_t FirstTap(const TapRule& rule, const AxisScale& axis) {
  return static_cast<int64_t>(std::floor(-Radius(rule) / Stretch(rule, axis))) + 1;
}

// Calls set(k, index, weight) for each of the taps of an output position, index -1 for the first where it lies outside
// of the crop.
template <class Set>
ONDA_ANYWHERE void FillTaps(const TapRule& rule, const AxisScale& axis, int64_t position, int64_t taps,
                            const Set& set) {
  const double x = Original<double>(rule.coordinates, axis, position), last = static_cast<double>(axis.in - 1);
  const bool outside = rule.coordinates == Coordinates::kTfCropAndResize && !(x >= 0 && x <= last);
  if (outside || !(std::fabs(x) < 0x1p52)) {
    for (int64_t k = 0; k < taps; ++k) set(k, k == 0 && outside ? -1 : 0, 0.0);
    return;
  }
  const double base = std::ceil(x) - 1, stretch = Stretch(rule, axis);
  const int64_t first = FirstTap(rule, axis);
  auto weight_of = [&](double at) {
    if (rule.exclude_outside && (at < 0 || at > last)) return 0.0;
    const double distance = (at - x) * stretch;
    if (rule.mode == Mode::kCubic) return Cubic(rule.cubic_a, distance);
    const double left = 1 - std::fabs(distance);
    return left > 0 ? left : 0.0;
  };
  double sum = 0;
  if (rule.antialias || rule.exclude_outside)
    for (int64_t k = 0; k < taps; ++k) sum += weight_of(base + static_cast<double>(first + k));
  for (int64_t k = 0; k < taps; ++k) {
    const double at = base + static_cast<double>(first + k), weight = weight_of(at);
    set(k, static_cast<int64_t>(at < 0 ? 0 : at > last ? last : at), sum != 0 ? weight / sum : weight);
  }
}

ONDA_ANYWHERE inline int64_t NearestIndex(const TapRule& rule, const AxisScale& axis, int64_t position) {
  const double last = static_cast<double>(axis.in - 1);
  const double x = axis.given ? Original<float>(rule.coordinates, axis, position)
                              : Original<double>(rule.coordinates, axis, position);
  if (rule.coordinates == Coordinates::kTfCropAndResize && !(x >= 0 && x <= last)) return -1;
  const double rounded = Round(rule.nearest, x, axis.scale < 1);
  return rounded > 0 ? static_cast<int64_t>(rounded < last ? rounded : last) : 0;
}

}  // namespace onda::resize

#endif  // ONDA_KERNELS_RESIZE_TAPS_H_
