#include "proto/tensor_data.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

#include "onnx.pb.h"
#include "proto/external_data.h"
#include "proto/quoted.h"

namespace onda::proto {
namespace {

static_assert(std::endian::native == std::endian::little, "ONNX's raw data is little-endian and used as it is");

// Fields of wire::Tensor that hold data.
enum DataField { kFloatData = 4, kInt32Data = 5, kInt64Data = 7, kRawData = 9, kDoubleData = 10, kUint64Data = 11 };

// Tensors from a file whose address does not suit their type are copied if they are smaller than this. Larger ones are
// weights that a kernel packs; they stay in the file.
constexpr uint64_t kCopyMisalignedBelow = 64 << 10;

[[noreturn]] void RejectTensor(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::kInvalidModel, "tensor " + Quoted(name) + " " + why);
}

bool IsFloat6(DType dtype) { return dtype == DType::kFloat6E2M3 || dtype == DType::kFloat6E3M2; }

std::string DimsText(std::span<const int64_t> dims) {
  std::string text = "[";
  for (const int64_t dim : dims) text += (text.size() > 1 ? "," : "") + std::to_string(dim);
  return text + "]";
}

// The field that holds the elements of a type one by one.
DataField TypedField(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
    case DType::kComplex64:
      return kFloatData;
    case DType::kDouble:
    case DType::kComplex128:
      return kDoubleData;
    case DType::kInt64:
      return kInt64Data;
    case DType::kUint32:
    case DType::kUint64:
      return kUint64Data;
    default:
      return kInt32Data;
  }
}

const char* FieldName(DataField field) {
  switch (field) {
    case kFloatData:
      return "float_data";
    case kInt32Data:
      return "int32_data";
    case kInt64Data:
      return "int64_data";
    case kDoubleData:
      return "double_data";
    case kUint64Data:
      return "uint64_data";
    default:
      return "raw_data";
  }
}

uint64_t FieldSize(const wire::Tensor& tensor, DataField field) {
  switch (field) {
    case kFloatData:
      return tensor.float_data_size();
    case kInt32Data:
      return tensor.int32_data_size();
    case kInt64Data:
      return tensor.int64_data_size();
    case kDoubleData:
      return tensor.double_data_size();
    case kUint64Data:
      return tensor.uint64_data_size();
    default:
      return tensor.raw_data().size();
  }
}

// The field that holds the data: at most one may. kRawData where none does and raw_data is present but empty.
std::optional<DataField> UsedField(const wire::Tensor& tensor, const std::string& name, const DataPiece* piece) {
  std::optional<DataField> used;
  if (piece) used = static_cast<DataField>(piece->field);
  for (const DataField field : {kFloatData, kInt32Data, kInt64Data, kDoubleData, kUint64Data, kRawData}) {
    if (FieldSize(tensor, field) == 0) continue;
    if (used) RejectTensor(name, std::string("has both ") + FieldName(*used) + " and " + FieldName(field));
    used = field;
  }
  if (!used && tensor.has_raw_data()) used = kRawData;
  return used;
}

// How many entries of its typed field a tensor takes: pairs for complex numbers, a byte's worth for packed types.
uint64_t TypedCount(DType dtype, uint64_t count) {
  if (IsComplex(dtype)) return count * 2;
  const uint64_t bits = static_cast<uint64_t>(BitsOf(dtype));
  return bits < 8 ? (count * bits + 7) / 8 : count;
}

// Bytes of raw_data and of external data.
uint64_t RawSize(DType dtype, uint64_t count) {
  const uint64_t bits = IsFloat6(dtype) ? 6 : static_cast<uint64_t>(BitsOf(dtype));
  return (count * bits + 7) / 8;
}

// Stores number i of a typed field as an element of `bits`, cutting off what is above.
void StoreBits(void* data, uint64_t i, uint64_t value, int bits) {
  switch (bits) {
    case 64:
      std::memcpy(static_cast<char*>(data) + 8 * i, &value, 8);
      break;
    case 32:
      std::memcpy(static_cast<char*>(data) + 4 * i, &value, 4);
      break;
    case 16:
      std::memcpy(static_cast<char*>(data) + 2 * i, &value, 2);
      break;
    default:
      static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(value);
  }
}

