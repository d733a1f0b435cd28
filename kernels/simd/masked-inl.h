// A masked load that touches no lane whose mask is false. Included once per instruction set.
#if defined(ONDA_KERNELS_SIMD_MASKED_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ONDA_KERNELS_SIMD_MASKED_INL_H_
#undef ONDA_KERNELS_SIMD_MASKED_INL_H_
#else
#define ONDA_KERNELS_SIMD_MASKED_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::HWY_NAMESPACE {

// 0 where the mask is false. Highway's own reads the whole vector where the instruction set has no masks. (Its
// BlendedStore keeps to the mask on the targets that are compiled here.)
template <class D, class Mask, class T = hwy::HWY_NAMESPACE::TFromD<D>>
HWY_INLINE hwy::HWY_NAMESPACE::Vec<D> MaskedLoad(Mask mask, D d, const T* p) {
  namespace hn = hwy::HWY_NAMESPACE;
  // AVX2 has masks for words alone.
  if constexpr (!HWY_MEM_OPS_MIGHT_FAULT || (HWY_TARGET == HWY_AVX2 && sizeof(T) >= 4)) {
    return hn::MaskedLoad(mask, d, p);
  } else {
    uint8_t bits[8] = {};
    hn::StoreMaskBits(d, mask, bits);
    HWY_ALIGN T lanes[hn::MaxLanes(d)] = {};
    for (size_t i = 0; i < hn::Lanes(d); ++i)
      if (bits[i / 8] >> (i % 8) & 1) lanes[i] = p[i];
    return hn::Load(d, lanes);
  }
}

}  // namespace onda::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // ONDA_KERNELS_SIMD_MASKED_INL_H_
