// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear.
//   Vectors        four neighbours of 8 bits that share a scale of the reals' own type: one access each
//   Quantize, ...  all other types and scales: a thread per byte of the quantized side, per element of the real one
#include "kernels/device/block.h"
#include "kernels/device/small_float.h"
#include "kernels/device/vector.h"
#include "kernels/quantized/cuda_product.h"
#include "kernels/quantized/quantized.h"
#include "providers/cuda/device.h"

namespace onda::quantized {
namespace {

using namespace cuda;

constexpr int kThreads = 256, kNeighbours = 4, kMaxBlocks = 512;

struct DeviceGranularity {
  int64_t length, inner, block, outer_step, axis_step, inner_step;
  explicit DeviceGranularity(const Granularity& g)
      : length(g.length),
        inner(g.inner),
        block(g.block),
        outer_step(g.outer_step),
        axis_step(g.axis_step),
        inner_step(g.inner_step) {}
  __device__ int64_t ScaleOf(int64_t e) const {
    const int64_t a = e / inner % length;
    return e / inner / length * outer_step + a / block * axis_step + e % inner * inner_step;
  }
};

template <class C>
__device__ C RoundTo(DType type, C value) {
  if (type == DType::kFloat16) return Widen(Narrow<Half>(value));
  if (type == DType::kBfloat16) return Widen(Narrow<Bfloat16>(value));
  return value;
}

// C: double where the division is one of doubles.
template <class C>
__global__ void __launch_bounds__(kThreads)
    Quantize(In<uint8_t> x, In<uint8_t> scale, In<uint8_t> zero, Out<uint8_t> y, int64_t count, NumberFormat x_format,
             NumberFormat scale_format, NumberFormat y_format, DeviceGranularity g, DType precision, bool saturate) {
  const int per_byte = y_format.bits < 8 ? 8 / y_format.bits : 1;
  const int64_t first = GlobalThread() * per_byte;
  if (first >= count) return;
  uint32_t patterns = 0;
  for (int k = 0; k < per_byte && first + k < count; ++k) {
    const int64_t e = first + k, s = g.ScaleOf(e);
    const C a = RoundTo(precision, LoadFormat<C>(x_format, x.data, e));
    const C b = RoundTo(precision, LoadFormat<C>(scale_format, scale.data, s));
    C q = RoundTo(precision, a / b);
    if (!y_format.is_small) q = rint(q);
    if (zero) q += LoadFormat<C>(y_format, zero.data, s);
    patterns |= EncodeFormat(y_format, q, saturate) << (k * y_format.bits);
  }
  if (y_format.bits == 16)
    reinterpret_cast<uint16_t*>(y.data)[first] = static_cast<uint16_t>(patterns);
  else
    y[first / per_byte] = static_cast<uint8_t>(patterns);
}

__global__ void __launch_bounds__(kThreads)
    Dequantize(In<uint8_t> x, In<uint8_t> scale, In<uint8_t> zero, Out<uint8_t> y, int64_t count, NumberFormat x_format,
               NumberFormat scale_format, DType y_type, DeviceGranularity g) {
  const int64_t e = GlobalThread();
  if (e >= count) return;
  const int64_t s = g.ScaleOf(e);
  const float value = LoadFormat<float>(x_format, x.data, e);
  const float origin = zero ? LoadFormat<float>(x_format, zero.data, s) : 0.0f;
  StoreReal(y_type, y.data, e, (value - origin) * LoadFormat<float>(scale_format, scale.data, s));
}

// T: the type of the reals and of the scale. Q: int8_t or uint8_t. inner is a multiple of the neighbours, so that they
// share a scale.
template <class T, class Q>
__global__ void __launch_bounds__(kThreads)
    QuantizeVectors(In<T> x, In<T> scale, In<Q> zero, Out<Q> y, int64_t count, DeviceGranularity g) {
  const int64_t e = GlobalThread() * kNeighbours;
  if (e >= count) return;
  const int64_t s = g.ScaleOf(e);
  const float step = Widen(scale[s]), origin = zero ? zero[s] : 0, low = Q(-1) < 0 ? -128 : 0;
  const Vector<T, kNeighbours> from = LoadVector<kNeighbours>(x.data + e);
  Vector<Q, kNeighbours> to;
#pragma unroll
  for (int k = 0; k < kNeighbours; ++k) {
    // Rounded to the type that it is divided in; NaN becomes 0.
    const float q = rintf(Widen(Narrow<T>(Widen(from.v[k]) / step))) + origin;
    to.v[k] = static_cast<Q>(q != q ? 0 : static_cast<int>(fminf(fmaxf(q, low), low + 255)));
  }
  StoreVector(y.data + e, to);
}
template <class T, class Q>
__global__ void __launch_bounds__(kThreads)
    DequantizeVectors(In<Q> x, In<T> scale, In<Q> zero, Out<T> y, int64_t count, DeviceGranularity g) {
  const int64_t e = GlobalThread() * kNeighbours;
  if (e >= count) return;
  const int64_t s = g.ScaleOf(e);
  const float step = Widen(scale[s]), origin = zero ? zero[s] : 0;
  const Vector<Q, kNeighbours> from = LoadVector<kNeighbours>(x.data + e);
  Vector<T, kNeighbours> to;
#pragma unroll
  for (int k = 0; k < kNeighbours; ++k) to.v[k] = Narrow<T>((static_cast<float>(from.v[k]) - origin) * step);
  StoreVector(y.data + e, to);
}

// Whether the vector kernels take it. reals and quantized: one is the input, one the output.
bool VectorsTake(const TensorView& reals, const TensorView& quantized, const TensorView& scale, const Granularity& g) {
  return IsFloating(reals.type()) && reals.type() != DType::kDouble && scale.type() == reals.type() &&
         (quantized.type() == DType::kInt8 || quantized.type() == DType::kUint8) && g.inner % kNeighbours == 0 &&
         g.inner_step == 0 && reinterpret_cast<uintptr_t>(reals.data) % 16 == 0 &&
         reinterpret_cast<uintptr_t>(quantized.data) % kNeighbours == 0;
}
// fn with tags of both types.
template <class Fn>
void WithVectorTypes(DType real, DType quantized, Fn&& fn) {
  WithReal(real, [&](auto t) {
    if constexpr (!std::is_same_v<typename decltype(t)::Type, double>)
      quantized == DType::kInt8 ? fn(t, TypeTag<int8_t>()) : fn(t, TypeTag<uint8_t>());
  });
}
LaunchConfig Over(int64_t threads) { return {.grid = {BlocksFor(threads, kThreads)}, .block = {kThreads}}; }

std::string RejectsFormats(const NodeView& node) {
  for (int i = 0; i < 3; ++i)
    if (node.input(i).present() && !HasFormat(node.input(i).type()))
      return "not for " + std::string(NameOf(node.input(i).type()));
  return "";
}

class QuantizeCuda {
 public:
  explicit QuantizeCuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType y = node.output(0).type();
    if (!HasFormat(y) || BitsOf(y) > 16 || IsFloating(y) || y == DType::kFloat8E8M0) return "no such type of results";
    if (node.input(2).present() && node.input(2).type() != y) return "only zero points of the result's type";
    return RejectsFormats(node);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &scale = args.input(1), &zero = args.input(2), &y = args.output(0);
    const int64_t count = x.count();
    if (count == 0) return;
    const Granularity g(x, scale, params_.axis, params_.block_size);
    const bool given = params_.precision != DType::kUndefined;
    if ((!given || params_.precision == x.type()) && VectorsTake(x, y, scale, g)) {
      WithVectorTypes(x.type(), y.type(), [&](auto t, auto q) {
        using T = typename decltype(t)::Type;
        using Q = typename decltype(q)::Type;
        cuda::Launch(args, Over(count / kNeighbours), QuantizeVectors<T, Q>, x, scale, zero, y, count,
                     DeviceGranularity(g));
      });
      return;
    }
    const DType precision = given                           ? params_.precision
                            : IsFloating(scale.type())      ? scale.type()
                            : IsFloating(x.type())          ? x.type()
                            : scale.type() == DType::kInt32 ? DType::kDouble
                                                            : DType::kFloat;
    const int per_byte = std::max(1, 8 / BitsOf(y.type()));
    const LaunchConfig config = Over((count + per_byte - 1) / per_byte);
    auto run = [&](auto kernel) {
      cuda::Launch(args, config, kernel, x, scale, zero, y, count, FormatOf(x.type()), FormatOf(scale.type()),
                   FormatOf(y.type()), DeviceGranularity(g), precision, params_.saturate);
    };
    precision == DType::kDouble || x.type() == DType::kInt32 ? run(Quantize<double>) : run(Quantize<float>);
  }

