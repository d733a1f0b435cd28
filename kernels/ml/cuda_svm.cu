// SVMRegressor and SVMClassifier: a warp for the kernel function of each row and support vector, then a thread per row,
// as few classes make little work.
#include <algorithm>
#include <string_view>

#include "kernels/device/constants.h"
#include "kernels/device/number.h"
#include "kernels/device/warp.h"
#include "kernels/ml/cuda_models.h"

namespace onda::ml {
namespace {

using namespace cuda;

constexpr int kThreads = 128;

enum class KernelType { kLinear, kPoly, kRbf, kSigmoid };

struct KernelFunction {
  KernelType type = KernelType::kLinear;
  double gamma = 0, offset = 0, degree = 0;
};

KernelType TypeNamed(std::string_view name) {
  if (name == "LINEAR") return KernelType::kLinear;
  if (name == "POLY") return KernelType::kPoly;
  if (name == "RBF") return KernelType::kRbf;
  if (name == "SIGMOID") return KernelType::kSigmoid;
  throw Error(ErrorCode::kInvalidModel, "kernel_type is '" + std::string(name) + "'");
}

KernelFunction KernelFunctionOf(const Attributes& a) {
  KernelFunction kernel;
  kernel.type = TypeNamed(a.String("kernel_type", "LINEAR"));
  const std::vector<float> params = a.Floats("kernel_params");
  if (params.empty()) return kernel;
  if (params.size() != 3) throw Error(ErrorCode::kInvalidModel, "kernel_params must be gamma, coef0 and degree");
  kernel.gamma = params[0], kernel.offset = params[1], kernel.degree = params[2];
  return kernel;
}

// values (rows, vectors): the kernel function, or without one the plain product, of each row and vector.
__global__ void __launch_bounds__(kThreads)
    Products(In<uint8_t> x, In<float> vectors, Out<double> values, int64_t rows, int64_t count, int64_t features,
             KernelFunction kernel, bool plain, DType type) {
  const int64_t i = GlobalThread() / kWarp;
  if (i >= rows * count) return;  // whole warps
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t r = i / count, v = i % count;
  const bool distance = !plain && kernel.type == KernelType::kRbf;
  double sum = 0;
  for (int64_t f = lane; f < features; f += kWarp) {
    const double a = LoadNumber<double>(type, x.data, r * features + f), b = vectors[v * features + f];
    sum += distance ? (a - b) * (a - b) : a * b;
  }
  sum = WarpReduce(sum, Plus());
  if (!plain) {
    if (kernel.type == KernelType::kPoly) sum = pow(kernel.gamma * sum + kernel.offset, kernel.degree);
    if (kernel.type == KernelType::kRbf) sum = exp(-kernel.gamma * sum);
    if (kernel.type == KernelType::kSigmoid) sum = tanh(kernel.gamma * sum + kernel.offset);
  }
  if (lane == 0) values[i] = sum;
}

// A warp per row: rho + sum of coefficients times values; `coefficients` is absent where the values have them already.
__global__ void __launch_bounds__(kThreads)
    SumRows(In<double> values, In<float> coefficients, Out<float> y, int64_t rows, int64_t count, double rho,
            bool one_class, PostTransform transform) {
  const int64_t r = GlobalThread() / kWarp;
  if (r >= rows) return;  // whole warps
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  double sum = 0;
  for (int64_t k = lane; k < count; k += kWarp)
    sum += coefficients ? coefficients[k] * values[r * count + k] : values[r * count + k];
  sum = WarpReduce(sum, Plus()) + rho;
  if (lane != 0) return;
  if (one_class)
    sum = sum > 0 ? 1 : -1;
  else
    TransformScores(transform, &sum, 1);
  y[r] = static_cast<float>(sum);
}

struct ClassShape {
  int64_t rows, classes, supports, width, label_count;
  bool probabilities;
  PostTransform transform;
  int64_t pairs() const { return classes * (classes - 1) / 2; }
  // Doubles of a row: scores, votes, and for probabilities three vectors and two matrices.
  ONDA_HOST_DEVICE int64_t scores() const {
    const int64_t pairs = classes * (classes - 1) / 2;
    return (pairs > classes ? pairs : classes) + 2;
  }
  ONDA_HOST_DEVICE int64_t size() const {
    return scores() + classes + (probabilities ? 2 * (classes * classes + classes) : 0);
  }
};

// Class probabilities p from r[i * n + j], the probability of i where only i and j are possible: the second method of
// Wu, Lin and Weng (2004).
__device__ void Couple(const double* r, double* q, double* p, double* qp, int64_t n) {
  for (int64_t t = 0; t < n; ++t) {
    p[t] = 1 / static_cast<double>(n);
    q[t * n + t] = 0;
    for (int64_t j = 0; j < n; ++j) {
      if (j == t) continue;
      q[t * n + t] += r[j * n + t] * r[j * n + t];
      q[t * n + j] = -r[j * n + t] * r[t * n + j];
    }
  }
  for (int64_t step = 0; step < (n > 100 ? n : 100); ++step) {
    double pqp = 0, worst = 0;
    for (int64_t t = 0; t < n; ++t) {
      qp[t] = 0;
      for (int64_t j = 0; j < n; ++j) qp[t] += q[t * n + j] * p[j];
      pqp += p[t] * qp[t];
    }
    for (int64_t t = 0; t < n; ++t) worst = fmax(worst, fabs(qp[t] - pqp));
    if (worst < 0.005 / static_cast<double>(n)) break;
    for (int64_t t = 0; t < n; ++t) {
      const double change = (pqp - qp[t]) / q[t * n + t], scale = 1 + change;
      p[t] += change;
      pqp = (pqp + change * (change * q[t * n + t] + 2 * qp[t])) / scale / scale;
      for (int64_t j = 0; j < n; ++j) {
        qp[j] = (qp[j] + change * q[t * n + j]) / scale;
        p[j] /= scale;
      }
    }
  }
}

// A thread per row. values (rows, supports), or (rows, classes) where there are no supports. starts (classes + 1): the
// first support of each class.
__global__ void __launch_bounds__(kThreads)
    Classify(In<double> values, In<float> coefficients, In<float> rho, In<float> prob_a, In<float> prob_b,
             In<int64_t> starts, In<int64_t> labels, InOut<double> work, Out<int64_t> label, Out<float> y,
             ClassShape s) {
  const int64_t row = GlobalThread(), n = s.classes;
  if (row >= s.rows) return;
  double *const scores = work.data + row * s.size(), *const votes = scores + s.scores();
  int64_t count = 0, best;
  if (s.supports == 0) {
    for (; count < n; ++count) scores[count] = rho[0] + values[row * n + count];
    best = count == 1 ? scores[0] > 0 : Greatest(scores, count);
  } else {
    for (int64_t i = 0; i < n; ++i) votes[i] = 0;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = i + 1; j < n; ++j) {
        double sum = rho[count];
        for (int64_t k = starts[i]; k < starts[i + 1]; ++k)
          sum += coefficients[(j - 1) * s.supports + k] * values[row * s.supports + k];
        for (int64_t k = starts[j]; k < starts[j + 1]; ++k)
          sum += coefficients[i * s.supports + k] * values[row * s.supports + k];
        scores[count++] = sum;
        votes[sum > 0 ? i : j] += 1;
      }
    best = Greatest(votes, n);
    if (s.probabilities) {
      double *const r = votes + n, *const q = r + n * n, *const qp = q + n * n, *const p = qp + n;
      for (int64_t i = 0, at = 0; i < n; ++i) {
        r[i * n + i] = 0;
        for (int64_t j = i + 1; j < n; ++j, ++at) {
          const double v = 1 - DeviceLogistic(scores[at] * prob_a[at] + prob_b[at]);
          r[i * n + j] = v < 1e-7 ? 1e-7 : v > 1 - 1e-7 ? 1 - 1e-7 : v;
          r[j * n + i] = 1 - r[i * n + j];
        }
      }
      Couple(r, q, p, qp, n);
      for (int64_t i = 0; i < n; ++i) scores[i] = p[i];
      count = n;
    }
  }
  if (label) label[row] = best < s.label_count ? labels[best] : best;
  // The score of a pair becomes the scores of its two classes.
  if (count == 1 && s.width == 2) {
    scores[1] = scores[0];
    scores[0] = -scores[0];
    count = 2;
  }
  TransformScores(s.transform, scores, count);
  for (int64_t k = 0; y && k < s.width; ++k) y[row * s.width + k] = k < count ? static_cast<float>(scores[k]) : 0.0f;
}

void RequireFeatures(int64_t columns, int64_t vectors, int64_t size) {
  if (columns * vectors != size)
    throw Error(ErrorCode::kInvalidArgument, "the model was made for another number of features");
}
std::string RejectsNode(const NodeView& node) {
  if (!IsNumber(node.input(0).type())) return "not for " + std::string(NameOf(node.input(0).type()));
  return node.attributes().Has("classlabels_strings") ? "labels are strings" : "";
}
LaunchConfig OverWarps(int64_t n) { return {.grid = {BlocksFor(n, kThreads / kWarp)}, .block = {kThreads}}; }

class Regressor {
 public:
  explicit Regressor(const NodeView& node)
      : kernel_(KernelFunctionOf(node.attributes())),
        supports_(node.attributes().Int("n_supports", 0)),
        one_class_(node.attributes().Int("one_class", 0) != 0),
        transform_(PostTransformOf(node.attributes())) {
    const auto coefficients = node.attributes().Floats("coefficients"), rho = node.attributes().Floats("rho"),
               vectors = node.attributes().Floats("support_vectors");
    if (rho.empty()) throw Error(ErrorCode::kInvalidModel, "rho must be given");
    rho_ = rho[0];
    coefficient_count_ = static_cast<int64_t>(coefficients.size());
    vector_size_ = static_cast<int64_t>(vectors.size());
    if (supports_ > 0 && coefficient_count_ != supports_)
      throw Error(ErrorCode::kInvalidModel, "there must be one coefficient for each support vector");
    coefficients_ = constants_.Add(coefficients), vectors_ = constants_.Add(vectors);
  }
  static std::string Rejects(const NodeView& node) { return RejectsNode(node); }
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return static_cast<size_t>(Matrix(inputs[0]).rows * Count()) * sizeof(double);
  }

