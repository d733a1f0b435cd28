#include <cmath>

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/simd/stop_poll.h"
#include "onda/float_formats.h"

namespace onda::batch_norm {
namespace {

double Load(const TensorView& t, int64_t i) { return LoadDouble(t.type(), t.data, i); }
void Store(const TensorView& t, int64_t i, double value) {
  if (t.present()) StoreDouble(t.type(), t.data, i, value);
}

class Batch {
 public:
  explicit Batch(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Extents e(x);
    args.ParallelFor(e.channels, 1, [&](int64_t begin, int64_t end) {
      StopPoll poll(args);
      for (int64_t c = begin; c < end; ++c) {
        double mean = Load(args.input(3), c), variance = Load(args.input(4), c);
        auto for_each = [&](auto&& fn) {
          for (int64_t b = 0; b < e.batch; ++b)
            for (int64_t i = 0; i < e.inner; ++i) {
              poll.Work(4);
              fn((b * e.channels + c) * e.inner + i);
            }
        };
        if (params_.training) {
          const double old_mean = mean, old_variance = variance, count = static_cast<double>(e.batch * e.inner);
          mean = variance = 0;
          for_each([&](int64_t k) { mean += Load(x, k); });
          mean /= count;
          for_each([&](int64_t k) { variance += (Load(x, k) - mean) * (Load(x, k) - mean); });
          variance /= count;
          Store(args.output(1), c, old_mean * params_.momentum + mean * (1 - params_.momentum));
          Store(args.output(2), c, old_variance * params_.momentum + variance * (1 - params_.momentum));
          Store(args.output(3), c, mean);
          Store(args.output(4), c, variance);
        }
        const double scale = Load(args.input(1), c) / std::sqrt(variance + params_.epsilon),
                     bias = Load(args.input(2), c);
        for_each([&](int64_t k) { Store(y, k, (Load(x, k) - mean) * scale + bias); });
      }
    });
  }

 private:
  Params params_;
};

// InstanceNormalization is GroupNormalization with a group per channel.
template <bool kPerChannel>
class Group {
 public:
  explicit Group(const NodeView& node)
      : epsilon_(Params(node.attributes()).epsilon), groups_(node.attributes().Int("num_groups", 0)) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Extents e(x);
    const int64_t groups = kPerChannel ? e.channels : groups_;
    if (groups == 0) return;
    const int64_t each = e.channels / groups, n = each * e.inner;
    args.ParallelFor(e.batch * groups, 1, [&](int64_t begin, int64_t end) {
      StopPoll poll(args);
      for (int64_t g = begin; g < end; ++g) {
        double mean = 0, variance = 0;
        auto load = [&](int64_t i) {
          poll.Work(4);
          return Load(x, g * n + i);
        };
        for (int64_t i = 0; i < n; ++i) mean += load(i);
        mean /= static_cast<double>(n);
        for (int64_t i = 0; i < n; ++i) variance += (load(i) - mean) * (load(i) - mean);
        const double inverse = 1 / std::sqrt(variance / static_cast<double>(n) + epsilon_);
        for (int64_t i = 0; i < n; ++i) {
          const int64_t c = g % groups * each + i / e.inner;
          Store(y, g * n + i, (load(i) - mean) * inverse * Load(args.input(1), c) + Load(args.input(2), c));
        }
      }
    });
  }

 private:
  double epsilon_;
  int64_t groups_;
};

class Lrn {
 public:
  explicit Lrn(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Extents e(x);
    args.ParallelFor(e.batch * e.channels, 1, [&](int64_t begin, int64_t end) {
      StopPoll poll(args);
      for (int64_t row = begin; row < end; ++row) {
        const int64_t base = row / e.channels * e.channels;
        const auto [first, last] = params_.Around(row % e.channels, e.channels);
        for (int64_t i = 0; i < e.inner; ++i) {
          poll.Work(4 * (last - first) + 64);
          double squares = 0;
          for (int64_t c = first; c < last; ++c) {
            const double v = Load(x, (base + c) * e.inner + i);
            squares += v * v;
          }
          const double scale = params_.bias + params_.alpha / static_cast<double>(params_.size) * squares;
          Store(y, row * e.inner + i, Load(x, row * e.inner + i) / std::pow(scale, params_.beta));
        }
      }
    });
  }

 private:
  LrnParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Batch>("BatchNormalization"),
    MakeKernel<Group<true>>("InstanceNormalization"),
    MakeKernel<Group<false>>("GroupNormalization"),
    MakeKernel<Lrn>("LRN"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::batch_norm
