// GridSample (values of an image at given places) and AffineGrid (the places of an affine map).
#ifndef ONDA_KERNELS_GRID_SAMPLE_GRID_SAMPLE_H_
#define ONDA_KERNELS_GRID_SAMPLE_GRID_SAMPLE_H_

#include <cmath>

#include "kernels/simd/anywhere.h"
#include "onda/provider.h"

namespace onda::grid_sample {

enum class Mode { kNearest, kLinear, kCubic };
enum class Padding { kZeros, kBorder, kReflection };

struct Params {
  explicit Params(const Attributes& attributes);

  Mode mode;
  Padding padding;
  bool align_corners;

  // Input positions per axis that an output value depends on.
  ONDA_ANYWHERE int taps() const { return mode == Mode::kNearest ? 1 : mode == Mode::kLinear ? 2 : 4; }
};

// Positions along one axis and their weights, for one coordinate of the grid (-1 to 1 covers the image). A position is
// -1 where the image counts as zero.
struct Taps {
  int64_t index[4];
  float weight[4];
};
// Throws where the shapes of x [N, C, D1...Dr], grid [N, O1...Or, r] and y [N, C, O1...Or] do not fit.
void CheckShapes(const TensorView& x, const TensorView& grid, const TensorView& y);

// Reflects x at the borders until it is between them.
ONDA_ANYWHERE inline float Reflect(float x, float low, float high) {
  const float range = high - low;
  // Where a float has no fraction left, or is none, any place is as good.
  if (!(range > 0) || !(std::fabs(x) < 0x1p24f)) return low;
  if (x >= low && x <= high) return x;
  const float beyond = x < low ? low - x : x - high;
  const float turns = std::floor(beyond / range), rest = beyond - turns * range;
  const bool from_low = (x < low) == (std::fmod(turns, 2.0f) == 0);
  return from_low ? low + rest : high - rest;
}

// A tap's position brought into [0, length), or -1.
ONDA_ANYWHERE inline int64_t Resolve(Padding padding, float position, int64_t length, float low, float high) {
  const float last = static_cast<float>(length - 1);
  if (padding == Padding::kZeros) return position >= 0 && position <= last ? static_cast<int64_t>(position) : -1;
  if (padding == Padding::kReflection) position = std::trunc(Reflect(position, low, high));
  return position > 0 ? Least(static_cast<int64_t>(Least(position, last)), length - 1) : 0;
}

// Keys' cubic kernel with a = -0.75 (IEEE TASSP 29, 1981), at distances below one and between one and two.
ONDA_ANYWHERE inline float CubicNear(float x) { return (1.25f * x - 2.25f) * x * x + 1; }
ONDA_ANYWHERE inline float CubicFar(float x) { return ((-0.75f * x + 3.75f) * x - 6) * x + 3; }

ONDA_ANYWHERE inline Taps TapsOf(const Params& params, float coordinate, int64_t length) {
  const float n = static_cast<float>(length), last = n - 1;
  const float low = params.align_corners ? 0 : -0.5f, high = params.align_corners ? last : n - 0.5f;
  float x = params.align_corners ? (coordinate + 1) / 2 * last : ((coordinate + 1) * n - 1) / 2;
  if (params.mode == Mode::kNearest) x = std::nearbyint(x);
  // The taps of cubic reach outside by themselves, and each is brought back for itself (as PyTorch does).
  if (params.mode != Mode::kCubic && !(x >= low && x <= high)) {
    if (params.padding == Padding::kBorder) x = x > 0 ? last : 0;
    if (params.padding == Padding::kReflection) x = Reflect(x, low, high);
  }
  Taps taps{{-1, -1, -1, -1}, {}};
  // Far outside, and NaN: no tap is in the image, or all are at its border.
  if (!(std::fabs(x) < 1e9f)) {
    if (params.padding == Padding::kZeros) return taps;
    x = params.padding == Padding::kBorder && x > 0 ? n + 2 : -3;
  }
  const float base = params.mode == Mode::kNearest ? std::trunc(x) : std::floor(x), t = x - base;
  const int count = params.taps(), first = params.mode == Mode::kCubic ? -1 : 0;
  for (int k = 0; k < count; ++k)
    taps.index[k] = Resolve(params.padding, base + static_cast<float>(first + k), length, low, high);
  switch (params.mode) {
    case Mode::kNearest:
      taps.weight[0] = 1;
      break;
    case Mode::kLinear:
      taps.weight[0] = 1 - t;
      taps.weight[1] = t;
      break;
    case Mode::kCubic:
      taps.weight[0] = CubicFar(t + 1);
      taps.weight[1] = CubicNear(t);
      taps.weight[2] = CubicNear(1 - t);
      taps.weight[3] = CubicFar(2 - t);
      break;
  }
  return taps;
}

}  // namespace onda::grid_sample

#endif  // ONDA_KERNELS_GRID_SAMPLE_GRID_SAMPLE_H_
