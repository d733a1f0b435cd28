#include "core/ir/fact.h"

namespace onda {

Fact Fact::Tensor(DType dtype, Dims dims) {
  Fact f;
  f.kind = ValueKind::kTensor;
  f.dtype = dtype;
  f.shape = std::move(dims);
  return f;
}

Fact Fact::TensorOfUnknownRank(DType dtype) {
  Fact f;
  f.kind = ValueKind::kTensor;
  f.dtype = dtype;
  return f;
}

Fact Fact::Constant(TensorPtr tensor) {
  Fact f = Tensor(tensor->dtype(), Dims(tensor->dims().begin(), tensor->dims().end()));
  f.constant = std::move(tensor);
  return f;
}

Fact Fact::Sequence(Fact element) {
  Fact f;
  f.kind = ValueKind::kSequence;
  f.element = std::make_shared<const Fact>(std::move(element));
  return f;
}

Fact Fact::Optional(Fact element) {
  Fact f;
  f.kind = ValueKind::kOptional;
  f.element = std::make_shared<const Fact>(std::move(element));
  return f;
}

bool Fact::static_shape() const {
  if (!shape) return false;
  for (const Dim& d : *shape)
    if (!d.known()) return false;
  return true;
}

std::vector<int64_t> Fact::static_dims() const {
  std::vector<int64_t> dims;
  dims.reserve(shape->size());
  for (const Dim& d : *shape) dims.push_back(d.value());
  return dims;
}

std::optional<Dims> Fact::Content() const {
  if (content) return *content;
  if (!constant || !(IsInteger(dtype) || dtype == DType::kBool) || constant->count() > kMaxContent) return {};
  const std::vector<int64_t> values = constant->ToInt64s();
  return Dims(values.begin(), values.end());
}

std::string ToString(const Dims& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + dims[i].ToString();
  return text + "]";
}

std::string Fact::ToString() const {
  switch (kind) {
    case ValueKind::kUnknown:
      return "unknown";
    case ValueKind::kSequence:
      return "seq(" + (element ? element->ToString() : "unknown") + ")";
    case ValueKind::kOptional:
      return "optional(" + (element ? element->ToString() : "unknown") + ")";
    case ValueKind::kMap:
      return "map(" + std::string(NameOf(dtype)) + ", " + (element ? element->ToString() : "unknown") + ")";
    case ValueKind::kSparse:
      return "sparse_tensor(" + std::string(NameOf(dtype)) + (shape ? onda::ToString(*shape) : "") + ")";
    case ValueKind::kOpaque:
      return "opaque";
    case ValueKind::kTensor:
      break;
  }
  std::string text(NameOf(dtype));
  if (!shape) return text + "[...]";
  if (!shape->empty()) text += onda::ToString(*shape);
  if (channel_block != 1) text += " in channel blocks of " + std::to_string(channel_block);
  if (const std::optional<Dims> elements = Content(); elements && elements->size() <= 8) {
    std::string list = onda::ToString(*elements);
    text += " = {" + list.substr(1, list.size() - 2) + "}";
  }
  return text;
}

}  // namespace onda