  void Prepare(const LaunchArgs& args) const { constants_.Prepare(StreamOf(args)); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const Matrix m(x);
    if (m.rows == 0) return;
    RequireFeatures(m.columns, Count(), supports_ > 0 ? vector_size_ : coefficient_count_);
    const cuda::Buffer values = WorkspaceOf(args, 0, static_cast<size_t>(m.rows * Count()) * sizeof(double));
    const cuda::Buffer coefficients = constants_.On(StreamOf(args), coefficients_);
    const bool plain = supports_ <= 0;
    cuda::Launch(args, OverWarps(m.rows * Count()), Products, x,
                 plain ? coefficients : constants_.On(StreamOf(args), vectors_), values, m.rows, Count(), m.columns,
                 kernel_, plain, x.type());
    cuda::Launch(args, OverWarps(m.rows), SumRows, values, plain ? cuda::Buffer{} : coefficients, args.output(0),
                 m.rows, Count(), rho_, one_class_, transform_);
  }

 private:
  int64_t Count() const { return std::max<int64_t>(supports_, 1); }

  KernelFunction kernel_;
  int64_t supports_, coefficient_count_, vector_size_;
  bool one_class_;
  PostTransform transform_;
  double rho_;
  DeviceConstants constants_;
  DeviceConstants::List coefficients_, vectors_;
};

