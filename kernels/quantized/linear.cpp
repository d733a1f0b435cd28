#include "kernels/quantized/linear.h"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantized/linear.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/masked-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::quantized::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = HWY_LANES(float);

// T's elements at p as floats.
template <class T>
HWY_INLINE V LoadAs(D d, const T* p) {
  const hn::RebindToSigned<D> di;
  if constexpr (sizeof(T) == 4) {
    return hn::ConvertTo(d, hn::LoadU(di, p));
  } else {
    const hn::Rebind<T, D> dt;
    return hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(dt, p)));
  }
}

// round(x / scale) + zero, clamped. The clamp comes before the conversion, so that no value is out of its range.
template <class T>
void Quantize(const LinearRun& run, const float* x, T* y) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<T, D> dt;
  const T* zero = static_cast<const T*>(run.zero);
  const V low = hn::Set(d, static_cast<float>(std::numeric_limits<T>::min()));
  const V high = hn::Set(d, static_cast<float>(std::numeric_limits<T>::max()));
  V scale = hn::Set(d, run.scale[0]), origin = hn::Set(d, zero ? static_cast<float>(zero[0]) : 0.0f);
  int64_t i = 0;
  for (; i + kLanes <= run.n; i += kLanes) {
    if (run.varying) {
      scale = hn::LoadU(d, run.scale + i);
      if (zero) origin = LoadAs(d, zero + i);
    }
    V q = hn::Add(hn::Round(hn::Div(hn::LoadU(d, x + i), scale)), origin);
    q = hn::IfThenElse(hn::IsNaN(q), hn::Zero(d), hn::Min(high, hn::Max(low, q)));
    hn::StoreU(hn::DemoteTo(dt, hn::ConvertTo(di, q)), dt, y + i);
  }
  for (; i < run.n; ++i) {
    const float s = run.scale[run.varying ? i : 0], z = zero ? static_cast<float>(zero[run.varying ? i : 0]) : 0.0f;
    const float q = std::nearbyint(x[i] / s) + z;
    y[i] = std::isnan(q) ? T{0}
                         : static_cast<T>(std::clamp(q, static_cast<float>(std::numeric_limits<T>::min()),
                                                     static_cast<float>(std::numeric_limits<T>::max())));
  }
}

// (x - zero) * scale. The difference is exact: in int32 below 32 bits, and int32 has no zero point.
template <class T>
void Dequantize(const LinearRun& run, const T* x, float* y) {
  const D d;
  const T* zero = static_cast<const T*>(run.zero);
  V scale = hn::Set(d, run.scale[0]), origin = hn::Set(d, zero ? static_cast<float>(zero[0]) : 0.0f);
  int64_t i = 0;
  for (; i + kLanes <= run.n; i += kLanes) {
    if (run.varying) {
      scale = hn::LoadU(d, run.scale + i);
      if (zero) origin = LoadAs(d, zero + i);
    }
    hn::StoreU(hn::Mul(hn::Sub(LoadAs(d, x + i), origin), scale), d, y + i);
  }
  for (; i < run.n; ++i) {
    const int64_t at = run.varying ? i : 0;
    y[i] = (static_cast<float>(x[i]) - (zero ? static_cast<float>(zero[at]) : 0.0f)) * run.scale[at];
  }
}

void QuantizeRun(DType type, const LinearRun& run, const float* x, void* y) {
  switch (type) {
    case DType::kInt8:
      return Quantize(run, x, static_cast<int8_t*>(y));
    case DType::kUint8:
      return Quantize(run, x, static_cast<uint8_t*>(y));
    case DType::kInt16:
      return Quantize(run, x, static_cast<int16_t*>(y));
    default:
      return Quantize(run, x, static_cast<uint16_t*>(y));
  }
}

void DequantizeRun(DType type, const LinearRun& run, const void* x, float* y) {
  switch (type) {
    case DType::kInt8:
      return Dequantize(run, static_cast<const int8_t*>(x), y);
    case DType::kUint8:
      return Dequantize(run, static_cast<const uint8_t*>(x), y);
    case DType::kInt16:
      return Dequantize(run, static_cast<const int16_t*>(x), y);
    case DType::kUint16:
      return Dequantize(run, static_cast<const uint16_t*>(x), y);
    default:
      return Dequantize(run, static_cast<const int32_t*>(x), y);
  }
}

template <class T>
void Requantize(const Requantization& r, const float* sums, int64_t n, T* y) {
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<T, D> dt;
  const V low = hn::Set(d, static_cast<float>(std::numeric_limits<T>::min()));
  const V high = hn::Set(d, static_cast<float>(std::numeric_limits<T>::max()));
  const V factor = hn::Set(d, r.factor), zero = hn::Set(d, r.zero);
  const auto bias = hn::Set(di, r.bias);
  auto one = [&](V sum) HWY_ATTR {
    const V whole = hn::ConvertTo(d, hn::Add(hn::ConvertTo(di, sum), bias));
    V q = hn::Add(hn::Round(hn::Mul(whole, factor)), zero);
    q = hn::IfThenElse(hn::IsNaN(q), hn::Zero(d), hn::Min(high, hn::Max(low, q)));
    return hn::DemoteTo(dt, hn::ConvertTo(di, q));
  };
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(one(hn::LoadU(d, sums + i)), dt, y + i);
  if (i == n) return;
  alignas(64) T last[kLanes];
  hn::StoreU(one(onda::HWY_NAMESPACE::MaskedLoad(hn::FirstN(d, static_cast<size_t>(n - i)), d, sums + i)), dt, last);
  for (int64_t k = 0; i < n; ++i, ++k) y[i] = last[k];
}

void RequantizeRun(DType type, const Requantization& r, const float* sums, int64_t n, void* y) {
  if (type == DType::kInt8) return Requantize(r, sums, n, static_cast<int8_t*>(y));
  if (type == DType::kUint8) return Requantize(r, sums, n, static_cast<uint8_t*>(y));
  int32_t* out = static_cast<int32_t*>(y);
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<int32_t>(sums[i]) + r.bias;
}

void MinMax(const float* x, int64_t n, float* low, float* high) {
  const D d;
  V lows = hn::Zero(d), highs = hn::Zero(d);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    // x86 returns the second operand where either is NaN.
    const V v = hn::LoadU(d, x + i);
    lows = hn::Min(v, lows);
    highs = hn::Max(v, highs);
  }
  *low = hn::GetLane(hn::MinOfLanes(d, lows));
  *high = hn::GetLane(hn::MaxOfLanes(d, highs));
  for (; i < n; ++i) *low = std::min(*low, x[i]), *high = std::max(*high, x[i]);
}

}  // namespace onda::quantized::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::quantized {

HWY_EXPORT(QuantizeRun);
HWY_EXPORT(DequantizeRun);
HWY_EXPORT(RequantizeRun);
HWY_EXPORT(MinMax);

void QuantizeRun(DType type, const LinearRun& run, const float* x, void* y) {
  HWY_DYNAMIC_DISPATCH(QuantizeRun)(type, run, x, y);
}
void DequantizeRun(DType type, const LinearRun& run, const void* x, float* y) {
  HWY_DYNAMIC_DISPATCH(DequantizeRun)(type, run, x, y);
}
void RequantizeRun(DType type, const Requantization& r, const float* sums, int64_t n, void* y) {
  HWY_DYNAMIC_DISPATCH(RequantizeRun)(type, r, sums, n, y);
}
void MinMax(const float* x, int64_t n, float* low, float* high) { HWY_DYNAMIC_DISPATCH(MinMax)(x, n, low, high); }

}  // namespace onda::quantized
#endif
