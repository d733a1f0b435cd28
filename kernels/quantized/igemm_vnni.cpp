// AVX-512 VNNI: vpdpbusd multiplies four unsigned by four signed bytes and adds them to an int32, without saturation.
// Highway 1.0.3 has no operation for it, so this file is written in intrinsics.
#include "kernels/quantized/igemm_isa.h"

#if defined(__x86_64__)
#include <cstring>

#include "kernels/quantized/vnni_target.h"

ONDA_BEGIN_VNNI

namespace onda::quantized {
namespace {

constexpr int kRows = 8, kVectors = 3, kLanes = 16;

template <int R, int NV, bool kLeftUnsigned>
void Tile(const IntTile& t) {
  __m512i acc[R][NV];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < NV; ++v) acc[r][v] = _mm512_setzero_si512();
  const int32_t* a = t.a;
  const int32_t* b = t.b;
  for (int64_t g = t.groups; g > 0; --g, a += t.rows_step, b += t.cols_step) {
    __m512i bv[NV];
#pragma GCC unroll 3
    for (int v = 0; v < NV; ++v) bv[v] = _mm512_loadu_si512(b + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m512i av = _mm512_set1_epi32(a[r]);
#pragma GCC unroll 3
      for (int v = 0; v < NV; ++v)
        acc[r][v] =
            kLeftUnsigned ? _mm512_dpbusd_epi32(acc[r][v], av, bv[v]) : _mm512_dpbusd_epi32(acc[r][v], bv[v], av);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < NV; ++v) _mm512_storeu_si512(t.c + r * t.cols_step + v * kLanes, acc[r][v]);
}

template <int R>
void TileOfRows(const IntTile& t, int64_t vectors, bool left_unsigned) {
  if (vectors == 3) return left_unsigned ? Tile<R, 3, true>(t) : Tile<R, 3, false>(t);
  if (vectors == 2) return left_unsigned ? Tile<R, 2, true>(t) : Tile<R, 2, false>(t);
  return left_unsigned ? Tile<R, 1, true>(t) : Tile<R, 1, false>(t);
}

void RunTile(const IntTile& t, int64_t rows, int64_t vectors, bool left_unsigned) {
  switch (rows) {
    case 1:
      return TileOfRows<1>(t, vectors, left_unsigned);
    case 2:
      return TileOfRows<2>(t, vectors, left_unsigned);
    case 3:
      return TileOfRows<3>(t, vectors, left_unsigned);
    case 4:
      return TileOfRows<4>(t, vectors, left_unsigned);
    case 5:
      return TileOfRows<5>(t, vectors, left_unsigned);
    case 6:
      return TileOfRows<6>(t, vectors, left_unsigned);
    case 7:
      return TileOfRows<7>(t, vectors, left_unsigned);
    default:
      return TileOfRows<8>(t, vectors, left_unsigned);
  }
}

// Sums of stored bytes of 16 groups.
__m512i AddBytes(__m512i sums, __m512i groups, bool is_unsigned) {
  const __m512i ones = _mm512_set1_epi8(1);
  return is_unsigned ? _mm512_dpbusd_epi32(sums, groups, ones) : _mm512_dpbusd_epi32(sums, ones, groups);
}

// k runs along memory: a group is four neighbouring bytes.
void PackAlong(const PackJob& job, uint32_t flip) {
  const int64_t whole = job.k / 4;
  const int rest = static_cast<int>(job.k % 4);
  for (int64_t line = 0; line < job.lines; ++line) {
    const uint8_t* in = job.in.data + line * job.in.line_stride;
    int32_t* out = job.out + line;
    for (int64_t g = 0; g < whole; ++g, out += job.stride) {
      uint32_t group;
      std::memcpy(&group, in + 4 * g, 4);
      *out = static_cast<int32_t>(group ^ flip);
    }
    const __m512i flips = _mm512_set1_epi32(static_cast<int32_t>(flip));
    __m512i sums = _mm512_setzero_si512();
    for (int64_t i = 0; i < job.k; i += 64) {
      const __mmask64 mask = job.k - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (job.k - i)) - 1;
      const __m512i bytes = _mm512_maskz_loadu_epi8(mask, in + i);
      sums = AddBytes(sums, _mm512_maskz_mov_epi8(mask, _mm512_xor_si512(bytes, flips)), job.is_unsigned);
    }
    job.sums[line] = _mm512_reduce_add_epi32(sums);
    if (rest) {
      uint32_t group = 0;
      std::memcpy(&group, in + 4 * whole, static_cast<size_t>(rest));
      *out = static_cast<int32_t>((group ^ flip) & ((1u << (8 * rest)) - 1));
    }
  }
}

// Lines run along memory: four rows of k are interleaved, 16 lines at a time.
void PackAcross(const PackJob& job, uint32_t flip) {
  const __m512i flips = _mm512_set1_epi32(static_cast<int32_t>(flip));
  for (int64_t line = 0; line < job.lines; line += 16) {
    const int64_t lines = job.lines - line < 16 ? job.lines - line : 16;
    const __mmask16 mask = static_cast<__mmask16>((1u << lines) - 1);
    __m512i sums = _mm512_setzero_si512();
    int32_t* out = job.out + line;
    for (int64_t k = 0; k < job.k; k += 4, out += job.stride) {
      const int64_t rows = job.k - k < 4 ? job.k - k : 4;
      __m128i row[4];
      for (int r = 0; r < 4; ++r)
        row[r] =
            r < rows ? _mm_maskz_loadu_epi8(mask, job.in.data + line + (k + r) * job.in.k_stride) : _mm_setzero_si128();
      const __m128i lo01 = _mm_unpacklo_epi8(row[0], row[1]), hi01 = _mm_unpackhi_epi8(row[0], row[1]);
      const __m128i lo23 = _mm_unpacklo_epi8(row[2], row[3]), hi23 = _mm_unpackhi_epi8(row[2], row[3]);
      __m512i groups = _mm512_castsi128_si512(_mm_unpacklo_epi16(lo01, lo23));
      groups = _mm512_inserti32x4(groups, _mm_unpackhi_epi16(lo01, lo23), 1);
      groups = _mm512_inserti32x4(groups, _mm_unpacklo_epi16(hi01, hi23), 2);
      groups = _mm512_inserti32x4(groups, _mm_unpackhi_epi16(hi01, hi23), 3);
      groups = _mm512_xor_si512(groups, flips);
      if (rows < 4) groups = _mm512_and_si512(groups, _mm512_set1_epi32(static_cast<int32_t>((1u << (8 * rows)) - 1)));
      sums = AddBytes(sums, groups, job.is_unsigned);
      _mm512_mask_storeu_epi32(out, mask, groups);
    }
    _mm512_mask_storeu_epi32(job.sums + line, mask, sums);
  }
}

void Pack(const PackJob& job) {
  const uint32_t flip = FlipOf(job.in, job.is_unsigned) * 0x01010101u;
  if (job.in.k_stride == 1) return PackAlong(job, flip);
  if (job.in.line_stride == 1) return PackAcross(job, flip);
  for (int64_t line = 0; line < job.lines; ++line) {
    int32_t sum = 0;
    for (int64_t k = 0; k < job.k; k += 4) {
      uint32_t group = 0;
      for (int64_t i = 0; i < 4 && k + i < job.k; ++i) {
        const uint8_t byte =
            static_cast<uint8_t>(job.in.data[line * job.in.line_stride + (k + i) * job.in.k_stride] ^ (flip & 0xff));
        group |= static_cast<uint32_t>(byte) << (8 * i);
        sum += job.is_unsigned ? byte : static_cast<int8_t>(byte);
      }
      job.out[k / 4 * job.stride + line] = static_cast<int32_t>(group);
    }
    job.sums[line] = sum;
  }
}

constexpr IntIsa kVnni{kRows, kVectors* kLanes, 4, true, Pack, RunTile};

}  // namespace

const IntIsa* VnniIsa() {
  static const bool has = __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return has ? &kVnni : nullptr;
}

}  // namespace onda::quantized

ONDA_END_VNNI
#else
namespace onda::quantized {
const IntIsa* VnniIsa() { return nullptr; }
}  // namespace onda::quantized
#endif
