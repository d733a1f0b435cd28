// MaxPool, AveragePool and LpPool: a thread per output element, neighbours in memory; up to three spatial dimensions.
// Sums are in fp32 (fp64 for double).
#include <array>

#include "kernels/device/element.h"
#include "kernels/device/index.h"
#include "kernels/pool/cuda.h"
#include "providers/cuda/device.h"

namespace onda::pool {
namespace {

using namespace cuda;
using window::Order;

constexpr int kThreads = 256, kSpatial = 3;

// Axes in front that a tensor does not have are of extent and kernel 1. Every position within the padding fits 32 bits.
struct DeviceWindow {
  int32_t in[kSpatial], kernel[kSpatial], stride[kSpatial], dilation[kSpatial], begin[kSpatial], end[kSpatial];
  Divider out[kSpatial];
  Divider channels;  // that lie between neighbouring positions; 1 where channels come first
};

DeviceWindow ForDevice(const window::Window& w, int64_t channels) {
  DeviceWindow d{};
  d.channels = Divider(channels);
  int64_t plane = 1;
  for (int i = 0; i < kSpatial; ++i) {
    const int at = i - (kSpatial - w.rank);
    const window::Axis axis = at < 0 ? window::Axis{} : w[at];
    const int64_t reach = (axis.kernel - 1) * axis.dilation + 1;
    plane *= std::max<int64_t>(axis.in, 1);
    if (plane >= int64_t{1} << 31 || reach >= int64_t{1} << 30 ||
        axis.in + axis.pad_begin + axis.pad_end + reach + axis.stride >= int64_t{1} << 31)
      throw Error(ErrorCode::kNotImplemented, "pooling over 2^31 positions or more on CUDA");
    d.in[i] = static_cast<int32_t>(axis.in);
    d.kernel[i] = static_cast<int32_t>(axis.kernel);
    d.stride[i] = static_cast<int32_t>(axis.stride);
    d.dilation[i] = static_cast<int32_t>(axis.dilation);
    d.begin[i] = static_cast<int32_t>(axis.pad_begin);
    d.end[i] = static_cast<int32_t>(axis.pad_end);
    d.out[i] = Divider(std::max<int64_t>(axis.out, 1));
  }
  return d;
}

// The taps k that read inside of [low, high): see window::Axis::Clip.
struct Taps {
  int32_t first, last;
  __device__ Taps(int32_t start, int32_t kernel, int32_t dilation, int32_t low, int32_t high) {
    const int32_t from = start >= low ? 0 : (low - start + dilation - 1) / dilation;
    const int32_t to = start >= high ? 0 : (high - start + dilation - 1) / dilation;
    first = from < kernel ? from : kernel;
    last = to < kernel ? to : kernel;
    if (last < first) last = first;
  }
};

template <class T>
__device__ Compute<T> Lowest() {
  if constexpr (sizeof(T) == 1)
    return static_cast<T>(static_cast<T>(-1) < 0 ? -128 : 0);
  else
    return -static_cast<Compute<T>>(INFINITY);
}

template <class T, Kind kKind>
__global__ void __launch_bounds__(kThreads) Windows(In<T> x, Out<T> y, Out<int64_t> indices, int64_t n, DeviceWindow w,
                                                    bool column_major, bool include_padding, Compute<T> p) {
  using C = Compute<T>;
  const int64_t t = GlobalThread();
  if (t >= n) return;
  int32_t start[kSpatial];
  const uint32_t step = w.channels.divisor;
  uint32_t rest = w.channels.Quotient(static_cast<uint32_t>(t));
  const uint32_t channel = static_cast<uint32_t>(t) - rest * step;
#pragma unroll
  for (int i = kSpatial - 1; i >= 0; --i) {
    const uint32_t quotient = w.out[i].Quotient(rest);
    start[i] = static_cast<int32_t>(rest - quotient * w.out[i].divisor) * w.stride[i] - w.begin[i];
    rest = quotient;
  }
  const int64_t base = rest * (int64_t{w.in[0]} * w.in[1] * w.in[2]) * step + channel;
  auto taps = [&](int i, int32_t low, int32_t high) { return Taps(start[i], w.kernel[i], w.dilation[i], low, high); };
  const Taps planes = taps(0, 0, w.in[0]), rows = taps(1, 0, w.in[1]), columns = taps(2, 0, w.in[2]);
  C best = kKind == Kind::kMax ? Lowest<T>() : C(0);
  int32_t at = -1;
  for (int32_t a = planes.first; a < planes.last; ++a) {
    const int32_t plane = start[0] + a * w.dilation[0];
    for (int32_t b = rows.first; b < rows.last; ++b) {
      const int32_t row = plane * w.in[1] + start[1] + b * w.dilation[1];
      for (int32_t c = columns.first; c < columns.last; ++c) {
        const int32_t from = row * w.in[2] + start[2] + c * w.dilation[2];
        const C v = Widen(x[base + int64_t{from} * step]);
        if constexpr (kKind == Kind::kMax) {
          if (at < 0 || v > best || (v != v && best == best)) {
            best = v;
            at = from;
          }
        } else if constexpr (kKind == Kind::kAverage) {
          best += v;
        } else {
          best += p == 2 ? v * v : p == 1 ? fabs(v) : pow(fabs(v), p);
        }
      }
    }
  }
  if constexpr (kKind == Kind::kMax) {
    if (indices) {
      if (column_major && at >= 0) {
        const int32_t column = at % w.in[2], row = at / w.in[2] % w.in[1], plane = at / w.in[2] / w.in[1];
        at = (column * w.in[1] + row) * w.in[0] + plane;
      }
      indices[t] = at < 0 ? -1 : base + at;
    }
  } else if constexpr (kKind == Kind::kAverage) {
    C count = 1;
#pragma unroll
    for (int i = 0; i < kSpatial; ++i) {
      const Taps counted = include_padding ? taps(i, -w.begin[i], w.in[i] + w.end[i]) : taps(i, 0, w.in[i]);
      count *= static_cast<C>(counted.last - counted.first);
    }
    best /= count;
  } else {
    best = p == 2 ? sqrt(best) : p == 1 ? best : pow(best, 1 / p);
  }
  y[t] = Narrow<T>(best);
}

template <Kind kKind, Order kOrder = Order::kChannelsFirst>
class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    if (node.attributes().Ints("kernel_shape").size() > kSpatial) return "more than 3 spatial dimensions";
    const bool bytes = kKind == Kind::kMax && (type == DType::kInt8 || type == DType::kUint8);
    return IsFloating(type) || bytes ? "" : "not for " + std::string(NameOf(type));
  }

