// Products between DequantizeLinear and QuantizeLinear on the integers themselves, with exact 32-bit sums. The results
// differ from the float ones as reassociation does: a sum may fall on the other side of a rounding boundary.
//   QuantizeLinear(Clip or Relu(Conv(DQ(x), DQ(w), DQ(b))))  -> QLinearConv(x, w, b), clamped where the activation's
//                                                               limits lie inside the quantized range
//   QuantizeLinear(MatMul(DQ(a), DQ(b)))                     -> QLinearMatMul(a, b)
//   MatMul or Gemm(DQ(a), DQ(b), c), Conv(DQ(x), DQ(w), c)   -> MatMulInteger or ConvInteger, Cast, Mul, Add
// x and a have one scale, w one or one per output channel, b one or one per column, the bias their product.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/passes/quantization.h"
#include "onda/float_formats.h"

namespace onda {
namespace {

// Sums of so many products of two 9-bit differences fit 32 bits.
constexpr int64_t kMaxTerms = 32768;

struct Range {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

// The limits of Relu or Clip; nullopt for anything else.
std::optional<Range> RangeOf(const RuleContext& c, const Node& node) {
  Range range;
  if (c.Is(node, "Relu")) {
    range.low = 0;
    return range;
  }
  if (!c.Is(node, "Clip")) return {};
  for (size_t i = 1; i < 3; ++i) {
    if (!node.has_input(i)) continue;
    const std::optional<double> limit = c.ScalarOf(node.inputs[i]);
    if (!limit || std::isnan(*limit)) return {};
    (i == 1 ? range.low : range.high) = *limit;
  }
  if (range.low > range.high) return {};
  return range;
}

double LeastOf(DType t) { return t == DType::kInt8 ? -128 : 0; }
double GreatestOf(DType t) { return t == DType::kInt8 ? 127 : 255; }

// As QuantizeLinear computes it. It never falls where its input rises, so that limits may be applied behind it.
double Quantized(const Quantization& by, double x) {
  const float divided = static_cast<float>(x) / static_cast<float>(by.scale[0]);
  return std::clamp(std::nearbyint(static_cast<double>(divided)) + by.zero[0], LeastOf(by.type), GreatestOf(by.type));
}

ValueId ByteConstant(Patch& patch, DType type, double value) {
  auto tensor = Tensor::Make(type, {});
  StoreDouble(type, tensor->mutable_data(), 0, value);
  return patch.Constant(tensor);
}

struct Operands {
  Dequantized x, w;
};

// Input 0 and constant input 1 of a convolution or product as 8-bit integers that may be multiplied as they are.
std::optional<Operands> OperandsOf(const RuleContext& c, const Node& node, int64_t w_axis) {
  std::optional<Dequantized> x = DequantizedOf(c, node.inputs[0]), w = DequantizedOf(c, node.inputs[1]);
  if (!x || !w || x->by.type == DType::kInt32 || w->by.type == DType::kInt32 || !x->by.per_tensor()) return {};
  if (!w->by.per_tensor() && w->by.axis != w_axis) return {};
  return Operands{std::move(*x), std::move(*w)};
}

// Terms of each sum, where known and countable.
std::optional<int64_t> TermsOf(const RuleContext& c, const Node& conv) {
  const Fact& w = c.FactOf(conv.inputs[1]);
  if (!w.static_shape() || w.rank() < 3) return {};
  int64_t terms = 1;
  for (int i = 1; i < w.rank(); ++i)
    if (__builtin_mul_overflow(terms, (*w.shape)[i].value(), &terms)) return {};
  return terms;
}

// The bias as int32 in units of x's scale times w's; kNoValue where there is none, nullopt where it is another.
std::optional<ValueId> IntegerBias(const RuleContext& c, const Node& conv, const Operands& in) {
  if (!conv.has_input(2)) return kNoValue;
  const std::optional<Dequantized> bias = DequantizedOf(c, conv.inputs[2]);
  if (!bias || bias->by.type != DType::kInt32) return {};
  const size_t count = std::max(bias->by.scale.size(), in.w.by.scale.size());
  for (size_t i = 0; i < count; ++i) {
    const double unit = in.x.by.scale[0] * in.w.by.scale[in.w.by.per_tensor() ? 0 : i];
    const double have = bias->by.scale[bias->by.per_tensor() ? 0 : i];
    if (std::abs(have - unit) > 1e-6 * unit || bias->by.zero[bias->by.per_tensor() ? 0 : i] != 0) return {};
  }
  return bias->integers;
}

std::optional<Patch> QuantizedConv(const RuleContext& c, const Node& quantize, const Node& conv, const Range& range) {
  const std::optional<Quantization> out = QuantizationOf(c, quantize);
  const std::optional<Operands> in = OperandsOf(c, conv, 0);
  const std::optional<int64_t> terms = TermsOf(c, conv);
  if (!out || !in || !terms || *terms > kMaxTerms) return {};
  const std::optional<ValueId> bias = IntegerBias(c, conv, *in);
  if (!bias) return {};
  Patch patch("convolve the integers");
  std::vector<ValueId> inputs{in->x.integers,        in->x.by.Scale(patch), in->x.by.Zero(patch), in->w.integers,
                              in->w.by.Scale(patch), in->w.by.Zero(patch),  out->Scale(patch),    out->Zero(patch)};
  if (*bias != kNoValue) inputs.push_back(*bias);
  ValueId y = patch.Add("QLinearConv", std::move(inputs), conv.attributes);
  const double low = Quantized(*out, range.low), high = Quantized(*out, range.high);
  if (low > LeastOf(out->type) || high < GreatestOf(out->type))
    y = patch.Add("Clip", {y, ByteConstant(patch, out->type, low), ByteConstant(patch, out->type, high)});
  patch.Replace(quantize.outputs[0], y);
  return patch;
}

std::optional<Patch> QuantizedMatMul(const RuleContext& c, const Node& quantize, const Node& product) {
  const std::optional<Quantization> out = QuantizationOf(c, quantize);
  const Fact& b = c.FactOf(product.inputs[1]);
  if (!out || !b.static_shape() || b.rank() < 2 || (*b.shape)[b.rank() - 2].value() > kMaxTerms) return {};
  const std::optional<Operands> in = OperandsOf(c, product, b.rank() - 1);
  if (!in) return {};
  Patch patch("multiply the integers");
  const ValueId y =
      patch.Add("QLinearMatMul", {in->x.integers, in->x.by.Scale(patch), in->x.by.Zero(patch), in->w.integers,
                                  in->w.by.Scale(patch), in->w.by.Zero(patch), out->Scale(patch), out->Zero(patch)});
  patch.Replace(quantize.outputs[0], y);
  return patch;
}

// The scales of the sums, times `alpha`, in shape `dims`.
ValueId ScaleOfSums(Patch& patch, const Operands& in, float alpha, std::vector<int64_t> dims) {
  auto tensor = Tensor::Make(DType::kFloat, in.w.by.per_tensor() ? std::vector<int64_t>{} : std::move(dims));
  for (size_t i = 0; i < in.w.by.scale.size(); ++i)
    tensor->mutable_as<float>()[i] =
        static_cast<float>(in.x.by.scale[0]) * static_cast<float>(in.w.by.scale[i]) * alpha;
  return patch.Constant(tensor);
}

ValueId ScaledSums(Patch& patch, ValueId sums, ValueId scale) {
  AttributeMap to_float;
  to_float.Set("to", static_cast<int64_t>(DType::kFloat));
  return patch.Add("Mul", {patch.Add("Cast", {sums}, std::move(to_float)), scale});
}

std::optional<Patch> IntegerConv(const RuleContext& c, const Node& conv) {
  const std::optional<Operands> in = OperandsOf(c, conv, 0);
  const std::optional<int64_t> terms = TermsOf(c, conv);
  if (!in || !terms || *terms > kMaxTerms) return {};
  const Fact& w = c.FactOf(conv.inputs[1]);
  const int64_t channels = (*w.shape)[0].value();
  std::vector<int64_t> along(static_cast<size_t>(w.rank() - 1), 1);
  along[0] = channels;
  Patch patch("convolve the integers, then scale");
  const ValueId sums = patch.Add(
      "ConvInteger", {in->x.integers, in->w.integers, in->x.by.Zero(patch), in->w.by.Zero(patch)}, conv.attributes);
  ValueId y = ScaledSums(patch, sums, ScaleOfSums(patch, *in, 1, along));
  if (conv.has_input(2))
    y = patch.Add("Add", {y, patch.Add("Reshape", {conv.inputs[2], patch.Constant(Tensor::Int64s(along))})});
  patch.Replace(conv.outputs[0], y);
  return patch;
}

std::optional<Patch> IntegerMatMul(const RuleContext& c, const Node& product) {
  const bool gemm = c.Is(product, "Gemm");
  const Attributes a = product.attributes.view();
  const bool transposed = gemm && a.Int("transB", 0) != 0;
  const float alpha = gemm ? a.Float("alpha", 1) : 1, beta = gemm ? a.Float("beta", 1) : 1;
  const Fact& b = c.FactOf(product.inputs[1]);
  if (!b.static_shape() || b.rank() < 2) return {};
  if ((*b.shape)[transposed ? 1 : b.rank() - 2].value() > kMaxTerms) return {};
  const std::optional<Operands> in = OperandsOf(c, product, transposed ? 0 : b.rank() - 1);
  if (!in) return {};
  Patch patch("multiply the integers, then scale");
  auto operand = [&](ValueId id, const char* attribute) {
    if (!gemm || a.Int(attribute, 0) == 0) return id;
    AttributeMap attributes;
    attributes.Set("perm", std::vector<int64_t>{1, 0});
    return patch.Add("Transpose", {id}, std::move(attributes));
  };
  const ValueId sums = patch.Add("MatMulInteger", {operand(in->x.integers, "transA"), operand(in->w.integers, "transB"),
                                                   in->x.by.Zero(patch), in->w.by.Zero(patch)});
  ValueId y = ScaledSums(patch, sums, ScaleOfSums(patch, *in, alpha, {static_cast<int64_t>(in->w.by.scale.size())}));
  if (gemm && product.has_input(2) && beta != 0) {
    ValueId addend = product.inputs[2];
    if (beta != 1) addend = patch.Add("Mul", {addend, patch.Constant(Tensor::Float(beta))});
    y = patch.Add("Add", {y, addend});
  }
  patch.Replace(product.outputs[0], y);
  return patch;
}

}  // namespace

std::optional<Patch> QuantizeConv(const RuleContext& c, const Node& node) {
  if (c.Is(node, "QuantizeLinear")) {
    const Node* conv = c.Producer(node.inputs[0]);
    if (!conv || !c.UsedOnce(node.inputs[0])) return {};
    Range range;
    if (const std::optional<Range> found = RangeOf(c, *conv)) {
      range = *found;
      const ValueId inner = conv->inputs[0];
      conv = c.UsedOnce(inner) ? c.Producer(inner) : nullptr;
    }
    return conv && c.Is(*conv, "Conv") ? QuantizedConv(c, node, *conv, range) : std::nullopt;
  }
  if (!c.Is(node, "Conv")) return {};
  // The quantization behind it takes the convolution in where it can.
  const Node* reader = c.OnlyReader(node.outputs[0]);
  Range range;
  if (reader) {
    if (const std::optional<Range> found = RangeOf(c, *reader))
      range = *found, reader = c.OnlyReader(reader->outputs[0]);
  }
  if (reader && c.Is(*reader, "QuantizeLinear") && QuantizedConv(c, *reader, node, range)) return {};
  return IntegerConv(c, node);
}

std::optional<Patch> QuantizeMatMul(const RuleContext& c, const Node& node) {
  if (c.Is(node, "QuantizeLinear")) {
    const Node* product = c.ProducedBy(node, 0, "MatMul");
    return product && c.UsedOnce(node.inputs[0]) ? QuantizedMatMul(c, node, *product) : std::nullopt;
  }
  if (!c.Is(node, "MatMul") && !c.Is(node, "Gemm")) return {};
  const Node* reader = c.OnlyReader(node.outputs[0]);
  if (reader && c.Is(node, "MatMul") && c.Is(*reader, "QuantizeLinear") && QuantizedMatMul(c, *reader, node)) return {};
  return IntegerMatMul(c, node);
}

}  // namespace onda
