// The pairs of types that networks convert between.
#include <array>

#include "kernels/cast/cast.h"
#include "kernels/simd/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cast/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::cast::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Df = hn::ScalableTag<float>;
using Di = hn::RebindToSigned<Df>;
using Du = hn::RebindToUnsigned<Df>;

// Vectors of as many lanes as a float vector has, of each element type.
template <class T>
using Of = hn::Rebind<T, Df>;

// one() maps vectors of as many lanes as Wide, the wider of the two types, has in a register.
template <class From, class To, class Wide = float, class Fn>
HWY_INLINE void Convert(const void* x_data, void* y_data, int64_t n, Fn one) {
  const From* x = static_cast<const From*>(x_data);
  To* y = static_cast<To*>(y_data);
  const hn::Rebind<From, hn::ScalableTag<Wide>> from;
  const hn::Rebind<To, hn::ScalableTag<Wide>> to;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(from));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(one(hn::LoadU(from, x + i)), to, y + i);
  if (i >= n) return;
  HWY_ALIGN From source[HWY_LANES(Wide)] = {};
  HWY_ALIGN To target[HWY_LANES(Wide)];
  std::copy(x + i, x + n, source);
  hn::StoreU(one(hn::LoadU(from, source)), to, target);
  std::copy(target, target + (n - i), y + i);
}

// Towards zero; what int32 does not hold, and NaN, becomes its lowest value.
HWY_INLINE hn::Vec<Di> Truncate(hn::Vec<Df> x) {
  const Df d;
  const Di di;
  const auto fits = hn::And(hn::Ge(x, hn::Set(d, -0x1p31f)), hn::Lt(x, hn::Set(d, 0x1p31f)));
  return hn::IfThenElse(hn::RebindMask(di, fits), hn::ConvertTo(di, x), hn::Set(di, INT32_MIN));
}

template <class D>
HWY_INLINE hn::Vec<hn::Rebind<uint8_t, D>> BoolsOf(D d, hn::Mask<D> mask) {
  const hn::Rebind<uint8_t, D> d8;
  const hn::RebindToUnsigned<D> du;
  return hn::And(hn::TruncateTo(d8, hn::BitCast(du, hn::VecFromMask(d, mask))), hn::Set(d8, 1));
}

void FloatToInt32(const void* x, void* y, int64_t n) {
  Convert<float, int32_t>(x, y, n, [](auto v) HWY_ATTR { return Truncate(v); });
}
void Int32ToFloat(const void* x, void* y, int64_t n) {
  Convert<int32_t, float>(x, y, n, [](auto v) HWY_ATTR { return hn::ConvertTo(Df(), v); });
}
// NaN is true, as anything that is not 0.
void FloatToBool(const void* x, void* y, int64_t n) {
  Convert<float, uint8_t>(x, y, n, [](auto v) HWY_ATTR {
    return hn::Xor(BoolsOf(Df(), hn::Eq(v, hn::Zero(Df()))), hn::Set(Of<uint8_t>(), 1));
  });
}
void Int32ToBool(const void* x, void* y, int64_t n) {
  Convert<int32_t, uint8_t>(x, y, n, [](auto v) HWY_ATTR { return BoolsOf(Di(), hn::Ne(v, hn::Zero(Di()))); });
}
void Uint8ToFloat(const void* x, void* y, int64_t n) {
  Convert<uint8_t, float>(x, y, n, [](auto v) HWY_ATTR { return hn::ConvertTo(Df(), hn::PromoteTo(Di(), v)); });
}
void Int8ToFloat(const void* x, void* y, int64_t n) {
  Convert<int8_t, float>(x, y, n, [](auto v) HWY_ATTR { return hn::ConvertTo(Df(), hn::PromoteTo(Di(), v)); });
}
void Uint8ToInt32(const void* x, void* y, int64_t n) {
  Convert<uint8_t, int32_t>(x, y, n, [](auto v) HWY_ATTR { return hn::PromoteTo(Di(), v); });
}

// Between 8 bytes and 4.
using D64 = hn::ScalableTag<int64_t>;
void FloatToDouble(const void* x, void* y, int64_t n) {
  Convert<float, double, double>(x, y, n, [](auto v) HWY_ATTR { return hn::PromoteTo(hn::ScalableTag<double>(), v); });
}
void DoubleToFloat(const void* x, void* y, int64_t n) {
  Convert<double, float, double>(
      x, y, n, [](auto v) HWY_ATTR { return hn::DemoteTo(hn::Rebind<float, hn::ScalableTag<double>>(), v); });
}
void Int32ToInt64(const void* x, void* y, int64_t n) {
  Convert<int32_t, int64_t, int64_t>(x, y, n, [](auto v) HWY_ATTR { return hn::PromoteTo(D64(), v); });
}
void Int64ToInt32(const void* x, void* y, int64_t n) {
  Convert<uint64_t, uint32_t, int64_t>(x, y, n,
                                       [](auto v) HWY_ATTR { return hn::TruncateTo(hn::Rebind<uint32_t, D64>(), v); });
}
void Int64ToBool(const void* x, void* y, int64_t n) {
  Convert<int64_t, uint8_t, int64_t>(x, y, n,
                                     [](auto v) HWY_ATTR { return BoolsOf(D64(), hn::Ne(v, hn::Zero(D64()))); });
}
void Uint8ToInt64(const void* x, void* y, int64_t n) {
  Convert<uint8_t, int64_t, int64_t>(
      x, y, n, [](auto v) HWY_ATTR { return hn::PromoteTo(D64(), hn::PromoteTo(hn::Rebind<int32_t, D64>(), v)); });
}