// Sets what the format leaves open, so that no kernel need care: booleans become 0 or 1, the bits behind the last
// element of a packed type 0.
bool NeedsCleaning(DType dtype, uint64_t count, std::span<const std::byte> bytes) {
  if (dtype == DType::kBool) {
    return std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return std::to_integer<int>(b) > 1; });
  }
  const uint64_t used = count * static_cast<uint64_t>(BitsOf(dtype)) % 8;
  return used != 0 && std::to_integer<unsigned>(bytes.back()) >> used != 0;
}

void Clean(DType dtype, uint64_t count, std::byte* bytes, uint64_t size) {
  if (dtype == DType::kBool) {
    for (uint64_t i = 0; i < size; ++i) bytes[i] = std::byte{bytes[i] != std::byte{0}};
  } else if (const uint64_t used = count * static_cast<uint64_t>(BitsOf(dtype)) % 8; used != 0) {
    bytes[size - 1] &= std::byte{static_cast<uint8_t>((1u << used) - 1)};
  }
}

// Element i of 6 bits, packed with the first in the lowest bits.
std::byte Unpack6(std::span<const std::byte> packed, uint64_t i) {
  const uint64_t bit = i * 6;
  unsigned pair = std::to_integer<unsigned>(packed[bit / 8]);
  if (bit % 8 > 2) pair |= std::to_integer<unsigned>(packed[bit / 8 + 1]) << 8;
  return std::byte{static_cast<uint8_t>(pair >> bit % 8 & 0x3f)};
}

uint64_t ParseNumber(const std::string& text, const char* key, const std::string& name) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    RejectTensor(name, std::string("has an external ") + key + " that is not a number: " + Quoted(text));
  }
  return value;
}

ExternalLocation ParseLocation(const wire::Tensor& tensor) {
  ExternalLocation where;
  bool found = false;
  for (const wire::StringStringEntry& entry : tensor.external_data()) {
    if (entry.key() == "location") {
      where.location = entry.value();
      found = true;
    } else if (entry.key() == "offset") {
      where.offset = ParseNumber(entry.value(), "offset", tensor.name());
    } else if (entry.key() == "length") {
      where.length = ParseNumber(entry.value(), "length", tensor.name());
    }
  }
  if (!found) RejectTensor(tensor.name(), "is stored externally but has no location");
  return where;
}

// Decodes a packed run of varints.
template <class Store>
uint64_t DecodeVarints(std::span<const std::byte> data, uint64_t limit, const std::string& name, Store store) {
  uint64_t n = 0, at = 0;
  while (at < data.size()) {
    if (n == limit) return n + 1;
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      if (at == data.size() || shift > 63) RejectTensor(name, "has a malformed number in its data");
      const auto byte = std::to_integer<uint64_t>(data[at++]);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    store(n++, value);
  }
  return n;
}

}  // namespace

DType CheckedDType(int32_t value, const std::string& what) {
  if (value <= 0 || value >= kDTypeCount) {
    throw Error(ErrorCode::kInvalidModel, what + " has element type " + std::to_string(value) +
                                              (value == 0 ? " (undefined)" : ", which ONNX does not define"));
  }
  return static_cast<DType>(value);
}

