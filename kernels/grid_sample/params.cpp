#include "kernels/grid_sample/grid_sample.h"

namespace onda::grid_sample {
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

void CheckShapes(const TensorView& x, const TensorView& grid, const TensorView& y) {
  const int rank = x.rank;
  bool fits = rank >= 3 && grid.rank == rank && y.rank == rank && grid.dim(rank - 1) == rank - 2 &&
              grid.dim(0) == x.dim(0) && y.dim(0) == x.dim(0) && y.dim(1) == x.dim(1);
  for (int i = 2; i < rank && fits; ++i) fits = y.dim(i) == grid.dim(i - 1);
  if (!fits) throw Error(ErrorCode::kInvalidArgument, "the shapes of X, grid and Y do not fit");
  if (y.count() > 0 && x.count() == 0) throw Error(ErrorCode::kInvalidArgument, "an empty image cannot be sampled");
}

}  // namespace onda::grid_sample
