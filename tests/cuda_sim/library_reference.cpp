#include "tests/cuda_sim/library_reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "onda/float_formats.h"

namespace onda::cuda_sim {
namespace {

using namespace cuda;

[[noreturn]] void NoPlan(const std::string& why) {
  throw Error(ErrorCode::kNotImplemented, "cuda_sim: no plan: " + why);
}

size_t BytesOf(DType type, int64_t count) { return static_cast<size_t>(count) * (BitsOf(type) / 8); }

bool IsReal(DType t) { return IsFloating(t); }

double Activate(Activation activation, double x) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return x < 0 ? 0 : x;
    case Activation::kGeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::kSwish:
      return x / (1 + std::exp(-x));
  }
  return x;
}

std::vector<Operand> Operands(const GemmDescription& d) {
  const bool integers = d.type == DType::kInt8 && d.out == DType::kInt32;
  if (!(IsReal(d.type) && (d.out == d.type || d.out == DType::kFloat)) && !integers)
    NoPlan("a product of " + std::string(NameOf(d.type)) + " to " + std::string(NameOf(d.out)));
  if (d.m <= 0 || d.n <= 0 || d.k <= 0 || d.batch <= 0) NoPlan("a product without elements");
  auto extent = [&](int64_t rows, int64_t columns, int64_t row, int64_t batch) {
    if (row < columns) NoPlan("rows overlap");
    return (d.batch - 1) * batch + (rows - 1) * row + columns;
  };
  std::vector<Operand> list;
  list.push_back(
      {BytesOf(d.type, extent(d.transpose_a ? d.k : d.m, d.transpose_a ? d.m : d.k, d.a_row, d.a_batch)), false});
  list.push_back(
      {BytesOf(d.type, extent(d.transpose_b ? d.n : d.k, d.transpose_b ? d.k : d.n, d.b_row, d.b_batch)), false});
  if (d.has_bias) list.push_back({BytesOf(d.out, d.n), false});
  const size_t y = BytesOf(d.out, extent(d.m, d.n, d.y_row, d.y_batch));
  if (d.has_residual) list.push_back({y, false});
  list.push_back({y, true});
  return list;
}

void Compute(const GemmDescription& d, std::span<const Buffer> operands) {
  size_t next = 2;
  const void *a = operands[0].data, *b = operands[1].data;
  const void* bias = d.has_bias ? operands[next++].data : nullptr;
  const void* residual = d.has_residual ? operands[next++].data : nullptr;
  void* y = operands[next].data;
  for (int64_t s = 0; s < d.batch; ++s)
    for (int64_t i = 0; i < d.m; ++i)
      for (int64_t j = 0; j < d.n; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < d.k; ++k) {
          const int64_t at_a = s * d.a_batch + (d.transpose_a ? k * d.a_row + i : i * d.a_row + k);
          const int64_t at_b = s * d.b_batch + (d.transpose_b ? j * d.b_row + k : k * d.b_row + j);
          sum += LoadDouble(d.type, a, at_a) * LoadDouble(d.type, b, at_b);
        }
        const int64_t at = s * d.y_batch + i * d.y_row + j;
        sum *= d.alpha;
        if (residual) sum += LoadDouble(d.out, residual, at);
        if (bias) sum += LoadDouble(d.out, bias, j);
        StoreDouble(d.out, y, at, Activate(d.activation, sum));
      }
}

// Index arithmetic that convolutions and pools share: offsets in a tensor of (n, c, spatial...) stored either way.
struct Layout {
  int64_t c, spatial;
  std::array<int64_t, 3> extent;
  bool last;
  int64_t At(int64_t n, int64_t channel, const std::array<int64_t, 3>& p) const {
    const int64_t inner = (p[0] * extent[1] + p[1]) * extent[2] + p[2];
    return last ? (n * spatial + inner) * c + channel : (n * c + channel) * spatial + inner;
  }
};
Layout LayoutOf(int64_t c, const std::array<int64_t, 3>& extent, bool last) {
  return {c, extent[0] * extent[1] * extent[2], extent, last};
}
template <class Fn>
void ForEach(const std::array<int64_t, 3>& extent, Fn&& fn) {
  for (int64_t i = 0; i < extent[0]; ++i)
    for (int64_t j = 0; j < extent[1]; ++j)
      for (int64_t k = 0; k < extent[2]; ++k) fn(std::array<int64_t, 3>{i, j, k});
}
template <class D>
void CheckWindows(const D& d, const std::array<int64_t, 3>& dilation) {
  if (d.dims < 1 || d.dims > 3) NoPlan("one to three spatial dimensions");
  for (size_t i = 0; i < 3; ++i) {
    const int64_t span = d.in[i] + d.pad_begin[i] + d.pad_end[i] - dilation[i] * (d.window[i] - 1);
    if (d.in[i] < 1 || d.out[i] < 1 || d.window[i] < 1 || d.stride[i] < 1 || dilation[i] < 1)
      NoPlan("a window without elements");
    // Pools may have a last window that begins in the padding.
    if (std::is_same_v<D, ConvolutionDescription> && (d.out[i] - 1) * d.stride[i] >= span)
      NoPlan("more outputs than windows");
  }
}

