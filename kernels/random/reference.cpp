// One generator walks the output in order, so that a seed means the same numbers on any number of threads.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/random/random.h"
#include "kernels/simd/blocks.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::random {
namespace {

// y = next() for every element.
template <class Fn>
void Fill(const LaunchArgs& args, const TensorView& y, Fn next) {
  double block[kBlock];
  const int64_t count = y.count();
  StopPoll poll(args);
  for (int64_t i = 0; i < count; i += kBlock) {
    poll.Work(8 * kBlock);
    const int64_t n = std::min(kBlock, count - i);
    for (int64_t k = 0; k < n; ++k) block[k] = next(i + k);
    StoreReals(y.type(), y.data, i, n, block);
  }
}

class NormalReference {
 public:
  explicit NormalReference(const NodeView& node)
      : seed_(node.attributes()),
        mean_(node.attributes().Float("mean", 0)),
        scale_(node.attributes().Float("scale", 1)) {}
  void Launch(const LaunchArgs& args) const {
    Generator g = seed_.MakeGenerator();
    Fill(args, args.output(0), [&](int64_t) { return mean_ + scale_ * g.Normal(); });
  }

 private:
  Seed seed_;
  double mean_, scale_;
};

class UniformReference {
 public:
  explicit UniformReference(const NodeView& node)
      : seed_(node.attributes()), low_(node.attributes().Float("low", 0)), high_(node.attributes().Float("high", 1)) {}
  void Launch(const LaunchArgs& args) const {
    Generator g = seed_.MakeGenerator();
    Fill(args, args.output(0), [&](int64_t) { return low_ + (high_ - low_) * g.Uniform(); });
  }

 private:
  Seed seed_;
  double low_, high_;
};

class BernoulliReference {
 public:
  explicit BernoulliReference(const NodeView& node) : seed_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    Generator g = seed_.MakeGenerator();
    const TensorView& p = args.input(0);
    Fill(args, args.output(0), [&](int64_t i) { return g.Bernoulli(LoadDouble(p.type(), p.data, i)) ? 1.0 : 0.0; });
  }

 private:
  Seed seed_;
};

// Inverts the cumulative distribution of exp(x), row by row.
class MultinomialReference {
 public:
  explicit MultinomialReference(const NodeView& node) : seed_(node.attributes()) {}

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return static_cast<size_t>(inputs[0].dim(1)) * sizeof(double);
  }

  void Launch(const LaunchArgs& args) const {
    Generator g = seed_.MakeGenerator();
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t rows = x.dim(0), classes = x.dim(1), samples = y.dim(1);
    if (rows * samples == 0) return;
    if (classes == 0) throw Error(ErrorCode::kInvalidArgument, "there are no outcomes to draw");
    double* sums = static_cast<double*>(args.workspace());
    StopPoll poll(args);
    for (int64_t r = 0; r < rows; ++r) {
      poll.Work(16 * classes);
      double max = -std::numeric_limits<double>::infinity(), sum = 0;
      for (int64_t c = 0; c < classes; ++c) max = std::max(max, LoadDouble(x.type(), x.data, r * classes + c));
      for (int64_t c = 0; c < classes; ++c) {
        sum += std::exp(LoadDouble(x.type(), x.data, r * classes + c) - max);
        sums[c] = sum;
      }
      if (!std::isfinite(sum))
        throw Error(ErrorCode::kRuntime, "row " + std::to_string(r) + " has no finite probabilities");
      for (int64_t s = 0; s < samples; ++s) {
        poll.Work(16);
        const int64_t drawn = std::upper_bound(sums, sums + classes, g.Uniform() * sum) - sums;
        StoreInt64(y.type(), y.data, r * samples + s, std::min(drawn, classes - 1));
      }
    }
  }

 private:
  Seed seed_;
};

class DropoutReference {
 public:
  explicit DropoutReference(const NodeView& node) : seed_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0), &mask = args.output(1);
    const double ratio = args.has_input(1) ? LoadDouble(args.input(1).type(), args.input(1).data, 0) : 0.5;
    if (!(ratio >= 0 && ratio < 1)) throw Error(ErrorCode::kInvalidArgument, "the ratio of Dropout is not in [0, 1)");
    const bool training = args.has_input(2) && *args.input(2).as<bool>();
    if (!training || ratio == 0) {
      if (y.data && y.count() > 0) std::memcpy(y.data, x.data, y.bytes());
      if (mask.data && mask.count() > 0) std::memset(mask.data, 1, mask.bytes());
      return;
    }
    Generator g = seed_.MakeGenerator();
    const double scale = 1 / (1 - ratio);
    const int64_t count = x.count();
    StopPoll poll(args);
    for (int64_t i = 0; i < count; ++i) {
      poll.Work(8);
      const bool keep = g.Uniform() >= ratio;
      if (y.data) StoreDouble(y.type(), y.data, i, (keep ? 1.0 : 0.0) * LoadDouble(x.type(), x.data, i) * scale);
      if (mask.data) mask.as<bool>()[i] = keep;
    }
  }

 private:
  Seed seed_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<NormalReference>("RandomNormal"),   MakeKernel<NormalReference>("RandomNormalLike"),
    MakeKernel<UniformReference>("RandomUniform"), MakeKernel<UniformReference>("RandomUniformLike"),
    MakeKernel<BernoulliReference>("Bernoulli"),   MakeKernel<MultinomialReference>("Multinomial"),
    MakeKernel<DropoutReference>("Dropout"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::random