  void Launch(const LaunchArgs& args) const {
    const DType type = args.input(0).type();
    if constexpr (kKind == Kind::kMax) {
      if (type == DType::kInt8) return Run<int8_t>(args);
      if (type == DType::kUint8) return Run<uint8_t>(args);
    }
    WithReal(type, [&](auto tag) { Run<typename decltype(tag)::Type>(args); });
  }

 private:
  template <class T>
  void Run(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t n = y.count();
    if (n == 0) return;
    if (n >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "pooling to 2^31 elements or more on CUDA");
    cuda::Launch(
        args, {.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}}, Windows<T, kKind>, x, y, args.output(1), n,
        ForDevice(params_.WindowOf(x, y, false, kOrder), kOrder == Order::kChannelsLast ? x.dim(x.rank - 1) : 1),
        params_.column_major, params_.count_include_pad, static_cast<Compute<T>>(params_.p));
  }

  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda<Kind::kMax>>("MaxPool"),
    MakeKernel<Cuda<Kind::kAverage>>("AveragePool"),
    MakeKernel<Cuda<Kind::kLp>>("LpPool"),
    MakeKernel<Cuda<Kind::kMax, Order::kChannelsLast>>("ChannelsLastMaxPool", "onda"),
    MakeKernel<Cuda<Kind::kAverage, Order::kChannelsLast>>("ChannelsLastAveragePool", "onda"),
};

}  // namespace

std::span<const OndaKernelDef> WindowCudaKernels() { return kKernels; }

}  // namespace onda::pool
