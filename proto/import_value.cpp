#include "proto/import_value.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "onda/types.h"
#include "onnx.pb.h"
#include "proto/quoted.h"
#include "proto/tensor_data.h"
#include "proto/wire_scan.h"

namespace onda::proto {
namespace {

constexpr int kMaxNesting = 64;

[[noreturn]] void RejectValue(const std::string& why) { throw Error(ErrorCode::kInvalidModel, why); }

class ValueReader {
 public:
  explicit ValueReader(const TensorReader& tensors) : tensors_(tensors) {}

  FileValue Read(wire::Tensor& tensor) const {
    FileValue value{tensor.name(), ValueKind::kTensor, nullptr, {}};
    value.tensor = tensors_.Read(tensor);
    return value;
  }

  FileValue Read(wire::SparseTensor& sparse) const {
    FileValue value{sparse.values().name(), ValueKind::kTensor, nullptr, {}};
    value.tensor = tensors_.Densify(tensors_.ReadSparse(sparse));
    return value;
  }

  FileValue Read(wire::Sequence& sequence) const {
    FileValue value{sequence.name(), ValueKind::kSequence, nullptr, {}};
    const auto add = [&](auto& list) {
      for (auto& element : list) value.elements.push_back(Read(element));
    };
    switch (sequence.elem_type()) {
      case wire::Sequence::UNDEFINED:
        break;
      case wire::Sequence::TENSOR:
        add(*sequence.mutable_tensor_values());
        break;
      case wire::Sequence::SPARSE_TENSOR:
        add(*sequence.mutable_sparse_tensor_values());
        break;
      case wire::Sequence::SEQUENCE:
        add(*sequence.mutable_sequence_values());
        break;
      case wire::Sequence::MAP:
        add(*sequence.mutable_map_values());
        break;
      case wire::Sequence::OPTIONAL:
        add(*sequence.mutable_optional_values());
        break;
      default:
        RejectValue("a sequence has the unknown element type " + std::to_string(sequence.elem_type()));
    }
    return value;
  }

  FileValue Read(wire::Optional& optional) const {
    FileValue value{optional.name(), ValueKind::kOptional, nullptr, {}};
    if (optional.has_tensor_value()) {
      value.elements.push_back(Read(*optional.mutable_tensor_value()));
    } else if (optional.has_sparse_tensor_value()) {
      value.elements.push_back(Read(*optional.mutable_sparse_tensor_value()));
    } else if (optional.has_sequence_value()) {
      value.elements.push_back(Read(*optional.mutable_sequence_value()));
    } else if (optional.has_map_value()) {
      value.elements.push_back(Read(*optional.mutable_map_value()));
    } else if (optional.has_optional_value()) {
      value.elements.push_back(Read(*optional.mutable_optional_value()));
    }
    return value;
  }

  FileValue Read(wire::Map& map) const {
    FileValue value{map.name(), ValueKind::kMap, nullptr, {}};
    const DType key_type = CheckedDType(map.key_type(), "the key of map " + Quoted(map.name()));
    if (map.keys_size() > 0 && map.string_keys_size() > 0) RejectValue("a map has keys of two kinds");
    FileValue keys{"", ValueKind::kTensor, nullptr, {}};
    if (key_type == DType::kString) {
      std::shared_ptr<Tensor> made = Tensor::Make(key_type, {map.string_keys_size()});
      for (int i = 0; i < map.string_keys_size(); ++i) {
        made->mutable_as<std::string>()[static_cast<size_t>(i)] = map.string_keys(i);
      }
      keys.tensor = std::move(made);
    } else if (IsInteger(key_type) && BitsOf(key_type) >= 8) {
      std::shared_ptr<Tensor> made = Tensor::Make(key_type, {map.keys_size()});
      const auto size = static_cast<size_t>(BitsOf(key_type)) / 8;
      for (int i = 0; i < map.keys_size(); ++i) {
        const int64_t key = map.keys(i);
        std::memcpy(static_cast<char*>(made->mutable_data()) + static_cast<size_t>(i) * size, &key, size);
      }
      keys.tensor = std::move(made);
    } else {
      RejectValue("a map has keys of " + std::string(NameOf(key_type)) + ", not integers or strings");
    }
    FileValue values = Read(*map.mutable_values());
    if (static_cast<int64_t>(values.elements.size()) != keys.tensor->count()) {
      RejectValue("a map has " + std::to_string(keys.tensor->count()) + " keys and " +
                  std::to_string(values.elements.size()) + " values");
    }
    if (TensorPtr flat = Flatten(values.elements)) values = {"", ValueKind::kTensor, std::move(flat), {}};
    value.elements = {std::move(keys), std::move(values)};
    return value;
  }

 private:
  // A tensor of rank 1 of values that are single elements of one type; null where they are not.
  static TensorPtr Flatten(const std::vector<FileValue>& values) {
    if (values.empty()) return nullptr;
    const DType dtype = values[0].tensor ? values[0].tensor->dtype() : DType::kUndefined;
    const bool plain = std::all_of(values.begin(), values.end(), [&](const FileValue& v) {
      return v.tensor && v.tensor->dtype() == dtype && v.tensor->count() == 1;
    });
    if (!plain || (dtype != DType::kString && BitsOf(dtype) < 8)) return nullptr;
    std::shared_ptr<Tensor> flat = Tensor::Make(dtype, {static_cast<int64_t>(values.size())});
    const auto size = static_cast<size_t>(BitsOf(dtype)) / 8;
    for (size_t i = 0; i < values.size(); ++i) {
      if (dtype == DType::kString) {
        flat->mutable_as<std::string>()[i] = values[i].tensor->as<std::string>()[0];
      } else {
        std::memcpy(static_cast<char*>(flat->mutable_data()) + i * size, values[i].tensor->data(), size);
      }
    }
    return flat;
  }

  const TensorReader& tensors_;
};

template <class Message>
FileValue Parse(WireMessage kind, const Bytes& bytes) {
  ScanOptions options;
  options.max_nesting = kMaxNesting;
  options.max_parts = UINT64_MAX;  // given by the user, not by the model
  const ScannedModel scanned = ScanWire(kind, bytes.span(), options);
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(scanned.message.data()),
                                                static_cast<int>(scanned.message.size()));
  stream.SetRecursionLimit(ProtobufRecursionLimit(kMaxNesting));
  Message message;
  if (!message.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) RejectValue("it is malformed");
  const TensorReader tensors(bytes, scanned.pieces, nullptr, {}, {});
  return ValueReader(tensors).Read(message);
}

}  // namespace

FileValue ImportValue(const Bytes& bytes, const Fact& type) {
  const char* expected = "tensor";
  try {
    switch (type.kind) {
      case ValueKind::kSequence:
        expected = "sequence";
        return Parse<wire::Sequence>(WireMessage::kSequence, bytes);
      case ValueKind::kOptional:
        expected = "optional";
        return Parse<wire::Optional>(WireMessage::kOptional, bytes);
      case ValueKind::kMap:
        expected = "map";
        return Parse<wire::Map>(WireMessage::kMap, bytes);
      case ValueKind::kSparse:
        return Parse<wire::SparseTensor>(WireMessage::kSparseTensor, bytes);
      default:
        return Parse<wire::Tensor>(WireMessage::kTensor, bytes);
    }
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, std::string("not a serialized ") + expected + " of ONNX: " + error.what());
  }
}

}  // namespace onda::proto
