// DFT and STFT in double precision: a block takes one line after another, in shared memory where it fits, else in its
// part of the workspace. By radix two where the length is a power of two, else as a convolution of one (Bluestein, see
// fft.h). And windows and mel filters, a thread per element.
#include <algorithm>
#include <cmath>

#include "kernels/device/number.h"
#include "kernels/device/target.h"
#include "providers/cuda/device.h"

namespace onda::signal {
namespace {

using namespace cuda;

constexpr int kThreads = 256;
constexpr double kPi = 3.141592653589793238462643383279502884;
constexpr int64_t kMaxBlocks = 528;
constexpr int64_t kMaxShared = 2048;  // complex numbers of a line in shared memory

struct Value {
  double re, im;
};
__device__ Value Sum(Value a, Value b) { return {a.re + b.re, a.im + b.im}; }
__device__ Value Difference(Value a, Value b) { return {a.re - b.re, a.im - b.im}; }
__device__ Value Product(Value a, Value b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }

// exp(-2 pi j k / n), exact at the axes.
__device__ Value Root(int64_t k, int64_t n) {
  k %= n;
  const int64_t quarter = 4 * k / n;
  if (4 * k % n == 0)
    return {quarter == 0 ? 1.0 : quarter == 2 ? -1.0 : 0.0, quarter == 1 ? -1.0 : quarter == 3 ? 1.0 : 0.0};
  const double angle = 2 * kPi * static_cast<double>(k) / static_cast<double>(n);
  return {cos(angle), -sin(angle)};
}

__device__ void Swap(Value& a, Value& b) {
  const Value kept = a;
  a = b;
  b = kept;
}

// Forward transform of 2^bits numbers in place, by a whole block.
__device__ void PowerOfTwo(Value* line, const Value* roots, int bits) {
  const int64_t size = int64_t{1} << bits;
  for (int64_t i = threadIdx.x; i < size; i += kThreads) {
    int64_t reversed = 0;
    for (int b = 0; b < bits; ++b) reversed |= (i >> b & 1) << (bits - 1 - b);
    if (i < reversed) Swap(line[i], line[reversed]);
  }
  __syncthreads();
  for (int stage = 0; stage < bits; ++stage) {
    const int64_t half = int64_t{1} << stage, stride = size >> (stage + 1);
    for (int64_t t = threadIdx.x; t < size / 2; t += kThreads) {
      const int64_t k = t & (half - 1), at = ((t >> stage) << (stage + 1)) + k;
      const Value a = line[at], b = Product(line[at + half], roots[k * stride]);
      line[at] = Sum(a, b);
      line[at + half] = Difference(a, b);
    }
    __syncthreads();
  }
}

// roots: size / 2; chirp: n, and filter, not yet transformed: size, where the length is no power of two.
__global__ void __launch_bounds__(kThreads)
    MakeTables(Out<Value> roots, Out<Value> chirp, Out<Value> filter, int64_t n, int64_t size) {
  const int64_t i = GlobalThread();
  if (i < size / 2) roots[i] = Root(i, size);
  if (!chirp || i >= size) return;
  // k^2 modulo 2n: k is below n, below 2^31.
  auto at = [&](int64_t k) { return Root(k * k % (2 * n), 2 * n); };
  if (i < n) chirp[i] = at(i);
  const int64_t k = i < n ? i : size - i < n ? size - i : -1;
  const Value v = k < 0 ? Value{0, 0} : at(k);
  filter[i] = {v.re, -v.im};
}
__global__ void __launch_bounds__(kThreads) TransformFilter(InOut<Value> filter, In<Value> roots, int bits) {
  PowerOfTwo(filter.data, roots.data, bits);
  const double scale = 1 / static_cast<double>(int64_t{1} << bits);
  for (int64_t i = threadIdx.x; i < int64_t{1} << bits; i += kThreads)
    filter[i] = {filter[i].re * scale, filter[i].im * scale};
}

// Line i begins at i / inner * outer + i % inner * step, its elements `stride` apart, each of one or two parts.
struct Lines {
  int64_t inner, outer, step, stride, parts;
  __device__ int64_t At(int64_t i, int64_t k) const {
    return (i / inner * outer + i % inner * step + k * stride) * parts;
  }
};

struct Transform {
  int64_t lines, n, given, wanted;  // elements of a transform, of its input and of its output
  int32_t bits;                     // of the power of two
  bool inverse, mirror;             // mirror: the input is the first half of a symmetric spectrum
  bool shared;
  Lines from, to;
  DType type, window_type;
};

__global__ void __launch_bounds__(kThreads) Run(In<uint8_t> x, In<uint8_t> window, Out<uint8_t> y, In<Value> roots,
                                                In<Value> chirp, In<Value> filter, InOut<Value> work, Transform t) {
  ONDA_DYNAMIC_SHARED(Value, shared);
  const int64_t size = int64_t{1} << t.bits;
  Value* const line = t.shared ? shared : work.data + blockIdx.x * size;
  auto load = [&](int64_t i, int64_t k) -> Value {
    const bool other = t.mirror && k > t.n / 2;
    if (other) k = t.n - k;
    if (k >= t.given) return {0, 0};
    const int64_t at = t.from.At(i, k);
    Value v{LoadNumber<double>(t.type, x.data, at), t.from.parts == 2 ? LoadNumber<double>(t.type, x.data, at + 1) : 0};
    if (t.mirror && (k == 0 || 2 * k == t.n)) v.im = 0;
    if (window) {
      const double weight = LoadNumber<double>(t.window_type, window.data, k);
      v = {v.re * weight, v.im * weight};
    }
    // The inverse is the forward transform between two conjugations.
    return other != t.inverse ? Value{v.re, -v.im} : v;
  };
  for (int64_t i = blockIdx.x; i < t.lines; i += gridDim.x) {
    for (int64_t k = threadIdx.x; k < size; k += kThreads) {
      const Value v = k < t.n ? load(i, k) : Value{0, 0};
      line[k] = chirp && k < t.n ? Product(v, chirp[k]) : v;
    }
    __syncthreads();
    PowerOfTwo(line, roots.data, t.bits);
    if (chirp) {
      for (int64_t k = threadIdx.x; k < size; k += kThreads) {
        const Value v = Product(line[k], filter[k]);
        line[k] = {v.re, -v.im};
      }
      __syncthreads();
      PowerOfTwo(line, roots.data, t.bits);
    }
    const double scale = t.inverse ? 1 / static_cast<double>(t.n) : 1;
    for (int64_t k = threadIdx.x; k < t.wanted; k += kThreads) {
      Value v = line[k];
      if (chirp) v = Product({v.re, -v.im}, chirp[k]);
      const int64_t at = t.to.At(i, k);
      StoreReal(t.type, y.data, at, v.re * scale);
      if (t.to.parts == 2) StoreReal(t.type, y.data, at + 1, (t.inverse ? -v.im : v.im) * scale);
    }
    __syncthreads();
  }
}

// How a length is transformed, and what of the workspace that takes.
struct Layout {
  int64_t n, size = 1, blocks;
  int32_t bits = 0;
  bool direct, shared;
  size_t roots, chirp, filter, work, bytes = 0;  // offsets, and their end

