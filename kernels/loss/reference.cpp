#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/loss/loss.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::loss {
namespace {

template <bool kSoftmax>
class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &scores = args.input(0), &labels = args.input(1), &weights = args.input(2);
    const TensorView &y = args.output(0), &log_prob = args.output(1);
    const int64_t outer = scores.dim(0), classes = scores.dim(1), inner = scores.count(2, scores.rank);
    double total = 0, total_weight = 0;
    StopPoll poll(args);
    for (int64_t i = 0; i < outer * inner; ++i) {
      poll.Work(kSoftmax ? 16 * classes : 8);
      const int64_t n = i / inner,
                    first = n * classes * inner + i % inner;  // element of class 0; classes are `inner` apart
      const double shift = kSoftmax ? LogSumExp(scores, first, classes, inner) : 0;
      if (kSoftmax && log_prob.data)
        for (int64_t k = 0; k < classes; ++k)
          StoreDouble(log_prob.type(), log_prob.data, first + k * inner,
                      LoadDouble(scores.type(), scores.data, first + k * inner) - shift);
      const int64_t label = LoadInt64(labels.type(), labels.data, i);
      double weight = 0, loss = 0;
      if (!params_.ignored || label != *params_.ignored) {
        if (label < 0 || label >= classes)
          throw Error(ErrorCode::kRuntime,
                      "label " + std::to_string(label) + " is outside [0, " + std::to_string(classes) + ")");
        weight = weights.present() ? LoadDouble(weights.type(), weights.data, label) : 1;
        loss = (shift - LoadDouble(scores.type(), scores.data, first + label * inner)) * weight;
      }
      total += loss;
      total_weight += weight;
      if (params_.reduction == Reduction::kNone && y.data) StoreDouble(y.type(), y.data, i, loss);
    }
    if (params_.reduction != Reduction::kNone && y.data)
      StoreDouble(y.type(), y.data, 0, params_.reduction == Reduction::kSum ? total : total / total_weight);
  }

 private:
  static double LogSumExp(const TensorView& x, int64_t first, int64_t count, int64_t stride) {
    double max = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t k = 0; k < count; ++k) max = std::max(max, LoadDouble(x.type(), x.data, first + k * stride));
    if (std::isinf(max)) return max;
    for (int64_t k = 0; k < count; ++k) sum += std::exp(LoadDouble(x.type(), x.data, first + k * stride) - max);
    return max + std::log(sum);
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Reference<false>>("NegativeLogLikelihoodLoss"),
    MakeKernel<Reference<true>>("SoftmaxCrossEntropyLoss"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::loss
