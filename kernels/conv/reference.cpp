#include <algorithm>

#include "kernels/conv/conv.h"
#include "kernels/window/taps.h"
#include "onda/float_formats.h"

namespace onda::conv {
namespace {

using window::Order;

// Outputs per call of a parallel loop, for some 4 thousand multiplications.
int64_t Grain(const window::Window& w, int64_t channels) {
  int64_t work = std::max<int64_t>(1, channels);
  for (int i = 0; i < w.rank; ++i) work *= w[i].kernel;
  return 1 + 4096 / work;
}

double BiasAt(const TensorView& bias, int64_t channel) {
  return bias.present() ? LoadDouble(bias.type(), bias.data, channel) : 0.0;
}

template <Order kOrder>
class ConvReference {
 public:
  explicit ConvReference(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &w = args.input(1), &z = args.input(3), &y = args.output(0);
    const window::Window window =
        window::Resolve(params_, window::SpatialOf(kOrder, x.shape()), window::SpatialOf(kOrder, y.shape()),
                        window::SpatialOf(kOrder, w.shape()));
    constexpr bool kLast = kOrder == Order::kChannelsLast;
    const int channel_axis = window::ChannelAxis(kOrder, x.rank);
    int64_t in = 1, out = 1, kernel = 1;
    for (int i = 0; i < window.rank; ++i) in *= window[i].in, out *= window[i].out, kernel *= window[i].kernel;
    const int64_t channels = x.dim(channel_axis), in_channels = w.dim(channel_axis), out_channels = w.dim(0);
    const int64_t per_group = out_channels / params_.groups;
    args.ParallelFor(y.count(), Grain(window, in_channels), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t m = kLast ? t % out_channels : t / out % out_channels, item = t / out / out_channels;
        const int64_t first = m / per_group * in_channels;
        double sum = BiasAt(args.input(2), m);
        window::ForEachTap(window, kLast ? t / out_channels % out : t % out, [&](int64_t input, int64_t tap) {
          for (int64_t c = 0; c < in_channels; ++c) {
            const int64_t from = first + c;
            sum += LoadDouble(x.type(), x.data,
                              kLast ? (item * in + input) * channels + from : (item * channels + from) * in + input) *
                   LoadDouble(w.type(), w.data,
                              kLast ? (m * kernel + tap) * in_channels + c : (m * in_channels + c) * kernel + tap);
          }
        });
        if (z.present()) sum += LoadDouble(z.type(), z.data, t);
        StoreDouble(y.type(), y.data, t, Apply(params_.activation, sum));
      }
    });
  }

 private:
  ConvParams params_;
};

class ConvTransposeReference {
 public:
  explicit ConvTransposeReference(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &w = args.input(1), &y = args.output(0);
    const window::Window window =
        ResolveTranspose(params_, x.shape().subspan(2), y.shape().subspan(2), w.shape().subspan(2));
    const int64_t in = x.count(2, x.rank), out = y.count(2, y.rank), kernel = w.count(2, w.rank);
    const int64_t out_channels = y.dim(1), per_group = w.dim(1), in_channels = x.dim(1) / params_.groups;
    args.ParallelFor(y.count(), Grain(window, in_channels), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t m = t / out % out_channels, item = t / out / out_channels;
        const int64_t first = m / per_group * in_channels;
        double sum = BiasAt(args.input(2), m);
        window::ForEachTransposedTap(window, t % out, [&](int64_t input, int64_t tap) {
          for (int64_t c = first; c < first + in_channels; ++c)
            sum += LoadDouble(x.type(), x.data, (item * x.dim(1) + c) * in + input) *
                   LoadDouble(w.type(), w.data, (c * per_group + m % per_group) * kernel + tap);
        });
        StoreDouble(y.type(), y.data, t, sum);
      }
    });
  }

 private:
  ConvTransposeParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<ConvReference<Order::kChannelsFirst>>("Conv"),
    MakeKernel<ConvReference<Order::kChannelsFirst>>("FusedConv", "com.microsoft"),
    MakeKernel<ConvReference<Order::kChannelsLast>>("ChannelsLastConv", "onda"),
    MakeKernel<ConvTransposeReference>("ConvTranspose"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::conv
