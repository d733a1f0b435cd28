// See igemm_vnni.cpp for why this is written in intrinsics.
#include "kernels/quantized/depthwise_blocked.h"

#if defined(__x86_64__)
#include <algorithm>

#include "kernels/quantized/vnni_target.h"

ONDA_BEGIN_VNNI

#include "kernels/quantized/block_finish-inl.h"

namespace onda::quantized {
namespace {

constexpr int64_t kLanes = 16;

// 16 positions of a row of x: lane i is x[first + i], or padding where `inside` says so.
__m512i Load(const FourPlanes& p, const int32_t* row, int64_t first, __mmask16 inside, __m512i padding) {
  const __m512i x = _mm512_mask_loadu_epi32(_mm512_xor_si512(padding, _mm512_set1_epi32(p.flip)), inside, row + first);
  return _mm512_xor_si512(x, _mm512_set1_epi32(p.flip));
}

// Lanes i with 0 <= first + i < width.
__mmask16 Inside(int64_t first, int64_t width) {
  const int64_t lo = std::clamp<int64_t>(-first, 0, kLanes), hi = std::clamp<int64_t>(width - first, lo, kLanes);
  return static_cast<__mmask16>(((uint32_t{1} << hi) - 1) & ~((uint32_t{1} << lo) - 1));
}

// What the three columns of the window see of a row, for 16 outputs from `column` on.
template <int S>
class Columns {
 public:
  Columns(const FourPlanes& p, int64_t column) : p_(p), padding_(_mm512_set1_epi32(p.padding)) {
    for (int i = 0; i < kLoads; ++i) {
      first_[i] = column * S - p.pad_left + (S == 1 ? i : 16 * (i % 2) + i / 2);
      inside_[i] = Inside(first_[i], p.width);
    }
  }
  void Read(int64_t at, __m512i* x) const {
    if (at < 0 || at >= p_.height) {
      x[0] = x[1] = x[2] = padding_;
      return;
    }
    const int32_t* row = p_.x + at * p_.width;
    if constexpr (S == 1) {
      for (int i = 0; i < 3; ++i) x[i] = Load(p_, row, first_[i], inside_[i], padding_);
    } else {
      const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
      const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
      __m512i v[4];
      for (int i = 0; i < 4; ++i) v[i] = Load(p_, row, first_[i], inside_[i], padding_);
      x[0] = _mm512_permutex2var_epi32(v[0], even, v[1]);
      x[1] = _mm512_permutex2var_epi32(v[0], odd, v[1]);
      x[2] = _mm512_permutex2var_epi32(v[2], odd, v[3]);
    }
  }

 private:
  static constexpr int kLoads = S == 1 ? 3 : 4;
  const FourPlanes& p_;
  __m512i padding_;
  int64_t first_[kLoads];
  __mmask16 inside_[kLoads];
};

// 16 outputs in rows [row, row + R), from `column` on.
template <int S, int R>
void Block(const FourPlanes& p, int64_t row, int64_t column, const __m512i* w) {
  const Columns<S> columns(p, column);
  const __m512i shift = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p.shift)));
  const __m512i none = _mm512_setzero_si512();
  // Vector j of a row: 128-bit lane l holds output 4 * l + j, channel by channel.
  __m512i acc[R][4];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      acc[r][j] = shift;
      KeepInRegister(acc[r][j]);
    }
#pragma GCC unroll 9
  for (int i = 0; i < S * (R - 1) + 3; ++i) {
    __m512i x[3];
    columns.Read(row * S - p.pad_top + i, x);
    // Bytes of one channel and output next to each other, a fourth one that no weight meets.
    const __m512i lo01 = _mm512_unpacklo_epi8(x[0], x[1]), hi01 = _mm512_unpackhi_epi8(x[0], x[1]);
    const __m512i lo2 = _mm512_unpacklo_epi8(x[2], none), hi2 = _mm512_unpackhi_epi8(x[2], none);
    const __m512i taps[4] = {_mm512_unpacklo_epi16(lo01, lo2), _mm512_unpackhi_epi16(lo01, lo2),
                             _mm512_unpacklo_epi16(hi01, hi2), _mm512_unpackhi_epi16(hi01, hi2)};
#pragma GCC unroll 3
    for (int k = 0; k < 3; ++k)
      if (i >= k && (i - k) % S == 0 && (i - k) / S < R)
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          acc[(i - k) / S][j] = _mm512_dpbusd_epi32(acc[(i - k) / S][j], taps[j], w[k]);
          KeepInRegister(acc[(i - k) / S][j]);
        }
  }
  const BlockFinish finish(p.type, p.y_zero);
  const __m512 factor = _mm512_broadcast_f32x4(_mm_loadu_ps(p.factor));
  const __mmask16 used = static_cast<__mmask16>((1u << std::min(kLanes, p.out_width - column)) - 1);
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
    _mm512_mask_storeu_epi32(p.y + (row + r) * p.out_width + column, used,
                             finish.ByPosition(acc[r][0], acc[r][1], acc[r][2], acc[r][3], factor));
}

template <int S, int R>
void Rows(const FourPlanes& p, int64_t row, const __m512i* w) {
  for (int64_t column = 0; column < p.out_width; column += kLanes) Block<S, R>(p, row, column, w);
}

template <int S>
void Planes(const FourPlanes& p) {
  __m512i w[3];
  for (int k = 0; k < 3; ++k)
    w[k] = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p.weights + 16 * k)));
  // As many rows at once as there are registers for.
  constexpr int kRows = S == 1 ? 4 : 2;
  int64_t row = p.begin;
  for (; row + kRows <= p.end; row += kRows) Rows<S, kRows>(p, row, w);
  if (S == 1 && p.end - row == 3) return Rows<S, 3>(p, row, w);
  if (S == 1 && p.end - row == 2) return Rows<S, 2>(p, row, w);
  if (p.end - row == 1) Rows<S, 1>(p, row, w);
}

}  // namespace

void RunFourPlanes(const FourPlanes& planes) { planes.stride == 1 ? Planes<1>(planes) : Planes<2>(planes); }

}  // namespace onda::quantized

ONDA_END_VNNI
#else
namespace onda::quantized {
void RunFourPlanes(const FourPlanes&) {}
}  // namespace onda::quantized
#endif
