#include "proto/import_type.h"

#include <utility>

#include "onda/types.h"
#include "onnx.pb.h"
#include "proto/tensor_data.h"

namespace onda::proto {
namespace {

[[noreturn]] void RejectType(const std::string& what, const std::string& why) {
  throw Error(ErrorCode::kInvalidModel, what + " " + why);
}

}  // namespace

Dim TypeReader::Fresh() { return Dim::Symbol("?r" + std::to_string(fresh_++)); }

template <class TensorType>
Fact TypeReader::ReadTensor(const TensorType& type, ValueKind kind, const std::string& what) {
  Fact fact;
  fact.kind = kind;
  fact.dtype = CheckedDType(type.elem_type(), what);
  if (!type.has_shape()) return fact;
  if (static_cast<size_t>(type.shape().dim_size()) > max_rank_) {
    RejectType(what, "has rank " + std::to_string(type.shape().dim_size()) + ", over the limit of " +
                         std::to_string(max_rank_));
  }
  Dims& dims = fact.shape.emplace();
  for (const wire::TensorShape::Dimension& dim : type.shape().dim()) {
    // Exporters write -1 where they should write nothing.
    if (dim.has_dim_value() && dim.dim_value() != -1) {
      if (dim.dim_value() < 0) RejectType(what, "has a negative dimension " + std::to_string(dim.dim_value()));
      dims.push_back(dim.dim_value());
    } else if (!dim.dim_param().empty() && dim.dim_param().find('?') == std::string::npos) {
      dims.push_back(ParseDim(dim.dim_param()));
    } else {
      dims.push_back(Fresh());
    }
  }
  return fact;
}

Fact TypeReader::Read(const wire::Type& type, const std::string& what) {
  Fact fact;
  switch (type.value_case()) {
    case wire::Type::kTensorType:
      return ReadTensor(type.tensor_type(), ValueKind::kTensor, what);
    case wire::Type::kSparseTensorType:
      return ReadTensor(type.sparse_tensor_type(), ValueKind::kSparse, what);
    case wire::Type::kSequenceType:
      return Fact::Sequence(Read(type.sequence_type().elem_type(), "an element of " + what));
    case wire::Type::kOptionalType:
      return Fact::Optional(Read(type.optional_type().elem_type(), "the element of " + what));
    case wire::Type::kMapType:
      fact.kind = ValueKind::kMap;
      fact.dtype = CheckedDType(type.map_type().key_type(), "the key of " + what);
      if (!IsInteger(fact.dtype) && fact.dtype != DType::kString) {
        RejectType("the key of " + what, "is " + std::string(NameOf(fact.dtype)) + ", not an integer or a string");
      }
      fact.element = std::make_shared<const Fact>(Read(type.map_type().value_type(), "a value of " + what));
      return fact;
    case wire::Type::kOpaqueType:
      fact.kind = ValueKind::kOpaque;
      fact.shape = {Dim::Symbol(type.opaque_type().domain()), Dim::Symbol(type.opaque_type().name())};
      return fact;
    case wire::Type::VALUE_NOT_SET:
      break;
  }
  return fact;
}

std::string ReadDenotation(const wire::Type& type) {
  std::string dims;
  bool any = false;
  for (const wire::TensorShape::Dimension& dim : type.tensor_type().shape().dim()) {
    any = any || !dim.denotation().empty();
    dims += (dims.empty() ? ";" : ",") + dim.denotation();
  }
  return any ? type.denotation() + dims : type.denotation();
}

}  // namespace onda::proto
