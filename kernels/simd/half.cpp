#include "kernels/simd/half.h"

#include "onda/float_formats.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/half.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

void WidenHalf(const uint16_t* from, float* to, int64_t n) {
  int64_t i = 0;
#if HWY_TARGET <= HWY_AVX2  // has instructions for it
  const D d;
  const hn::Rebind<hwy::float16_t, D> dh;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(dh, reinterpret_cast<const hwy::float16_t*>(from + i))), d, to + i);
#endif
  for (; i < n; ++i) to[i] = HalfToFloat(from[i]);
}

void NarrowHalf(const float* from, uint16_t* to, int64_t n) {
  int64_t i = 0;
#if HWY_TARGET <= HWY_AVX2
  const D d;
  const hn::Rebind<hwy::float16_t, D> dh;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(hn::DemoteTo(dh, hn::LoadU(d, from + i)), dh, reinterpret_cast<hwy::float16_t*>(to + i));
#endif
  for (; i < n; ++i) to[i] = FloatToHalf(from[i]);
}

void WidenBfloat16(const uint16_t* from, float* to, int64_t n) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint16_t, D> dh;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, hn::LoadU(dh, from + i)))), d, to + i);
  for (; i < n; ++i) to[i] = Bfloat16ToFloat(from[i]);
}

void NarrowBfloat16(const float* from, uint16_t* to, int64_t n) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  const hn::Rebind<uint16_t, D> dh;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto x = hn::LoadU(d, from + i);
    const auto bits = hn::BitCast(du, x);
    const auto high = hn::ShiftRight<16>(bits);
    const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(hn::Set(du, 0x7fff), hn::And(high, hn::Set(du, 1)))));
    const auto quiet = hn::Or(high, hn::Set(du, 0x40));
    const auto result = hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(x)), quiet, rounded);
    hn::StoreU(hn::DemoteTo(dh, hn::BitCast(di, result)), dh, to + i);
  }
  for (; i < n; ++i) to[i] = FloatToBfloat16(from[i]);
}

}  // namespace onda::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda {

HWY_EXPORT(WidenHalf);
HWY_EXPORT(NarrowHalf);
HWY_EXPORT(WidenBfloat16);
HWY_EXPORT(NarrowBfloat16);

void HalfToFloats(const uint16_t* x, float* y, int64_t n) { HWY_DYNAMIC_DISPATCH(WidenHalf)(x, y, n); }
void FloatsToHalf(const float* x, uint16_t* y, int64_t n) { HWY_DYNAMIC_DISPATCH(NarrowHalf)(x, y, n); }
void Bfloat16ToFloats(const uint16_t* x, float* y, int64_t n) { HWY_DYNAMIC_DISPATCH(WidenBfloat16)(x, y, n); }
void FloatsToBfloat16(const float* x, uint16_t* y, int64_t n) { HWY_DYNAMIC_DISPATCH(NarrowBfloat16)(x, y, n); }

}  // namespace onda
#endif
