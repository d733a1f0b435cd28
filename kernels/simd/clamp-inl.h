// min(max(x, lo), hi) that keeps NaN. Included once per instruction set.
#if defined(ONDA_KERNELS_SIMD_CLAMP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ONDA_KERNELS_SIMD_CLAMP_INL_H_
#undef ONDA_KERNELS_SIMD_CLAMP_INL_H_
#else
#define ONDA_KERNELS_SIMD_CLAMP_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::HWY_NAMESPACE {

template <class V>
HWY_INLINE V ClampKeepingNan(V lo, V hi, V x) {
  namespace hn = hwy::HWY_NAMESPACE;
  // The bound goes first: x86 returns the second operand where either is NaN. Highway's plain targets return the other.
  const V y = hn::Min(hi, hn::Max(lo, x));
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  return hn::IfThenElse(hn::IsNaN(x), x, y);
#else
  return y;
#endif
}

}  // namespace onda::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // ONDA_KERNELS_SIMD_CLAMP_INL_H_