  Layout(int64_t length, int64_t lines) : n(length), blocks(std::clamp<int64_t>(lines, 1, kMaxBlocks)) {
    auto grow = [&](int64_t least) {
      while (size < least) size *= 2, ++bits;
    };
    grow(n);
    direct = size == n;
    if (!direct) grow(2 * n - 1);
    shared = size <= kMaxShared;
    auto take = [&](int64_t count) {
      const size_t at = bytes;
      bytes += WorkspacePart(static_cast<size_t>(count) * sizeof(Value));
      return at;
    };
    roots = take(size / 2);
    chirp = take(direct ? 0 : n);
    filter = take(direct ? 0 : size);
    work = take(shared ? 0 : blocks * size);
  }
};

void RunTransform(const LaunchArgs& args, const Layout& l, Transform t, const TensorView& window) {
  if (l.n >= int64_t{1} << 30) throw Error(ErrorCode::kNotImplemented, "transforms of 2^30 elements or more on CUDA");
  auto part = [&](size_t offset, int64_t count) {
    return WorkspaceOf(args, offset, static_cast<size_t>(count) * sizeof(Value));
  };
  const cuda::Buffer absent{}, roots = part(l.roots, l.size / 2);
  const cuda::Buffer chirp = l.direct ? absent : part(l.chirp, l.n),
                     filter = l.direct ? absent : part(l.filter, l.size);
  cuda::Launch(args, {.grid = {BlocksFor(l.size, kThreads)}, .block = {kThreads}}, MakeTables, roots, chirp, filter,
               l.n, l.size);
  if (!l.direct) cuda::Launch(args, {.grid = {1}, .block = {kThreads}}, TransformFilter, filter, roots, l.bits);
  t.n = l.n, t.bits = l.bits, t.shared = l.shared;
  const uint32_t shared = l.shared ? static_cast<uint32_t>(l.size * static_cast<int64_t>(sizeof(Value))) : 0;
  cuda::Launch(args, {.grid = {BlocksFor(l.blocks, 1)}, .block = {kThreads}, .shared_bytes = shared}, Run,
               args.input(0), window, args.output(0), roots, chirp, filter,
               l.shared ? absent : part(l.work, l.blocks * l.size), t);
}

int64_t ScalarOr(const TensorView& v, int64_t absent) {
  if (!v.present() || v.count() == 0) return absent;
  return v.type() == DType::kInt32 ? int64_t{v.as<int32_t>()[0]} : v.as<int64_t>()[0];
}

std::string RejectsTypes(const NodeView& node) {
  const DType type = node.input(0).type();
  return IsFloating(type) ? "" : "not for " + std::string(NameOf(type));
}

class Dft {
 public:
  explicit Dft(const NodeView& node)
      : inverse_(node.attributes().Int("inverse", 0) != 0), onesided_(node.attributes().Int("onesided", 0) != 0) {}
  static std::string Rejects(const NodeView& node) { return RejectsTypes(node); }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    return Layout(LengthOf(inputs, outputs[0]), LinesOf(inputs)).bytes;
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (y.count() == 0) return;
    const int axis = AxisOf(args.inputs());
    const int64_t inner = x.count(axis + 1, x.rank - 1), parts = x.dim(x.rank - 1);
    if (parts < 1 || parts > 2) throw Error(ErrorCode::kInvalidArgument, "the last dimension must be 1 or 2");
    Transform t{};
    t.lines = LinesOf(args.inputs());
    t.given = x.dim(axis), t.wanted = y.dim(axis);
    t.inverse = inverse_, t.mirror = inverse_ && onesided_;
    t.from = {inner, t.given * inner, 1, inner, parts};
    t.to = {inner, t.wanted * inner, 1, inner, y.dim(y.rank - 1)};
    t.type = x.type();
    RunTransform(args, Layout(LengthOf(args.inputs(), y), t.lines), t, TensorView{});
  }

