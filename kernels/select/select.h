// OneHot, and what gives as many elements as the data says: Compress, NonZero, Unique.
#ifndef ONDA_KERNELS_SELECT_SELECT_H_
#define ONDA_KERNELS_SELECT_SELECT_H_

#include <optional>

#include "onda/provider.h"

namespace onda::select {

// Version 9 of OneHot has no negative indices: onda keeps that as attribute wrap_negative = 0.
struct OneHotParams {
  int64_t axis;
  bool wrap_negative;
  explicit OneHotParams(const Attributes& a) : axis(a.Int("axis", -1)), wrap_negative(a.Int("wrap_negative", 1) != 0) {}
};

// Without an axis the input is flattened.
struct AxisParams {
  std::optional<int64_t> axis;
  bool sorted;
  explicit AxisParams(const Attributes& a) : sorted(a.Int("sorted", 1) != 0) {
    if (a.Has("axis")) axis = a.Int("axis", 0);
  }

  // The input as (outer, length, inner).
  struct Extents {
    int64_t outer, length, inner;
    int axis;
  };
  Extents ExtentsOf(const TensorView& x) const {
    if (!axis) return {1, x.count(), 1, 0};
    const int at = static_cast<int>(*axis < 0 ? *axis + x.rank : *axis);
    return {x.count(0, at), x.dim(at), x.count(at + 1, x.rank), at};
  }
};

}  // namespace onda::select

#endif  // ONDA_KERNELS_SELECT_SELECT_H_
