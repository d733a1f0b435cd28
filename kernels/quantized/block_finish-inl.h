// Sums of four channels as four bytes of an int32 lane: sum * factor rounded to even, plus a zero point, saturated. For
// factors below 1, so that no product leaves int32. Included where a file has begun to be compiled for AVX-512.
#ifndef ONDA_KERNELS_QUANTIZED_BLOCK_FINISH_INL_H_
#define ONDA_KERNELS_QUANTIZED_BLOCK_FINISH_INL_H_

#include <immintrin.h>

#include <cstdint>

#include "onda/types.h"

// GCC 12 sees uninitialised operands inside of its own intrinsics.
#pragma GCC diagnostic ignored "-Wuninitialized"

namespace onda::quantized {

// An accumulator that GCC 12 would otherwise copy to and from the stack all along the loop that it belongs to.
inline void KeepInRegister(__m512i& v) { asm("" : "+v"(v)); }

// The zero point is added to 16-bit numbers, with saturation, and signed bytes are made as unsigned ones with 128 more.
class BlockFinish {
 public:
  BlockFinish(DType type, int32_t zero)
      : zero_(_mm512_set1_epi16(static_cast<int16_t>(type == DType::kInt8 ? zero + 128 : zero))),
        flip_(_mm512_set1_epi8(type == DType::kInt8 ? static_cast<char>(0x80) : 0)) {}

  // One vector of 16 positions per channel: lane i of the result is position i.
  __m512i ByChannel(__m512i a, __m512i b, __m512i c, __m512i d, const __m512* factor) const {
    const __m512i bytes = Narrow(Scale(a, factor[0]), Scale(b, factor[1]), Scale(c, factor[2]), Scale(d, factor[3]));
    const __m512i by_position =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    return _mm512_shuffle_epi8(bytes, by_position);
  }

  // Vectors of four positions by four channels: 128-bit lane l of vector j is position 4 * l + j.
  __m512i ByPosition(__m512i a, __m512i b, __m512i c, __m512i d, __m512 factor) const {
    return Narrow(Scale(a, factor), Scale(b, factor), Scale(c, factor), Scale(d, factor));
  }

 private:
  static __m512i Scale(__m512i sums, __m512 factor) {
    return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(sums), factor));
  }
  __m512i Narrow(__m512i a, __m512i b, __m512i c, __m512i d) const {
    const __m512i ab = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_);
    const __m512i cd = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_);
    return _mm512_xor_si512(_mm512_packus_epi16(ab, cd), flip_);
  }

  __m512i zero_, flip_;
};

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_BLOCK_FINISH_INL_H_
