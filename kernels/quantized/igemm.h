// Products of 8-bit matrices with exact 32-bit sums, each operand with zero points, the result as int32 or rescaled to
// 8 bits. Nothing here allocates.
#ifndef ONDA_KERNELS_QUANTIZED_IGEMM_H_
#define ONDA_KERNELS_QUANTIZED_IGEMM_H_

#include <cstddef>
#include <cstdint>

#include "kernels/simd/parallel.h"
#include "onda/types.h"

namespace onda::quantized {

// Numbers that belong to the lines (rows of A, columns of B): one for all (step 0) or one per line (step 1).
template <class T>
struct PerLine {
  const T* data = nullptr;  // NULL: 0
  int64_t step = 0;
  T operator[](int64_t line) const { return data ? data[line * step] : T{}; }
  PerLine From(int64_t line) const { return {data ? data + line * step : nullptr, step}; }
};

// Rows of A or columns of B: element (line, k) is the byte at data[line * line_stride + k * k_stride].
struct Lines {
  const uint8_t* data = nullptr;
  int64_t line_stride = 0, k_stride = 1;
  bool is_signed = false;
  PerLine<int32_t> zero;
  const int32_t* packed = nullptr;  // PackLines' output instead of data
};

// Columns of B that exist nowhere in memory (an image's patches).
struct ByteSource {
  const void* self = nullptr;
  // Writes row k, columns [n0, n0 + width), width at most 64.
  void (*row)(const void* self, int64_t item, int64_t k, int64_t n0, int64_t width, uint8_t* out) = nullptr;
};

// What is done with the sums: stored, or (sum + bias) * a_scale * b_scale / y_scale rounded, plus y_zero, clamped.
struct Finish {
  DType type = DType::kInt32;  // or kInt8, kUint8
  const int32_t* row_bias = nullptr;
  PerLine<float> a_scale, b_scale, y_scale;
  PerLine<int32_t> y_zero;
};

struct IntGemm {
  int64_t m = 0, n = 0, k = 0;
  Lines a, b;
  const ByteSource* b_source = nullptr;  // instead of b's data
  bool weights_left = false;             // which side keeps its signs where the hardware multiplies unsigned by signed
  Finish finish;
  void* c = nullptr;
  int64_t ldc = 0;

  // A loop of `items` products. offset(self, i) says where operands, result and per-line numbers of item i start.
  struct Offset {
    int64_t a = 0, b = 0, c = 0;  // in elements; a, b in packed groups where packed
    int64_t a_line = 0, b_line = 0,
            c_line = 0;  // into a.zero and a_scale; b.zero and b_scale; y_scale, y_zero and bias
  };
  int64_t items = 1;
  const void* self = nullptr;
  Offset (*offset)(const void* self, int64_t item) = nullptr;  // NULL: one item
};

// Int32 groups of one packed operand of `lines` lines.
int64_t PackedLinesSize(int64_t lines, int64_t k, bool left);
// `left`: for A. The zero points are those that Run will see.
void PackLines(const Lines& in, int64_t lines, int64_t k, bool left, bool weights_left, int32_t* out);

size_t WorkspaceBytes(const IntGemm& g, int threads);
void Run(const IntGemm& g, const Parallel& parallel, void* workspace);

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_IGEMM_H_
