#include "kernels/quantized/reference.h"

#include <cmath>

#include "kernels/quantized/quantized.h"
#include "onda/float_formats.h"

namespace onda::quantized {
namespace {

// value as the type can hold it; types other than these three are left in fp32.
double RoundTo(DType type, double value) {
  if (type == DType::kDouble) return value;
  const double single = static_cast<float>(value);
  if (type != DType::kFloat16 && type != DType::kBfloat16) return single;
  uint16_t half;
  StoreDouble(type, &half, 0, value);
  return LoadDouble(type, &half, 0);
}

// The precision of the division where it is not given.
DType DivisionType(DType scale, DType x) {
  if (IsFloating(scale)) return scale;
  if (IsFloating(x)) return x;
  return scale == DType::kInt32 ? DType::kDouble : DType::kFloat;
}

// fn(element, scale index) over all elements, in parallel over ranges that start at whole bytes of any type.
template <class Fn>
void ForEachElement(const LaunchArgs& args, const Granularity& g, Fn&& fn) {
  constexpr int64_t kChunk = 4096;
  const int64_t count = g.outer * g.length * g.inner;
  args.ParallelFor((count + kChunk - 1) / kChunk, 1, [&](int64_t begin, int64_t end) {
    for (int64_t e = begin * kChunk; e < std::min(count, end * kChunk); ++e)
      fn(e, g.ScaleOf(e / (g.length * g.inner), e / g.inner % g.length, e % g.inner));
  });
}

class Quantize {
 public:
  explicit Quantize(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &scale = args.input(1), &zero = args.input(2), &y = args.output(0);
    const DType precision =
        params_.precision != DType::kUndefined ? params_.precision : DivisionType(scale.type(), x.type());
    const bool integer = IsInteger(y.type());
    ForEachElement(args, Granularity(x, scale, params_.axis, params_.block_size), [&](int64_t e, int64_t s) {
      const double a = RoundTo(precision, LoadDouble(x.type(), x.data, e));
      const double b = RoundTo(precision, LoadDouble(scale.type(), scale.data, s));
      double q = RoundTo(precision, a / b);
      if (integer) q = std::nearbyint(q);
      if (zero.present()) q += LoadDouble(zero.type(), zero.data, s);
      StoreSaturated(y.type(), y.data, e, q, params_.saturate);
    });
  }

 private:
  QuantizeParams params_;
};

class Dequantize {
 public:
  explicit Dequantize(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &scale = args.input(1), &zero = args.input(2), &y = args.output(0);
    ForEachElement(args, Granularity(x, scale, params_.axis, params_.block_size), [&](int64_t e, int64_t s) {
      const float value = static_cast<float>(LoadDouble(x.type(), x.data, e));
      const float origin = zero.present() ? static_cast<float>(LoadDouble(zero.type(), zero.data, s)) : 0.0f;
      const float step = static_cast<float>(LoadDouble(scale.type(), scale.data, s));
      StoreDouble(y.type(), y.data, e, (value - origin) * step);
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
    for (int64_t i = 0; i < x.count(); ++i) low = std::min(low, in[i]), high = std::max(high, in[i]);
    const float scale = (high - low) / 255;
    // All zeros have no scale of their own: any will do for the data, and the zero point is 0.
    const float exact = -low / scale;
    const float zero = scale == 0 || std::isnan(exact) ? 0 : std::nearbyint(std::clamp(exact, 0.0f, 255.0f));
    if (args.wants_output(0)) {
      for (int64_t i = 0; i < x.count(); ++i)
        StoreSaturated(DType::kUint8, args.output(0).data, i, scale == 0 ? 0 : std::nearbyint(in[i] / scale) + zero);
    }
    if (args.wants_output(1)) *args.output(1).as<float>() = scale;
    if (args.wants_output(2)) *args.output(2).as<uint8_t>() = static_cast<uint8_t>(zero);
  }
};

}  // namespace

void StoreSaturated(DType type, void* data, int64_t i, double value, bool saturate) {
  if (const SmallFloat* format = SmallFloatOf(type); format && type != DType::kFloat4E2M1) {
    static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(EncodeSmallFloat(*format, value, saturate));
  } else {
    StoreDouble(type, data, i, value);
  }
}

const OndaKernelDef kQuantizeReference = MakeKernel<Quantize>("QuantizeLinear");
const OndaKernelDef kDequantizeReference = MakeKernel<Dequantize>("DequantizeLinear");
const OndaKernelDef kDynamicQuantizeReference = MakeKernel<DynamicQuantize>("DynamicQuantizeLinear");

std::span<const OndaKernelDef> ReferenceKernels() {
  static const OndaKernelDef kernels[] = {kQuantizeReference,      kDequantizeReference,    kDynamicQuantizeReference,
                                          kMatMulIntegerReference, kQLinearMatMulReference, kConvIntegerReference,
                                          kQLinearConvReference,   kBlockedConvReference};
  return kernels;
}

}  // namespace onda::quantized
