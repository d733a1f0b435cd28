// Matrix times vector at the speed of memory, for operands that are not packed.
#ifndef ONDA_KERNELS_MATMUL_GEMV_H_
#define ONDA_KERNELS_MATMUL_GEMV_H_

#include <cstdint>

namespace onda::matmul {

// One product y[j] = sum over i of x[i * x_stride] * b(i, j), columns [0, n), i below k.
struct Gemv {
  int64_t n, k;
  const float* x;
  int64_t x_stride;
  const float* b;  // b(i, j) at b[i * row_stride + j * col_stride]; one of the strides is 1
  int64_t row_stride, col_stride;
};

// At most so many columns at a time.
constexpr int64_t kGemvChunk = 1024;

// Whether RunGemv takes it: b has unit stride along its rows, or along its columns with x contiguous.
inline bool GemvTakes(const Gemv& g) { return g.col_stride == 1 || (g.row_stride == 1 && g.x_stride == 1); }

// out[j - begin] for j in [begin, end), end - begin <= kGemvChunk.
void RunGemv(const Gemv& g, int64_t begin, int64_t end, float* out);

}  // namespace onda::matmul

#endif  // ONDA_KERNELS_MATMUL_GEMV_H_
