// com.microsoft.MatMulNBits: Y = A W^T (+ bias), the weight W [N, K] quantized in blocks along K, its bits packed low
// first, each block a whole number of bytes.
#ifndef ONDA_KERNELS_MATMUL_NBITS_MATMUL_NBITS_H_
#define ONDA_KERNELS_MATMUL_NBITS_MATMUL_NBITS_H_

#include "onda/provider.h"

namespace onda::matmul_nbits {

struct Params {
  int64_t n, k, bits, block;
  explicit Params(const Attributes& a)
      : n(a.Int("N", 0)), k(a.Int("K", 0)), bits(a.Int("bits", 4)), block(a.Int("block_size", 0)) {}
  int64_t blocks() const { return k / block + (k % block != 0); }
  int64_t block_bytes() const { return block / 8 * bits; }
  // Bytes of the packed zero points of one row.
  int64_t zero_bytes() const { return (blocks() * bits + 7) / 8; }
};

// Value i of a run of `bits` wide unsigned numbers, low bits first.
inline uint32_t BitsAt(const uint8_t* data, int64_t bits, int64_t i) {
  const int64_t at = i * bits;
  uint32_t word = data[at / 8];
  if (at % 8 + bits > 8) word |= static_cast<uint32_t>(data[at / 8 + 1]) << 8;
  return (word >> (at % 8)) & ((1u << bits) - 1);
}

}  // namespace onda::matmul_nbits

#endif  // ONDA_KERNELS_MATMUL_NBITS_MATMUL_NBITS_H_
