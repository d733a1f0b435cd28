#include "proto/export_value.h"

#include <cstring>

#include "onda/types.h"
#include "proto/export_graph.h"

namespace onda::proto {
namespace {

// The number that Sequence.DataType and Optional.DataType have for a kind.
int32_t ElementType(ValueKind kind) {
  switch (kind) {
    case ValueKind::kTensor:
      return wire::Sequence::TENSOR;
    case ValueKind::kSparse:
      return wire::Sequence::SPARSE_TENSOR;
    case ValueKind::kSequence:
      return wire::Sequence::SEQUENCE;
    case ValueKind::kMap:
      return wire::Sequence::MAP;
    case ValueKind::kOptional:
      return wire::Sequence::OPTIONAL;
    default:
      return wire::Sequence::UNDEFINED;
  }
}

ValueKind ElementKind(const FileValue& value, const Fact& type) {
  if (!value.elements.empty()) return value.elements[0].kind;
  return type.element ? type.element->kind : ValueKind::kUnknown;
}

const Fact& ElementFact(const Fact& type) {
  static const Fact kUnknown;
  return type.element ? *type.element : kUnknown;
}

int64_t IntegerAt(const Tensor& tensor, int64_t i) {
  uint64_t bits = 0;
  const int size = BitsOf(tensor.dtype()) / 8, shift = 64 - 8 * size;
  std::memcpy(&bits, static_cast<const char*>(tensor.data()) + i * size, static_cast<size_t>(size));
  if (!IsSigned(tensor.dtype())) return static_cast<int64_t>(bits);
  return static_cast<int64_t>(bits << shift) >> shift;
}

class ValueWriter {
 public:
  void Write(const FileValue& value, const Fact& type, wire::Sequence& out) {
    if (!value.name.empty()) out.set_name(value.name);
    const ValueKind kind = ElementKind(value, type);
    out.set_elem_type(ElementType(kind));
    for (const FileValue& element : value.elements) {
      if (element.kind != kind) Reject("a sequence has elements of different kinds");
      switch (kind) {
        case ValueKind::kTensor:
          Write(element, *out.add_tensor_values());
          break;
        case ValueKind::kSequence:
          Write(element, ElementFact(type), *out.add_sequence_values());
          break;
        case ValueKind::kMap:
          Write(element, *out.add_map_values());
          break;
        case ValueKind::kOptional:
          Write(element, ElementFact(type), *out.add_optional_values());
          break;
        default:
          Reject("a sequence has elements of a kind that cannot be written");
      }
    }
  }

  void Write(const FileValue& value, const Fact& type, wire::Optional& out) {
    if (!value.name.empty()) out.set_name(value.name);
    const ValueKind kind = ElementKind(value, type);
    out.set_elem_type(ElementType(kind));
    if (value.elements.empty()) return;
    const FileValue& element = value.elements[0];
    switch (kind) {
      case ValueKind::kTensor:
        return Write(element, *out.mutable_tensor_value());
      case ValueKind::kSequence:
        return Write(element, ElementFact(type), *out.mutable_sequence_value());
      case ValueKind::kMap:
        return Write(element, *out.mutable_map_value());
      case ValueKind::kOptional:
        return Write(element, ElementFact(type), *out.mutable_optional_value());
      default:
        Reject("an optional has an element of a kind that cannot be written");
    }
  }

  void Write(const FileValue& value, wire::Tensor& out) {
    if (!value.tensor) Reject("a tensor has no data");
    if (!value.name.empty()) out.set_name(value.name);
    tensors_.WriteTensor(*value.tensor, out);
  }

  void Write(const FileValue& value, wire::Map& out) {
    if (!value.name.empty()) out.set_name(value.name);
    if (value.elements.size() != 2 || !value.elements[0].tensor) Reject("a map has no keys and values");
    const Tensor& keys = *value.elements[0].tensor;
    out.set_key_type(static_cast<int32_t>(keys.dtype()));
    if (keys.dtype() == DType::kString) {
      for (const std::string& key : keys.as<std::string>()) out.add_string_keys(key);
    } else if (IsInteger(keys.dtype()) && BitsOf(keys.dtype()) >= 8) {
      for (int64_t i = 0; i < keys.count(); ++i) out.add_keys(IntegerAt(keys, i));
    } else {
      Reject("a map has keys that are neither integers nor strings");
    }
    const FileValue& values = value.elements[1];
    if (!values.tensor) return Write(values, {}, *out.mutable_values());
    // Each on its own, as a scalar.
    const Tensor& flat = *values.tensor;
    out.mutable_values()->set_elem_type(wire::Sequence::TENSOR);
    if (flat.dtype() != DType::kString && BitsOf(flat.dtype()) < 8) Reject("a map has values of a packed type");
    const int64_t size = flat.dtype() == DType::kString ? 0 : BitsOf(flat.dtype()) / 8;
    for (int64_t i = 0; i < flat.count(); ++i) {
      std::shared_ptr<Tensor> scalar = Tensor::Make(flat.dtype(), {});
      if (flat.dtype() == DType::kString) {
        scalar->mutable_as<std::string>()[0] = flat.as<std::string>()[static_cast<size_t>(i)];
      } else {
        std::memcpy(scalar->mutable_data(), static_cast<const char*>(flat.data()) + i * size,
                    static_cast<size_t>(size));
      }
      tensors_.WriteTensor(*scalar, *out.mutable_values()->add_tensor_values());
    }
  }

 private:
  [[noreturn]] static void Reject(const std::string& why) { throw Error(ErrorCode::kInvalidArgument, why); }

  GraphWriter tensors_{nullptr};
};

}  // namespace

std::string ExportValue(const FileValue& value, const Fact& type) {
  const auto write = [](auto message, auto&&... arguments) {
    ValueWriter().Write(arguments..., message);
    return message.SerializeAsString();
  };
  switch (value.kind) {
    case ValueKind::kTensor:
      return write(wire::Tensor(), value);
    case ValueKind::kMap:
      return write(wire::Map(), value);
    case ValueKind::kSequence:
      return write(wire::Sequence(), value, type);
    case ValueKind::kOptional:
      return write(wire::Optional(), value, type);
    default:
      throw Error(ErrorCode::kInvalidArgument, "a value of this kind cannot be written");
  }
}

}  // namespace onda::proto
