// C = act(alpha * A B + beta * D + biases) in fp32, batched: packed, cache-blocked, register-tiled, picked per
// instruction set at run time. Nothing here allocates: the caller owns packed constants and workspace.
//
// Accumulation is in fp32, in blocks of a few hundred k. Every product of a row of A and a column of B is formed, so
// 0 * Inf and NaN come out as IEEE 754 says; K == 0 gives beta * D + biases.
#ifndef ONDA_KERNELS_MATMUL_SGEMM_H_
#define ONDA_KERNELS_MATMUL_SGEMM_H_

#include <cstddef>
#include <cstdint>

#include "kernels/simd/activation.h"
#include "kernels/simd/parallel.h"

namespace onda::matmul {

constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Element (i, j) is at data[i * row_stride + j * col_stride]. Swapping the strides transposes.
struct MatrixView {
  const float* data = nullptr;
  int64_t row_stride = 0;
  int64_t col_stride = 1;
};

// Produces columns of B that exist nowhere in memory (an image's patches, for convolution).
struct BSource {
  const void* self = nullptr;
  // Writes rows [k0, k0 + kc) and columns [n0, n0 + width) of batch item `batch`, in order, each row `stride` floats
  // after the previous one. Floats between width and stride may be left unset; less than a vector past the last row
  // may be overwritten.
  void (*pack)(const void* self, int64_t batch, int64_t k0, int64_t kc, int64_t n0, int64_t width, int64_t stride,
               float* out) = nullptr;
};

constexpr int kMaxBatchRank = 8;

// A loop nest around the product; strides in floats. Rank 0 is one product.
struct Batch {
  int rank = 0;
  int64_t extent[kMaxBatchRank] = {};
  int64_t a_stride[kMaxBatchRank] = {};
  int64_t b_stride[kMaxBatchRank] = {};
  int64_t c_stride[kMaxBatchRank] = {};
  int64_t addend_stride[kMaxBatchRank] = {};
  int64_t row_bias_stride[kMaxBatchRank] = {};

  int64_t count() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= extent[i];
    return n;
  }
};

struct Gemm {
  int64_t m = 0, n = 0, k = 0;

  MatrixView a;                     // (m, k); or
  const float* packed_a = nullptr;  // PackA's output, batch strides counted in it

  MatrixView b;                     // (k, n); or
  const float* packed_b = nullptr;  // PackB's output, batch strides counted in it; or
  const BSource* b_source = nullptr;

  float* c = nullptr;  // (m, n), columns contiguous
  int64_t ldc = 0;

  float alpha = 1;
  float beta = 1;                 // scales addend only
  const float* addend = nullptr;  // (m, n), columns contiguous, row stride ld_addend (0 broadcasts); may be c itself
  int64_t ld_addend = 0;
  const float* row_bias = nullptr;  // (m)
  const float* col_bias = nullptr;  // (n)
  Activation activation;

  Batch batch;
};

// Floats of a packed (m, k) A or (k, n) B. The format belongs to this machine's instruction set.
int64_t PackedASize(int64_t m, int64_t k);
int64_t PackedBSize(int64_t k, int64_t n);
void PackA(int64_t m, int64_t k, const MatrixView& a, float* out);
void PackB(int64_t k, int64_t n, const MatrixView& b, float* out);

// Bytes that Run needs for this problem with any number of threads up to `threads`; data pointers are only compared
// with null.
size_t WorkspaceBytes(const Gemm& gemm, int threads);
// workspace is 64-byte aligned. No more than `parallel.threads` threads, which must not exceed WorkspaceBytes'
// argument.
void Run(const Gemm& gemm, const Parallel& parallel, void* workspace);

}  // namespace onda::matmul

#endif  // ONDA_KERNELS_MATMUL_SGEMM_H_
