#include "providers/cuda/library_op_text.h"

#include <concepts>
#include <cstdio>

namespace onda::cuda {
namespace {

const char* NameOf(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return "none";
    case Activation::kRelu:
      return "relu";
    case Activation::kGeluTanh:
      return "gelu_tanh";
    case Activation::kSigmoid:
      return "sigmoid";
    case Activation::kSwish:
      return "swish";
  }
  return "?";
}

class Writer {
 public:
  explicit Writer(const char* kind) : text_(kind) {}
  template <std::integral T>
  Writer& Add(const char* name, T value) {
    return Word(name, std::to_string(value));
  }
  Writer& Add(const char* name, DType type) { return Word(name, std::string(onda::NameOf(type))); }
  Writer& Add(const char* name, Activation activation) { return Word(name, NameOf(activation)); }
  Writer& Add(const char* name, float value) {
    char digits[32];
    std::snprintf(digits, sizeof(digits), "%a", static_cast<double>(value));
    return Word(name, digits);
  }
  template <size_t n>
  Writer& Add(const char* name, const std::array<int64_t, n>& values) {
    std::string list;
    for (const int64_t v : values) list += (list.empty() ? "" : ",") + std::to_string(v);
    return Word(name, list);
  }
  // Only where it holds.
  Writer& Flag(const char* name, bool value) {
    if (value) text_ += std::string(" ") + name;
    return *this;
  }
  std::string Take() { return std::move(text_); }

 private:
  Writer& Word(const char* name, const std::string& value) {
    text_ += std::string(" ") + name + "=" + value;
    return *this;
  }
  std::string text_;
};

// Each names all fields of its description, so that none is forgotten.
std::string Text(const GemmDescription& d) {
  const auto& [m, n, k, batch, a_row, b_row, y_row, a_batch, b_batch, y_batch, type, out, alpha, transpose_a,
               transpose_b, bias, residual, tf32, activation] = d;
  return Writer("gemm")
      .Add("m", m)
      .Add("n", n)
      .Add("k", k)
      .Add("batch", batch)
      .Add("rows", std::array{a_row, b_row, y_row})
      .Add("batches", std::array{a_batch, b_batch, y_batch})
      .Add("type", type)
      .Add("out", out)
      .Add("alpha", alpha)
      .Flag("transpose_a", transpose_a)
      .Flag("transpose_b", transpose_b)
      .Flag("bias", bias)
      .Flag("residual", residual)
      .Flag("tf32", tf32)
      .Add("activation", activation)
      .Take();
}

std::string Text(const ConvolutionDescription& d) {
  const auto& [dims, n, c, k, groups, in, out, window, stride, dilation, pad_begin, pad_end, type, channels_last, bias,
               residual, tf32, transposed, activation] = d;
  return Writer("convolution")
      .Add("dims", dims)
      .Add("n", n)
      .Add("c", c)
      .Add("k", k)
      .Add("groups", groups)
      .Add("in", in)
      .Add("out", out)
      .Add("window", window)
      .Add("stride", stride)
      .Add("dilation", dilation)
      .Add("pad_begin", pad_begin)
      .Add("pad_end", pad_end)
      .Add("type", type)
      .Flag("channels_last", channels_last)
      .Flag("bias", bias)
      .Flag("residual", residual)
      .Flag("tf32", tf32)
      .Flag("transposed", transposed)
      .Add("activation", activation)
      .Take();
}

std::string Text(const AttentionDescription& d) {
  const auto& [batch, heads, kv_heads, q_length, kv_length, head, v_head, q_stride, k_stride, v_stride, y_stride,
               mask_stride, type, scale, causal, mask] = d;
  return Writer("attention")
      .Add("batch", batch)
      .Add("heads", heads)
      .Add("kv_heads", kv_heads)
      .Add("q_length", q_length)
      .Add("kv_length", kv_length)
      .Add("head", head)
      .Add("v_head", v_head)
      .Add("q_stride", q_stride)
      .Add("k_stride", k_stride)
      .Add("v_stride", v_stride)
      .Add("y_stride", y_stride)
      .Add("mask_stride", mask_stride)
      .Add("type", type)
      .Add("scale", scale)
      .Flag("causal", causal)
      .Flag("mask", mask)
      .Take();
}

std::string Text(const PoolDescription& d) {
  const auto& [dims, n, c, in, out, window, stride, pad_begin, pad_end, type, channels_last, average, count_padding] =
      d;
  return Writer("pool")
      .Add("dims", dims)
      .Add("n", n)
      .Add("c", c)
      .Add("in", in)
      .Add("out", out)
      .Add("window", window)
      .Add("stride", stride)
      .Add("pad_begin", pad_begin)
      .Add("pad_end", pad_end)
      .Add("type", type)
      .Flag("channels_last", channels_last)
      .Flag("average", average)
      .Flag("count_padding", count_padding)
      .Take();
}

}  // namespace

std::string TextOf(const LibraryOp& op) {
  return std::visit([](const auto& d) { return Text(d); }, op);
}

DType TypeOf(const LibraryOp& op) {
  return std::visit([](const auto& d) { return d.type; }, op);
}

}  // namespace onda::cuda