 private:
  QuantizeParams params_;
};

class DequantizeCuda {
 public:
  explicit DequantizeCuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    if (!IsFloating(node.output(0).type())) return "no such type of results";
    if (node.input(2).present() && node.input(2).type() != node.input(0).type())
      return "only zero points of the input's type";
    return RejectsFormats(node);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &scale = args.input(1), &zero = args.input(2), &y = args.output(0);
    const int64_t count = x.count();
    if (count == 0) return;
    const Granularity g(x, scale, params_.axis, params_.block_size);
    if (VectorsTake(y, x, scale, g)) {
      WithVectorTypes(y.type(), x.type(), [&](auto t, auto q) {
        using T = typename decltype(t)::Type;
        using Q = typename decltype(q)::Type;
        cuda::Launch(args, Over(count / kNeighbours), DequantizeVectors<T, Q>, x, scale, zero, y, count,
                     DeviceGranularity(g));
      });
      return;
    }
    cuda::Launch(args, Over(count), Dequantize, x, scale, zero, y, count, FormatOf(x.type()), FormatOf(scale.type()),
                 y.type(), DeviceGranularity(g));
  }

 private:
  DequantizeParams params_;
};

// ranges (blocks, 2): the least and greatest of 0 and of a block's elements. NaN is passed over.
__global__ void __launch_bounds__(kThreads) FindRanges(In<float> x, Out<float> ranges, int64_t n) {
  float low = 0, high = 0;
  for (int64_t i = GlobalThread(); i < n; i += GlobalThreads()) {
    low = fminf(low, x[i]);
    high = fmaxf(high, x[i]);
  }
  low = BlockReduce(low, Minimum(), 0.0f);
  high = BlockReduce(high, Maximum(), 0.0f);
  if (threadIdx.x == 0) ranges[2 * blockIdx.x] = low, ranges[2 * blockIdx.x + 1] = high;
}