TensorPtr TensorReader::Read(wire::Tensor& tensor) const {
  CheckStop(stop_);
  const std::string& name = tensor.name();
  Form form{name, CheckedDType(tensor.data_type(), "tensor " + Quoted(name)), {}, 0};
  form.dims.assign(tensor.dims().begin(), tensor.dims().end());
  if (form.dims.size() > limits_.max_rank) {
    RejectTensor(name, "has rank " + std::to_string(form.dims.size()) + ", over the limit of " +
                           std::to_string(limits_.max_rank));
  }
  try {
    form.count = static_cast<uint64_t>(CountOf(form.dims));
    const uint64_t bytes = BytesOf(form.dtype, static_cast<int64_t>(form.count));
    if (bytes > limits_.max_bytes) {
      throw Error(ErrorCode::kResourceLimit,
                  std::to_string(bytes) + " bytes are over the limit of " + std::to_string(limits_.max_bytes));
    }
  } catch (const Error& error) {
    throw Error(error.code(), "tensor " + Quoted(name) + " of shape " + DimsText(form.dims) + ": " + error.what());
  }

  const DataPiece* piece = tensor.has_segment() ? &pieces_[static_cast<size_t>(tensor.segment().begin())] : nullptr;
  const bool external = tensor.data_location() == wire::Tensor::EXTERNAL;
  const std::optional<DataField> used = UsedField(tensor, name, piece);
  if (form.dtype == DType::kString) {
    if (used || external) RejectTensor(name, "holds strings, which only string_data can");
    if (static_cast<uint64_t>(tensor.string_data_size()) != form.count) {
      RejectTensor(name, "of shape " + DimsText(form.dims) + " has " + std::to_string(tensor.string_data_size()) +
                             " strings instead of " + std::to_string(form.count));
    }
    std::shared_ptr<Tensor> strings = Tensor::Make(form.dtype, std::move(form.dims));
    for (uint64_t i = 0; i < form.count; ++i) {
      strings->mutable_as<std::string>()[i] = std::move(*tensor.mutable_string_data(static_cast<int>(i)));
    }
    return strings;
  }
  if (tensor.string_data_size() > 0) {
    RejectTensor(name, "of " + std::string(NameOf(form.dtype)) + " has its data in string_data");
  }
  if (external) {
    if (used) RejectTensor(name, std::string("is stored externally and has ") + FieldName(*used) + " as well");
    return FromRaw(tensor, form, nullptr);
  }
  if (!used && form.count != 0) RejectTensor(name, "of shape " + DimsText(form.dims) + " has no data");
  if (!used) return Tensor::Make(form.dtype, std::move(form.dims));
  if (*used == kRawData) return FromRaw(tensor, form, piece);
  if (*used != TypedField(form.dtype)) {
    RejectTensor(name, "of " + std::string(NameOf(form.dtype)) + " has its data in " + FieldName(*used) +
                           " instead of " + FieldName(TypedField(form.dtype)));
  }
  return FromTyped(tensor, form, piece);
}

// The bytes of raw or external data, checked for their size. Those without an owner must be copied.
Bytes TensorReader::RawBytes(const wire::Tensor& tensor, const Form& form, const DataPiece* piece) const {
  const uint64_t size = RawSize(form.dtype, form.count);
  if (tensor.data_location() == wire::Tensor::EXTERNAL) {
    if (!external_) RejectTensor(form.name, "is stored externally, which is not possible here");
    return external_->Find(ParseLocation(tensor), size, form.name);
  }
  Bytes bytes;
  if (piece) {
    bytes = {file_.owner, piece->data.data(), piece->data.size()};
  } else {
    bytes = {nullptr, reinterpret_cast<const std::byte*>(tensor.raw_data().data()), tensor.raw_data().size()};
  }
  if (bytes.size != size) {
    RejectTensor(form.name, "of " + std::string(NameOf(form.dtype)) + DimsText(form.dims) + " has " +
                                std::to_string(bytes.size) + " bytes of data instead of " + std::to_string(size));
  }
  return bytes;
}

TensorPtr TensorReader::FromRaw(const wire::Tensor& tensor, const Form& form, const DataPiece* piece) const {
  const Bytes bytes = RawBytes(tensor, form, piece);
  if (IsFloat6(form.dtype)) {
    std::shared_ptr<Tensor> made = Tensor::Make(form.dtype, form.dims);
    auto* out = static_cast<std::byte*>(made->mutable_data());
    for (uint64_t i = 0; i < form.count; ++i) out[i] = Unpack6(bytes.span(), i);
    return made;
  }
  const auto alignment = static_cast<uintptr_t>(std::max(1, std::min(BitsOf(form.dtype) / 8, 8)));
  const bool aligned = reinterpret_cast<uintptr_t>(bytes.data) % alignment == 0;
  if (bytes.owner && (aligned || bytes.size >= kCopyMisalignedBelow) &&
      !NeedsCleaning(form.dtype, form.count, bytes.span())) {
    return Tensor::Wrap(form.dtype, form.dims, bytes.data, bytes.owner);
  }
  std::shared_ptr<Tensor> made = Tensor::Make(form.dtype, form.dims);
  if (bytes.size > 0) {
    std::memcpy(made->mutable_data(), bytes.data, bytes.size);
    Clean(form.dtype, form.count, static_cast<std::byte*>(made->mutable_data()), bytes.size);
  }
  return made;
}

