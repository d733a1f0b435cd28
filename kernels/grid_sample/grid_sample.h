// GridSample (values of an image at given places) and AffineGrid (the places of an affine map).
#ifndef ONDA_KERNELS_GRID_SAMPLE_GRID_SAMPLE_H_
#define ONDA_KERNELS_GRID_SAMPLE_GRID_SAMPLE_H_

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
  int taps() const { return mode == Mode::kNearest ? 1 : mode == Mode::kLinear ? 2 : 4; }
};

// Positions along one axis and their weights, for one coordinate of the grid (-1 to 1 covers the image). A position is
// -1 where the image counts as zero.
struct Taps {
  int64_t index[4];
  float weight[4];
};
Taps TapsOf(const Params& params, float coordinate, int64_t length);

// Throws where the shapes of x [N, C, D1...Dr], grid [N, O1...Or, r] and y [N, C, O1...Or] do not fit.
void CheckShapes(const TensorView& x, const TensorView& grid, const TensorView& y);

}  // namespace onda::grid_sample

#endif  // ONDA_KERNELS_GRID_SAMPLE_GRID_SAMPLE_H_