std::vector<Operand> Operands(const ConvolutionDescription& d) {
  if (!IsReal(d.type) || d.groups < 1 || d.c % d.groups || d.k % d.groups) NoPlan("a convolution of such channels");
  if (d.transposed) {
    ConvolutionDescription forward = d;
    std::swap(forward.in, forward.out);
    CheckWindows(forward, d.dilation);
  } else {
    CheckWindows(d, d.dilation);
  }
  const int64_t in = d.in[0] * d.in[1] * d.in[2], out = d.out[0] * d.out[1] * d.out[2];
  const int64_t window = d.window[0] * d.window[1] * d.window[2];
  std::vector<Operand> list;
  list.push_back({BytesOf(d.type, d.n * d.c * in), false});
  // As many where it is transposed.
  list.push_back({BytesOf(d.type, d.k * (d.c / d.groups) * window), false});
  if (d.has_bias) list.push_back({BytesOf(d.type, d.k), false});
  if (d.has_residual) list.push_back({BytesOf(d.type, d.n * d.k * out), false});
  list.push_back({BytesOf(d.type, d.n * d.k * out), true});
  return list;
}

void Compute(const ConvolutionDescription& d, std::span<const Buffer> operands) {
  size_t next = 2;
  const void *x = operands[0].data, *w = operands[1].data;
  const void* bias = d.has_bias ? operands[next++].data : nullptr;
  const void* residual = d.has_residual ? operands[next++].data : nullptr;
  void* y = operands[next].data;
  const int64_t group = d.c / d.groups, outputs = d.k / d.groups;
  const Layout in = LayoutOf(d.c, d.in, d.channels_last), out = LayoutOf(d.k, d.out, d.channels_last);
  const Layout filter = LayoutOf(d.transposed ? outputs : group, d.window, d.channels_last);
  for (int64_t n = 0; n < d.n; ++n)
    for (int64_t k = 0; k < d.k; ++k)
      ForEach(d.out, [&](const std::array<int64_t, 3>& o) {
        double sum = 0;
        ForEach(d.window, [&](const std::array<int64_t, 3>& f) {
          std::array<int64_t, 3> p;
          for (size_t i = 0; i < 3; ++i) {
            p[i] = d.transposed ? o[i] + d.pad_begin[i] - f[i] * d.dilation[i]
                                : o[i] * d.stride[i] + f[i] * d.dilation[i] - d.pad_begin[i];
            if (d.transposed) {
              if (p[i] % d.stride[i] != 0) return;
              p[i] /= d.stride[i];
            }
            if (p[i] < 0 || p[i] >= d.in[i]) return;
          }
          for (int64_t c = 0; c < group; ++c) {
            const int64_t channel = k / outputs * group + c;
            sum += LoadDouble(d.type, x, in.At(n, channel, p)) *
                   LoadDouble(d.type, w, d.transposed ? filter.At(channel, k % outputs, f) : filter.At(k, c, f));
          }
        });
        const int64_t at = out.At(n, k, o);
        if (residual) sum += LoadDouble(d.type, residual, at);
        if (bias) sum += LoadDouble(d.type, bias, k);
        StoreDouble(d.type, y, at, Activate(d.activation, sum));
      });
}

std::vector<Operand> Operands(const PoolDescription& d) {
  if (!IsReal(d.type)) NoPlan("a pool of " + std::string(NameOf(d.type)));
  CheckWindows(d, {1, 1, 1});
  return {{BytesOf(d.type, d.n * d.c * d.in[0] * d.in[1] * d.in[2]), false},
          {BytesOf(d.type, d.n * d.c * d.out[0] * d.out[1] * d.out[2]), true}};
}

void Compute(const PoolDescription& d, std::span<const Buffer> operands) {
  const Layout in = LayoutOf(d.c, d.in, d.channels_last), out = LayoutOf(d.c, d.out, d.channels_last);
  for (int64_t n = 0; n < d.n; ++n)
    for (int64_t c = 0; c < d.c; ++c)
      ForEach(d.out, [&](const std::array<int64_t, 3>& o) {
        double sum = 0, max = -std::numeric_limits<double>::infinity();
        int64_t count = 0;
        ForEach(d.window, [&](const std::array<int64_t, 3>& f) {
          std::array<int64_t, 3> p;
          for (size_t i = 0; i < 3; ++i) {
            p[i] = o[i] * d.stride[i] + f[i] - d.pad_begin[i];
            if (p[i] < 0 || p[i] >= d.in[i]) return;
          }
          const double v = LoadDouble(d.type, operands[0].data, in.At(n, c, p));
          sum += v;
          if (v > max || std::isnan(v)) max = v;
          ++count;
        });
        const double all = static_cast<double>(d.window[0] * d.window[1] * d.window[2]);
        StoreDouble(d.type, operands[1].data, out.At(n, c, o),
                    d.average ? sum / (d.count_padding ? all : static_cast<double>(count)) : max);
      });
}

