// A thread per element of the result walks its window. For what the library has no plan for: more than three spatial
// dimensions, channels or windows that it refuses; and what is left to do behind its plans.
#include "kernels/conv/cuda_direct.h"
#include "kernels/device/activation.h"
#include "kernels/device/element.h"
#include "kernels/device/target.h"

namespace onda::conv {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

// Positions in 32 bits: no axis is longer.
struct DeviceAxis {
  int32_t in, out, kernel, stride, dilation, pad_begin;
};
template <int kRank>
struct DeviceWindow {
  DeviceAxis axes[kRank];  // missing ones, of extent 1, come first
};

struct Channels {
  int64_t groups, in, out;  // of one group
  int64_t in_size, out_size, kernel_size;
  // Elements from one channel to the next: of the input, the weights and the output. That from one position to the next
  // is 1, or all channels where they come last.
  int64_t in_step, w_step;
  bool last;
  ActivationKind activation;
  float alpha, beta;
};

// The taps that output position `at` of an axis meets, and the input position of each; -1 where it is none.
template <bool kTransposed>
__device__ int32_t InputAt(const DeviceAxis& a, int32_t at, int32_t tap) {
  if constexpr (kTransposed) {
    const int32_t shifted = at + a.pad_begin - tap * a.dilation;
    if (shifted < 0 || shifted % a.stride != 0) return -1;
    const int32_t i = shifted / a.stride;
    return i < a.in ? i : -1;
  } else {
    const int32_t i = at * a.stride + tap * a.dilation - a.pad_begin;
    return i >= 0 && i < a.in ? i : -1;
  }
}

template <class T, int kRank, bool kTransposed>
__global__ void __launch_bounds__(kThreads)
    Direct(In<T> x, In<T> w, In<T> bias, In<T> z, Out<T> y, int64_t n, DeviceWindow<kRank> window, Channels c) {
  using C = Compute<T>;
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t channels = c.groups * c.out, item = i / c.out_size / channels;
  const int64_t channel = c.last ? i % channels : i / c.out_size % channels;
  const int64_t group = channel / c.out;
  int32_t at[kRank], tap[kRank] = {}, input[kRank];
  int64_t rest = (c.last ? i / channels : i) % c.out_size;
#pragma unroll
  for (int d = kRank; d-- > 0;) {
    at[d] = static_cast<int32_t>(rest % window.axes[d].out);
    rest /= window.axes[d].out;
    input[d] = InputAt<kTransposed>(window.axes[d], at[d], 0);
  }
  const T* const from = x.data + item * c.groups * c.in * c.in_size + group * c.in * c.in_step;
  const T* const weights = kTransposed ? w.data + (group * c.in * c.out + channel % c.out) * c.kernel_size
                                       : w.data + channel * c.in * c.kernel_size;
  const int64_t in_position = c.last ? c.groups * c.in : 1, tap_step = c.last ? c.in : 1;
  C sum = bias ? Widen(bias[channel]) : C(0);
  for (int64_t k = 0; k < c.kernel_size; ++k) {
    int64_t offset = 0;
    bool inside = true;
#pragma unroll
    for (int d = 0; d < kRank; ++d) {
      inside = inside && input[d] >= 0;
      offset = offset * window.axes[d].in + input[d];
    }
    if (inside)
      for (int64_t e = 0; e < c.in; ++e)
        sum += Widen(from[e * c.in_step + offset * in_position]) * Widen(weights[e * c.w_step + k * tap_step]);
    // The next tap, the last dimension first.
    bool carry = true;
#pragma unroll
    for (int d = kRank; d-- > 0;) {
      if (!carry) break;
      carry = ++tap[d] == window.axes[d].kernel;
      if (carry) tap[d] = 0;
      input[d] = InputAt<kTransposed>(window.axes[d], at[d], tap[d]);
    }
  }
  if (z) sum += Widen(z[i]);
  y[i] = Narrow<T>(Apply(c.activation, sum, static_cast<C>(c.alpha), static_cast<C>(c.beta)));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    Finish(In<T> bias, InOut<T> y, int64_t n, int64_t channels, int64_t inner, Channels c) {
  using C = Compute<T>;
  const int64_t i = GlobalThread();
  if (i >= n) return;
  C value = Widen(y[i]);
  if (bias) value += Widen(bias[i / inner % channels]);
  y[i] = Narrow<T>(Apply(c.activation, value, static_cast<C>(c.alpha), static_cast<C>(c.beta)));
}

int32_t Fitting(int64_t n) {
  if (n < INT32_MIN / 4 || n > INT32_MAX / 4)
    throw Error(ErrorCode::kNotImplemented, "windows over 2^29 positions or more on CUDA");
  return static_cast<int32_t>(n);
}

template <int kRank>
DeviceWindow<kRank> WindowOf(const window::Window& w) {
  DeviceWindow<kRank> result;
  for (DeviceAxis& a : result.axes) a = {1, 1, 1, 1, 1, 0};
  for (int i = 0; i < w.rank; ++i) {
    const window::Axis& a = w[i];
    Fitting(a.out * a.stride + a.kernel * a.dilation);
    result.axes[kRank - w.rank + i] = {Fitting(a.in),     Fitting(a.out),      Fitting(a.kernel),
                                       Fitting(a.stride), Fitting(a.dilation), Fitting(a.pad_begin)};
  }
  return result;
}

}  // namespace

void RunDirect(const LaunchArgs& args, const DirectConv& conv, const TensorView& x, const TensorView& w,
               const TensorView& bias, const TensorView& z, const TensorView& y) {
  const int64_t n = y.count();
  if (n == 0) return;
  Channels c{};
  c.groups = conv.groups, c.in = conv.in_channels, c.out = conv.out_channels;
  c.in_size = c.out_size = c.kernel_size = 1;
  for (int i = 0; i < conv.window.rank; ++i) {
    const window::Axis& a = conv.window[i];
    c.in_size *= a.in, c.out_size *= a.out, c.kernel_size *= a.kernel;
  }
  c.last = conv.channels_last;
  c.in_step = c.last ? 1 : c.in_size;
  c.w_step = c.last ? 1 : (conv.transposed ? c.out : 1) * c.kernel_size;
  c.activation = conv.activation.kind, c.alpha = conv.activation.alpha, c.beta = conv.activation.beta;
  WithReal(x.type(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    auto run = [&](auto kernel, const auto& window) {
      cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, kernel, x, w, bias, z, y, n, window,
                   c);
    };
    auto of_rank = [&](auto window, auto plain, auto transposed) { run(conv.transposed ? transposed : plain, window); };
    if (conv.window.rank <= 3)
      of_rank(WindowOf<3>(conv.window), Direct<T, 3, false>, Direct<T, 3, true>);
    else
      of_rank(WindowOf<8>(conv.window), Direct<T, 8, false>, Direct<T, 8, true>);
  });
}

void RunFinish(const LaunchArgs& args, const TensorView& bias, const onda::Activation& activation, const TensorView& y,
               window::Order order) {
  Channels c{};
  c.activation = activation.kind, c.alpha = activation.alpha, c.beta = activation.beta;
  const int64_t n = y.count();
  WithReal(y.type(), [&](auto tag) {
    cuda::Launch(args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, Finish<typename decltype(tag)::Type>,
                 bias, y, n, y.dim(window::ChannelAxis(order, y.rank)),
                 order == window::Order::kChannelsLast ? 1 : y.count(2, y.rank), c);
  });
}

}  // namespace onda::conv
