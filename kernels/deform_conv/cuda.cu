// DeformConv: the samples of one image become columns in the workspace, and a product of the library does the rest.
// Images of up to three dimensions; places and samples are computed in fp32 (fp64 for double).
#include <algorithm>

#include "kernels/deform_conv/deform_conv.h"
#include "kernels/device/element.h"
#include "kernels/device/library_plans.h"
#include "kernels/device/target.h"
#include "kernels/simd/anywhere.h"
#include "providers/cuda/device.h"

namespace onda::deform_conv {
namespace {

using namespace cuda;

constexpr int kThreads = 256, kAxes = 3;

// Axes in front that there are not have 1 of everything.
struct Geometry {
  int64_t channels, per_group, axes, taps, points;  // per_group: channels that share offsets
  int64_t slice;                                    // channels of a thread
  int64_t in[kAxes], out[kAxes], kernel[kAxes], stride[kAxes], dilation[kAxes], pad[kAxes];
};

// Along one axis, the pixels below and above a position and their weights, 0 for one outside.
template <class C>
struct Pixels {
  int64_t low, high;
  C low_weight, high_weight;
  bool inside;

  __device__ Pixels(C position, int64_t length) {
    inside = position > -1 && position < static_cast<C>(length);  // not for NaN
    const C below = floor(inside ? position : C(0)), t = inside ? position - below : C(0);
    const int64_t at = static_cast<int64_t>(below);
    low_weight = at >= 0 ? 1 - t : C(0);
    high_weight = at + 1 < length ? t : C(0);
    low = at >= 0 ? at : 0;
    high = at + 1 < length ? at + 1 : length - 1;
  }
};

// columns (channels, taps, points) of image n. Threads: (offset group, tap, point), blockIdx.y: slices of its channels.
template <class T>
__global__ void __launch_bounds__(kThreads)
    FillColumns(In<T> x, In<T> offset, In<T> mask, Out<T> columns, int64_t threads, int64_t n, Geometry g) {
  using C = Compute<T>;
  const int64_t thread = GlobalThread();
  if (thread >= threads) return;
  const int64_t point = thread % g.points, tap = thread / g.points % g.taps, group = thread / g.points / g.taps;
  const int64_t groups = g.channels / g.per_group, gk = (n * groups + group) * g.taps + tap;
  C position[kAxes];
  int64_t rest_point = point, rest_tap = tap;
#pragma unroll
  for (int i = kAxes - 1; i >= 0; --i) {
    const int64_t axis = i - (kAxes - g.axes);
    position[i] = 0;
    if (axis < 0) continue;
    const int64_t start = rest_point % g.out[i] * g.stride[i] - g.pad[i] + rest_tap % g.kernel[i] * g.dilation[i];
    position[i] = static_cast<C>(start) + Widen(offset[(gk * g.axes + axis) * g.points + point]);
    rest_point /= g.out[i];
    rest_tap /= g.kernel[i];
  }
  const C scale = mask ? Widen(mask[gk * g.points + point]) : C(1);
  const Pixels<C> depth(position[0], g.in[0]), row(position[1], g.in[1]), column(position[2], g.in[2]);
  const bool inside = depth.inside && row.inside && column.inside;
  const int64_t first = group * g.per_group + static_cast<int64_t>(blockIdx.y) * g.slice;
  const int64_t behind = Least(first + g.slice, (group + 1) * g.per_group);
  for (int64_t c = first; c < behind; ++c) {
    const T* const image = x.data + (n * g.channels + c) * g.in[0] * g.in[1] * g.in[2];
    auto line = [&](int64_t d, int64_t r) {
      const T* const from = image + (d * g.in[1] + r) * g.in[2];
      return column.low_weight * Widen(from[column.low]) + column.high_weight * Widen(from[column.high]);
    };
    auto plane = [&](int64_t d) { return row.low_weight * line(d, row.low) + row.high_weight * line(d, row.high); };
    C sum = 0;
    if (inside) {
      sum = depth.low_weight * plane(depth.low);
      if (g.axes == kAxes) sum += depth.high_weight * plane(depth.high);
    }
    columns[(c * g.taps + tap) * g.points + point] = Narrow<T>(sum * scale);
  }
}

// y (batches, channels, points) = bias (channels).
template <class T>
__global__ void __launch_bounds__(kThreads)
    SpreadBias(In<T> bias, Out<T> y, int64_t n, int64_t channels, int64_t points) {
  const int64_t i = GlobalThread();
  if (i < n) y[i] = bias[i / points % channels];
}

class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const FactView& x = node.input(kX);
    if (!IsFloating(x.type())) return "not for " + std::string(NameOf(x.type()));
    return x.rank < 3 || x.rank > kAxes + 2 ? "only images of 1 to 3 dimensions" : "";
  }

