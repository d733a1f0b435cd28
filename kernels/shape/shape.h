// Shapes and what is made of shapes alone: Shape, Size, Reshape, Squeeze, Unsqueeze, Flatten, Identity, Expand,
// Transpose, Constant, ConstantOfShape, Range, EyeLike.
#ifndef ONDA_KERNELS_SHAPE_SHAPE_H_
#define ONDA_KERNELS_SHAPE_SHAPE_H_

#include <algorithm>

#include "onda/provider.h"

namespace onda::shape {

// Shape gives the dimensions [start, end) of a tensor.
struct ShapeParams {
  int64_t start, end;
  explicit ShapeParams(const Attributes& a) : start(a.Int("start", 0)), end(a.Int("end", INT64_MAX)) {}
  struct Range {
    int64_t begin, end;
  };
  Range Of(int64_t rank) const {
    auto clamp = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank); };
    return {clamp(start), std::max(clamp(start), clamp(end))};
  }
};

// Axis i of the output is axis perm[i] of the input; empty: all reversed.
struct TransposeParams {
  std::vector<int64_t> perm;
  explicit TransposeParams(const Attributes& a) : perm(a.Ints("perm")) {}
  int64_t SourceOf(int64_t axis, int64_t rank) const { return perm.empty() ? rank - 1 - axis : perm[axis]; }
};

}  // namespace onda::shape

#endif  // ONDA_KERNELS_SHAPE_SHAPE_H_
