#include <algorithm>
#include <cmath>

#include "kernels/ml/ml.h"

namespace onda::ml {
namespace {

// The inverse of the error function by S. Winitzki's approximation ("A handy approximation for the error function and
// its inverse", 2008) with a = 0.147, which the models' trainers use too.
double InverseErf(double x) {
  const double log = std::log((1 - x) * (1 + x));
  const double v = 2 / (M_PI * 0.147) + 0.5 * log;
  return std::copysign(std::sqrt(std::sqrt(v * v - log / 0.147) - v), x);
}

}  // namespace

PostTransform PostTransformOf(const Attributes& attributes) {
  const std::string name = attributes.String("post_transform", "NONE");
  const char* names[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  for (int i = 0; i < 5; ++i)
    if (name == names[i]) return static_cast<PostTransform>(i);
  throw Error(ErrorCode::kInvalidModel, "post_transform is '" + name + "'");
}

double Logistic(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

void Apply(PostTransform transform, double* scores, int64_t n) {
  if (n == 0) return;
  switch (transform) {
    case PostTransform::kNone:
      return;
    case PostTransform::kLogistic:
      for (int64_t i = 0; i < n; ++i) scores[i] = Logistic(scores[i]);
      return;
    case PostTransform::kProbit:
      for (int64_t i = 0; i < n; ++i) scores[i] = std::sqrt(2.0) * InverseErf(2 * scores[i] - 1);
      return;
    case PostTransform::kSoftmax:
    case PostTransform::kSoftmaxZero: {
      // SOFTMAX_ZERO leaves scores that are 0 at 0.
      const double max = *std::max_element(scores, scores + n);
      double sum = 0;
      for (int64_t i = 0; i < n; ++i) {
        const bool zero = transform == PostTransform::kSoftmaxZero && std::fabs(scores[i]) <= 1e-7;
        scores[i] = zero ? scores[i] * std::exp(-max) : std::exp(scores[i] - max);
        sum += scores[i];
      }
      for (int64_t i = 0; i < n; ++i) scores[i] = sum == 0 ? 0.5 : scores[i] / sum;
      return;
    }
  }
}

void Labels::Store(const TensorView& y, int64_t i, int64_t index) const {
  if (!y.data) return;
  const size_t at = static_cast<size_t>(index);
  if (y.type() == DType::kString) {
    y.as<std::string>()[i] = at < names.size() ? names[at] : std::string();
  } else {
    y.as<int64_t>()[i] = at < integers.size() ? integers[at] : index;
  }
}

}  // namespace onda::ml