 private:
  static int AxisOf(TensorViews inputs) {
    const int rank = inputs[0].rank;
    const int64_t axis = ScalarOr(inputs[2], -2), positive = axis < 0 ? axis + rank : axis;
    if (positive < 0 || positive >= rank - 1) throw Error(ErrorCode::kInvalidArgument, "DFT: axis is out of range");
    return static_cast<int>(positive);
  }
  static int64_t LinesOf(TensorViews inputs) {
    const TensorView& x = inputs[0];
    const int axis = AxisOf(inputs);
    return x.count(0, axis) * x.count(axis + 1, x.rank - 1);
  }
  int64_t LengthOf(TensorViews inputs, const TensorView& y) const {
    const int axis = AxisOf(inputs);
    if (!onesided_ || inverse_) return std::max<int64_t>(1, y.dim(axis));
    const int64_t n = ScalarOr(inputs[1], inputs[0].dim(axis));
    if (n < 1 || n / 2 + 1 != y.dim(axis)) throw Error(ErrorCode::kInvalidArgument, "DFT: dft_length has changed");
    return n;
  }

  bool inverse_, onesided_;
};

class Stft {
 public:
  explicit Stft(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return RejectsTypes(node); }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    return Layout(FrameOf(inputs), inputs[0].dim(0) * outputs[0].dim(1)).bytes;
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &window = args.input(2), &y = args.output(0);
    if (y.count() == 0) return;
    const int64_t frame = FrameOf(args.inputs()), step = ScalarOr(args.input(1), 1), length = x.dim(1),
                  parts = x.dim(2), frames = y.dim(1), bins = y.dim(2);
    if (step < 1 || parts < 1 || parts > 2 || bins > frame || (window.present() && window.count() != frame) ||
        length < frame || (frames - 1) > (length - frame) / step)
      throw Error(ErrorCode::kInvalidArgument, "the frames do not fit the signal and the window");
    Transform t{};
    t.lines = x.dim(0) * frames;
    t.given = frame, t.wanted = bins;
    t.from = {frames, length, step, 1, parts};
    t.to = {frames, frames * bins, bins, 1, 2};
    t.type = x.type(), t.window_type = window.type();
    RunTransform(args, Layout(frame, t.lines), t, window);
  }

