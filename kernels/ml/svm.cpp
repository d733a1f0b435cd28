// Support vector machines. Pairwise scores, votes and probabilities follow LIBSVM; the coupling of pairwise
// probabilities is the second method of Wu, Lin and Weng (2004).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/ml/ml.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/launch.h"
#include "kernels/simd/stack_buffer.h"
#include "onda/float_formats.h"

namespace onda::ml {
namespace {

enum class KernelType { kLinear, kPoly, kRbf, kSigmoid };

struct Kernel {
  KernelType type;
  double gamma = 0, offset = 0, degree = 0;
  explicit Kernel(const Attributes& a) {
    const std::string name = a.String("kernel_type", "LINEAR");
    const char* names[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
    const auto found = std::find(std::begin(names), std::end(names), name);
    if (found == std::end(names)) throw Error(ErrorCode::kInvalidModel, "kernel_type is '" + name + "'");
    type = static_cast<KernelType>(found - std::begin(names));
    const std::vector<float> params = a.Floats("kernel_params");
    if (params.empty()) return;
    if (params.size() != 3) throw Error(ErrorCode::kInvalidModel, "kernel_params must be gamma, coef0 and degree");
    gamma = params[0], offset = params[1], degree = params[2];
  }

  double operator()(const double* a, const float* b, int64_t n) const {
    double dot = 0;
    for (int64_t i = 0; i < n; ++i) dot += type == KernelType::kRbf ? (a[i] - b[i]) * (a[i] - b[i]) : a[i] * b[i];
    switch (type) {
      case KernelType::kLinear:
        return dot;
      case KernelType::kPoly:
        return std::pow(gamma * dot + offset, degree);
      case KernelType::kRbf:
        return std::exp(-gamma * dot);
      case KernelType::kSigmoid:
        return std::tanh(gamma * dot + offset);
    }
    return dot;
  }
};

void RequireFeatures(int64_t columns, size_t vectors, size_t size) {
  if (static_cast<size_t>(columns) * vectors != size)
    throw Error(ErrorCode::kInvalidArgument, "the model was made for another number of features");
}

class Regressor {
 public:
  explicit Regressor(const NodeView& node)
      : kernel_(node.attributes()),
        coefficients_(node.attributes().Floats("coefficients")),
        vectors_(node.attributes().Floats("support_vectors")),
        rho_(node.attributes().Floats("rho")),
        supports_(node.attributes().Int("n_supports", 0)),
        one_class_(node.attributes().Int("one_class", 0) != 0),
        transform_(PostTransformOf(node.attributes())) {
    if (rho_.empty()) throw Error(ErrorCode::kInvalidModel, "rho must be given");
    if (supports_ > 0 && static_cast<int64_t>(coefficients_.size()) != supports_)
      throw Error(ErrorCode::kInvalidModel, "there must be one coefficient for each support vector");
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Matrix m(x);
    if (supports_ > 0) {
      RequireFeatures(m.columns, static_cast<size_t>(supports_), vectors_.size());
    } else {
      RequireFeatures(m.columns, 1, coefficients_.size());
    }
    args.ParallelFor(m.rows, 1, [&](int64_t begin, int64_t end) {
      StackBuffer<double, 256> row(static_cast<size_t>(m.columns));
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t c = 0; c < m.columns; ++c)
          row[static_cast<size_t>(c)] = LoadDouble(x.type(), x.data, r * m.columns + c);
        double sum = rho_[0];
        for (int64_t j = 0; j < supports_; ++j)
          sum +=
              coefficients_[static_cast<size_t>(j)] * kernel_(row.data(), vectors_.data() + j * m.columns, m.columns);
        if (supports_ <= 0)
          for (int64_t c = 0; c < m.columns; ++c)
            sum += row[static_cast<size_t>(c)] * coefficients_[static_cast<size_t>(c)];
        if (one_class_) {
          sum = sum > 0 ? 1 : -1;
        } else {
          Apply(transform_, &sum, 1);
        }
        y.as<float>()[r] = static_cast<float>(sum);
      }
    });
  }

