// What the vendor's libraries are asked to compute. Values, so that a plan can be cached by comparing them.
//
// Tensors are described by extents and strides in elements. Accumulation is in fp32 (fp64 for double, int32 for int8).
#ifndef ONDA_PROVIDERS_CUDA_LIBRARY_OP_H_
#define ONDA_PROVIDERS_CUDA_LIBRARY_OP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "onda/types.h"

namespace onda::cuda {

// What kernels reserve for a library's operation: plans whose workspace is larger are left out.
inline constexpr size_t kLibraryWorkspaceBytes = size_t{32} << 20;

enum class Activation : uint8_t { kNone, kRelu, kGeluTanh, kSigmoid, kSwish };

// y = activation(alpha * op(a) op(b) + residual + bias), row-major; op transposes where asked.
//   a (batch, m, k) or transposed (batch, k, m); b (batch, k, n) or (batch, n, k); y and residual (batch, m, n)
//   bias (n). A batch stride of 0 repeats the operand.
// Operands: a, b, bias (where has_bias), residual (where has_residual), y. y may be the residual.
struct GemmDescription {
  int64_t m = 0, n = 0, k = 0, batch = 1;
  int64_t a_row = 0, b_row = 0, y_row = 0;        // elements from one stored row to the next
  int64_t a_batch = 0, b_batch = 0, y_batch = 0;  // elements from one matrix to the next
  DType type = DType::kFloat;                     // of a and b
  DType out = DType::kFloat;                      // of bias, residual and y
  float alpha = 1;
  bool transpose_a = false, transpose_b = false;
  bool has_bias = false, has_residual = false;
  bool tf32 = false;  // fp32 operands may be rounded to TF32
  Activation activation = Activation::kNone;
  bool operator==(const GemmDescription&) const = default;
};

// Cross-correlation: y = activation(conv(x, w) + residual + bias), of one to three spatial dimensions.
//   x (n, c, spatial...), w (k, c / groups, window...), bias (k), y and residual (n, k, out...)
// channels_last: x and y are stored as (n, spatial..., c), w as (k, window..., c / groups).
// transposed: the convolution's transpose, where input i adds to outputs i * stride - pad_begin + tap * dilation;
//   w (c, k / groups, window...), and the geometry is that of the convolution from `out` to `in`.
// Operands: x, w, bias (where has_bias), residual (where has_residual), y.
struct ConvolutionDescription {
  int32_t dims = 2;
  int64_t n = 0, c = 0, k = 0, groups = 1;
  std::array<int64_t, 3> in{1, 1, 1}, out{1, 1, 1}, window{1, 1, 1};
  std::array<int64_t, 3> stride{1, 1, 1}, dilation{1, 1, 1}, pad_begin{0, 0, 0}, pad_end{0, 0, 0};
  DType type = DType::kFloat;
  bool channels_last = false;
  bool has_bias = false, has_residual = false;
  bool tf32 = false;
  bool transposed = false;
  Activation activation = Activation::kNone;
  bool operator==(const ConvolutionDescription&) const = default;
};

// y = softmax(scale * q k^T + mask) v for each of (batch, heads); `heads / kv_heads` neighbours share a key head.
//   q (batch, heads, q_length, head), k (batch, kv_heads, kv_length, head), v (batch, kv_heads, kv_length, v_head),
//   y (batch, heads, q_length, v_head). mask is added, of the type of q; its strides are 0 where it repeats.
//   causal: query i sees keys 0 .. i + kv_length - q_length.
// Strides are for (batch, head, position); the last dimension is dense. Operands: q, k, v, mask (where has_mask), y.
struct AttentionDescription {
  int64_t batch = 0, heads = 0, kv_heads = 0, q_length = 0, kv_length = 0, head = 0, v_head = 0;
  std::array<int64_t, 3> q_stride{}, k_stride{}, v_stride{}, y_stride{};
  std::array<int64_t, 4> mask_stride{};  // batch, head, query, key
  DType type = DType::kFloat16;
  float scale = 1;
  bool causal = false;
  bool has_mask = false;
  bool operator==(const AttentionDescription&) const = default;
};

// Maximum or average over windows; geometry and layout as for convolutions. Operands: x, y.
struct PoolDescription {
  int32_t dims = 2;
  int64_t n = 0, c = 0;
  std::array<int64_t, 3> in{1, 1, 1}, out{1, 1, 1}, window{1, 1, 1}, stride{1, 1, 1}, pad_begin{0, 0, 0},
      pad_end{0, 0, 0};
  DType type = DType::kFloat;
  bool channels_last = false;
  bool average = false;
  bool count_padding = false;
  bool operator==(const PoolDescription&) const = default;
};

using LibraryOp = std::variant<GemmDescription, ConvolutionDescription, AttentionDescription, PoolDescription>;

// Lets fp32 operands be rounded to TF32.
inline void AllowTf32(LibraryOp& op) {
  if (auto* gemm = std::get_if<GemmDescription>(&op)) gemm->tf32 = true;
  if (auto* convolution = std::get_if<ConvolutionDescription>(&op)) convolution->tf32 = true;
}

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_LIBRARY_OP_H_
