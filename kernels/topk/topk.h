// TopK, ArgMax, ArgMin: the largest or smallest elements along an axis. Ties go to the lower index unless asked
// otherwise; NaN counts as larger than every number for TopK and wins in ArgMax and ArgMin, as in numpy.
#ifndef ONDA_KERNELS_TOPK_TOPK_H_
#define ONDA_KERNELS_TOPK_TOPK_H_

#include "onda/provider.h"

namespace onda::topk {

struct Params {
  int64_t axis;
  bool largest;
  explicit Params(const Attributes& a) : axis(a.Int("axis", -1)), largest(a.Int("largest", 1) != 0) {}
};

struct ArgParams {
  int64_t axis;
  bool keepdims, last;
  explicit ArgParams(const Attributes& a)
      : axis(a.Int("axis", 0)), keepdims(a.Int("keepdims", 1) != 0), last(a.Int("select_last_index", 0) != 0) {}
};

// The input as (outer, length, inner).
struct Extents {
  int64_t outer, length, inner;
  Extents(const TensorView& x, int64_t given) {
    const int axis = static_cast<int>(given < 0 ? given + x.rank : given);
    outer = x.count(0, axis), length = x.dim(axis), inner = x.count(axis + 1, x.rank);
  }
};

}  // namespace onda::topk

#endif  // ONDA_KERNELS_TOPK_TOPK_H_
