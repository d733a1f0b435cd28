// ScatterElements, ScatterND, TensorScatter: a copy of the data with some elements or blocks replaced or combined.
#ifndef ONDA_KERNELS_SCATTER_SCATTER_H_
#define ONDA_KERNELS_SCATTER_SCATTER_H_

#include "onda/provider.h"

namespace onda::scatter {

enum class Reduction { kNone, kAdd, kMul, kMax, kMin, kUnknown };

inline Reduction ReductionOf(const Attributes& a) {
  const std::string name = a.String("reduction", "none");
  return name == "none"  ? Reduction::kNone
         : name == "add" ? Reduction::kAdd
         : name == "mul" ? Reduction::kMul
         : name == "max" ? Reduction::kMax
         : name == "min" ? Reduction::kMin
                         : Reduction::kUnknown;
}

struct Params {
  int64_t axis;
  Reduction reduction;
  explicit Params(const Attributes& a) : axis(a.Int("axis", 0)), reduction(ReductionOf(a)) {}
};

struct TensorScatterParams {
  int64_t axis;
  bool circular;
  explicit TensorScatterParams(const Attributes& a)
      : axis(a.Int("axis", -2)), circular(a.String("mode", "linear") == "circular") {}
};

}  // namespace onda::scatter

#endif  // ONDA_KERNELS_SCATTER_SCATTER_H_
