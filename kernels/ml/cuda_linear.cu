// LinearRegressor and LinearClassifier: a warp per score, then a thread per row for what is done to a row's scores.
#include <algorithm>

#include "kernels/device/constants.h"
#include "kernels/device/number.h"
#include "kernels/device/warp.h"
#include "kernels/ml/cuda_models.h"

namespace onda::ml {
namespace {

using namespace cuda;

constexpr int kThreads = 128;

// scores (rows, width): the first `targets` of each row.
__global__ void __launch_bounds__(kThreads)
    Scores(In<uint8_t> x, In<float> coefficients, In<float> intercepts, Out<double> scores, int64_t rows,
           int64_t features, int64_t targets, int64_t width, int64_t intercept_count, DType type) {
  const int64_t i = GlobalThread() / kWarp;
  if (i >= rows * targets) return;  // whole warps
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t r = i / targets, t = i % targets;
  double sum = 0;
  for (int64_t f = lane; f < features; f += kWarp)
    sum += LoadNumber<double>(type, x.data, r * features + f) * coefficients[t * features + f];
  sum = WarpReduce(sum, Plus());
  if (lane == 0) scores[r * width + t] = sum + (t < intercept_count ? intercepts[t] : 0.0f);
}

__global__ void __launch_bounds__(kThreads)
    FinishRows(InOut<double> scores, Out<float> y, int64_t rows, int64_t targets, PostTransform transform) {
  const int64_t r = GlobalThread();
  if (r >= rows) return;
  double* const mine = scores.data + r * targets;
  TransformScores(transform, mine, targets);
  for (int64_t t = 0; t < targets; ++t) y[r * targets + t] = static_cast<float>(mine[t]);
}

// own: scores that the model gives a row; width: those of the result. The score of two classes is the second's: the
// first has its complement, or its opposite under a transform.
__global__ void __launch_bounds__(kThreads)
    FinishClasses(InOut<double> scores, In<int64_t> labels, Out<int64_t> label, Out<float> y, int64_t rows, int64_t own,
                  int64_t width, int64_t label_count, PostTransform transform) {
  const int64_t r = GlobalThread();
  if (r >= rows) return;
  double* const mine = scores.data + r * width;
  const int64_t best = own == 1 ? mine[0] > 0 : Greatest(mine, own);
  if (label) label[r] = best < label_count ? labels[best] : best;
  if (width != own) {
    mine[1] = mine[0];
    mine[0] = transform == PostTransform::kNone ? 1 - mine[0] : -mine[0];
  }
  TransformScores(transform, mine, width);
  for (int64_t t = 0; y && t < width; ++t) y[r * width + t] = static_cast<float>(mine[t]);
}

template <bool kClasses>
class Cuda {
 public:
  explicit Cuda(const NodeView& node)
      : labels_(node.attributes(), "classlabels_ints"), transform_(PostTransformOf(node.attributes())) {
    const auto coefficients = node.attributes().Floats("coefficients"),
               intercepts = node.attributes().Floats("intercepts");
    coefficients_ = constants_.Add(coefficients);
    intercepts_ = constants_.Add(intercepts);
    integers_ = constants_.Add(labels_.integers);
    coefficient_count_ = static_cast<int64_t>(coefficients.size());
    intercept_count_ = static_cast<int64_t>(intercepts.size());
    own_ = intercept_count_ > 0 ? intercept_count_ : std::max<int64_t>(labels_.count(), 1);
  }

  static std::string Rejects(const NodeView& node) {
    if (!IsNumber(node.input(0).type())) return "not for " + std::string(NameOf(node.input(0).type()));
    return node.attributes().Has("classlabels_strings") ? "labels are strings" : "";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    return static_cast<size_t>(Matrix(inputs[0]).rows * WidthOf(outputs)) * sizeof(double);
  }

  void Prepare(const LaunchArgs& args) const { constants_.Prepare(StreamOf(args)); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const Matrix m(x);
    const TensorViews outputs(&args.output(0), args.output_count());
    const int64_t width = WidthOf(outputs), targets = kClasses ? own_ : width;
    if (m.rows == 0) return;
    if (targets * m.columns > coefficient_count_)
      throw Error(ErrorCode::kInvalidArgument, "the model has too few coefficients for so many features");
    const cuda::Buffer scores = WorkspaceOf(args, 0, static_cast<size_t>(m.rows * width) * sizeof(double));
    auto constant = [&](const DeviceConstants::List& list) { return constants_.On(StreamOf(args), list); };
    cuda::Launch(args, {.grid = {BlocksFor(m.rows * targets, kThreads / kWarp)}, .block = {kThreads}}, Scores, x,
                 constant(coefficients_), constant(intercepts_), scores, m.rows, m.columns, targets, width,
                 intercept_count_, x.type());
    const LaunchConfig config{.grid = {BlocksFor(m.rows, kThreads)}, .block = {kThreads}};
    if constexpr (kClasses)
      cuda::Launch(args, config, FinishClasses, scores, constant(integers_), args.output(0), args.output(1), m.rows,
                   own_, width, static_cast<int64_t>(labels_.integers.size()), transform_);
    else
      cuda::Launch(args, config, FinishRows, scores, args.output(0), m.rows, width, transform_);
  }

 private:
  int64_t WidthOf(TensorViews outputs) const { return kClasses ? ScoresOf(own_, labels_.count()) : outputs[0].dim(1); }

  Labels labels_;
  PostTransform transform_;
  int64_t coefficient_count_, intercept_count_, own_;
  DeviceConstants constants_;
  DeviceConstants::List coefficients_, intercepts_, integers_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<false>>("LinearRegressor", kDomain),
    MakeKernel<Cuda<true>>("LinearClassifier", kDomain),
};

}  // namespace

std::span<const OndaKernelDef> LinearCudaKernels() { return kKernels; }

}  // namespace onda::ml
