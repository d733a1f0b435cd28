#include <cstring>

#include "core/api/file_value.h"
#include "core/api/handles.h"
#include "proto/export_value.h"

OndaTypeInfo::OndaTypeInfo(onda::Fact f) : fact(std::move(f)) {
  fact.constant = nullptr;
  fact.content = nullptr;
  text = fact.ToString();
  if (fact.shape)
    for (const onda::Dim& d : *fact.shape) {
      const std::string name = d.known() ? "" : d.ToString();
      // Dimensions without a name are symbols that begin with one of these.
      dim_names.push_back(name.starts_with("_") || name.starts_with("?") ? "" : name);
    }
  if (fact.element) element = std::make_unique<OndaTypeInfo>(*fact.element);
}

namespace onda {
namespace {

const RuntimeValue& TensorOf(const OndaValue* value) {
  RequireArgument(value, "value");
  if (!value->value.is_tensor()) throw Error(ErrorCode::kInvalidArgument, "the value is no tensor");
  return value->value;
}

std::string& StringOf(const OndaValue* value, size_t index) {
  const RuntimeValue& tensor = TensorOf(value);
  if (tensor.dtype != DType::kString) throw Error(ErrorCode::kInvalidArgument, "the tensor holds no strings");
  if (index >= static_cast<size_t>(tensor.count()))
    throw Error(ErrorCode::kInvalidArgument,
                "string " + std::to_string(index) + " of a tensor of " + std::to_string(tensor.count()));
  return static_cast<std::string*>(tensor.data)[index];
}

std::vector<int64_t> DimsOf(const int64_t* dims, size_t rank) {
  if (rank) RequireArgument(dims, "dims");
  std::vector<int64_t> result(dims, dims + rank);
  for (int64_t d : result)
    if (d < 0) throw Error(ErrorCode::kInvalidArgument, "a tensor cannot have dimension " + std::to_string(d));
  return result;
}

DType DTypeOf(int32_t dtype) {
  if (dtype <= 0 || dtype >= kDTypeCount)
    throw Error(ErrorCode::kInvalidArgument, "element type " + std::to_string(dtype) + " does not exist");
  return static_cast<DType>(dtype);
}

std::shared_ptr<const Fact> TypeOfElement(const RuntimeValue& value) {
  Fact fact = value.ToFact();
  if (fact.is_tensor()) fact.shape.reset();
  return std::make_shared<const Fact>(std::move(fact));
}

}  // namespace

RuntimeValue FromFile(const proto::FileValue& file) {
  if (file.kind == ValueKind::kTensor) return RuntimeValue::FromTensor(file.tensor);
  RuntimeValue value;
  value.kind = file.kind;
  std::vector<RuntimeValue> elements;
  for (const proto::FileValue& element : file.elements) elements.push_back(FromFile(element));
  if (file.kind == ValueKind::kMap && elements.size() == 2) value.dtype = elements[0].dtype;
  if (!elements.empty()) value.element_fact = TypeOfElement(elements.back());
  value.elements = std::make_shared<const std::vector<RuntimeValue>>(std::move(elements));
  return value;
}

proto::FileValue ToFile(const RuntimeValue& value, const std::string& name) {
  proto::FileValue file{name, value.kind, nullptr, {}};
  if (value.is_tensor()) file.tensor = Tensor::Wrap(value.dtype, value.dims, value.data, value.owner);
  if (value.elements)
    for (const RuntimeValue& element : *value.elements) file.elements.push_back(ToFile(element, ""));
  return file;
}

OndaValue* NewValue(RuntimeValue value, std::string device) {
  auto handle = std::make_unique<OndaValue>();
  handle->type = std::make_unique<OndaTypeInfo>(value.ToFact());
  handle->value = std::move(value);
  handle->device = std::move(device);
  return handle.release();
}

void FillValueApi(OndaApi& api) {
  api.CreateTensor = [](int32_t dtype, const int64_t* dims, size_t rank, OndaValue** out) {
    return Guard([&] {
      RequireArgument(out, "out");
      RuntimeValue value = RuntimeValue::FromTensor(Tensor::Make(DTypeOf(dtype), DimsOf(dims, rank)));
      *out = NewValue(std::move(value));
    });
  };
  api.CreateTensorOver = [](void* data, size_t bytes, int32_t dtype, const int64_t* dims, size_t rank,
                            OndaValue** out) {
    return Guard([&] {
      RequireArgument(out, "out");
      RuntimeValue value;
      value.kind = ValueKind::kTensor;
      value.dtype = DTypeOf(dtype);
      value.dims = DimsOf(dims, rank);
      value.data = data;
      value.borrowed = true;
      if (value.dtype == DType::kString)
        throw Error(ErrorCode::kInvalidArgument, "string tensors cannot lie over the caller's memory");
      if (bytes < value.bytes())
        throw Error(ErrorCode::kInvalidArgument, "the memory has " + std::to_string(bytes) + " bytes, " +
                                                     value.ToFact().ToString() + " needs " +
                                                     std::to_string(value.bytes()));
      if (value.bytes()) RequireArgument(data, "data");
      *out = NewValue(std::move(value));
    });
  };
  api.CreateValueFromProto = [](const void* data, size_t size, const OndaTypeInfo* type, OndaValue** out) {
    return Guard([&] {
      RequireArgument(out, "out");
      *out = NewValue(FromFile(
          proto::ImportValue({nullptr, static_cast<const std::byte*>(data), size}, type ? type->fact : Fact{})));
    });
  };
  api.ValueToProto = [](OndaValue* value, const char* name, const void** data, size_t* size) {
    return Guard([&] {
      RequireArgument(value, "value");
      RequireArgument(data, "data");
      RequireArgument(size, "size");
      if (!value->device.empty())
        throw Error(ErrorCode::kInvalidArgument, "the value lies in memory of '" + value->device + "'");
      value->serialised = proto::ExportValue(ToFile(value->value, name ? name : ""), value->value.ToFact());
      *data = value->serialised.data();
      *size = value->serialised.size();
    });
  };
  api.CreateSequence = [](const OndaValue* const* elements, size_t count, OndaValue** out) {
    return Guard([&] {
      RequireArgument(out, "out");
      std::vector<RuntimeValue> values;
      for (size_t i = 0; i < count; ++i) {
        RequireArgument(elements[i], "an element");
        values.push_back(elements[i]->value);
        if (values[i].kind != values[0].kind || values[i].dtype != values[0].dtype)
          throw Error(ErrorCode::kInvalidArgument, "the elements of a sequence must be of one type");
      }
      auto type = values.empty() ? nullptr : TypeOfElement(values[0]);
      *out = NewValue(RuntimeValue::Sequence(std::move(values), std::move(type)));
    });
  };
  api.CreateOptional = [](const OndaValue* element, const OndaTypeInfo* type, OndaValue** out) {
    return Guard([&] {
      RequireArgument(out, "out");
      RuntimeValue value;
      value.kind = ValueKind::kOptional;
      std::vector<RuntimeValue> elements;
      if (element) elements.push_back(element->value);
      if (element) value.element_fact = TypeOfElement(element->value);
      if (!element && type) value.element_fact = std::make_shared<const Fact>(type->fact);
      value.elements = std::make_shared<const std::vector<RuntimeValue>>(std::move(elements));
      *out = NewValue(std::move(value));
    });
  };
  api.CreateMap = [](const OndaValue* keys, const OndaValue* values, OndaValue** out) {
    return Guard([&] {
      RequireArgument(out, "out");
      RequireArgument(values, "values");
      const RuntimeValue& k = TensorOf(keys);
      if (k.dims.size() != 1 || (k.dtype != DType::kString && !IsInteger(k.dtype)))
        throw Error(ErrorCode::kInvalidArgument, "the keys of a map are a 1-D tensor of integers or strings");
      const int64_t count = values->value.is_tensor() ? values->value.count()
                            : values->value.elements  ? static_cast<int64_t>(values->value.elements->size())
                                                      : -1;
      if (count != k.count()) throw Error(ErrorCode::kInvalidArgument, "a map needs as many values as keys");
      RuntimeValue value;
      value.kind = ValueKind::kMap;
      value.dtype = k.dtype;
      value.element_fact = TypeOfElement(values->value);
      value.elements = std::make_shared<const std::vector<RuntimeValue>>(std::vector<RuntimeValue>{k, values->value});
      *out = NewValue(std::move(value));
    });
  };
  api.ValueKind = [](const OndaValue* value) { return value ? static_cast<int32_t>(value->value.kind) : 0; };
  api.ValueType = [](const OndaValue* value) -> const OndaTypeInfo* { return value ? value->type.get() : nullptr; };
  api.TensorData = [](const OndaValue* value, void** data, size_t* bytes) {
    return Guard([&] {
      const RuntimeValue& tensor = TensorOf(value);
      if (tensor.dtype == DType::kString)
        throw Error(ErrorCode::kInvalidArgument, "strings are read one by one, they have no common memory");
      if (data) *data = tensor.data;
      if (bytes) *bytes = tensor.bytes();
    });
  };
  api.TensorString = [](const OndaValue* value, size_t index, const char** data, size_t* size) {
    return Guard([&] {
      const std::string& s = StringOf(value, index);
      if (data) *data = s.data();
      if (size) *size = s.size();
    });
  };
  api.TensorSetString = [](OndaValue* value, size_t index, const char* data, size_t size) {
    return Guard([&] { StringOf(value, index).assign(data ? data : "", data ? size : 0); });
  };
  api.ValueCount = [](const OndaValue* value, size_t* count) {
    return Guard([&] {
      RequireArgument(value, "value");
      RequireArgument(count, "count");
      if (!value->value.elements)
        throw Error(ErrorCode::kInvalidArgument, "only sequences, optionals and maps have elements");
      *count = value->value.elements->size();
    });
  };
  api.ValueElement = [](const OndaValue* value, size_t index, OndaValue** out) {
    return Guard([&] {
      RequireArgument(value, "value");
      RequireArgument(out, "out");
      if (!value->value.elements || index >= value->value.elements->size())
        throw Error(ErrorCode::kInvalidArgument, "the value has no element " + std::to_string(index));
      *out = NewValue((*value->value.elements)[index]);
    });
  };
  api.ReleaseValue = [](OndaValue* value) { delete value; };

  api.TypeKind = [](const OndaTypeInfo* type) { return type ? static_cast<int32_t>(type->fact.kind) : 0; };
  api.TypeElementDType = [](const OndaTypeInfo* type) { return type ? static_cast<int32_t>(type->fact.dtype) : 0; };
  api.TypeRank = [](const OndaTypeInfo* type) { return type && type->fact.shape ? type->fact.rank() : -1; };
  api.TypeDim = [](const OndaTypeInfo* type, size_t axis) -> int64_t {
    return type && type->fact.shape && axis < type->fact.shape->size() ? (*type->fact.shape)[axis].value_or_unknown()
                                                                       : -1;
  };
  api.TypeDimName = [](const OndaTypeInfo* type, size_t axis) -> const char* {
    return type && axis < type->dim_names.size() ? type->dim_names[axis].c_str() : "";
  };
  api.TypeElement = [](const OndaTypeInfo* type) -> const OndaTypeInfo* {
    return type ? type->element.get() : nullptr;
  };
  api.TypeToString = [](const OndaTypeInfo* type) -> const char* { return type ? type->text.c_str() : ""; };
}

}  // namespace onda
