#include <algorithm>
#include <cmath>

#include "kernels/grid_sample/grid_sample.h"

namespace onda::grid_sample {
namespace {

// Reflects x at the borders until it is between them.
float Reflect(float x, float low, float high) {
  const float range = high - low;
  // Where a float has no fraction left, or is none, any place is as good.
  if (!(range > 0) || !(std::fabs(x) < 0x1p24f)) return low;
  if (x >= low && x <= high) return x;
  const float beyond = x < low ? low - x : x - high;
  const float turns = std::floor(beyond / range), rest = beyond - turns * range;
  const bool from_low = (x < low) == (std::fmod(turns, 2.0f) == 0);
  return from_low ? low + rest : high - rest;
}

int64_t Resolve(Padding padding, float position, int64_t length, float low, float high) {
  const float last = static_cast<float>(length - 1);
  if (padding == Padding::kZeros) return position >= 0 && position <= last ? static_cast<int64_t>(position) : -1;
  if (padding == Padding::kReflection) position = std::trunc(Reflect(position, low, high));
  return position > 0 ? std::min(static_cast<int64_t>(std::min(position, last)), length - 1) : 0;
}

// Keys' cubic kernel with a = -0.75 (IEEE TASSP 29, 1981), at distances below one and between one and two.
constexpr float kA = -0.75f;
float Near(float x) { return ((kA + 2) * x - (kA + 3)) * x * x + 1; }
float Far(float x) { return ((kA * x - 5 * kA) * x + 8 * kA) * x - 4 * kA; }

}  // namespace

Params::Params(const Attributes& a) : align_corners(a.Int("align_corners", 0) != 0) {
  const std::string m = a.String("mode", "linear"), p = a.String("padding_mode", "zeros");
  if (m != "nearest" && m != "linear" && m != "cubic") {
    throw Error(ErrorCode::kInvalidModel, "mode is '" + m + "', not nearest, linear or cubic");
  }
  if (p != "zeros" && p != "border" && p != "reflection") {
    throw Error(ErrorCode::kInvalidModel, "padding_mode is '" + p + "', not zeros, border or reflection");
  }
  mode = m == "nearest" ? Mode::kNearest : m == "linear" ? Mode::kLinear : Mode::kCubic;
  padding = p == "zeros" ? Padding::kZeros : p == "border" ? Padding::kBorder : Padding::kReflection;
}

Taps TapsOf(const Params& params, float coordinate, int64_t length) {
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
  auto resolve = [&](float at) { return Resolve(params.padding, at, length, low, high); };
  const float base = std::floor(x), t = x - base;
  switch (params.mode) {
    case Mode::kNearest:
      taps.index[0] = resolve(std::trunc(x));
      taps.weight[0] = 1;
      break;
    case Mode::kLinear:
      for (int k = 0; k < 2; ++k) taps.index[k] = resolve(base + static_cast<float>(k));
      taps.weight[0] = 1 - t;
      taps.weight[1] = t;
      break;
    case Mode::kCubic:
      for (int k = 0; k < 4; ++k) taps.index[k] = resolve(base + static_cast<float>(k - 1));
      taps.weight[0] = Far(t + 1);
      taps.weight[1] = Near(t);
      taps.weight[2] = Near(1 - t);
      taps.weight[3] = Far(2 - t);
      break;
  }
  return taps;
}

void CheckShapes(const TensorView& x, const TensorView& grid, const TensorView& y) {
  const int rank = x.rank;
  bool fits = rank >= 3 && grid.rank == rank && y.rank == rank && grid.dim(rank - 1) == rank - 2 &&
              grid.dim(0) == x.dim(0) && y.dim(0) == x.dim(0) && y.dim(1) == x.dim(1);
  for (int i = 2; i < rank && fits; ++i) fits = y.dim(i) == grid.dim(i - 1);
  if (!fits) throw Error(ErrorCode::kInvalidArgument, "the shapes of X, grid and Y do not fit");
  if (y.count() > 0 && x.count() == 0) throw Error(ErrorCode::kInvalidArgument, "an empty image cannot be sampled");
}

}  // namespace onda::grid_sample
