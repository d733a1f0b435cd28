#include <algorithm>

#include "kernels/ml/ml.h"
#include "kernels/simd/stack_buffer.h"
#include "onda/float_formats.h"

namespace onda::ml {
namespace {

// scores[t] = x[row] . coefficients[t] + intercepts[t].
struct LinearModel {
  std::vector<float> coefficients, intercepts;
  explicit LinearModel(const Attributes& a)
      : coefficients(a.Floats("coefficients")), intercepts(a.Floats("intercepts")) {}

  void Scores(const TensorView& x, int64_t row, int64_t features, int64_t targets, double* scores) const {
    if (targets * features > static_cast<int64_t>(coefficients.size()))
      throw Error(ErrorCode::kInvalidArgument, "the model has too few coefficients for so many features");
    for (int64_t t = 0; t < targets; ++t) {
      double sum = static_cast<size_t>(t) < intercepts.size() ? intercepts[static_cast<size_t>(t)] : 0;
      for (int64_t f = 0; f < features; ++f)
        sum += LoadDouble(x.type(), x.data, row * features + f) * coefficients[static_cast<size_t>(t * features + f)];
      scores[t] = sum;
    }
  }
};

class Regressor {
 public:
  explicit Regressor(const NodeView& node)
      : model_(node.attributes()), transform_(PostTransformOf(node.attributes())) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Matrix m(x);
    const int64_t targets = y.dim(1);
    args.ParallelFor(m.rows, 1 + 4096 / std::max<int64_t>(1, m.columns * targets), [&](int64_t begin, int64_t end) {
      StackBuffer<double, 64> scores(static_cast<size_t>(targets));
      for (int64_t r = begin; r < end; ++r) {
        model_.Scores(x, r, m.columns, targets, scores.data());
        Apply(transform_, scores.data(), targets);
        for (int64_t t = 0; t < targets; ++t) y.as<float>()[r * targets + t] = static_cast<float>(scores[t]);
      }
    });
  }

 private:
  LinearModel model_;
  PostTransform transform_;
};

class Classifier {
 public:
  explicit Classifier(const NodeView& node)
      : model_(node.attributes()),
        labels_(node.attributes(), "classlabels_ints"),
        transform_(PostTransformOf(node.attributes())) {
    own_ = static_cast<int64_t>(model_.intercepts.size());
    if (own_ == 0) own_ = std::max<int64_t>(labels_.count(), 1);
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &label = args.output(0), &y = args.output(1);
    const Matrix m(x);
    args.ParallelFor(m.rows, 1 + 4096 / std::max<int64_t>(1, m.columns * own_), [&](int64_t begin, int64_t end) {
      StackBuffer<double, 64> scores(static_cast<size_t>(own_) + 1);
      for (int64_t r = begin; r < end; ++r) {
        model_.Scores(x, r, m.columns, own_, scores.data());
        const int64_t best =
            own_ == 1 ? (scores[0] > 0) : std::max_element(scores.begin(), scores.end() - 1) - scores.begin();
        labels_.Store(label, r, best);
        const int64_t n = ScoresOf(own_, labels_.count());
        if (n !=
            own_) {  // the score of the second class: the first has its complement, or its opposite under a transform
          scores[1] = scores[0];
          scores[0] = transform_ == PostTransform::kNone ? 1 - scores[0] : -scores[0];
        }
        Apply(transform_, scores.data(), n);
        if (y.data)
          for (int64_t t = 0; t < n; ++t) y.as<float>()[r * n + t] = static_cast<float>(scores[static_cast<size_t>(t)]);
      }
    });
  }

 private:
  LinearModel model_;
  Labels labels_;
  PostTransform transform_;
  int64_t own_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Regressor>("LinearRegressor", kDomain),
    MakeKernel<Classifier>("LinearClassifier", kDomain),
};

}  // namespace

std::span<const OndaKernelDef> LinearKernels() { return kKernels; }

}  // namespace onda::ml
