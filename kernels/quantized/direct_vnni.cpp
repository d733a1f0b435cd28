// See igemm_vnni.cpp for why this is written in intrinsics.
#include "kernels/quantized/direct.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/quantized/igemm_isa.h"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"))), \
                                 apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")
#endif

namespace onda::quantized {
namespace {

constexpr int kRows = kDirectRows, kVectors = 3, kLanes = 16;
constexpr int64_t kColumns = kVectors * kLanes;
constexpr int64_t kAhead = 256;  // int32 of the weights that are asked for early

template <int R, int NV>
void Tile(const int32_t* a, const int32_t* image, const int32_t* offsets, int64_t groups, int32_t* c) {
  __m512i acc[R][NV];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < NV; ++v) acc[r][v] = _mm512_setzero_si512();
  for (int64_t g = 0; g < groups; ++g, a += kRows) {
    const int32_t* b = image + offsets[g];
    __m512i bv[NV];
#pragma GCC unroll 3
    for (int v = 0; v < NV; ++v) bv[v] = _mm512_loadu_si512(b + v * kLanes);
    _mm_prefetch(reinterpret_cast<const char*>(a + kAhead), _MM_HINT_T0);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m512i av = _mm512_set1_epi32(a[r]);
#pragma GCC unroll 3
      for (int v = 0; v < NV; ++v) acc[r][v] = _mm512_dpbusd_epi32(acc[r][v], bv[v], av);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < NV; ++v) _mm512_storeu_si512(c + r * kColumns + v * kLanes, acc[r][v]);
}

using TileFunction = void (*)(const int32_t*, const int32_t*, const int32_t*, int64_t, int32_t*);
template <int R>
constexpr TileFunction TileOf(int64_t vectors) {
  return vectors == 3 ? Tile<R, 3> : vectors == 2 ? Tile<R, 2> : Tile<R, 1>;
}

TileFunction FindTile(int64_t rows, int64_t vectors) {
  switch (rows) {
    case 1:
      return TileOf<1>(vectors);
    case 2:
      return TileOf<2>(vectors);
    case 3:
      return TileOf<3>(vectors);
    case 4:
      return TileOf<4>(vectors);
    case 5:
      return TileOf<5>(vectors);
    case 6:
      return TileOf<6>(vectors);
    case 7:
      return TileOf<7>(vectors);
    default:
      return TileOf<8>(vectors);
  }
}

// The sums of one channel at `n` positions as y's elements, in `out`.
void FinishRow(const DirectBlock& k, int64_t channel, const int32_t* c, int64_t n, char* out) {
  const int32_t shift = (k.bias ? k.bias[channel] : 0) - k.zero * k.sums[channel];
  const __m512i shifts = _mm512_set1_epi32(shift);
  if (k.type == DType::kInt32) {
    for (int64_t j = 0; j < n; j += kLanes)
      _mm512_storeu_si512(out + j * 4, _mm512_add_epi32(_mm512_loadu_si512(c + j), shifts));
    return;
  }
  const __m512 factor = _mm512_set1_ps(k.w_scale[channel * k.w_step] * k.x_scale / k.y_scale);
  const __m512 zero = _mm512_set1_ps(k.y_zero);
  const bool is_signed = k.type == DType::kInt8;
  const __m512 low = _mm512_set1_ps(is_signed ? -128.0f : 0.0f), high = _mm512_set1_ps(is_signed ? 127.0f : 255.0f);
  for (int64_t j = 0; j < n; j += kLanes) {
    const __m512 sum = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_loadu_si512(c + j), shifts));
    __m512 q = _mm512_roundscale_ps(_mm512_mul_ps(sum, factor), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    q = _mm512_add_ps(q, zero);
    const __mmask16 number = _mm512_cmp_ps_mask(q, q, _CMP_ORD_Q);
    q = _mm512_maskz_mov_ps(number, _mm512_min_ps(high, _mm512_max_ps(low, q)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + j), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(q)));
  }
}

