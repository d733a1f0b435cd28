// Linear quantization: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, and products and convolutions of 8-bit
// tensors. onda.BlockedQLinearConv is QLinearConv over channel blocks of x_block, with a result in such of y_block.
#ifndef ONDA_KERNELS_QUANTIZED_QUANTIZED_H_
#define ONDA_KERNELS_QUANTIZED_QUANTIZED_H_

#include <algorithm>
#include <cmath>

#include "onda/provider.h"

namespace onda::quantized {

struct QuantizeParams {
  int64_t axis, block_size;
  DType output_dtype;  // kUndefined: that of the zero point, else uint8
  DType precision;     // of the division; kUndefined: that of the scale
  bool saturate;

  explicit QuantizeParams(const Attributes& a)
      : axis(a.Int("axis", 1)),
        block_size(a.Int("block_size", 0)),
        output_dtype(static_cast<DType>(a.Int("output_dtype", 0))),
        precision(static_cast<DType>(a.Int("precision", 0))),
        saturate(a.Int("saturate", 1) != 0) {}
};

struct DequantizeParams {
  int64_t axis, block_size;
  DType output_dtype;  // kUndefined: that of the scale

  explicit DequantizeParams(const Attributes& a)
      : axis(a.Int("axis", 1)),
        block_size(a.Int("block_size", 0)),
        output_dtype(static_cast<DType>(a.Int("output_dtype", 0))) {}
};

// Which scale belongs to which element: x is (outer, length, inner) around the axis, and element (o, a, i) has scale
// o * outer_step + a / block * axis_step + i * inner_step. One scale for all: every step is 0.
struct Granularity {
  int64_t outer = 1, length = 1, inner = 1;
  int64_t block = 1;
  int64_t outer_step = 0, axis_step = 0, inner_step = 0;

  // From shapes that inference has checked.
  Granularity(const TensorView& x, const TensorView& scale, int64_t axis, int64_t block_size) {
    if (scale.count() == 1) {
      inner = x.count();
      return;
    }
    const int at = static_cast<int>(axis < 0 ? axis + x.rank : axis);
    outer = x.count(0, at), length = x.dim(at), inner = x.count(at + 1, x.rank);
    axis_step = 1;
    if (scale.rank == 1 && (x.rank != 1 || block_size == 0)) return;
    block = std::max<int64_t>(1, block_size);
    outer_step = scale.dim(at) * inner;
    axis_step = inner;
    inner_step = 1;
  }
  int64_t ScaleOf(int64_t o, int64_t a, int64_t i) const {
    return o * outer_step + a / block * axis_step + i * inner_step;
  }
};

// Where the zero point or scale of a row of A lies: one for all, one per row of each matrix (rank 1), or one per row of
// the whole tensor. `row` counts rows of the tensor, `m` those of a matrix.
inline int64_t RowIndex(const TensorView& t, int64_t m, int64_t row) {
  return t.count() == 1 ? 0 : t.rank == 1 ? row % m : row;
}
// The same for column `column` of matrix number `matrix` of B, whose matrices have n columns.
inline int64_t ColumnIndex(const TensorView& t, int64_t n, int64_t matrix, int64_t column) {
  return t.count() == 1 ? 0 : t.rank == 1 ? column : matrix * n + column;
}

// What an 8-bit product's operands lie at among the inputs; -1: not there.
struct ProductInputs {
  int a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero, bias;
};
inline constexpr ProductInputs kIntegerInputs{0, -1, 2, 1, -1, 3, -1, -1, -1};
inline constexpr ProductInputs kLinearInputs{0, 1, 2, 3, 4, 5, 6, 7, 8};

// The channel blocks that onda.BlockedQLinearConv reads and writes.
struct BlockParams {
  int64_t x, y;
  explicit BlockParams(const Attributes& a) : x(a.Int("x_block", 1)), y(a.Int("y_block", 1)) {}
};

// Real / scale to the nearest integer, ties to even.
inline float Rescale(int32_t sum, float factor) { return std::nearbyint(static_cast<float>(sum) * factor); }

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_QUANTIZED_H_
