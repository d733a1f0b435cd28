#include "core/passes/quantization.h"

#include "onda/float_formats.h"

namespace onda {
namespace {

bool IsByte(DType t) { return t == DType::kInt8 || t == DType::kUint8; }

// Reads inputs 1 and 2 of a (De)QuantizeLinear node.
std::optional<Quantization> Read(const RuleContext& c, const Node& node, const Fact& real, const Fact& integers) {
  const Attributes a = node.attributes.view();
  if (real.dtype != DType::kFloat || !real.has_rank() || node.inputs.size() < 2) return {};
  if (a.Int("block_size", 0) != 0) return {};
  const int64_t precision = a.Int("precision", 0);
  if (precision != 0 && precision != static_cast<int64_t>(DType::kFloat)) return {};
  Quantization q;
  q.type = integers.dtype;
  q.scale_value = node.inputs[1];
  const TensorPtr scale = c.ConstantOf(q.scale_value);
  if (!scale || scale->dtype() != DType::kFloat || scale->count() == 0) return {};
  q.scale = scale->ToDoubles();
  if (node.has_input(2)) {
    q.zero_value = node.inputs[2];
    const TensorPtr zero = c.ConstantOf(q.zero_value);
    if (!zero || zero->count() != scale->count()) return {};
    q.zero = zero->ToDoubles();
  } else {
    q.zero.assign(q.scale.size(), 0.0);
  }
  for (double s : q.scale)
    if (!(s > 0)) return {};
  q.axis = a.Int("axis", 1);
  if (q.axis < 0) q.axis += real.rank();
  if (!q.per_tensor() && scale->dims().size() != 1) return {};
  return q;
}

}  // namespace

ValueId Quantization::Scale(Patch& patch) const {
  std::vector<int64_t> dims;
  if (!per_tensor()) dims.push_back(static_cast<int64_t>(scale.size()));
  auto tensor = Tensor::Make(DType::kFloat, dims);
  for (size_t i = 0; i < scale.size(); ++i) tensor->mutable_as<float>()[i] = static_cast<float>(scale[i]);
  return patch.Constant(tensor);
}

ValueId Quantization::Zero(Patch& patch) const {
  std::vector<int64_t> dims;
  if (!per_tensor()) dims.push_back(static_cast<int64_t>(zero.size()));
  auto tensor = Tensor::Make(type, dims);
  for (size_t i = 0; i < zero.size(); ++i) StoreDouble(type, tensor->mutable_data(), static_cast<int64_t>(i), zero[i]);
  return patch.Constant(tensor);
}

std::optional<Dequantized> DequantizedOf(const RuleContext& c, ValueId value) {
  const Node* node = value == kNoValue ? nullptr : c.Producer(value);
  if (!node || !c.Is(*node, "DequantizeLinear")) return {};
  const Fact& integers = c.FactOf(node->inputs[0]);
  if (!IsByte(integers.dtype) && integers.dtype != DType::kInt32) return {};
  std::optional<Quantization> by = Read(c, *node, c.FactOf(value), integers);
  if (!by) return {};
  return Dequantized{node->inputs[0], std::move(*by)};
}

std::optional<Quantization> QuantizationOf(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "QuantizeLinear")) return {};
  const Fact& integers = c.FactOf(node.outputs[0]);
  if (!IsByte(integers.dtype)) return {};
  std::optional<Quantization> by = Read(c, node, c.FactOf(node.inputs[0]), integers);
  if (!by || !by->per_tensor()) return {};
  return by;
}

}  // namespace onda
