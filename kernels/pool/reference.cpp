#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/pool/pool.h"
#include "onda/float_formats.h"

namespace onda::pool {
namespace {

using window::Axis;
using window::kMaxSpatial;
using window::Order;
using window::Window;

// Calls fn(offset) for every input position of the window of output position o, in row-major order. offset counts
// positions.
template <class Fn>
void ForEachInput(const Window& w, const int64_t* o, Fn&& fn) {
  Axis::Range range[kMaxSpatial];
  int64_t k[kMaxSpatial];
  for (int i = 0; i < w.rank; ++i) {
    range[i] = w[i].Inside(o[i]);
    if (range[i].size() <= 0) return;
    k[i] = range[i].first;
  }
  while (true) {
    int64_t offset = 0;
    for (int i = 0; i < w.rank; ++i) offset = offset * w[i].in + w[i].start(o[i]) + k[i] * w[i].dilation;
    fn(offset);
    int i = w.rank - 1;
    for (; i >= 0 && ++k[i] == range[i].last; --i) k[i] = range[i].first;
    if (i < 0) return;
  }
}

// The number of the element at `offset` in a channel whose elements are numbered in column-major order.
int64_t ColumnMajor(const Window& w, int64_t offset) {
  int64_t index[kMaxSpatial];
  for (int i = w.rank; i-- > 0; offset /= w[i].in) index[i] = offset % w[i].in;
  int64_t result = 0;
  for (int i = w.rank; i-- > 0;) result = result * w[i].in + index[i];
  return result;
}

template <Kind kKind, bool kGlobal, Order kOrder = Order::kChannelsFirst>
class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Window w = params_.WindowOf(x, y, kGlobal, kOrder);
    int64_t work = 1, in = 1, out = 1;
    for (int i = 0; i < w.rank; ++i) work *= w[i].kernel, in *= w[i].in, out *= w[i].out;
    if (y.count() == 0) return;
    // Elements from one position to the next.
    const int64_t step = kOrder == Order::kChannelsLast ? x.dim(x.rank - 1) : 1;
    args.ParallelFor(y.count(), 1 + 4096 / std::max<int64_t>(1, work), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        int64_t o[kMaxSpatial] = {}, rest = t / step % out;
        for (int i = w.rank; i-- > 0; rest /= w[i].out) o[i] = rest % w[i].out;
        One(args, w, o, t / step / out * step * in + t % step, step, t);
      }
    });
  }

 private:
  // Output element t, whose channel starts at `base` of the input and has its positions `step` elements apart.
  void One(const LaunchArgs& args, const Window& w, const int64_t* o, int64_t base, int64_t step, int64_t t) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if constexpr (kKind == Kind::kMax) {
      double best = IsFloating(x.type())       ? -std::numeric_limits<double>::infinity()
                    : x.type() == DType::kInt8 ? -128
                                               : 0;
      int64_t at = -1;
      ForEachInput(w, o, [&](int64_t offset) {
        const double v = LoadDouble(x.type(), x.data, base + offset * step);
        if (at < 0 || v > best || (std::isnan(v) && !std::isnan(best))) best = v, at = offset;
      });
      StoreDouble(y.type(), y.data, t, best);
      if (args.wants_output(1))
        args.output(1).as<int64_t>()[t] = at < 0 ? -1 : base + (params_.column_major ? ColumnMajor(w, at) : at);
      return;
    }
    double sum = 0;
    ForEachInput(w, o, [&](int64_t offset) {
      const double v = LoadDouble(x.type(), x.data, base + offset * step);
      sum += kKind == Kind::kAverage ? v : params_.p == 2 ? v * v : std::pow(std::fabs(v), params_.p);
    });
    if (kKind == Kind::kLp) {
      sum = params_.p == 2 ? std::sqrt(sum) : std::pow(sum, 1 / params_.p);
    } else {
      double count = 1;
      for (int i = 0; i < w.rank; ++i) {
        const Axis& a = w[i];
        count *= static_cast<double>(
            (params_.count_include_pad ? a.Clip(o[i], -a.pad_begin, a.in + a.pad_end) : a.Inside(o[i])).size());
      }
      sum /= count;
    }
    StoreDouble(y.type(), y.data, t, sum);
  }

  Params params_;
};

// I numbers the elements of the shape that inference gives without output_shape; with one, the elements keep their
// coordinates in it.
class Unpool {
 public:
  explicit Unpool(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &index = args.input(1), &y = args.output(0);
    std::memset(y.data, 0, y.bytes());
    if (index.count() != x.count()) throw Error(ErrorCode::kRuntime, "X and I differ in shape");
    const int spatial = x.rank - 2;
    if (spatial > kMaxSpatial) throw Error(ErrorCode::kResourceLimit, "more than 8 spatial dimensions");
    int64_t plain[kMaxSpatial + 2] = {x.dim(0), x.dim(1)};
    int64_t total = plain[0] * plain[1];
    for (int i = 0; i < spatial; ++i) {
      int64_t n = (x.dim(i + 2) - 1) * params_.window.stride(i) + params_.window.kernel[i];
      if (!params_.window.pads.empty()) n -= params_.window.pads[i] + params_.window.pads[i + spatial];
      plain[i + 2] = std::max<int64_t>(n, 0);
      total *= plain[i + 2];
    }
    const size_t size = static_cast<size_t>(BitsOf(x.type()) / 8);
    for (int64_t t = 0; t < x.count(); ++t) {
      int64_t rest = index.as<int64_t>()[t], to = 0, stride = 1;
      if (rest < 0 || rest >= total)
        throw Error(ErrorCode::kRuntime, "index " + std::to_string(rest) + " of I is out of range");
      for (int i = x.rank; i-- > 0; rest /= plain[i]) {
        if (rest % plain[i] >= y.dim(i)) throw Error(ErrorCode::kRuntime, "output_shape has no room for an index of I");
        to += rest % plain[i] * stride;
        stride *= y.dim(i);
      }
      std::memcpy(y.as<char>() + to * size, x.as<char>() + t * size, size);
    }
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Reference<Kind::kMax, false>>("MaxPool"),
    MakeKernel<Reference<Kind::kAverage, false>>("AveragePool"),
    MakeKernel<Reference<Kind::kLp, false>>("LpPool"),
    MakeKernel<Reference<Kind::kMax, false, Order::kChannelsLast>>("ChannelsLastMaxPool", "onda"),
    MakeKernel<Reference<Kind::kAverage, false, Order::kChannelsLast>>("ChannelsLastAveragePool", "onda"),
    MakeKernel<Reference<Kind::kMax, true>>("GlobalMaxPool"),
    MakeKernel<Reference<Kind::kAverage, true>>("GlobalAveragePool"),
    MakeKernel<Reference<Kind::kLp, true>>("GlobalLpPool"),
    MakeKernel<Unpool>("MaxUnpool"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::pool
