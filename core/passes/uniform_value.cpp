#include "core/passes/uniform_value.h"

#include "onda/float_formats.h"

namespace onda {
namespace {

constexpr int64_t kMostElements = int64_t{1} << 22;  // of constants that are looked through

}  // namespace

std::optional<double> UniformValue(const RuleContext& c, ValueId value) {
  const TensorPtr t = c.ConstantOf(value);
  if (t) {
    if (t->count() == 0 || t->count() > kMostElements || t->dtype() == DType::kString || IsComplex(t->dtype()))
      return {};
    const double first = LoadDouble(t->dtype(), t->data(), 0);
    for (int64_t i = 1; i < t->count(); ++i)
      if (LoadDouble(t->dtype(), t->data(), i) != first) return {};
    return first;
  }
  const Node* node = c.Producer(value);
  if (node && c.Is(*node, "Expand")) return UniformValue(c, node->inputs[0]);
  if (!node || !c.Is(*node, "ConstantOfShape")) return {};
  const AttributeValue* number = node->attributes.Find("value");
  const auto* tensor = number ? std::get_if<TensorPtr>(number) : nullptr;
  return tensor && *tensor ? LoadDouble((*tensor)->dtype(), (*tensor)->data(), 0) : 0;
}

}  // namespace onda