 private:
  static int64_t FrameOf(TensorViews inputs) {
    const int64_t frame = ScalarOr(inputs[3], inputs[2].present() ? inputs[2].count() : inputs[0].dim(1));
    if (frame < 1) throw Error(ErrorCode::kInvalidArgument, "frame_length must be positive");
    return frame;
  }
};

// y[i] = a - b cos(2 pi i / n) + c cos(4 pi i / n).
struct Cosines {
  double a, b, c;
};
__global__ void __launch_bounds__(kThreads)
    FillWindow(Out<uint8_t> y, int64_t count, double n, DType type, Cosines terms) {
  const int64_t i = GlobalThread();
  if (i >= count) return;
  const double angle = 2 * kPi * static_cast<double>(i) / n;
  StoreNumber(type, y.data, i, terms.a - terms.b * cos(angle) + terms.c * cos(2 * angle));
}

enum class Shape { kHann, kHamming, kBlackman };

template <Shape kShape>
class Window {
 public:
  explicit Window(const NodeView& node) : periodic_(node.attributes().Int("periodic", 1) != 0) {}
  static std::string Rejects(const NodeView& node) {
    return IsNumber(node.output(0).type()) ? "" : "not to " + std::string(NameOf(node.output(0).type()));
  }

  void Launch(const LaunchArgs& args) const {
    constexpr Cosines kTerms = kShape == Shape::kHann      ? Cosines{0.5, 0.5, 0}
                               : kShape == Shape::kHamming ? Cosines{25.0 / 46, 21.0 / 46, 0}
                                                           : Cosines{0.42, 0.5, 0.08};
    const TensorView& y = args.output(0);
    const double n = static_cast<double>(y.count()) - (periodic_ ? 0 : 1);
    cuda::Launch(args, {.grid = {BlocksFor(y.count(), kThreads)}, .block = {kThreads}}, FillWindow, y, y.count(), n,
                 y.type(), kTerms);
  }

 private:
  bool periodic_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Dft>("DFT"),
    MakeKernel<Stft>("STFT"),
    MakeKernel<Window<Shape::kHann>>("HannWindow"),
    MakeKernel<Window<Shape::kHamming>>("HammingWindow"),
    MakeKernel<Window<Shape::kBlackman>>("BlackmanWindow"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::signal
