// Cast(Cast(x, B), C) -> Cast(x, C), or x where C is its type. Holds where every value of x's type is exact in B.
#include "core/passes/rules.h"
#include "onda/float_formats.h"

namespace onda {
namespace {

// Sign, bits of precision and largest power of two of a numeric type; nullopt for those that are left alone.
struct Range {
  bool is_signed;
  int precision, exponent_low, exponent_high;  // integers: exponents 0 to precision
};
std::optional<Range> RangeOf(DType t) {
  switch (t) {
    case DType::kBool:
      return Range{false, 1, 0, 1};
    case DType::kUint8:
      return Range{false, 8, 0, 8};
    case DType::kInt8:
      return Range{true, 7, 0, 8};
    case DType::kUint16:
      return Range{false, 16, 0, 16};
    case DType::kInt16:
      return Range{true, 15, 0, 16};
    case DType::kUint32:
      return Range{false, 32, 0, 32};
    case DType::kInt32:
      return Range{true, 31, 0, 32};
    case DType::kUint64:
      return Range{false, 64, 0, 64};
    case DType::kInt64:
      return Range{true, 63, 0, 64};
    case DType::kFloat16:
      return Range{true, 11, -24, 15};
    case DType::kBfloat16:
      return Range{true, 8, -133, 127};
    case DType::kFloat:
      return Range{true, 24, -149, 127};
    case DType::kDouble:
      return Range{true, 53, -1074, 1023};
    default:
      return {};
  }
}

// Whether all values of `from`, infinities and NaN included, are values of `to`.
bool Holds(DType from, DType to) {
  const std::optional<Range> a = RangeOf(from), b = RangeOf(to);
  if (!a || !b || (IsFloating(from) && !IsFloating(to)) || (a->is_signed && !b->is_signed)) return false;
  if (to == DType::kBool) return from == DType::kBool;
  if (IsFloating(to))
    return a->precision <= b->precision && a->exponent_low >= b->exponent_low && a->exponent_high <= b->exponent_high;
  return a->precision <= b->precision;
}

}  // namespace

std::optional<Patch> MergeCasts(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Cast")) return {};
  const Node* first = c.ProducedBy(node, 0, "Cast");
  if (!first) return {};
  const ValueId x = first->inputs[0];
  const DType from = c.FactOf(x).dtype, between = c.FactOf(node.inputs[0]).dtype, to = c.FactOf(node.outputs[0]).dtype;
  if (!Holds(from, between)) return {};
  if (from == to) {
    if (c.IsOutput(node.outputs[0])) return {};
    return Patch("cast there and back").Replace(node.outputs[0], x);
  }
  Patch patch("two casts are one");
  patch.Replace(node.outputs[0], patch.Add("Cast", {x}, node.attributes));
  return patch;
}

}  // namespace onda