// One block. parameters: scale and zero point.
__global__ void __launch_bounds__(kThreads)
    ChooseParameters(In<float> ranges, Out<float> parameters, Out<float> scale_out, Out<uint8_t> zero_out,
                     int32_t blocks) {
  float low = 0, high = 0;
  for (int i = static_cast<int>(threadIdx.x); i < blocks; i += kThreads) {
    low = fminf(low, ranges[2 * i]);
    high = fmaxf(high, ranges[2 * i + 1]);
  }
  low = BlockReduce(low, Minimum(), 0.0f);
  high = BlockReduce(high, Maximum(), 0.0f);
  if (threadIdx.x != 0) return;
  const float scale = (high - low) / 255;
  const float zero = scale == 0 ? 0 : rintf(fminf(fmaxf(-low / scale, 0.0f), 255.0f));
  parameters[0] = scale;
  parameters[1] = zero;
  if (scale_out) scale_out[0] = scale;
  if (zero_out) zero_out[0] = static_cast<uint8_t>(zero);
}

__global__ void __launch_bounds__(kThreads)
    QuantizeByParameters(In<float> x, In<float> parameters, Out<uint8_t> y, int64_t n) {
  const float scale = parameters[0], zero = parameters[1];
  for (int64_t i = GlobalThread(); i < n; i += GlobalThreads()) {
    const float q = scale == 0 ? 0 : rintf(x[i] / scale) + zero;
    y[i] = static_cast<uint8_t>(q != q ? 0.0f : fminf(fmaxf(q, 0.0f), 255.0f));
  }
}

class DynamicQuantizeCuda {
 public:
  explicit DynamicQuantizeCuda(const NodeView&) {}
  static std::string Rejects(const NodeView& node) {
    return node.input(0).type() == DType::kFloat ? "" : "not for " + std::string(NameOf(node.input(0).type()));
  }
  size_t WorkspaceBytes(TensorViews, TensorViews) const { return (2 * kMaxBlocks + 2) * sizeof(float); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int64_t n = x.count();
    const uint32_t blocks = std::max(1u, BlocksFor(n, kThreads * 8, kMaxBlocks));
    const cuda::Buffer ranges = WorkspaceOf(args, 0, 2 * blocks * sizeof(float));
    const cuda::Buffer parameters = WorkspaceOf(args, 2 * kMaxBlocks * sizeof(float), 2 * sizeof(float));
    cuda::Launch(args, {.grid = {blocks}, .block = {kThreads}}, FindRanges, x, ranges, n);
    cuda::Launch(args, {.grid = {1}, .block = {kThreads}}, ChooseParameters, ranges, parameters, args.output(1),
                 args.output(2), static_cast<int32_t>(blocks));
    if (args.wants_output(0) && n > 0)
      cuda::Launch(args, {.grid = {BlocksFor(n, kThreads, 4096)}, .block = {kThreads}}, QuantizeByParameters, x,
                   parameters, args.output(0), n);
  }
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<QuantizeCuda>("QuantizeLinear"),
    MakeKernel<DequantizeCuda>("DequantizeLinear"),
    MakeKernel<DynamicQuantizeCuda>("DynamicQuantizeLinear"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() {
  static const std::vector<OndaKernelDef> kernels = [] {
    std::vector<OndaKernelDef> all(std::begin(kKernels), std::end(kKernels));
    for (const OndaKernelDef& def : ProductCudaKernels()) all.push_back(def);
    return all;
  }();
  return kernels;
}

}  // namespace onda::quantized
