// onda.Reorder: the same tensor in another layout, from channel blocks of `from` to such of `to`; 1 is row-major.
// Inputs have rank 2 at least, and whole blocks of channels.
#ifndef ONDA_KERNELS_REORDER_REORDER_H_
#define ONDA_KERNELS_REORDER_REORDER_H_

#include "onda/provider.h"

namespace onda::reorder {

struct Params {
  int64_t from, to;  // channel blocks

  explicit Params(const Attributes& a) : from(a.Int("from", 1)), to(a.Int("to", 1)) {}
};

}  // namespace onda::reorder

#endif  // ONDA_KERNELS_REORDER_REORDER_H_
