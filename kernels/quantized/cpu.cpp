#include "kernels/quantized/cpu.h"

#include "kernels/quantized/linear.h"
#include "kernels/quantized/quantized.h"

namespace onda::quantized {
namespace {

// Calls fn(first element, run) for pieces of the tensor whose scales are one number or lie side by side, in parallel.
// zero_size: bytes of one zero point.
template <class Fn>
void ForEachRun(const LaunchArgs& args, const Granularity& g, const TensorView& scale, const TensorView& zero,
                int64_t zero_size, Fn&& fn) {
  constexpr int64_t kChunk = 16384;
  if (g.outer * g.length * g.inner == 0) return;
  const bool has_zero = zero.present();
  auto run = [&](int64_t element, int64_t n, int64_t s, bool varying) {
    fn(element, LinearRun{n, scale.as<float>() + s, has_zero ? zero.as<char>() + s * zero_size : nullptr, varying});
  };
  if (g.axis_step == 0) {
    args.ParallelFor(g.outer * g.length * g.inner, kChunk,
                     [&](int64_t begin, int64_t end) { run(begin, end - begin, 0, false); });
    return;
  }
  if (g.inner == 1 && g.block == 1) {
    // The axis is the last: a scale per element.
    args.ParallelFor(g.outer, 1 + kChunk / std::max<int64_t>(1, g.length), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) run(o * g.length, g.length, g.ScaleOf(o, 0, 0), true);
    });
    return;
  }
  // Along a last axis whole blocks share a scale; along others, rows of `inner` do, or have one each.
  const int64_t step = g.inner == 1 ? g.block : 1;
  const int64_t pieces = (g.length + step - 1) / step;
  args.ParallelFor(
      g.outer * pieces, 1 + kChunk / std::max<int64_t>(1, step * g.inner), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t o = i / pieces, a = i % pieces * step, length = std::min(step, g.length - a);
          run((o * g.length + a) * g.inner, length * g.inner, g.ScaleOf(o, a, 0), g.inner > 1 && g.inner_step == 1);
        }
      });
}

class Quantize {
 public:
  explicit Quantize(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) {
    const QuantizeParams p(node.attributes());
    if (node.input(0).type() != DType::kFloat || node.input(1).type() != DType::kFloat) return "only float";
    if (p.precision != DType::kUndefined && p.precision != DType::kFloat) return "precision is not float";
    return LinearTakes(node.output(0).type()) ? "" : "only to 8- and 16-bit integers";
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t size = BitsOf(y.type()) / 8;
    ForEachRun(args, Granularity(x, args.input(1), params_.axis, params_.block_size), args.input(1), args.input(2),
               size, [&](int64_t at, const LinearRun& run) {
                 QuantizeRun(y.type(), run, x.as<float>() + at, y.as<char>() + at * size);
               });
  }

 private:
  QuantizeParams params_;
};

class Dequantize {
 public:
  explicit Dequantize(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) {
    const DType from = node.input(0).type();
    if (node.input(1).type() != DType::kFloat || node.output(0).type() != DType::kFloat) return "only to float";
    return LinearTakes(from) || from == DType::kInt32 ? "" : "only from 8-, 16- and 32-bit integers";
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t size = BitsOf(x.type()) / 8;
    ForEachRun(args, Granularity(x, args.input(1), params_.axis, params_.block_size), args.input(1), args.input(2),
               size, [&](int64_t at, const LinearRun& run) {
                 DequantizeRun(x.type(), run, x.as<char>() + at * size, y.as<float>() + at);
               });
  }

 private:
  DequantizeParams params_;
};

class DynamicQuantize {
 public:
  explicit DynamicQuantize(const NodeView&) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const float* in = x.as<float>();
    float low = 0, high = 0;
    MinMax(in, x.count(), &low, &high);
    const float scale = (high - low) / 255;
    // All zeros have no scale of their own: any will do for the data, and the zero point is 0; so where one is
    // infinite.
    const float exact = -low / scale;
    const float position = scale == 0 || std::isnan(exact) ? 0 : std::nearbyint(std::clamp(exact, 0.0f, 255.0f));
    const float divisor = scale == 0 ? 1 : scale;
    const uint8_t zero = static_cast<uint8_t>(position);
    if (args.wants_output(0))
      args.ParallelFor(x.count(), 16384, [&](int64_t begin, int64_t end) {
        QuantizeRun(DType::kUint8, {end - begin, &divisor, &zero, false}, in + begin,
                    args.output(0).as<char>() + begin);
      });
    if (args.wants_output(1)) *args.output(1).as<float>() = scale;
    if (args.wants_output(2)) *args.output(2).as<uint8_t>() = zero;
  }
};

}  // namespace

const OndaKernelDef kQuantizeCpu = MakeKernel<Quantize>("QuantizeLinear");
const OndaKernelDef kDequantizeCpu = MakeKernel<Dequantize>("DequantizeLinear");
const OndaKernelDef kDynamicQuantizeCpu = MakeKernel<DynamicQuantize>("DynamicQuantizeLinear");

std::span<const OndaKernelDef> CpuKernels() {
  static const OndaKernelDef kernels[] = {
      kQuantizeCpu,         kDequantizeCpu,       kDynamicQuantizeCpu, kMatMulIntegerCpu, kQLinearMatMulCpu,
      kDepthwiseIntegerCpu, kDepthwiseLinearCpu,  kDirectIntegerCpu,   kDirectLinearCpu,  kConvIntegerCpu,
      kQLinearConvCpu,      kDepthwiseBlockedCpu, kDirectBlockedCpu};
  return kernels;
}

}  // namespace onda::quantized