 private:
  Kernel kernel_;
  std::vector<float> coefficients_, vectors_, rho_;
  int64_t supports_;
  bool one_class_;
  PostTransform transform_;
};

// Class probabilities p of n classes from r[i * n + j], the probability of i where only i and j are possible. q: n * n
// elements of scratch, qp: n.
void Couple(const double* r, size_t n, double* q, double* qp, double* p) {
  std::fill_n(q, n * n, 0.0);
  std::fill_n(p, n, 1.0 / static_cast<double>(n));
  for (size_t t = 0; t < n; ++t) {
    for (size_t j = 0; j < n; ++j) {
      if (j == t) continue;
      q[t * n + t] += r[j * n + t] * r[j * n + t];
      q[t * n + j] = -r[j * n + t] * r[t * n + j];
    }
  }
  for (size_t step = 0; step < std::max<size_t>(100, n); ++step) {
    double pqp = 0, worst = 0;
    for (size_t t = 0; t < n; ++t) {
      qp[t] = 0;
      for (size_t j = 0; j < n; ++j) qp[t] += q[t * n + j] * p[j];
      pqp += p[t] * qp[t];
    }
    for (size_t t = 0; t < n; ++t) worst = std::max(worst, std::fabs(qp[t] - pqp));
    if (worst < 0.005 / static_cast<double>(n)) break;
    for (size_t t = 0; t < n; ++t) {
      const double change = (pqp - qp[t]) / q[t * n + t], scale = 1 + change;
      p[t] += change;
      pqp = (pqp + change * (change * q[t * n + t] + 2 * qp[t])) / scale / scale;
      for (size_t j = 0; j < n; ++j) {
        qp[j] = (qp[j] + change * q[t * n + j]) / scale;
        p[j] /= scale;
      }
    }
  }
}

class Classifier {
 public:
  explicit Classifier(const NodeView& node)
      : kernel_(node.attributes()),
        labels_(node.attributes(), "classlabels_ints"),
        coefficients_(node.attributes().Floats("coefficients")),
        vectors_(node.attributes().Floats("support_vectors")),
        rho_(node.attributes().Floats("rho")),
        prob_a_(node.attributes().Floats("prob_a")),
        prob_b_(node.attributes().Floats("prob_b")),
        per_class_(node.attributes().Ints("vectors_per_class")),
        transform_(PostTransformOf(node.attributes())),
        width_(SvmScores(node.attributes())) {
    auto require = [](bool holds, const char* cause) {
      if (!holds) throw Error(ErrorCode::kInvalidModel, cause);
    };
    for (int64_t count : per_class_) {
      require(count >= 0 && count <= INT32_MAX, "vectors_per_class is out of range");
      starts_.push_back(supports_);
      supports_ += count;
    }
    classes_ = std::max<int64_t>(labels_.count(), 1);
    require(!rho_.empty(), "rho must be given");
    if (supports_ == 0) return;
    const size_t pairs = static_cast<size_t>(classes_ * (classes_ - 1) / 2);
    require(static_cast<int64_t>(per_class_.size()) == classes_, "vectors_per_class has not one entry for each class");
    require(rho_.size() >= pairs, "rho has not one entry for each pair of classes");
    require(static_cast<int64_t>(coefficients_.size()) >= (classes_ - 1) * supports_, "there are too few coefficients");
    require(prob_a_.size() == prob_b_.size() && (prob_a_.empty() || prob_a_.size() >= pairs),
            "prob_a and prob_b have not one entry for each pair of classes");
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &label = args.output(0), &y = args.output(1);
    const Matrix m(x);
    if (supports_ > 0) {
      RequireFeatures(m.columns, static_cast<size_t>(supports_), vectors_.size());
    } else {
      RequireFeatures(m.columns, static_cast<size_t>(classes_), coefficients_.size());
    }
    const Parallel parallel = ParallelOf(args);
    const size_t scratch_bytes = ScratchBytes(m.columns);
    parallel.ForTasks(parallel.threads, m.rows, [&](int worker, int64_t r) {
      Carver carver(static_cast<char*>(args.workspace()) + static_cast<size_t>(worker) * scratch_bytes);
      const Scratch s(*this, m.columns, carver);
      for (int64_t c = 0; c < m.columns; ++c) s.row[c] = LoadDouble(x.type(), x.data, r * m.columns + c);
      const bool pairwise = supports_ > 0;
      pairwise ? Pairwise(s, m.columns) : Linear(s, m.columns);
      int64_t count = pairwise ? pairs() : classes_;
      if (pairwise && !prob_a_.empty()) {
        Probabilities(s);
        count = classes_;
      }
      const double* const deciding = pairwise ? s.votes : s.scores;
      int64_t best = std::max_element(deciding, deciding + classes_) - deciding;
      if (count == 1 && !pairwise) best = s.scores[0] > 0;
      labels_.Store(label, r, best);
      // The score of a pair becomes the scores of its two classes.
      if (count == 1 && width_ == 2) {
        s.scores[1] = s.scores[0];
        s.scores[0] = -s.scores[1];
        count = 2;
      }
      Apply(transform_, s.scores, count);
      for (int64_t k = count; k < width_; ++k) s.scores[k] = 0;
      for (int64_t k = 0; y.data && k < width_; ++k) y.as<float>()[r * width_ + k] = static_cast<float>(s.scores[k]);
    });
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return static_cast<size_t>(MaxThreads()) * ScratchBytes(Matrix(inputs[0]).columns);
  }

