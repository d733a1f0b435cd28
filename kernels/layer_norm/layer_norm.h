// Normalisation of the trailing dimensions: LayerNormalization and RMSNormalization, ONNX Runtime's
// SimplifiedLayerNormalization, and its forms that add a skip connection first.
//   s = X [+ skip [+ bias]];  Y = (s - mean) / sqrt(variance + epsilon) * gamma [+ beta]
// RMS forms have no mean and the mean square for the variance.
#ifndef ONDA_KERNELS_LAYER_NORM_LAYER_NORM_H_
#define ONDA_KERNELS_LAYER_NORM_LAYER_NORM_H_

#include <limits>

#include "onda/float_formats.h"
#include "onda/provider.h"

namespace onda::layer_norm {

// Where a form has its inputs and outputs; -1: not at all.
struct Form {
  bool rms;
  int skip, gamma, beta, bias;
  int mean, inverse_deviation, sum;
  float epsilon = 1e-5f;  // where the attribute is absent
};
inline constexpr Form kLayer{false, -1, 1, 2, -1, 1, 2, -1};
inline constexpr Form kRms{true, -1, 1, -1, -1, -1, -1, -1};
inline constexpr Form kSimplified{true, -1, 1, -1, -1, -1, 1, -1};
inline constexpr Form kSkipLayer{false, 1, 2, 3, 4, 1, 2, 3, 1e-12f};
inline constexpr Form kSkipSimplified{true, 1, 2, -1, 3, 1, 2, 3, 1e-12f};

struct Params {
  int64_t axis;  // the first normalised dimension
  double epsilon;
  DType stash_type;  // of Mean and InvStdDev
  Params(const Attributes& a, const Form& form)
      : axis(a.Int("axis", -1)),
        epsilon(a.Float("epsilon", form.epsilon)),
        stash_type(static_cast<DType>(a.Int("stash_type", 1))) {}

  // The input as a matrix (rows, length).
  struct Extents {
    int64_t rows, length;
  };
  Extents ExtentsOf(const TensorView& x) const {
    const int at = static_cast<int>(axis < 0 ? axis + x.rank : axis);
    return {x.count(0, at), x.count(at, x.rank)};
  }
};

// Rows of no elements have no moments: NaN.
inline void StoreNoMoments(const LaunchArgs& args, const Form& form, int64_t rows) {
  for (int output : {form.mean, form.inverse_deviation}) {
    if (output < 0 || !args.wants_output(output)) continue;
    const TensorView& t = args.output(output);
    for (int64_t r = 0; r < rows; ++r) StoreDouble(t.type(), t.data, r, std::numeric_limits<double>::quiet_NaN());
  }
}

// An optional operand that broadcasts to x: elements of row r start at row_offset(r) where it is plain, i.e. equal
// along the normalised dimensions or a scalar; else offset(r * length + i) gives each place.
class Broadcast {
 public:
  Broadcast(const TensorView& operand, const TensorView& x, int64_t length) : operand_(&operand), x_(&x) {
    if (!operand.present()) return;
    int lead = 0;
    while (lead < operand.rank && operand.dim(lead) == 1) ++lead;
    const int trailing = operand.rank - lead;
    bool same = trailing <= x.rank;
    for (int i = 0; same && i < trailing; ++i) same = operand.dim(lead + i) == x.dim(x.rank - trailing + i);
    const int64_t count = operand.count();
    plain_ = same && count >= length && length > 0 && count % length == 0;
    rows_ = plain_ ? count / length : 1;
    length_ = length;
  }
  bool present() const { return operand_->present(); }
  bool plain() const { return plain_; }
  int64_t row_offset(int64_t row) const { return row % rows_ * length_; }
  // Place of the element that goes with element `at` of x.
  int64_t offset(int64_t at) const {
    int64_t place = 0, stride = 1;
    for (int i = x_->rank; i-- > 0;) {
      const int j = i - (x_->rank - operand_->rank);
      const int64_t index = at % x_->dim(i);
      at /= x_->dim(i);
      if (j < 0) break;
      if (operand_->dim(j) != 1) place += index * stride;
      stride *= operand_->dim(j);
    }
    return place;
  }

 private:
  const TensorView* operand_;
  const TensorView* x_;
  bool plain_ = false;
  int64_t rows_ = 1, length_ = 0;
};

}  // namespace onda::layer_norm

#endif  // ONDA_KERNELS_LAYER_NORM_LAYER_NORM_H_