TensorPtr TensorReader::FromTyped(const wire::Tensor& tensor, const Form& form, const DataPiece* piece) const {
  const DataField field = TypedField(form.dtype);
  const uint64_t want = TypedCount(form.dtype, form.count);
  const int bits = IsComplex(form.dtype) ? BitsOf(form.dtype) / 2 : std::max(8, BitsOf(form.dtype));
  const auto check = [&](uint64_t have) {
    if (have == want) return;
    RejectTensor(form.name, "of " + std::string(NameOf(form.dtype)) + DimsText(form.dims) + " has " +
                                (have > want ? "more than " + std::to_string(want) : std::to_string(have)) +
                                " numbers in " + FieldName(field) + " instead of " + std::to_string(want));
  };
  // Floats on the wire are what they are in memory.
  if (piece && (field == kFloatData || field == kDoubleData)) {
    const uint64_t size = static_cast<uint64_t>(bits) / 8;
    check(piece->data.size() % size == 0 ? piece->data.size() / size : want + 1);
    const DataPiece raw{kRawData, piece->data};
    return FromRaw(tensor, form, &raw);
  }
  if (!piece) check(FieldSize(tensor, field));
  std::shared_ptr<Tensor> made = Tensor::Make(form.dtype, form.dims);
  void* out = made->mutable_data();
  const uint64_t mask = IsFloat6(form.dtype) ? 0x3f : ~uint64_t{0};
  const bool boolean = form.dtype == DType::kBool;
  const auto store = [&](uint64_t i, uint64_t value) { StoreBits(out, i, boolean ? value != 0 : value & mask, bits); };
  if (piece) {
    check(DecodeVarints(piece->data, want, form.name, store));
  } else if (want > 0) {
    switch (field) {
      case kFloatData:
        std::memcpy(out, tensor.float_data().data(), want * sizeof(float));
        break;
      case kDoubleData:
        std::memcpy(out, tensor.double_data().data(), want * sizeof(double));
        break;
      case kInt64Data:
        std::memcpy(out, tensor.int64_data().data(), want * sizeof(int64_t));
        break;
      case kUint64Data:
        for (uint64_t i = 0; i < want; ++i) store(i, tensor.uint64_data(static_cast<int>(i)));
        break;
      default:
        for (uint64_t i = 0; i < want; ++i) {
          store(i, static_cast<uint64_t>(int64_t{tensor.int32_data(static_cast<int>(i))}));
        }
    }
  }
  if (want > 0) Clean(form.dtype, form.count, static_cast<std::byte*>(out), made->bytes());
  return made;
}

