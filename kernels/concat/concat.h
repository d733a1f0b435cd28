// Concat and Split: blocks along one axis, put together and taken apart.
#ifndef ONDA_KERNELS_CONCAT_CONCAT_H_
#define ONDA_KERNELS_CONCAT_CONCAT_H_

#include "onda/provider.h"

namespace onda::concat {

struct Params {
  int64_t axis;
  explicit Params(const Attributes& a) : axis(a.Int("axis", 0)) {}

  int AxisOf(const TensorView& x) const { return static_cast<int>(axis < 0 ? axis + x.rank : axis); }
};

}  // namespace onda::concat

#endif  // ONDA_KERNELS_CONCAT_CONCAT_H_