// Four rows of 16 bytes, interleaved.
__m512i Interleave(__m128i a, __m128i b, __m128i c, __m128i d) {
  const __m128i ab = _mm_unpacklo_epi8(a, b), ab2 = _mm_unpackhi_epi8(a, b);
  const __m128i cd = _mm_unpacklo_epi8(c, d), cd2 = _mm_unpackhi_epi8(c, d);
  __m512i out = _mm512_castsi128_si512(_mm_unpacklo_epi16(ab, cd));
  out = _mm512_inserti32x4(out, _mm_unpackhi_epi16(ab, cd), 1);
  out = _mm512_inserti32x4(out, _mm_unpacklo_epi16(ab2, cd2), 2);
  return _mm512_inserti32x4(out, _mm_unpackhi_epi16(ab2, cd2), 3);
}

}  // namespace

bool HasDirect() { return VnniIsa() != nullptr; }

void PackDirectRow(const DirectRow& row, int32_t* out) {
  const __m128i padding = _mm_set1_epi8(static_cast<char>(row.padding)),
                flip = _mm_set1_epi8(static_cast<char>(row.flip));
  // Outputs [lo, hi) read inside the row.
  const int64_t lo = !row.x ? row.n : std::min(row.n, row.first >= 0 ? 0 : (-row.first + row.stride - 1) / row.stride);
  const int64_t hi = !row.x || row.first >= row.width
                         ? lo
                         : std::max(lo, std::min(row.n, (row.width - 1 - row.first) / row.stride + 1));
  for (int64_t i = 0; i < row.n; i += 16) {
    const int64_t begin = std::max(lo, i), end = std::min({hi, i + 16, row.n});
    const int64_t left = std::min<int64_t>(16, row.n - i);
    const __mmask16 all = static_cast<__mmask16>((1u << left) - 1);
    __m128i lines[4];
    for (int c = 0; c < 4; ++c) {
      lines[c] = padding;
      if (c >= row.channels || begin >= end) continue;
      const uint8_t* x = row.x + c * row.plane + row.first;
      if (row.stride == 1) {
        const __mmask16 inside = static_cast<__mmask16>(((1u << (end - begin)) - 1) << (begin - i));
        lines[c] = _mm_mask_blend_epi8(inside, padding, _mm_xor_si128(_mm_maskz_loadu_epi8(inside, x + i), flip));
      } else {
        alignas(16) uint8_t buffer[16];
        std::memset(buffer, row.padding, sizeof(buffer));
        for (int64_t j = begin; j < end; ++j) buffer[j - i] = static_cast<uint8_t>(x[j * row.stride] ^ row.flip);
        lines[c] = _mm_load_si128(reinterpret_cast<const __m128i*>(buffer));
      }
    }
    _mm512_mask_storeu_epi32(out + i, all, Interleave(lines[0], lines[1], lines[2], lines[3]));
  }
}

void RunDirect(const DirectBlock& k) {
  alignas(64) int32_t c[kRows * kColumns];
  alignas(64) char line[kColumns * 4];
  const int64_t size = k.type == DType::kInt32 ? 4 : 1;
  for (int64_t n = k.n0; n < k.n1; n += kColumns) {
    const int64_t columns = std::min(kColumns, k.n1 - n);
    for (int64_t m = k.m0; m < k.m1; m += kRows) {
      const int64_t rows = std::min<int64_t>(kRows, k.m1 - m);
      FindTile(rows, (columns + kLanes - 1) / kLanes)(k.weights + m * k.groups, k.image + n, k.offsets, k.groups, c);
      for (int64_t r = 0; r < rows; ++r) {
        FinishRow(k, m + r, c + r * kColumns, columns, line);
        char* const y = static_cast<char*>(k.y) + (m + r) * k.plane * size;
        for (int64_t j = 0; j < columns;) {
          const int64_t row = (n + j) / k.pitch, column = (n + j) % k.pitch;
          const int64_t run = std::min(k.pitch - column, columns - j), used = std::min(run, k.width - column);
          if (used > 0)
            std::memcpy(y + (row * k.width + column) * size, line + j * size, static_cast<size_t>(used * size));
          j += run;
        }
      }
    }
  }
}

}  // namespace onda::quantized

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
namespace onda::quantized {
bool HasDirect() { return false; }
void PackDirectRow(const DirectRow&, int32_t*) {}
void RunDirect(const DirectBlock&) {}
}  // namespace onda::quantized
#endif
