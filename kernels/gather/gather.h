// Gather, GatherElements, GatherND: elements or blocks chosen by index.
#ifndef ONDA_KERNELS_GATHER_GATHER_H_
#define ONDA_KERNELS_GATHER_GATHER_H_

#include "onda/provider.h"

namespace onda::gather {

struct Params {
  int64_t axis;
  explicit Params(const Attributes& a) : axis(a.Int("axis", 0)) {}
  int AxisOf(const TensorView& x) const { return static_cast<int>(axis < 0 ? axis + x.rank : axis); }
};

struct NdParams {
  int64_t batch_dims;
  explicit NdParams(const Attributes& a) : batch_dims(a.Int("batch_dims", 0)) {}
};

}  // namespace onda::gather

#endif  // ONDA_KERNELS_GATHER_GATHER_H_