 private:
  int64_t pairs() const { return classes_ * (classes_ - 1) / 2; }

  // What one row needs.
  struct Scratch {
    double *row, *kernels, *scores, *votes, *couples, *q, *qp;

    Scratch(const Classifier& c, int64_t columns, Carver& carver) {
      const bool coupled = c.supports_ > 0 && !c.prob_a_.empty();
      const int64_t square = coupled ? c.classes_ * c.classes_ : 0;
      row = carver.Take<double>(columns);
      kernels = carver.Take<double>(c.supports_);
      scores = carver.Take<double>(std::max({c.supports_ > 0 ? c.pairs() : 0, c.classes_, c.width_, int64_t{2}}));
      votes = carver.Take<double>(c.classes_);
      couples = carver.Take<double>(square);
      q = carver.Take<double>(square);
      qp = carver.Take<double>(c.classes_);
    }
  };
  size_t ScratchBytes(int64_t columns) const {
    Carver counter;
    Scratch(*this, columns, counter);
    return counter.bytes();
  }

  void Linear(const Scratch& s, int64_t columns) const {
    for (int64_t k = 0; k < classes_; ++k) {
      double sum = rho_[0];
      for (int64_t c = 0; c < columns; ++c) sum += s.row[c] * coefficients_[static_cast<size_t>(k * columns + c)];
      s.scores[k] = sum;
    }
  }

  // One score for each pair of classes; its sign votes for one of them.
  void Pairwise(const Scratch& s, int64_t columns) const {
    for (int64_t j = 0; j < supports_; ++j) s.kernels[j] = kernel_(s.row, vectors_.data() + j * columns, columns);
    std::fill_n(s.votes, classes_, 0.0);
    int64_t at = 0;
    for (int64_t i = 0; i < classes_; ++i) {
      for (int64_t j = i + 1; j < classes_; ++j, ++at) {
        double sum = rho_[static_cast<size_t>(at)];
        auto add = [&](int64_t of, int64_t against) {
          for (int64_t k = starts_[of]; k < starts_[of] + per_class_[of]; ++k)
            sum += coefficients_[static_cast<size_t>(against * supports_ + k)] * s.kernels[k];
        };
        add(i, j - 1);
        add(j, i);
        s.scores[at] = sum;
        s.votes[sum > 0 ? i : j] += 1;
      }
    }
  }

  void Probabilities(const Scratch& s) const {
    const size_t n = static_cast<size_t>(classes_);
    std::fill_n(s.couples, n * n, 0.0);
    size_t at = 0;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = i + 1; j < n; ++j, ++at) {
        const double p = std::clamp(1 - Logistic(s.scores[at] * prob_a_[at] + prob_b_[at]), 1e-7, 1 - 1e-7);
        s.couples[i * n + j] = p;
        s.couples[j * n + i] = 1 - p;
      }
    }
    Couple(s.couples, n, s.q, s.qp, s.scores);
  }

  Kernel kernel_;
  Labels labels_;
  std::vector<float> coefficients_, vectors_, rho_, prob_a_, prob_b_;
  std::vector<int64_t> per_class_, starts_;
  PostTransform transform_;
  int64_t width_;
  int64_t supports_ = 0, classes_ = 1;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Regressor>("SVMRegressor", kDomain),
    MakeKernel<Classifier>("SVMClassifier", kDomain),
};

}  // namespace

int64_t SvmScores(const Attributes& a) {
  const int64_t classes = std::max<int64_t>(Labels(a, "classlabels_ints").count(), 1);
  const std::vector<int64_t> per_class = a.Ints("vectors_per_class");
  const bool supports = std::any_of(per_class.begin(), per_class.end(), [](int64_t n) { return n > 0; });
  if (!supports || !a.Floats("prob_a").empty()) return ScoresOf(classes, classes);
  const int64_t pairs = classes * (classes - 1) / 2;
  return ScoresOf(std::max<int64_t>(pairs, 1), classes);
}

std::span<const OndaKernelDef> SvmKernels() { return kKernels; }

}  // namespace onda::ml
