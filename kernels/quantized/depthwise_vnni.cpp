// See igemm_vnni.cpp for why this is written in intrinsics.
#include "kernels/quantized/depthwise_vnni.h"

#if defined(__x86_64__)
#include <algorithm>
#include <cstring>

#include "kernels/quantized/vnni_target.h"

ONDA_BEGIN_VNNI

namespace onda::quantized {
namespace {

constexpr int64_t kLanes = 16;

// 16 outputs in rows [row, row + R), from `column` on.
template <int S, int R>
void Block(const BytePlane& p, int64_t row, int64_t column, const __m512i* w) {
  // Lane i takes the bytes from S * i on: first its 128 bits get the doublewords that hold them, then each its own.
  const __m512i doublewords = S == 1 ? _mm512_setr_epi32(0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4)
                                     : _mm512_setr_epi32(0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7, 8, 8);
  const __m512i bytes = _mm512_broadcast_i32x4(S == 1 ? _mm_setr_epi8(0, 1, 2, 3, 1, 2, 3, 4, 2, 3, 4, 5, 3, 4, 5, 6)
                                                      : _mm_setr_epi8(0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9));
  const __m512i padding = _mm512_set1_epi8(static_cast<char>(p.padding)),
                flip = _mm512_set1_epi8(static_cast<char>(p.flip));
  const int64_t base = column * S - p.pad_left;
  constexpr int64_t kBytes = S * (kLanes - 1) + 4;
  const int64_t lo = std::clamp<int64_t>(-base, 0, kBytes), hi = std::clamp<int64_t>(p.width - base, lo, kBytes);
  const __mmask64 inside = ((__mmask64{1} << hi) - 1) & ~((__mmask64{1} << lo) - 1);
  __m512i acc[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) acc[r] = _mm512_setzero_si512();
#pragma GCC unroll 9
  for (int i = 0; i < S * (R - 1) + 3; ++i) {
    const int64_t at = row * S - p.pad_top + i;
    __m512i x = padding;
    if (at >= 0 && at < p.height)
      x = _mm512_mask_blend_epi8(inside, padding,
                                 _mm512_xor_si512(_mm512_maskz_loadu_epi8(inside, p.x + at * p.width + base), flip));
    x = _mm512_shuffle_epi8(_mm512_permutexvar_epi32(doublewords, x), bytes);
#pragma GCC unroll 3
    for (int k = 0; k < 3; ++k)
      if (i >= k && (i - k) % S == 0 && (i - k) / S < R)
        acc[(i - k) / S] = _mm512_dpbusd_epi32(acc[(i - k) / S], x, w[k]);
  }
  const int64_t left = std::min(kLanes, p.out_width - column);
  const __mmask16 used = static_cast<__mmask16>((1u << left) - 1);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
    _mm512_mask_storeu_ps(p.sums + (row + r) * p.out_width + column, used, _mm512_cvtepi32_ps(acc[r]));
}

template <int S>
void Plane(const BytePlane& p) {
  __m512i w[3];
  for (int k = 0; k < 3; ++k) {
    int32_t four = 0;
    std::memcpy(&four, p.w + 3 * k, 3);
    w[k] = _mm512_set1_epi32(four);
  }
  int64_t row = 0;
  for (; row + 4 <= p.out_height; row += 4)
    for (int64_t column = 0; column < p.out_width; column += kLanes) Block<S, 4>(p, row, column, w);
  for (; row < p.out_height; ++row)
    for (int64_t column = 0; column < p.out_width; column += kLanes) Block<S, 1>(p, row, column, w);
}

}  // namespace

void RunBytePlane(const BytePlane& plane) { plane.stride == 1 ? Plane<1>(plane) : Plane<2>(plane); }

}  // namespace onda::quantized

ONDA_END_VNNI
#else
namespace onda::quantized {
void RunBytePlane(const BytePlane&) {}
}  // namespace onda::quantized
#endif
