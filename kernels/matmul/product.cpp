#include <algorithm>

#include "kernels/matmul/matmul.h"

namespace onda::matmul {
namespace {

constexpr size_t kMaxInputRank = 64;

// An operand with its batch dimensions apart, outermost first.
struct Operand {
  int64_t rows = 1, cols = 1, row_stride = 0, col_stride = 0;
  size_t batch_rank = 0;
  std::array<int64_t, kMaxInputRank> extent, stride;

  // (extent, stride) of the i-th batch dimension from the innermost; (1, 0) beyond the outermost.
  std::pair<int64_t, int64_t> FromEnd(size_t i) const {
    if (i >= batch_rank) return {1, 0};
    const size_t at = batch_rank - 1 - i;
    return {extent[at], extent[at] == 1 ? 0 : stride[at]};
  }
};

Operand View(std::span<const int64_t> dims, bool left, bool trans_batch, bool trans) {
  if (dims.size() > kMaxInputRank) throw Error(ErrorCode::kResourceLimit, "more than 64 dimensions");
  Operand o;
  if (dims.size() == 1) {
    // A row on the left, a column on the right.
    (left ? o.cols : o.rows) = dims[0];
    (left ? o.col_stride : o.row_stride) = 1;
    (left ? o.row_stride : o.col_stride) = left ? dims[0] : 1;
    return o;
  }
  std::array<int64_t, kMaxInputRank> extent, stride;
  int64_t step = 1;
  for (size_t i = dims.size(); i-- > 0; step *= dims[i]) extent[i] = dims[i], stride[i] = step;
  const size_t matrix = dims.size() - 2;
  if (trans_batch) {
    std::rotate(extent.begin(), extent.begin() + 1, extent.begin() + matrix + 1);
    std::rotate(stride.begin(), stride.begin() + 1, stride.begin() + matrix + 1);
  }
  if (trans) {
    std::swap(extent[matrix], extent[matrix + 1]);
    std::swap(stride[matrix], stride[matrix + 1]);
  }
  o.rows = extent[matrix], o.cols = extent[matrix + 1];
  o.row_stride = stride[matrix], o.col_stride = stride[matrix + 1];
  o.batch_rank = matrix;
  std::copy_n(extent.begin(), matrix, o.extent.begin());
  std::copy_n(stride.begin(), matrix, o.stride.begin());
  return o;
}

Product Combine(const Operand& a, const Operand& b) {
  Product p;
  p.m = a.rows, p.k = a.cols, p.n = b.cols;
  p.a_row = a.row_stride, p.a_col = a.col_stride, p.b_row = b.row_stride, p.b_col = b.col_stride;
  // Innermost first; a dimension joins the one inside it where both operands step evenly.
  struct Loop {
    int64_t extent, a, b;
  };
  std::array<Loop, kMaxInputRank> loops;
  size_t count = 0;
  for (size_t i = 0; i < std::max(a.batch_rank, b.batch_rank); ++i) {
    const auto [a_extent, a_stride] = a.FromEnd(i);
    const auto [b_extent, b_stride] = b.FromEnd(i);
    const int64_t extent = a_extent == 1 ? b_extent : a_extent;
    if (extent == 1) continue;
    if (count > 0 && loops[count - 1].a * loops[count - 1].extent == a_stride &&
        loops[count - 1].b * loops[count - 1].extent == b_stride) {
      loops[count - 1].extent *= extent;
    } else {
      loops[count++] = {extent, a_stride, b_stride};
    }
  }
  // Rows of all of A in one sequence, times one B: a single tall product.
  if (count == 1 && loops[0].b == 0 && loops[0].a == p.m * p.a_row) {
    p.m *= loops[0].extent;
    count = 0;
  }
  if (count > Product::kMaxRank) throw Error(ErrorCode::kResourceLimit, "more than 8 separate batch dimensions");
  p.rank = static_cast<int>(count);
  for (size_t i = 0; i < count; ++i) {
    const Loop& loop = loops[count - 1 - i];
    p.extent[i] = loop.extent, p.a_stride[i] = loop.a, p.b_stride[i] = loop.b;
  }
  return p;
}

}  // namespace

Product MakeProduct(const MatMulParams& params, std::span<const int64_t> a, std::span<const int64_t> b) {
  return Combine(View(a, true, params.trans_batch_a, params.trans_a),
                 View(b, false, params.trans_batch_b, params.trans_b));
}

Product MakeProduct(const GemmParams& params, std::span<const int64_t> a, std::span<const int64_t> b) {
  return Combine(View(a, true, false, params.trans_a), View(b, false, false, params.trans_b));
}

}  // namespace onda::matmul
