// com.microsoft's quantized operators, as ONNX Runtime's quantizer writes them, in terms of canonical ones: between
// DequantizeLinear and QuantizeLinear, or around MatMulInteger. And others of that domain that are short compositions.
#include <span>

#include "core/ir/op_def.h"

namespace onda::qlinear {
namespace {

ValueId InputOr(const RewriteContext& c, size_t i, ValueId absent) { return c.has_input(i) ? c.input(i) : absent; }

ValueId Dequantize(RewriteContext& c, ValueId x, ValueId scale, ValueId zero) {
  std::vector<ValueId> inputs{x, scale};
  if (zero != kNoValue) inputs.push_back(zero);
  return c.Add("DequantizeLinear", std::move(inputs));
}

// The input at `first`, with its scale and zero point behind it.
ValueId DequantizeInput(RewriteContext& c, size_t first) {
  return Dequantize(c, c.input(first), c.input(first + 1), InputOr(c, first + 2, kNoValue));
}

// y in the type of input `like`, by the scale and zero point from input `scale` on.
ValueId Quantize(RewriteContext& c, ValueId y, size_t scale, size_t like) {
  if (c.has_input(scale + 1)) return c.Add("QuantizeLinear", {y, c.input(scale), c.input(scale + 1)});
  return c.Add("QuantizeLinear", {y, c.input(scale)}, {{"output_dtype", static_cast<int64_t>(c.fact(like).dtype)}});
}

void Binary(RewriteContext& c, const char* op) {
  const ValueId y = c.Add(op, {DequantizeInput(c, 0), DequantizeInput(c, 3)});
  c.ReplaceOutputs({Quantize(c, y, 6, 0)});
}

// Around an operator whose first input is the node's, dequantized.
void Between(RewriteContext& c, const char* op, AttributeMap attributes, std::vector<ValueId> more = {}) {
  std::vector<ValueId> inputs{DequantizeInput(c, 0)};
  inputs.insert(inputs.end(), more.begin(), more.end());
  c.ReplaceOutputs({Quantize(c, c.Add(op, std::move(inputs), std::move(attributes)), 3, 0)});
}

void UpgradeAdd(RewriteContext& c) { Binary(c, "Add"); }
void UpgradeMul(RewriteContext& c) { Binary(c, "Mul"); }
void UpgradeSigmoid(RewriteContext& c) { Between(c, "Sigmoid", {}); }
void UpgradeLeakyRelu(RewriteContext& c) { Between(c, "LeakyRelu", {{"alpha", c.attributes().Float("alpha", 0.01f)}}); }

void UpgradeReduceMean(RewriteContext& c) {
  const std::vector<int64_t> axes = c.attributes().Ints("axes");
  std::vector<ValueId> more;
  if (!axes.empty()) more.push_back(c.Int64s(axes));
  Between(c, "ReduceMean", {{"keepdims", c.attributes().Int("keepdims", 1)}}, std::move(more));
}

// Before opset 13 Softmax sees a matrix.
void UpgradeSoftmax(RewriteContext& c) {
  const int64_t axis = c.attributes().Int("axis", -1);
  if (c.attributes().Int("opset", 13) >= 13) return Between(c, "Softmax", {{"axis", axis}});
  const ValueId x = DequantizeInput(c, 0);
  const ValueId matrix = c.Add("Flatten", {x}, {{"axis", axis}});
  const ValueId y = c.Add("Reshape", {c.Add("Softmax", {matrix}), c.Add("Shape", {x})}, {{"allowzero", int64_t{1}}});
  c.ReplaceOutputs({Quantize(c, y, 3, 0)});
}

// Axes that bring a tensor with channels last to channels first, or back.
std::vector<int64_t> ChannelsFirst(int rank) {
  std::vector<int64_t> perm{0, rank - 1};
  for (int i = 1; i + 1 < rank; ++i) perm.push_back(i);
  return perm;
}
std::vector<int64_t> ChannelsLast(int rank) {
  std::vector<int64_t> perm{0};
  for (int i = 2; i < rank; ++i) perm.push_back(i);
  perm.push_back(1);
  return perm;
}

int RankOf(const RewriteContext& c) {
  if (!c.fact(0).has_rank() || c.fact(0).rank() < 3) c.Reject("channels last need an input of known rank, at least 3");
  return c.fact(0).rank();
}

// The attributes but `dropped`.
AttributeMap AttributesBut(RewriteContext& c, std::string_view dropped) {
  AttributeMap attributes = c.node().attributes;
  attributes.Remove(dropped);
  return attributes;
}

void Pool(RewriteContext& c, const char* op) {
  const bool last = c.attributes().Int("channels_last", 0) != 0;
  ValueId x = DequantizeInput(c, 0);
  if (last) x = c.Add("Transpose", {x}, {{"perm", ChannelsFirst(RankOf(c))}});
  ValueId y = c.Add(op, {x}, AttributesBut(c, "channels_last"));
  if (last) y = c.Add("Transpose", {y}, {{"perm", ChannelsLast(RankOf(c))}});
  c.ReplaceOutputs({Quantize(c, y, 3, 0)});
}
void UpgradeAveragePool(RewriteContext& c) { Pool(c, "AveragePool"); }
void UpgradeGlobalAveragePool(RewriteContext& c) { Pool(c, "GlobalAveragePool"); }

// An operator whose input 0 and output have their channels last; `op` is its canonical name.
void WithChannelsLast(RewriteContext& c, const char* op) {
  std::vector<ValueId> inputs = c.node().inputs;
  const int rank = RankOf(c);
  inputs[0] = c.Add("Transpose", {inputs[0]}, {{"perm", ChannelsFirst(rank)}});
  const ValueId y = c.Add(op, std::move(inputs), AttributesBut(c, "channels_last"));
  c.ReplaceOutputs({c.Add("Transpose", {y}, {{"perm", ChannelsLast(rank)}})});
}
void UpgradeNhwcMaxPool(RewriteContext& c) { WithChannelsLast(c, "MaxPool"); }
void UpgradeNhwcConv(RewriteContext& c) { WithChannelsLast(c, "Conv"); }

void UpgradeConv(RewriteContext& c) {
  if (c.attributes().Int("channels_last", 0)) return WithChannelsLast(c, "QLinearConv");
  c.node().attributes.Remove("channels_last");
  c.node().domain = "";
}

void UpgradeConcat(RewriteContext& c) {
  std::vector<ValueId> parts;
  for (size_t i = 2; i + 1 < c.node().inputs.size(); i += 3) parts.push_back(DequantizeInput(c, i));
  if (parts.empty()) c.Reject("has nothing to concatenate");
  const ValueId y = c.Add("Concat", std::move(parts), {{"axis", c.attributes().Int("axis", 0)}});
  c.ReplaceOutputs({Quantize(c, y, 0, 2)});
}

void UpgradeWhere(RewriteContext& c) {
  const ValueId y = c.Add("Where", {c.input(0), DequantizeInput(c, 1), DequantizeInput(c, 4)});
  c.ReplaceOutputs({Quantize(c, y, 7, 1)});
}

// MatMulInteger, plus `c_int32` where given, times the scales, plus `bias` where given.
ValueId ScaledProduct(RewriteContext& c, std::vector<ValueId> operands, ValueId addend,
                      const std::vector<ValueId>& scales, ValueId bias) {
  while (operands.back() == kNoValue) operands.pop_back();
  ValueId y = c.Add("MatMulInteger", std::move(operands));
  if (addend != kNoValue) y = c.Add("Add", {y, addend});
  y = c.Add("Cast", {y},
            {{"to", static_cast<int64_t>(c.FactOf(scales[0]).dtype == DType::kUndefined ? DType::kFloat
                                                                                        : c.FactOf(scales[0]).dtype)}});
  ValueId scale = scales[0];
  for (size_t i = 1; i < scales.size(); ++i) scale = c.Add("Mul", {scale, scales[i]});
  y = c.Add("Mul", {y, scale});
  return bias == kNoValue ? y : c.Add("Add", {y, bias});
}

void UpgradeMatMulIntegerToFloat(RewriteContext& c) {
  c.ReplaceOutputs({ScaledProduct(c, {c.input(0), c.input(1), InputOr(c, 4, kNoValue), InputOr(c, 5, kNoValue)},
                                  kNoValue, {c.input(2), c.input(3)}, InputOr(c, 6, kNoValue))});
}

void UpgradeDynamicQuantizeMatMul(RewriteContext& c) {
  Node quantize;
  quantize.op_type = "DynamicQuantizeLinear";
  quantize.inputs = {c.input(0)};
  const std::vector<ValueId> a = c.AddNode(std::move(quantize), 3);
  c.ReplaceOutputs({ScaledProduct(c, {a[0], c.input(1), a[2], InputOr(c, 3, kNoValue)}, kNoValue, {a[1], c.input(2)},
                                  InputOr(c, 4, kNoValue))});
}

// Y = alpha * a_scale * b_scale * ((A - a_zero) (B - b_zero) + C), requantized where y_scale is given.
void UpgradeGemm(RewriteContext& c) {
  auto operand = [&](size_t i, const char* attribute) {
    return c.attributes().Int(attribute, 0) ? c.Add("Transpose", {c.input(i)}, {{"perm", std::vector<int64_t>{1, 0}}})
                                            : c.input(i);
  };
  std::vector<ValueId> scales{c.input(1), c.input(4)};
  const float alpha = c.attributes().Float("alpha", 1);
  if (alpha != 1) scales.push_back(c.Constant(Tensor::Float(alpha)));
  const ValueId y = ScaledProduct(c, {operand(0, "transA"), operand(3, "transB"), c.input(2), c.input(5)},
                                  InputOr(c, 6, kNoValue), scales, kNoValue);
  c.ReplaceOutputs({c.has_input(7) ? Quantize(c, y, 7, 0) : y});
}

// Rows of packed constants, dequantized after they are gathered.
void UpgradeGatherBlockQuantized(RewriteContext& c) {
  const int64_t bits = c.attributes().Int("bits", 4), block = c.attributes().Int("block_size", 128);
  const TensorPtr data = c.fact(0).constant, scales = c.fact(2).constant;
  if (!data || !scales || !c.fact(1).has_rank()) c.Reject("needs constant data and scales, and indices of known rank");
  const int rank = static_cast<int>(data->dims().size());
  auto normal = [&](int64_t axis) { return axis < 0 ? axis + rank : axis; };
  const int64_t gather = normal(c.attributes().Int("gather_axis", 0));
  const int64_t quantize = normal(c.attributes().Int("quantize_axis", 1));
  if (gather < 0 || gather >= rank || quantize < 0 || quantize >= rank || gather == quantize)
    c.Reject("gather_axis and quantize_axis must be two dimensions of the data");
  // Bytes that hold several values along the last dimension are that many packed elements.
  auto packed = [&](const TensorPtr& t, int64_t last) {
    if (t->dtype() != DType::kUint8 || bits == 8) return t;
    std::vector<int64_t> dims = t->dims();
    if (dims.back() * (8 / bits) != last) c.Reject("packed rows that end within a byte");
    dims.back() = last;
    return Tensor::Wrap(bits == 4 ? DType::kUint4 : DType::kUint2, std::move(dims), t->data(), t);
  };
  if (bits != 2 && bits != 4 && bits != 8) c.Reject("bits is " + std::to_string(bits));
  const bool bytes = data->dtype() == DType::kUint8;
  const TensorPtr values = packed(data, data->dims().back() * (bytes ? 8 / bits : 1));
  std::vector<ValueId> inputs{c.Add("Gather", {c.Constant(values), c.input(1)}, {{"axis", gather}}),
                              c.Add("Gather", {c.input(2), c.input(1)}, {{"axis", gather}})};
  TensorPtr zeros;
  if (c.has_input(3)) {
    if (!c.fact(3).constant) c.Reject("needs constant zero points");
    zeros = packed(c.fact(3).constant, scales->dims().back());
  } else if (bytes) {
    auto middle = Tensor::Make(values->dtype(), scales->dims());
    const uint8_t pattern = bits == 8 ? 0x80 : bits == 4 ? 0x88 : 0xaa;
    for (size_t i = 0; i < middle->bytes(); ++i) static_cast<uint8_t*>(middle->mutable_data())[i] = pattern;
    zeros = middle;
  }
  if (zeros) inputs.push_back(c.Add("Gather", {c.Constant(zeros), c.input(1)}, {{"axis", gather}}));
  const int64_t axis = quantize > gather ? quantize + c.fact(1).rank() - 1 : quantize;
  c.ReplaceOutputs({c.Add("DequantizeLinear", std::move(inputs), {{"axis", axis}, {"block_size", block}})});
}

void UpgradeTransposeMatMul(RewriteContext& c) { c.node().op_type = "FusedMatMul"; }

void UpgradeGridSample(RewriteContext& c) {
  const std::string mode = c.attributes().String("mode", "bilinear");
  c.node().attributes.Set("mode", std::string(mode == "bilinear" ? "linear" : mode == "bicubic" ? "cubic" : mode));
  c.node().domain = "";
}

void UpgradeBiasAdd(RewriteContext& c) {
  c.ReplaceOutputs({c.Add("Add", {c.Add("Add", {c.input(0), c.input(1)}), c.input(2)})});
}

// The left half times Gelu of the right half.
void UpgradeBiasSplitGelu(RewriteContext& c) {
  Node split;
  split.op_type = "Split";
  split.inputs = {c.Add("Add", {c.input(0), c.input(1)})};
  split.attributes = {{"axis", int64_t{-1}}, {"num_outputs", int64_t{2}}};
  const std::vector<ValueId> halves = c.AddNode(std::move(split), 2);
  c.ReplaceOutputs({c.Add("Mul", {halves[0], c.Add("Gelu", {halves[1]})})});
}

constexpr std::string_view kDomain = "com.microsoft";
constexpr OpDef kOps[] = {
    {.name = "QLinearAdd", .domain = kDomain, .upgrade = UpgradeAdd, .flags = kOpAlias},
    {.name = "QLinearMul", .domain = kDomain, .upgrade = UpgradeMul, .flags = kOpAlias},
    {.name = "QLinearSigmoid", .domain = kDomain, .upgrade = UpgradeSigmoid, .flags = kOpAlias},
    {.name = "QLinearLeakyRelu", .domain = kDomain, .upgrade = UpgradeLeakyRelu, .flags = kOpAlias},
    {.name = "QLinearSoftmax", .domain = kDomain, .upgrade = UpgradeSoftmax, .flags = kOpAlias},
    {.name = "QLinearReduceMean", .domain = kDomain, .upgrade = UpgradeReduceMean, .flags = kOpAlias},
    {.name = "QLinearAveragePool", .domain = kDomain, .upgrade = UpgradeAveragePool, .flags = kOpAlias},
    {.name = "QLinearGlobalAveragePool", .domain = kDomain, .upgrade = UpgradeGlobalAveragePool, .flags = kOpAlias},
    {.name = "QLinearConcat", .domain = kDomain, .upgrade = UpgradeConcat, .flags = kOpAlias},
    {.name = "QLinearWhere", .domain = kDomain, .upgrade = UpgradeWhere, .flags = kOpAlias},
    {.name = "QLinearConv", .domain = kDomain, .upgrade = UpgradeConv, .flags = kOpAlias},
    {.name = "QGemm", .domain = kDomain, .upgrade = UpgradeGemm, .flags = kOpAlias},
    {.name = "MatMulIntegerToFloat", .domain = kDomain, .upgrade = UpgradeMatMulIntegerToFloat, .flags = kOpAlias},
    {.name = "DynamicQuantizeMatMul", .domain = kDomain, .upgrade = UpgradeDynamicQuantizeMatMul, .flags = kOpAlias},
    {.name = "GatherBlockQuantized", .domain = kDomain, .upgrade = UpgradeGatherBlockQuantized, .flags = kOpAlias},
    {.name = "NhwcMaxPool", .domain = kDomain, .upgrade = UpgradeNhwcMaxPool, .flags = kOpAlias},
    {.name = "NhwcConv", .domain = kDomain, .upgrade = UpgradeNhwcConv, .flags = kOpAlias},
    {.name = "TransposeMatMul", .domain = kDomain, .upgrade = UpgradeTransposeMatMul, .flags = kOpAlias},
    {.name = "GridSample", .domain = kDomain, .upgrade = UpgradeGridSample, .flags = kOpAlias},
    {.name = "BiasAdd", .domain = kDomain, .upgrade = UpgradeBiasAdd, .flags = kOpAlias},
    {.name = "BiasSplitGelu", .domain = kDomain, .upgrade = UpgradeBiasSplitGelu, .flags = kOpAlias},
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }
std::span<const OndaKernelDef> ReferenceKernels() { return {}; }
std::span<const OndaKernelDef> CpuKernels() { return {}; }

}  // namespace onda::qlinear