class Classifier {
 public:
  explicit Classifier(const NodeView& node)
      : kernel_(KernelFunctionOf(node.attributes())), labels_(node.attributes(), "classlabels_ints") {
    const Attributes a = node.attributes();
    const auto coefficients = a.Floats("coefficients"), vectors = a.Floats("support_vectors"), rho = a.Floats("rho"),
               prob_a = a.Floats("prob_a"), prob_b = a.Floats("prob_b");
    auto require = [](bool holds, const char* cause) {
      if (!holds) throw Error(ErrorCode::kInvalidModel, cause);
    };
    std::vector<int64_t> starts{0};
    const std::vector<int64_t> per_class = a.Ints("vectors_per_class");
    for (const int64_t count : per_class) {
      require(count >= 0 && count <= INT32_MAX, "vectors_per_class is out of range");
      starts.push_back(starts.back() + count);
    }
    shape_.classes = std::max<int64_t>(labels_.count(), 1);
    shape_.supports = starts.back();
    shape_.width = SvmWidth(a, shape_);
    shape_.label_count = static_cast<int64_t>(labels_.integers.size());
    shape_.probabilities = shape_.supports > 0 && !prob_a.empty();
    shape_.transform = PostTransformOf(a);
    require(!rho.empty(), "rho must be given");
    if (shape_.supports > 0) {
      const size_t pairs = static_cast<size_t>(shape_.pairs());
      require(static_cast<int64_t>(per_class.size()) == shape_.classes,
              "vectors_per_class has not one entry for each class");
      require(rho.size() >= pairs, "rho has not one entry for each pair of classes");
      require(static_cast<int64_t>(coefficients.size()) >= (shape_.classes - 1) * shape_.supports,
              "there are too few coefficients");
      require(prob_a.size() == prob_b.size() && (prob_a.empty() || prob_a.size() >= pairs),
              "prob_a and prob_b have not one entry for each pair of classes");
    }
    size_ = static_cast<int64_t>(shape_.supports > 0 ? vectors.size() : coefficients.size());
    coefficients_ = constants_.Add(coefficients), vectors_ = constants_.Add(vectors), rho_ = constants_.Add(rho);
    prob_a_ = constants_.Add(prob_a), prob_b_ = constants_.Add(prob_b), starts_ = constants_.Add(starts);
    integers_ = constants_.Add(labels_.integers);
  }
  static std::string Rejects(const NodeView& node) { return RejectsNode(node); }
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return static_cast<size_t>(Matrix(inputs[0]).rows * (Count() + shape_.size())) * sizeof(double);
  }

  void Prepare(const LaunchArgs& args) const { constants_.Prepare(StreamOf(args)); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const Matrix m(x);
    if (m.rows == 0) return;
    RequireFeatures(m.columns, Count(), size_);
    const size_t first = static_cast<size_t>(m.rows * Count()) * sizeof(double);
    const cuda::Buffer values = WorkspaceOf(args, 0, first);
    auto list = [&](const DeviceConstants::List& l) { return constants_.On(StreamOf(args), l); };
    const bool plain = shape_.supports == 0;
    cuda::Launch(args, OverWarps(m.rows * Count()), Products, x, list(plain ? coefficients_ : vectors_), values, m.rows,
                 Count(), m.columns, kernel_, plain, x.type());
    ClassShape s = shape_;
    s.rows = m.rows;
    cuda::Launch(args, {.grid = {BlocksFor(m.rows, kThreads)}, .block = {kThreads}}, Classify, values,
                 list(coefficients_), list(rho_), list(prob_a_), list(prob_b_), list(starts_), list(integers_),
                 WorkspaceOf(args, first, static_cast<size_t>(m.rows * s.size()) * sizeof(double)), args.output(0),
                 args.output(1), s);
  }

 private:
  // As SvmScores.
  static int64_t SvmWidth(const Attributes& a, const ClassShape& s) {
    if (s.supports == 0 || !a.Floats("prob_a").empty()) return ScoresOf(s.classes, s.classes);
    return ScoresOf(std::max<int64_t>(s.pairs(), 1), s.classes);
  }
  int64_t Count() const { return shape_.supports > 0 ? shape_.supports : shape_.classes; }

  KernelFunction kernel_;
  Labels labels_;
  ClassShape shape_{};
  int64_t size_;
  DeviceConstants constants_;
  DeviceConstants::List coefficients_, vectors_, rho_, prob_a_, prob_b_, starts_, integers_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Regressor>("SVMRegressor", kDomain),
    MakeKernel<Classifier>("SVMClassifier", kDomain),
};

}  // namespace

std::span<const OndaKernelDef> SvmCudaKernels() { return kKernels; }

}  // namespace onda::ml
