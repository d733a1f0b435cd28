// Moves single elements and runs of elements of any type: by size, packed 2- and 4-bit types and strings included.
#ifndef ONDA_KERNELS_SIMD_ELEMENTS_H_
#define ONDA_KERNELS_SIMD_ELEMENTS_H_

#include <cstring>
#include <string>

#include "onda/float_formats.h"
#include "onda/types.h"

namespace onda {

// 16 bytes that are only moved.
struct Bytes16 {
  uint64_t low, high;
};

// dst[j, j + n) = src[i, i + n). The two ranges must not overlap. Not safe against another thread that writes elements
// in the same byte.
inline void CopyRun(DType dtype, const void* src, int64_t i, void* dst, int64_t j, int64_t n) {
  if (n <= 0) return;
  if (dtype == DType::kString) {
    const auto* from = static_cast<const std::string*>(src) + i;
    auto* to = static_cast<std::string*>(dst) + j;
    for (int64_t k = 0; k < n; ++k) to[k] = from[k];
    return;
  }
  const int bits = BitsOf(dtype);
  if (bits < 8) {
    const int64_t per_byte = 8 / bits;
    if (i % per_byte == 0 && j % per_byte == 0) {
      const int64_t whole = n / per_byte;
      std::memcpy(static_cast<char*>(dst) + j / per_byte, static_cast<const char*>(src) + i / per_byte,
                  static_cast<size_t>(whole));
      i += whole * per_byte, j += whole * per_byte, n -= whole * per_byte;
    }
    for (int64_t k = 0; k < n; ++k) StorePacked(dst, bits, j + k, LoadPacked(src, bits, i + k));
    return;
  }
  const int64_t size = bits / 8;
  std::memcpy(static_cast<char*>(dst) + j * size, static_cast<const char*>(src) + i * size,
              static_cast<size_t>(n * size));
}

// dst[j] = src[i].
inline void CopyElement(DType dtype, const void* src, int64_t i, void* dst, int64_t j) {
  switch (BitsOf(dtype)) {
    case 8:
      static_cast<uint8_t*>(dst)[j] = static_cast<const uint8_t*>(src)[i];
      return;
    case 16:
      static_cast<uint16_t*>(dst)[j] = static_cast<const uint16_t*>(src)[i];
      return;
    case 32:
      static_cast<uint32_t*>(dst)[j] = static_cast<const uint32_t*>(src)[i];
      return;
    case 64:
      static_cast<uint64_t*>(dst)[j] = static_cast<const uint64_t*>(src)[i];
      return;
    default:
      CopyRun(dtype, src, i, dst, j, 1);
      return;
  }
}

// dst[j, j + n) = src[i]; where src is null, zeros and empty strings.
inline void FillRun(DType dtype, const void* src, int64_t i, void* dst, int64_t j, int64_t n) {
  if (n <= 0) return;
  const int bits = BitsOf(dtype);
  if (dtype == DType::kString) {
    auto* to = static_cast<std::string*>(dst) + j;
    for (int64_t k = 0; k < n; ++k) to[k] = src ? static_cast<const std::string*>(src)[i] : std::string();
  } else if (bits < 8) {
    const uint32_t pattern = src ? LoadPacked(src, bits, i) : 0;
    for (int64_t k = 0; k < n; ++k) StorePacked(dst, bits, j + k, pattern);
  } else if (!src) {
    std::memset(static_cast<char*>(dst) + j * (bits / 8), 0, static_cast<size_t>(n) * (bits / 8));
  } else {
    auto fill = [&]<class T>(T value) {
      T* to = static_cast<T*>(dst) + j;
      for (int64_t k = 0; k < n; ++k) to[k] = value;
    };
    if (bits == 8) fill(static_cast<const uint8_t*>(src)[i]);
    if (bits == 16) fill(static_cast<const uint16_t*>(src)[i]);
    if (bits == 32) fill(static_cast<const uint32_t*>(src)[i]);
    if (bits == 64) fill(static_cast<const uint64_t*>(src)[i]);
    if (bits == 128) fill(static_cast<const Bytes16*>(src)[i]);
  }
}

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_ELEMENTS_H_
