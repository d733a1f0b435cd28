// Softmax and LogSoftmax: y = exp(x - max) / sum(exp(x - max)) along one axis, and its logarithm.
// Hardmax: 1 at the first maximum, 0 elsewhere.
#ifndef ONDA_KERNELS_SOFTMAX_SOFTMAX_H_
#define ONDA_KERNELS_SOFTMAX_SOFTMAX_H_

#include "onda/float_formats.h"
#include "onda/provider.h"

namespace onda::softmax {

enum class Kind { kSoftmax, kLogSoftmax, kHardmax };

// Softmax of float16 rounds the exponentials and their sum to float16, as the steps of the function body in the
// specification are of the element type.
constexpr bool RoundsSteps(DType type, Kind kind) { return type == DType::kFloat16 && kind == Kind::kSoftmax; }
// What float16 cannot hold stays as it is.
inline float SumAsHalf(double sum) {
  return static_cast<float>(sum < 65504 ? DecodeSmallFloat(kFloat16Format, EncodeSmallFloat(kFloat16Format, sum, false))
                                        : sum);
}

struct Params {
  int64_t axis;
  explicit Params(const Attributes& a) : axis(a.Int("axis", -1)) {}

  // The extents around the axis: shape = (outer, length, inner).
  struct Extents {
    int64_t outer, length, inner;
  };
  Extents ExtentsOf(const TensorView& x) const {
    const int at = static_cast<int>(axis < 0 ? axis + x.rank : axis);
    return {x.count(0, at), x.dim(at), x.count(at + 1, x.rank)};
  }
};

}  // namespace onda::softmax

#endif  // ONDA_KERNELS_SOFTMAX_SOFTMAX_H_
