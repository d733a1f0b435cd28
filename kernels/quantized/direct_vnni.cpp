// See igemm_vnni.cpp for why this is written in intrinsics.
#include "kernels/quantized/direct.h"

#if defined(__x86_64__)
#include <algorithm>
#include <cstring>

#include "kernels/quantized/igemm_isa.h"
#include "kernels/quantized/vnni_target.h"

ONDA_BEGIN_VNNI

#include "kernels/quantized/block_finish-inl.h"

namespace onda::quantized {
namespace {

constexpr int kRows = kDirectRows, kVectors = 3, kLanes = 16;
constexpr int64_t kColumns = kVectors * kLanes;
constexpr int64_t kAhead = 256;  // int32 of the weights that are asked for early

// Sums of R channels from m on at `columns` positions from n on, in c (R, kColumns); or, in blocks, their bytes in
// `out` (R / 4, step) of int32.
template <int R, int NV, bool kBlocked>
void Tile(const DirectBlock& k, int64_t m, int64_t n, int64_t columns, int32_t* out, int64_t step) {
  const __mmask16 last = static_cast<__mmask16>((1u << (columns - (NV - 1) * kLanes)) - 1);
  __m512i acc[R][NV];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < NV; ++v) {
      acc[r][v] = _mm512_set1_epi32(k.shift[m + r]);
      KeepInRegister(acc[r][v]);
    }
  const int32_t* a = k.weights + m * k.groups;
  const int32_t* const image = k.image + n;
  for (int64_t g = 0; g < k.groups; ++g, a += kRows) {
    const int32_t* b = image + k.offsets[g];
    __m512i bv[NV];
#pragma GCC unroll 3
    for (int v = 0; v < NV - 1; ++v) bv[v] = _mm512_loadu_si512(b + v * kLanes);
    bv[NV - 1] = _mm512_maskz_loadu_epi32(last, b + (NV - 1) * kLanes);
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
    for (int v = 0; v < NV; ++v) KeepInRegister(acc[r][v]);
  if constexpr (kBlocked) {
    const BlockFinish finish(k.type, k.y_zero);
#pragma GCC unroll 2
    for (int q = 0; q < R / 4; ++q) {
      __m512 factor[4];
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) factor[r] = _mm512_set1_ps(k.factor[m + 4 * q + r]);
#pragma GCC unroll 3
      for (int v = 0; v < NV; ++v)
        _mm512_mask_storeu_epi32(
            out + q * step + v * kLanes, v == NV - 1 ? last : static_cast<__mmask16>(0xffff),
            finish.ByChannel(acc[4 * q][v], acc[4 * q + 1][v], acc[4 * q + 2][v], acc[4 * q + 3][v], factor));
    }
  } else {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
      for (int v = 0; v < NV; ++v) _mm512_storeu_si512(out + r * step + v * kLanes, acc[r][v]);
  }
}

using TileFunction = void (*)(const DirectBlock&, int64_t, int64_t, int64_t, int32_t*, int64_t);
template <int R, bool kBlocked>
constexpr TileFunction TileOf(int64_t vectors) {
  return vectors == 3 ? Tile<R, 3, kBlocked> : vectors == 2 ? Tile<R, 2, kBlocked> : Tile<R, 1, kBlocked>;
}

TileFunction FindTile(int64_t rows, int64_t vectors) {
  switch (rows) {
    case 1:
      return TileOf<1, false>(vectors);
    case 2:
      return TileOf<2, false>(vectors);
    case 3:
      return TileOf<3, false>(vectors);
    case 4:
      return TileOf<4, false>(vectors);
    case 5:
      return TileOf<5, false>(vectors);
    case 6:
      return TileOf<6, false>(vectors);
    case 7:
      return TileOf<7, false>(vectors);
    default:
      return TileOf<8, false>(vectors);
  }
}

// The sums of one channel at `n` positions as y's elements, in `out`.
void FinishRow(const DirectBlock& k, int64_t channel, const int32_t* c, int64_t n, char* out) {
  if (k.type == DType::kInt32) {
    std::memcpy(out, c, static_cast<size_t>(n) * sizeof(int32_t));
    return;
  }
  const __m512 factor = _mm512_set1_ps(k.factor[channel]);
  const __m512 zero = _mm512_set1_ps(static_cast<float>(k.y_zero));
  const bool is_signed = k.type == DType::kInt8;
  const __m512 low = _mm512_set1_ps(is_signed ? -128.0f : 0.0f), high = _mm512_set1_ps(is_signed ? 127.0f : 255.0f);
  for (int64_t j = 0; j < n; j += kLanes) {
    const __m512 sum = _mm512_cvtepi32_ps(_mm512_loadu_si512(c + j));
    __m512 q = _mm512_roundscale_ps(_mm512_mul_ps(sum, factor), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    q = _mm512_add_ps(q, zero);
    const __mmask16 number = _mm512_cmp_ps_mask(q, q, _CMP_ORD_Q);
    q = _mm512_maskz_mov_ps(number, _mm512_min_ps(high, _mm512_max_ps(low, q)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + j), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(q)));
  }
}

// What of columns [n, n + columns) are outputs, row by row: fn(first, at, count), at being where they lie in y.
template <class Fn>
void ForOutputs(const DirectBlock& k, int64_t n, int64_t columns, Fn&& fn) {
  for (int64_t j = 0; j < columns;) {
    const int64_t row = (n + j) / k.pitch, column = (n + j) % k.pitch;
    const int64_t run = std::min(k.pitch - column, columns - j), used = std::min(run, k.width - column);
    if (used > 0) fn(j, row * k.width + column, used);
    j += run;
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

void PackDirectFours(const DirectFours& row, int32_t* out) {
  const int64_t lo = !row.x ? row.n : std::min(row.n, row.first >= 0 ? 0 : (-row.first + row.stride - 1) / row.stride);
  const int64_t hi = !row.x || row.first >= row.width
                         ? lo
                         : std::max(lo, std::min(row.n, (row.width - 1 - row.first) / row.stride + 1));
  std::fill_n(out, lo, row.padding);
  if (lo < hi) {
    const int32_t* const x = row.x + row.first;
    if (row.stride == 1 && row.flip == 0) {
      std::copy(x + lo, x + hi, out + lo);
    } else {
      for (int64_t i = lo; i < hi; ++i) out[i] = x[i * row.stride] ^ row.flip;
    }
  }
  std::fill(out + hi, out + row.n, row.padding);
}

void RunDirect(const DirectBlock& k) {
  alignas(64) int32_t c[kRows * kColumns];
  alignas(64) char line[kColumns * 4];
  const int64_t size = k.type == DType::kInt32 ? 4 : 1;
  const bool whole = k.pitch == k.width;  // every position is an output
  for (int64_t n = k.n0; n < k.n1; n += kColumns) {
    const int64_t columns = std::min(kColumns, k.n1 - n), vectors = (columns + kLanes - 1) / kLanes;
    for (int64_t m = k.m0; m < k.m1; m += kRows) {
      const int64_t rows = std::min<int64_t>(kRows, k.m1 - m);
      if (k.blocked) {
        int32_t* const y = static_cast<int32_t*>(k.y) + m / 4 * k.plane;
        const TileFunction tile = rows == kRows ? TileOf<8, true>(vectors) : TileOf<4, true>(vectors);
        tile(k, m, n, columns, whole ? y + n : c, whole ? k.plane : kColumns);
        for (int64_t q = 0; q < rows / 4 && !whole; ++q)
          ForOutputs(k, n, columns, [&](int64_t first, int64_t at, int64_t count) {
            std::memcpy(y + q * k.plane + at, c + q * kColumns + first, static_cast<size_t>(count * 4));
          });
        continue;
      }
      FindTile(rows, vectors)(k, m, n, columns, c, kColumns);
      for (int64_t r = 0; r < rows; ++r) {
        FinishRow(k, m + r, c + r * kColumns, columns, line);
        char* const y = static_cast<char*>(k.y) + (m + r) * k.plane * size;
        ForOutputs(k, n, columns, [&](int64_t first, int64_t at, int64_t count) {
          std::memcpy(y + at * size, line + first * size, static_cast<size_t>(count * size));
        });
      }
    }
  }
}

}  // namespace onda::quantized

ONDA_END_VNNI
#else
namespace onda::quantized {
bool HasDirect() { return false; }
void PackDirectRow(const DirectRow&, int32_t*) {}
void PackDirectFours(const DirectFours&, int32_t*) {}
void RunDirect(const DirectBlock&) {}
}  // namespace onda::quantized
#endif
