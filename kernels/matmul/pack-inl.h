// Packing of matrix blocks into the order in which the register tile reads them. Included once per instruction set.
//
// Both operands have one format: a panel of `lanes` rows of A (or columns of B) is stored k by k, `stride` floats from
// one k to the next.
#if defined(ONDA_KERNELS_MATMUL_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ONDA_KERNELS_MATMUL_PACK_INL_H_
#undef ONDA_KERNELS_MATMUL_PACK_INL_H_
#else
#define ONDA_KERNELS_MATMUL_PACK_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/simd/masked-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::matmul::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
// out[k * stride + lane] = in[lane * in_stride + k] for a 4 x 4 square.
HWY_INLINE void Transpose4x4(const float* in, int64_t in_stride, float* out, int64_t stride) {
  const hn::FixedTag<float, 4> d;
  const hn::FixedTag<double, 2> dd;
  const auto r0 = hn::LoadU(d, in);
  const auto r1 = hn::LoadU(d, in + in_stride);
  const auto r2 = hn::LoadU(d, in + 2 * in_stride);
  const auto r3 = hn::LoadU(d, in + 3 * in_stride);
  const auto lo01 = hn::BitCast(dd, hn::InterleaveLower(d, r0, r1));
  const auto lo23 = hn::BitCast(dd, hn::InterleaveLower(d, r2, r3));
  const auto hi01 = hn::BitCast(dd, hn::InterleaveUpper(d, r0, r1));
  const auto hi23 = hn::BitCast(dd, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dd, lo01, lo23)), d, out);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dd, lo01, lo23)), d, out + stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dd, hi01, hi23)), d, out + 2 * stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dd, hi01, hi23)), d, out + 3 * stride);
}
#endif

// Packs `lanes` x `kc` elements; element (lane, k) is at in[lane * lane_stride + k * k_stride].
HWY_INLINE void PackPanel(const float* in, int64_t lane_stride, int64_t k_stride, int64_t lanes, int64_t kc,
                          int64_t stride, float* out) {
  if (lane_stride == 1) {
    const hn::ScalableTag<float> d;
    const int64_t step = static_cast<int64_t>(hn::Lanes(d));
    const int64_t whole = lanes - lanes % step;
    const auto mask = hn::FirstN(d, static_cast<size_t>(lanes - whole));
    for (int64_t k = 0; k < kc; ++k, in += k_stride, out += stride) {
      for (int64_t i = 0; i < whole; i += step) hn::StoreU(hn::LoadU(d, in + i), d, out + i);
      if (whole < lanes) hn::BlendedStore(onda::HWY_NAMESPACE::MaskedLoad(mask, d, in + whole), mask, d, out + whole);
    }
    return;
  }
  int64_t whole_lanes = 0, whole_k = 0;
#if HWY_TARGET != HWY_SCALAR
  if (k_stride == 1) {
    whole_lanes = lanes & ~int64_t{3};
    whole_k = kc & ~int64_t{3};
    for (int64_t lane = 0; lane < whole_lanes; lane += 4)
      for (int64_t k = 0; k < whole_k; k += 4)
        Transpose4x4(in + lane * lane_stride + k, lane_stride, out + k * stride + lane, stride);
  }
#endif
  for (int64_t lane = 0; lane < lanes; ++lane)
    for (int64_t k = lane < whole_lanes ? whole_k : 0; k < kc; ++k)
      out[k * stride + lane] = in[lane * lane_stride + k * k_stride];
}

}  // namespace onda::matmul::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // ONDA_KERNELS_MATMUL_PACK_INL_H_