  void Prepare(const LaunchArgs& args) const {
    const TensorView &x = args.input(kX), &w = args.input(kW), &y = args.output(0);
    if (!HasProducts(args.inputs(), y)) return;
    const Buffer result = AtNoPlace(2, y.bytes() / static_cast<size_t>(x.dim(0)));
    const Buffer operands[4] = {AtNoPlace(0, w.bytes()), AtNoPlace(1, ColumnBytes(x, w, y)), result, result};
    plans_.Prepare(args, ProductOf(args.inputs(), y), {operands, args.has_input(kB) ? size_t{4} : size_t{3}});
  }
  // The columns, then the library's.
  size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const {
    if (!HasProducts(inputs, outputs[0])) return 0;
    return LibraryOffset(inputs, outputs[0]) + plans_.WorkspaceBytes(ProductOf(inputs, outputs[0]));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(kX), &w = args.input(kW), &y = args.output(0);
    CheckInputs(params_, args.inputs());
    CheckOutput(args);
    if (y.count() == 0) return;
    WithReal(x.type(), [&](auto tag) { Run<typename decltype(tag)::Type>(args, GeometryOf(x, w, y)); });
  }

 private:
  static bool HasProducts(TensorViews inputs, const TensorView& y) {
    return y.count() > 0 && inputs[kW].count(1, inputs[kW].rank) > 0;
  }
  static size_t LibraryOffset(TensorViews inputs, const TensorView& y) {
    return WorkspacePart(ColumnBytes(inputs[kX], inputs[kW], y));
  }
  // Of one image.
  GemmDescription ProductOf(TensorViews inputs, const TensorView& y) const {
    const TensorView& w = inputs[kW];
    const int64_t depth = w.count(1, w.rank), points = y.count(2, y.rank);
    GemmDescription op{.m = y.dim(1) / params_.group, .n = points, .k = depth, .batch = params_.group};
    op.a_row = depth;
    op.b_row = op.y_row = points;
    op.a_batch = op.m * depth;
    op.b_batch = depth * points;
    op.y_batch = op.m * points;
    op.type = op.out = inputs[kX].type();
    op.has_residual = inputs[kB].present();
    return op;
  }

  static size_t ColumnBytes(const TensorView& x, const TensorView& w, const TensorView& y) {
    return static_cast<size_t>(x.dim(1) * w.count(2, w.rank) * y.count(2, y.rank)) *
           static_cast<size_t>(BitsOf(x.type()) / 8);
  }

  Geometry GeometryOf(const TensorView& x, const TensorView& w, const TensorView& y) const {
    Geometry g{x.dim(1),
               x.dim(1) / params_.offset_group,
               x.rank - 2,
               w.count(2, w.rank),
               y.count(2, y.rank),
               0,
               {},
               {},
               {},
               {},
               {},
               {}};
    g.slice = std::max<int64_t>(8, (g.per_group + 0xfffe) / 0xffff);
    for (int i = 0; i < kAxes; ++i) {
      const int axis = i - (kAxes - (x.rank - 2));
      const size_t a = static_cast<size_t>(axis);
      g.in[i] = axis < 0 ? 1 : x.dim(axis + 2);
      g.out[i] = axis < 0 ? 1 : y.dim(axis + 2);
      g.kernel[i] = axis < 0 ? 1 : w.dim(axis + 2);
      g.stride[i] = axis < 0 ? 1 : params_.stride(a);
      g.dilation[i] = axis < 0 ? 1 : params_.dilation(a);
      g.pad[i] = axis < 0 ? 0 : params_.pad_begin(a);
    }
    return g;
  }

  template <class T>
  void Run(const LaunchArgs& args, const Geometry& g) const {
    const TensorView &x = args.input(kX), &w = args.input(kW), &b = args.input(kB), &y = args.output(0);
    Device& device = StreamOf(args).device();
    const int64_t depth = w.count(1, w.rank), outs = y.dim(1), image = outs * g.points;
    if (b.present())
      cuda::Launch(args, {.grid = {BlocksFor(y.count(), kThreads)}, .block = {kThreads}}, SpreadBias<T>, b, y,
                   y.count(), outs, g.points);
    if (depth == 0) {
      if (!b.present()) device.Fill(y.data, 0, y.bytes(), StreamOf(args));
      return;
    }
    const GemmDescription op = ProductOf(args.inputs(), y);
    const Buffer columns = WorkspaceOf(args, 0, ColumnBytes(x, w, y));
    const int64_t threads = params_.offset_group * g.taps * g.points;
    for (int64_t n = 0; n < x.dim(0); ++n) {
      cuda::Launch(args, {.grid = {BlocksFor(threads, kThreads), BlocksFor(g.per_group, g.slice)}, .block = {kThreads}},
                   FillColumns<T>, x, args.input(kOffset), args.input(kMask), columns, threads, n, g);
      const Buffer result{y.as<T>() + n * image, static_cast<size_t>(image) * sizeof(T)};
      Buffer operands[4] = {{w.data, w.bytes()}, columns, result, result};
      plans_.Execute(args, op, {operands, b.present() ? size_t{4} : size_t{3}}, LibraryOffset(args.inputs(), y));
    }
  }

  Params params_;
  mutable LibraryPlans plans_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cuda>("DeformConv")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::deform_conv