std::vector<Operand> Operands(const AttentionDescription& d) {
  if (d.type != DType::kFloat16 && d.type != DType::kBfloat16)
    NoPlan("attention of " + std::string(NameOf(d.type)) + ", only half types");
  if (d.batch < 1 || d.heads < 1 || d.kv_heads < 1 || d.heads % d.kv_heads || d.q_length < 1 || d.kv_length < 1)
    NoPlan("attention of such heads and lengths");
  if (d.head % 8 || d.v_head % 8 || d.head > 256 || d.v_head > 256 || d.head < 8 || d.v_head < 8)
    NoPlan("heads of a multiple of 8 up to 256 elements");
  auto extent = [&](const std::array<int64_t, 3>& stride, int64_t heads, int64_t length, int64_t head) {
    return (d.batch - 1) * stride[0] + (heads - 1) * stride[1] + (length - 1) * stride[2] + head;
  };
  std::vector<Operand> list;
  list.push_back({BytesOf(d.type, extent(d.q_stride, d.heads, d.q_length, d.head)), false});
  list.push_back({BytesOf(d.type, extent(d.k_stride, d.kv_heads, d.kv_length, d.head)), false});
  list.push_back({BytesOf(d.type, extent(d.v_stride, d.kv_heads, d.kv_length, d.v_head)), false});
  if (d.has_mask)
    list.push_back({BytesOf(d.type, (d.batch - 1) * d.mask_stride[0] + (d.heads - 1) * d.mask_stride[1] +
                                        (d.q_length - 1) * d.mask_stride[2] + (d.kv_length - 1) * d.mask_stride[3] + 1),
                    false});
  list.push_back({BytesOf(d.type, extent(d.y_stride, d.heads, d.q_length, d.v_head)), true});
  return list;
}

void Compute(const AttentionDescription& d, std::span<const Buffer> operands) {
  const void *q = operands[0].data, *k = operands[1].data, *v = operands[2].data;
  const void* mask = d.has_mask ? operands[3].data : nullptr;
  void* y = operands[d.has_mask ? 4 : 3].data;
  const int64_t shared = d.heads / d.kv_heads;
  std::vector<double> row(static_cast<size_t>(d.kv_length));
  auto at = [](const std::array<int64_t, 3>& s, int64_t b, int64_t h, int64_t p) {
    return b * s[0] + h * s[1] + p * s[2];
  };
  for (int64_t b = 0; b < d.batch; ++b)
    for (int64_t h = 0; h < d.heads; ++h)
      for (int64_t i = 0; i < d.q_length; ++i) {
        double max = -std::numeric_limits<double>::infinity(), sum = 0;
        for (int64_t j = 0; j < d.kv_length; ++j) {
          double score = 0;
          for (int64_t e = 0; e < d.head; ++e)
            score += LoadDouble(d.type, q, at(d.q_stride, b, h, i) + e) *
                     LoadDouble(d.type, k, at(d.k_stride, b, h / shared, j) + e);
          score *= d.scale;
          if (mask)
            score +=
                LoadDouble(d.type, mask,
                           b * d.mask_stride[0] + h * d.mask_stride[1] + i * d.mask_stride[2] + j * d.mask_stride[3]);
          if (d.causal && j > i + d.kv_length - d.q_length) score = -std::numeric_limits<double>::infinity();
          row[static_cast<size_t>(j)] = score;
          max = std::max(max, score);
        }
        for (double& r : row) sum += r = std::exp(r - max);
        for (int64_t e = 0; e < d.v_head; ++e) {
          double value = 0;
          for (int64_t j = 0; j < d.kv_length; ++j)
            value += row[static_cast<size_t>(j)] / sum * LoadDouble(d.type, v, at(d.v_stride, b, h / shared, j) + e);
          StoreDouble(d.type, y, at(d.y_stride, b, h, i) + e, value);
        }
      }
}

}  // namespace

std::vector<Operand> OperandsOf(const LibraryOp& op) {
  return std::visit([](const auto& d) { return Operands(d); }, op);
}

void ComputeLibraryOp(const LibraryOp& op, std::span<const Buffer> operands) {
  std::visit([&](const auto& d) { Compute(d, operands); }, op);
}

}  // namespace onda::cuda_sim
