#include "core/text/parse_value.h"

#include <optional>
#include <utility>

#include "core/text/parse.h"
#include "onda/float_formats.h"

namespace onda::text {
namespace {

std::optional<DType> FindDType(std::string_view name) {
  for (int i = 0; i < kDTypeCount; ++i)
    if (NameOf(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  return {};
}

bool IsStructure(std::string_view name) {
  return name == "seq" || name == "optional" || name == "map" || name == "sparse_tensor" || name == "opaque";
}

// Integers are values of integer types and bit patterns of float types below 32 bits.
void StoreNumber(const Cursor& cursor, const Literal& literal, DType dtype, void* data, int64_t i) {
  if (literal.kind == LiteralKind::kString) cursor.FailAt(literal.at, "expected a number");
  switch (dtype) {
    case DType::kFloat:
    case DType::kComplex64:
      static_cast<float*>(data)[i] = ToFloat(cursor, literal);
      return;
    case DType::kDouble:
    case DType::kComplex128:
      static_cast<double*>(data)[i] = ToDouble(cursor, literal);
      return;
    case DType::kUint64:
      static_cast<uint64_t*>(data)[i] = ToUint64(cursor, literal);
      return;
    case DType::kInt64:
      static_cast<int64_t*>(data)[i] = ToInt64(cursor, literal);
      return;
    default:
      break;
  }
  const int bits = BitsOf(dtype);
  const bool integer = IsInteger(dtype) || dtype == DType::kBool;
  if (literal.kind == LiteralKind::kFloat && !integer) {
    StoreDouble(dtype, data, i, ToDouble(cursor, literal));
    return;
  }
  const int64_t value = ToInt64(cursor, literal);
  const int64_t low = IsSigned(dtype) ? -(int64_t{1} << (bits - 1)) : 0;
  const int64_t high = dtype == DType::kBool ? 1 : (int64_t{1} << (IsSigned(dtype) ? bits - 1 : bits)) - 1;
  if (value < low || value > high) {
    cursor.FailAt(literal.at, literal.text + " is out of the range of " + std::string(NameOf(dtype)));
  }
  if (integer) return StoreInt64(dtype, data, i, value);
  if (bits == 16) {
    static_cast<uint16_t*>(data)[i] = static_cast<uint16_t>(value);
  } else if (bits == 8) {
    static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(value);
  } else {
    StorePacked(data, bits, i, static_cast<uint32_t>(value));
  }
}

}  // namespace

bool ValueParser::AtType() {
  const std::string_view id = cursor_.PeekIdentifier();
  return IsStructure(id) || FindDType(id).has_value();
}

DType ValueParser::ReadElementType(const char* what) {
  const std::optional<DType> dtype = FindDType(cursor_.PeekIdentifier());
  if (!dtype) cursor_.FailExpecting(what);
  cursor_.Identifier(what);
  return *dtype;
}

Fact ValueParser::ReadTensorType(DType dtype, ValueKind kind) {
  Fact fact;
  fact.kind = kind;
  fact.dtype = dtype;
  if (!cursor_.Matches('[')) {
    fact.shape.emplace();
    return fact;
  }
  if (cursor_.Matches(']')) return fact;
  Dims& dims = fact.shape.emplace();
  constexpr size_t kMaxRank = 64;
  do {
    const size_t at = cursor_.position();
    if (dims.size() == kMaxRank) cursor_.FailAt(at, "a rank over the limit of " + std::to_string(kMaxRank));
    if (cursor_.Matches('?')) {
      dims.push_back(Dim::Symbol("?t" + std::to_string(fresh_++)));
    } else if (cursor_.AtName()) {
      const std::string name = cursor_.Name("a dimension");
      if (name.empty()) cursor_.FailAt(at, "a dimension has an empty name");
      dims.push_back(ParseDim(name));
    } else {
      const int64_t value = cursor_.Int("a dimension (an integer, a name, or '?')");
      if (value < 0) cursor_.FailAt(at, "a dimension is negative");
      dims.push_back(value);
    }
  } while (cursor_.Matches(','));
  cursor_.Expect(']');
  return fact;
}

Fact ValueParser::ReadType() { return ReadType(0); }

Fact ValueParser::ReadType(int depth) {
  if (depth > kMaxNesting) cursor_.FailAt(cursor_.position(), "types are nested too deeply");
  const std::string_view id = cursor_.PeekIdentifier();
  if (!IsStructure(id)) return ReadTensorType(ReadElementType("a type"), ValueKind::kTensor);
  const std::string structure = cursor_.Identifier("a type");
  cursor_.Expect('(');
  Fact fact;
  if (structure == "sparse_tensor") {
    fact = ReadTensorType(ReadElementType("an element type"), ValueKind::kSparse);
  } else if (structure == "opaque") {
    fact.kind = ValueKind::kOpaque;
    std::string domain, name;  // "domain.with.dots, name", or the name alone
    while (cursor_.AtName() || cursor_.Peek() == '.' || cursor_.Peek() == ',') {
      if (cursor_.Matches(',')) {
        domain = std::exchange(name, "");
      } else {
        name += cursor_.Matches('.') ? "." : cursor_.Name("a name");
      }
    }
    fact.shape = {Dim::Symbol(domain), Dim::Symbol(name)};
  } else if (structure == "map") {
    fact.kind = ValueKind::kMap;
    const size_t at = cursor_.position();
    fact.dtype = ReadElementType("the type of the map's keys");
    if (!IsInteger(fact.dtype) && fact.dtype != DType::kString) {
      cursor_.FailAt(at, "the keys of a map are integers or strings, not " + std::string(NameOf(fact.dtype)));
    }
    cursor_.Expect(',');
    fact.element = std::make_shared<const Fact>(ReadType(depth + 1));
  } else {
    Fact element;
    if (cursor_.Peek() != ')') element = ReadType(depth + 1);
    fact = structure == "seq" ? Fact::Sequence(std::move(element)) : Fact::Optional(std::move(element));
  }
  cursor_.Expect(')');
  return fact;
}

std::vector<int64_t> ValueParser::TensorDims(const Fact& type, size_t at) const {
  if (type.kind != ValueKind::kTensor && type.kind != ValueKind::kSparse) {
    cursor_.FailAt(at, "the value of " + type.ToString() + " cannot be written, only that of tensors");
  }
  if (type.dtype == DType::kUndefined) cursor_.FailAt(at, "a tensor needs an element type");
  if (!type.static_shape()) cursor_.FailAt(at, "a tensor with data needs dimensions that are integers");
  return type.static_dims();
}

TensorPtr ValueParser::ReadTensorData(const Fact& type) {
  const size_t at = cursor_.position();
  std::vector<int64_t> dims = TensorDims(type, at);
  const int64_t count = CountOf(dims);
  if (cursor_.Peek() == '[') {
    const StringPairs entries = ReadPairs();
    if (!external_) cursor_.FailAt(at, "external data is given, but this text has no folder to look in");
    return external_->Read(type.dtype, std::move(dims), entries);
  }
  cursor_.Expect('{');
  const int64_t expected = CheckedMul(count, IsComplex(type.dtype) ? 2 : 1);
  const auto reject_count = [&](const std::string& given) {
    cursor_.FailAt(at, given + " values where " + type.ToString() + " has " + std::to_string(expected));
  };
  const bool strings = type.dtype == DType::kString;
  const int64_t bytes = static_cast<int64_t>(BytesOf(type.dtype, count));
  // A value and its comma take two characters. Checked before anything is allocated.
  const bool sub_byte = !strings && BitsOf(type.dtype) < 8;
  if ((sub_byte ? bytes : expected) > static_cast<int64_t>((cursor_.remaining() + 1) / 2)) reject_count("too few");
  auto tensor = Tensor::Make(type.dtype, std::move(dims));
  std::vector<Literal> packed;
  int64_t given = 0;
  if (!cursor_.Matches('}')) {
    do {
      Literal literal = cursor_.ReadLiteral("a value");
      if (given == expected) reject_count("more");
      if (strings) {
        if (literal.kind != LiteralKind::kString) cursor_.FailAt(literal.at, "expected a string in quotes");
        tensor->mutable_as<std::string>()[given] = std::move(literal.text);
      } else if (sub_byte) {
        packed.push_back(std::move(literal));
      } else {
        StoreNumber(cursor_, literal, type.dtype, tensor->mutable_data(), given);
      }
      ++given;
    } while (cursor_.Matches(','));
    cursor_.Expect('}');
  }
  // ONNX's own parser takes the bytes of tensors whose elements are packed, not the elements.
  const bool as_bytes = sub_byte && given == bytes && given != expected;
  if (given != expected && !as_bytes) reject_count(std::to_string(given));
  for (size_t i = 0; i < packed.size(); ++i)
    StoreNumber(cursor_, packed[i], as_bytes ? DType::kUint8 : type.dtype, tensor->mutable_data(), i);
  return tensor;
}

SparseTensor ValueParser::ReadSparseData(const Fact& type) {
  const size_t at = cursor_.position();
  SparseTensor sparse;
  sparse.dims = TensorDims(type, at);
  cursor_.Expect('{');
  sparse.values = ReadTensorData(ReadType());
  cursor_.Expect(',');
  sparse.indices = ReadTensorData(ReadType());
  cursor_.Expect('}');
  const int64_t nnz = sparse.values->count(), rank = static_cast<int64_t>(sparse.dims.size());
  const std::vector<int64_t>& shape = sparse.indices->dims();
  const bool linear = shape == std::vector<int64_t>{nnz}, coordinates = shape == std::vector<int64_t>{nnz, rank};
  if (sparse.values->dtype() != type.dtype || sparse.values->dims().size() != 1 ||
      sparse.indices->dtype() != DType::kInt64 || !(linear || coordinates)) {
    cursor_.FailAt(at, "a sparse tensor has 1-D values of its type and int64 indices [count] or [count, rank]");
  }
  const int64_t elements = CountOf(sparse.dims);
  for (int64_t i = 0; i < sparse.indices->count(); ++i) {
    const int64_t index = sparse.indices->as<int64_t>()[i];
    if (index < 0 || index >= (linear ? elements : sparse.dims[i % rank])) {
      cursor_.FailAt(at, "index " + std::to_string(index) + " lies outside of the sparse tensor");
    }
  }
  return sparse;
}

StringPairs ValueParser::ReadPairs() {
  StringPairs pairs;
  cursor_.Expect('[');
  if (cursor_.Matches(']')) return pairs;
  do {
    std::string key = cursor_.QuotedString("a key in quotes");
    cursor_.Expect(':');
    pairs.emplace_back(std::move(key), cursor_.QuotedString("a value in quotes"));
  } while (cursor_.Matches(','));
  cursor_.Expect(']');
  return pairs;
}

}  // namespace onda::text
