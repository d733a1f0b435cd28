// What rules of quantized graphs ask: which values are dequantized integers, and how a result is quantized.
#ifndef ONDA_CORE_PASSES_QUANTIZATION_H_
#define ONDA_CORE_PASSES_QUANTIZATION_H_

#include <optional>
#include <vector>

#include "core/passes/rules.h"

namespace onda {

// Scale and zero point of fp32 values as 8-bit integers (as int32 for Dequantized), both constants.
struct Quantization {
  ValueId scale_value = kNoValue, zero_value = kNoValue;  // the latter is kNoValue where it is omitted: 0
  std::vector<double> scale, zero;                        // one number, or one per index of the axis
  int64_t axis = 0;                                       // not negative
  DType type = DType::kUndefined;

  bool per_tensor() const { return scale.size() == 1; }
  // The scale as one number or one per index of the axis; input i of a node.
  ValueId Scale(Patch& patch) const;
  // Never omitted, in the quantized type.
  ValueId Zero(Patch& patch) const;
  friend bool operator==(const Quantization& a, const Quantization& b) {
    return a.scale == b.scale && a.zero == b.zero && a.type == b.type && (a.per_tensor() || a.axis == b.axis);
  }
};

struct Dequantized {
  ValueId integers = kNoValue;
  Quantization by;
};

// The value as dequantized 8-bit integers, or int32.
std::optional<Dequantized> DequantizedOf(const RuleContext& c, ValueId value);

// The node as QuantizeLinear to 8 bits with one scale.
std::optional<Quantization> QuantizationOf(const RuleContext& c, const Node& node);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_QUANTIZATION_H_