SparseTensor TensorReader::ReadSparse(wire::SparseTensor& wire) const {
  SparseTensor sparse;
  const std::string name = wire.values().name();
  if (!wire.has_values()) RejectTensor(name, "is sparse and has no values");
  sparse.values = Read(*wire.mutable_values());
  sparse.dims.assign(wire.dims().begin(), wire.dims().end());
  const std::vector<int64_t>& dims = sparse.dims;
  if (sparse.values->dims().size() != 1) RejectTensor(name, "is sparse and its values are not of rank 1");
  if (dims.empty()) RejectTensor(name, "is sparse and has no dimensions");
  if (dims.size() > limits_.max_rank) RejectTensor(name, "is sparse and of a rank over the limit");
  if (std::any_of(dims.begin(), dims.end(), [](int64_t dim) { return dim <= 0; })) {
    RejectTensor(name, "is sparse with shape " + DimsText(dims) + ", which has a dimension that is not positive");
  }
  int64_t dense = 0;
  try {
    dense = CountOf(dims);
    if (BytesOf(sparse.values->dtype(), dense) > limits_.max_bytes) {
      throw Error(ErrorCode::kResourceLimit, "over the limit of " + std::to_string(limits_.max_bytes) + " bytes");
    }
  } catch (const Error& error) {
    throw Error(error.code(), "sparse tensor " + Quoted(name) + " of shape " + DimsText(dims) + ": " + error.what());
  }

  const int64_t n = sparse.values->count();
  if (!wire.has_indices()) {
    if (n != 0) RejectTensor(name, "is sparse and has no indices");
    sparse.indices = Tensor::Int64s({});
    return sparse;
  }
  sparse.indices = Read(*wire.mutable_indices());
  const std::vector<int64_t>& form = sparse.indices->dims();
  const auto rank = static_cast<int64_t>(dims.size());
  const bool linear = form == std::vector<int64_t>{n};
  if (sparse.indices->dtype() != DType::kInt64 || !(linear || form == std::vector<int64_t>{n, rank})) {
    RejectTensor(name, "is sparse and its indices are " + std::string(NameOf(sparse.indices->dtype())) +
                           DimsText(form) + " instead of int64[" + std::to_string(n) + "] or int64[" +
                           std::to_string(n) + "," + std::to_string(rank) + "]");
  }
  int64_t last = -1;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t index = LinearIndex(sparse, i);
    if (index < 0 || index >= dense)
      RejectTensor(name, "is sparse and its index " + std::to_string(i) + " is out of range");
    if (index <= last) RejectTensor(name, "is sparse and its indices do not ascend at " + std::to_string(i));
    last = index;
  }
  return sparse;
}

// The position of value i in the flattened dense tensor, or -1 where a coordinate is outside its dimension.
int64_t TensorReader::LinearIndex(const SparseTensor& sparse, int64_t i) {
  const auto index_at = [&](int64_t at) {
    int64_t index;
    std::memcpy(&index, static_cast<const char*>(sparse.indices->data()) + 8 * at, 8);
    return index;
  };
  if (sparse.indices->dims().size() == 1) return index_at(i);
  const auto rank = static_cast<int64_t>(sparse.dims.size());
  int64_t linear = 0;
  for (int64_t axis = 0; axis < rank; ++axis) {
    const int64_t index = index_at(i * rank + axis), dim = sparse.dims[static_cast<size_t>(axis)];
    if (index < 0 || index >= dim) return -1;
    linear = linear * dim + index;
  }
  return linear;
}

TensorPtr TensorReader::Densify(const SparseTensor& sparse) const {
  const Tensor& values = *sparse.values;
  std::shared_ptr<Tensor> dense = Tensor::Make(values.dtype(), sparse.dims);
  const int bits = BitsOf(values.dtype());
  const auto* from = static_cast<const uint8_t*>(values.data());
  auto* to = static_cast<uint8_t*>(dense->mutable_data());
  for (int64_t i = 0; i < values.count(); ++i) {
    if ((i & 0xffff) == 0) CheckStop(stop_);
    const auto at = static_cast<size_t>(LinearIndex(sparse, i)), source = static_cast<size_t>(i);
    if (values.dtype() == DType::kString) {
      dense->mutable_as<std::string>()[at] = values.as<std::string>()[source];
    } else if (bits < 8) {
      const size_t per_byte = 8 / static_cast<size_t>(bits), b = static_cast<size_t>(bits);
      const unsigned element = from[source / per_byte] >> source % per_byte * b & ((1u << b) - 1);
      to[at / per_byte] = static_cast<uint8_t>(to[at / per_byte] | element << at % per_byte * b);
    } else {
      const auto size = static_cast<size_t>(bits) / 8;
      std::memcpy(to + at * size, from + source * size, size);
    }
  }
  return dense;
}

}  // namespace onda::proto
