// The losses, in fp32 (fp64 for double): one of each sample first, with its weight, then their sum in a fixed order.
//   rows      a block per sample, whose classes lie side by side
//   otherwise a thread per sample
#include "kernels/device/block.h"
#include "kernels/device/number.h"
#include "kernels/device/status.h"
#include "kernels/loss/loss.h"
#include "providers/cuda/device.h"

namespace onda::loss {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

// scores (outer, classes, inner), labels (outer, inner), weights (classes).
struct Shape {
  int64_t samples, classes, inner;
  int64_t ignored;
  bool has_ignored, softmax, rows;
  int32_t node;
};

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    EachLoss(In<T> scores, In<uint8_t> labels, In<T> weights, Out<Compute<T>> losses, Out<Compute<T>> loss_weights,
             Out<T> log_prob, Out<T> y, InOut<int32_t> status, Shape s, DType label_type) {
  using C = Compute<T>;
  const int64_t i = s.rows ? static_cast<int64_t>(blockIdx.x) : GlobalThread();
  if (i >= s.samples) return;  // whole blocks, or no barrier follows
  const int64_t first = i / s.inner * s.classes * s.inner + i % s.inner;
  const int64_t begin = s.rows ? static_cast<int64_t>(threadIdx.x) : 0, step = s.rows ? kThreads : 1;
  C shift = 0;
  if (s.softmax) {  // the logarithm of the sum of exponentials
    C max = -static_cast<C>(INFINITY), sum = 0;
    for (int64_t k = begin; k < s.classes; k += step) max = fmax(max, Widen(scores[first + k * s.inner]));
    if (s.rows) max = BlockReduce(max, Maximum(), -static_cast<C>(INFINITY));
    for (int64_t k = begin; k < s.classes; k += step) sum += exp(Widen(scores[first + k * s.inner]) - max);
    if (s.rows) sum = BlockReduce(sum, Plus(), C(0));
    shift = isinf(max) ? max : max + log(sum);
    for (int64_t k = begin; log_prob && k < s.classes; k += step)
      log_prob[first + k * s.inner] = Narrow<T>(Widen(scores[first + k * s.inner]) - shift);
  }
  if (begin != 0) return;
  const int64_t label = LoadInteger(label_type, labels.data, i);
  C weight = 0, loss = 0;
  if (!s.has_ignored || label != s.ignored) {
    if (label < 0 || label >= s.classes) {
      ReportError(status.data, s.node, kOndaIndexOutOfRange);
    } else {
      weight = weights ? Widen(weights[label]) : C(1);
      loss = (shift - Widen(scores[first + label * s.inner])) * weight;
    }
  }
  if (losses) losses[i] = loss;
  if (loss_weights) loss_weights[i] = weight;
  if (y) y[i] = Narrow<T>(loss);
}

// One block. mean: divided by the sum of the weights.
template <class T>
__global__ void __launch_bounds__(kThreads)
    SumLosses(In<Compute<T>> losses, In<Compute<T>> weights, Out<T> y, int64_t n, bool mean) {
  double sum = 0, weight = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) {
    sum += losses[i];
    weight += weights[i];
  }
  sum = BlockReduce(sum, Plus(), 0.0);
  weight = BlockReduce(weight, Plus(), 0.0);
  if (threadIdx.x == 0) y[0] = Narrow<T>(mean ? sum / weight : sum);
}

template <bool kSoftmax>
class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (!IsFloating(type)) return "not for " + std::string(NameOf(type));
    return node.input(2).present() && node.input(2).type() != type ? "only weights of the scores' type" : "";
  }

  // Losses, then weights.
  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return params_.reduction == Reduction::kNone ? 0 : static_cast<size_t>(inputs[1].count()) * 2 * sizeof(double);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &scores = args.input(0), &labels = args.input(1), &y = args.output(0);
    const bool each = params_.reduction == Reduction::kNone;
    Shape s{labels.count(),
            scores.dim(1),
            scores.count(2, scores.rank),
            params_.ignored.value_or(0),
            params_.ignored.has_value(),
            kSoftmax,
            false,
            args.node()};
    s.rows = kSoftmax && s.inner == 1 && s.classes >= 64;
    WithReal(scores.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const size_t bytes = static_cast<size_t>(s.samples) * sizeof(Compute<T>);
      const Buffer losses = each ? Buffer{} : WorkspaceOf(args, 0, bytes),
                   weights = each ? Buffer{} : WorkspaceOf(args, bytes, bytes);
      cuda::Launch(args, {.grid = {BlocksFor(s.samples, s.rows ? 1 : kThreads)}, .block = {kThreads}}, EachLoss<T>,
                   scores, labels, args.input(2), losses, weights, args.output(1), each ? y : TensorView{},
                   StatusOf(args), s, labels.type());
      if (!each && y.data)
        cuda::Launch(args, {.grid = {1}, .block = {kThreads}}, SumLosses<T>, losses, weights, y, s.samples,
                     params_.reduction == Reduction::kMean);
    });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<false>>("NegativeLogLikelihoodLoss"),
    MakeKernel<Cuda<true>>("SoftmaxCrossEntropyLoss"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::loss
