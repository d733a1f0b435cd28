// CumSum and CumProd: running sums and products along an axis.
#ifndef ONDA_KERNELS_CUMULATIVE_CUMULATIVE_H_
#define ONDA_KERNELS_CUMULATIVE_CUMULATIVE_H_

#include "onda/provider.h"

namespace onda::cumulative {

struct Params {
  bool exclusive, reverse;
  explicit Params(const Attributes& a) : exclusive(a.Int("exclusive", 0) != 0), reverse(a.Int("reverse", 0) != 0) {}
};

}  // namespace onda::cumulative

#endif  // ONDA_KERNELS_CUMULATIVE_CUMULATIVE_H_
