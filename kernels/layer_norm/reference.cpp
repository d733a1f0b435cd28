#include <cmath>

#include "kernels/layer_norm/layer_norm.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::layer_norm {
namespace {

template <const Form& kForm>
class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes(), kForm) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const auto [rows, n] = params_.ExtentsOf(x);
    if (n == 0) return StoreNoMoments(args, kForm, rows);
    const TensorView absent{};
    auto input = [&](int i) -> const TensorView& { return i < 0 ? absent : args.input(i); };
    const TensorView &skip = input(kForm.skip), &bias = input(kForm.bias);
    const TensorView &gamma = input(kForm.gamma), &beta = input(kForm.beta);
    const Broadcast skips(skip, x, n), biases(bias, x, n), gammas(gamma, x, n), betas(beta, x, n);
    auto load = [](const TensorView& t, const Broadcast& b, int64_t at) {
      return LoadDouble(t.type(), t.data, b.offset(at));
    };
    args.ParallelFor(rows, 1 + 4096 / n, [&, n = n](int64_t begin, int64_t end) {
      StopPoll poll(args);
      for (int64_t r = begin; r < end; ++r) {
        auto at = [&](int64_t i) {
          poll.Work(4);
          const int64_t k = r * n + i;
          double v = LoadDouble(x.type(), x.data, k);
          if (skip.present()) v += load(skip, skips, k);
          if (bias.present()) v += load(bias, biases, k);
          return v;
        };
        double mean = 0, squares = 0;
        if (!kForm.rms) {
          for (int64_t i = 0; i < n; ++i) mean += at(i);
          mean /= static_cast<double>(n);
        }
        for (int64_t i = 0; i < n; ++i) squares += (at(i) - mean) * (at(i) - mean);
        const double inverse = 1 / std::sqrt(squares / static_cast<double>(n) + params_.epsilon);
        if constexpr (kForm.mean >= 0) Store(args, kForm.mean, r, mean);
        if constexpr (kForm.inverse_deviation >= 0) Store(args, kForm.inverse_deviation, r, inverse);
        for (int64_t i = 0; i < n; ++i) {
          const int64_t k = r * n + i;
          const double s = at(i);
          if constexpr (kForm.sum >= 0) Store(args, kForm.sum, k, s);
          double v = (s - mean) * inverse;
          if (gamma.present()) v *= load(gamma, gammas, k);
          if (beta.present()) v += load(beta, betas, k);
          StoreDouble(y.type(), y.data, k, v);
        }
      }
    });
  }

 private:
  static void Store(const LaunchArgs& args, int output, int64_t at, double value) {
    const TensorView& t = args.output(output);
    if (t.present()) StoreDouble(t.type(), t.data, at, value);
  }
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Reference<kLayer>>("LayerNormalization"),
    MakeKernel<Reference<kRms>>("RMSNormalization"),
    MakeKernel<Reference<kSimplified>>("SimplifiedLayerNormalization"),
    MakeKernel<Reference<kSkipLayer>>("SkipLayerNormalization", "com.microsoft"),
    MakeKernel<Reference<kSkipSimplified>>("SkipSimplifiedLayerNormalization", "com.microsoft"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::layer_norm