// One element after another: there are no wide instructions for these, or none before AVX-512.
template <class From, class To>
void Each(const void* x_data, void* y_data, int64_t n) {
  const From* x = static_cast<const From*>(x_data);
  To* y = static_cast<To*>(y_data);
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<To>(x[i]);
}
template <class From>
void EachToInt64(const void* x_data, void* y_data, int64_t n) {
  const From* x = static_cast<const From*>(x_data);
  int64_t* y = static_cast<int64_t*>(y_data);
  for (int64_t i = 0; i < n; ++i)
    y[i] = x[i] >= From(-0x1p63) && x[i] < From(0x1p63) ? static_cast<int64_t>(x[i]) : INT64_MIN;
}
template <class To>
void EachToByte(const void* x_data, void* y_data, int64_t n) {
  const float* x = static_cast<const float*>(x_data);
  To* y = static_cast<To*>(y_data);
  for (int64_t i = 0; i < n; ++i)
    y[i] = x[i] >= -0x1p63f && x[i] < 0x1p63f ? static_cast<To>(static_cast<int64_t>(x[i])) : 0;
}

CastFunction FindCast(DType from, DType to) {
  struct Row {
    DType from, to;
    CastFunction function;
  };
  static constexpr Row kRows[] = {
      {DType::kFloat, DType::kInt32, FloatToInt32},
      {DType::kInt32, DType::kFloat, Int32ToFloat},
      {DType::kFloat, DType::kBool, FloatToBool},
      {DType::kInt32, DType::kBool, Int32ToBool},
      {DType::kUint8, DType::kFloat, Uint8ToFloat},
      {DType::kBool, DType::kFloat, Uint8ToFloat},
      {DType::kInt8, DType::kFloat, Int8ToFloat},
      {DType::kUint8, DType::kInt32, Uint8ToInt32},
      {DType::kBool, DType::kInt32, Uint8ToInt32},
      {DType::kFloat, DType::kDouble, FloatToDouble},
      {DType::kDouble, DType::kFloat, DoubleToFloat},
      {DType::kFloat, DType::kInt64, EachToInt64<float>},
      {DType::kDouble, DType::kInt64, EachToInt64<double>},
      {DType::kInt64, DType::kFloat, Each<int64_t, float>},
      {DType::kInt64, DType::kDouble, Each<int64_t, double>},
      {DType::kInt64, DType::kInt32, Int64ToInt32},
      {DType::kInt32, DType::kInt64, Int32ToInt64},
      {DType::kInt64, DType::kBool, Int64ToBool},
      {DType::kBool, DType::kInt64, Uint8ToInt64},
      {DType::kUint8, DType::kInt64, Uint8ToInt64},
      {DType::kFloat, DType::kUint8, EachToByte<uint8_t>},
      {DType::kFloat, DType::kInt8, EachToByte<int8_t>},
  };
  for (const Row& row : kRows)
    if (row.from == from && row.to == to) return row.function;
  return nullptr;
}

}  // namespace onda::cast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::cast {
namespace {

HWY_EXPORT(FindCast);

void HalfToFloat(const void* x, void* y, int64_t n) {
  HalfToFloats(static_cast<const uint16_t*>(x), static_cast<float*>(y), n);
}
void FloatToHalf(const void* x, void* y, int64_t n) {
  FloatsToHalf(static_cast<const float*>(x), static_cast<uint16_t*>(y), n);
}
void Bfloat16ToFloat(const void* x, void* y, int64_t n) {
  Bfloat16ToFloats(static_cast<const uint16_t*>(x), static_cast<float*>(y), n);
}
void FloatToBfloat16(const void* x, void* y, int64_t n) {
  FloatsToBfloat16(static_cast<const float*>(x), static_cast<uint16_t*>(y), n);
}

}  // namespace

CastFunction FindCastFunction(DType from, DType to) {
  if (from == DType::kFloat16 && to == DType::kFloat) return HalfToFloat;
  if (from == DType::kFloat && to == DType::kFloat16) return FloatToHalf;
  if (from == DType::kBfloat16 && to == DType::kFloat) return Bfloat16ToFloat;
  if (from == DType::kFloat && to == DType::kBfloat16) return FloatToBfloat16;
  return HWY_DYNAMIC_DISPATCH(FindCast)(from, to);
}

namespace {

class Cpu {
 public:
  explicit Cpu(const NodeView& node) : function_(FindCastFunction(node.input(0).type(), node.output(0).type())) {}

  static std::string Rejects(const NodeView& node) {
    const DType from = node.input(0).type(), to = node.output(0).type();
    if (FindCastFunction(from, to)) return "";
    return "no vector form from " + std::string(NameOf(from)) + " to " + std::string(NameOf(to));
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t from = BitsOf(x.type()) / 8, to = BitsOf(y.type()) / 8;
    args.ParallelFor(y.count(), 32768, [&](int64_t begin, int64_t end) {
      function_(x.as<char>() + begin * from, y.as<char>() + begin * to, end - begin);
    });
  }

 private:
  CastFunction function_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu>("Cast"),
    MakeKernel<Cpu>("CastLike"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::cast
#endif
