// Tensors in every form that a file may hold them in.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "proto/export.h"
#include "tests/import/models.h"

namespace onda::proto {
namespace {

wire::Model WithTensor(const wire::Tensor& tensor) {
  wire::Model model = EmptyModel();
  *model.mutable_graph()->add_initializer() = tensor;
  model.mutable_graph()->mutable_initializer(0)->set_name("w");
  return model;
}

wire::Tensor MakeTensor(DType dtype, std::initializer_list<int64_t> dims) {
  wire::Tensor tensor;
  tensor.set_data_type(static_cast<int32_t>(dtype));
  for (const int64_t dim : dims) tensor.add_dims(dim);
  return tensor;
}

TensorPtr Read(const wire::Tensor& tensor) {
  const Model model = Import(WithTensor(tensor));
  return model.graph->FactOf(model.graph->initializers.at(0)).constant;
}

std::string BytesIn(const Tensor& tensor) {
  return std::string(static_cast<const char*>(tensor.data()), tensor.bytes());
}

// The tensor as its file is when Onda writes it.
TensorPtr Rewritten(const wire::Tensor& tensor) {
  const std::string bytes = ExportBytes(Import(WithTensor(tensor)));
  const Model model = ImportBytes({nullptr, reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
  return model.graph->FactOf(model.graph->initializers.at(0)).constant;
}

// Bytes that are no valid text, all different.
std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 37 + 129);
  return bytes;
}

struct Form {
  DType dtype;
  size_t raw_bytes;   // of seven elements
  const char* field;  // the typed one
  int entry_bytes;    // that each of its entries stands for
};

const Form kForms[] = {
    {DType::kFloat, 28, "float", 4},        {DType::kUint8, 7, "int32", 1},
    {DType::kInt8, 7, "int32", 1},          {DType::kUint16, 14, "int32", 2},
    {DType::kInt16, 14, "int32", 2},        {DType::kInt32, 28, "int32", 4},
    {DType::kInt64, 56, "int64", 8},        {DType::kFloat16, 14, "int32", 2},
    {DType::kDouble, 56, "double", 8},      {DType::kUint32, 28, "uint64", 4},
    {DType::kUint64, 56, "uint64", 8},      {DType::kComplex64, 56, "float", 4},
    {DType::kComplex128, 112, "double", 8}, {DType::kBfloat16, 14, "int32", 2},
    {DType::kFloat8E4M3FN, 7, "int32", 1},  {DType::kFloat8E4M3FNUZ, 7, "int32", 1},
    {DType::kFloat8E5M2, 7, "int32", 1},    {DType::kFloat8E5M2FNUZ, 7, "int32", 1},
    {DType::kUint4, 4, "int32", 1},         {DType::kInt4, 4, "int32", 1},
    {DType::kFloat4E2M1, 4, "int32", 1},    {DType::kFloat8E8M0, 7, "int32", 1},
    {DType::kUint2, 2, "int32", 1},         {DType::kInt2, 2, "int32", 1},
};

// Seven elements of a type, and what memory holds of them.
std::string ExpectedBytes(const Form& form) {
  std::string bytes = Pattern(form.raw_bytes);
  const int used = 7 * BitsOf(form.dtype) % 8;
  if (used != 0) bytes.back() = static_cast<char>(static_cast<unsigned char>(bytes.back()) & ((1 << used) - 1));
  return bytes;
}

TEST(Tensors, RawData) {
  for (const Form& form : kForms) {
    SCOPED_TRACE(std::string(NameOf(form.dtype)));
    wire::Tensor tensor = MakeTensor(form.dtype, {7});
    tensor.set_raw_data(Pattern(form.raw_bytes));
    EXPECT_EQ(BytesIn(*Read(tensor)), ExpectedBytes(form));
    EXPECT_EQ(BytesIn(*Rewritten(tensor)), ExpectedBytes(form));
    EXPECT_EQ(Read(tensor)->dtype(), form.dtype);

    tensor.mutable_raw_data()->pop_back();
    EXPECT_MENTIONS(ErrorOf(WithTensor(tensor)), "tensor 'w'", NameOf(form.dtype).data(), "bytes of data instead of");
  }
}

TEST(Tensors, TypedFields) {
  for (const Form& form : kForms) {
    SCOPED_TRACE(std::string(NameOf(form.dtype)));
    wire::Tensor tensor = MakeTensor(form.dtype, {7});
    const std::string bytes = Pattern(form.raw_bytes);
    const bool sign = IsSigned(form.dtype);
    for (size_t at = 0; at < bytes.size(); at += static_cast<size_t>(form.entry_bytes)) {
      uint64_t bits = 0;
      std::memcpy(&bits, bytes.data() + at, static_cast<size_t>(form.entry_bytes));
      const int shift = 64 - 8 * form.entry_bytes;
      const int64_t number = sign ? static_cast<int64_t>(bits << shift) >> shift : static_cast<int64_t>(bits);
      float f;
      double d;
      std::memcpy(&f, &bits, 4);
      std::memcpy(&d, &bits, 8);
      const std::string field = form.field;
      if (field == "float") tensor.add_float_data(f);
      if (field == "double") tensor.add_double_data(d);
      if (field == "int32") tensor.add_int32_data(static_cast<int32_t>(number));
      if (field == "int64") tensor.add_int64_data(number);
      if (field == "uint64") tensor.add_uint64_data(bits);
    }
    EXPECT_EQ(BytesIn(*Read(tensor)), ExpectedBytes(form));

    wire::Tensor both = tensor;
    both.set_raw_data("x");
    EXPECT_MENTIONS(ErrorOf(WithTensor(both)), "tensor 'w' has both", "raw_data");
    wire::Tensor longer = tensor;
    longer.set_dims(0, 17);
    EXPECT_MENTIONS(ErrorOf(WithTensor(longer)), "tensor 'w'", "numbers in", "instead of");
    wire::Tensor wrong = MakeTensor(form.dtype, {1});
    if (std::string(form.field) == "uint64") {
      wrong.add_int64_data(1);
    } else {
      wrong.add_uint64_data(1);
    }
    EXPECT_MENTIONS(ErrorOf(WithTensor(wrong)), "tensor 'w'", "instead of", form.field);
  }
}

// Fields of over 1024 bytes are not parsed by protobuf but read where they lie.
TEST(Tensors, LargeTypedFields) {
  constexpr int kCount = 3000;
  wire::Tensor ints = MakeTensor(DType::kInt64, {kCount}), floats = MakeTensor(DType::kFloat, {kCount});
  wire::Tensor halves = MakeTensor(DType::kFloat16, {kCount}), unsigneds = MakeTensor(DType::kUint32, {kCount});
  for (int i = 0; i < kCount; ++i) {
    ints.add_int64_data(i % 2 ? -i : int64_t{i} << 40);
    floats.add_float_data(static_cast<float>(i) / 7);
    halves.add_int32_data(0xffff - i);
    unsigneds.add_uint64_data(0xffffffffu - static_cast<unsigned>(i));
  }
  const TensorPtr read_ints = Read(ints), read_floats = Read(floats), read_halves = Read(halves);
  const TensorPtr read_unsigneds = Read(unsigneds);
  for (int i = 0; i < kCount; ++i) {
    const auto at = static_cast<size_t>(i);
    ASSERT_EQ(read_ints->as<int64_t>()[at], ints.int64_data(i));
    ASSERT_EQ(read_floats->as<float>()[at], floats.float_data(i));
    ASSERT_EQ(read_halves->as<uint16_t>()[at], halves.int32_data(i));
    ASSERT_EQ(read_unsigneds->as<uint32_t>()[at], unsigneds.uint64_data(i));
  }
  ints.set_dims(0, kCount - 1);
  EXPECT_MENTIONS(ErrorOf(WithTensor(ints)), "more than 2999 numbers in int64_data");
  ints.set_dims(0, kCount + 1);
  EXPECT_MENTIONS(ErrorOf(WithTensor(ints)), "3000 numbers in int64_data instead of 3001");
  floats.set_dims(0, kCount + 1);
  EXPECT_MENTIONS(ErrorOf(WithTensor(floats)), "3000 numbers in float_data instead of 3001");
}

TEST(Tensors, Strings) {
  wire::Tensor tensor = MakeTensor(DType::kString, {2, 2});
  for (const char* s : {"", "one", "zwei", "\xc3\xa9"}) tensor.add_string_data(s);
  tensor.add_string_data(std::string("nul\0 inside", 11));
  EXPECT_MENTIONS(ErrorOf(WithTensor(tensor)), "tensor 'w'", "5 strings instead of 4");
  tensor.mutable_string_data()->RemoveLast();
  EXPECT_EQ(Read(tensor)->as<std::string>()[2], "zwei");
  EXPECT_EQ(Rewritten(tensor)->as<std::string>()[3], "\xc3\xa9");
  tensor.set_raw_data("x");
  EXPECT_MENTIONS(ErrorOf(WithTensor(tensor)), "only string_data");
  wire::Tensor misplaced = MakeTensor(DType::kUint8, {1});
  misplaced.add_string_data("a");
  EXPECT_MENTIONS(ErrorOf(WithTensor(misplaced)), "tensor 'w' of uint8", "string_data");
}

// One code to an entry in the typed field, four codes to three bytes in raw data.
TEST(Tensors, SixBitFloats) {
  for (const DType dtype : {DType::kFloat6E2M3, DType::kFloat6E3M2}) {
    const std::vector<int> codes = {0x3f, 0x00, 0x21, 0x1e, 0x35};
    wire::Tensor typed = MakeTensor(dtype, {5});
    uint64_t packed = 0;
    for (size_t i = 0; i < codes.size(); ++i) {
      typed.add_int32_data(codes[i]);
      packed |= static_cast<uint64_t>(codes[i]) << 6 * i;
    }
    wire::Tensor raw = MakeTensor(dtype, {5});
    raw.set_raw_data(std::string(reinterpret_cast<const char*>(&packed), 4));
    const std::string expected(codes.begin(), codes.end());
    EXPECT_EQ(BytesIn(*Read(typed)), expected);
    EXPECT_EQ(BytesIn(*Read(raw)), expected);
    EXPECT_EQ(BytesIn(*Rewritten(raw)), expected);
    raw.set_raw_data(expected);
    EXPECT_MENTIONS(ErrorOf(WithTensor(raw)), "5 bytes of data instead of 4");
  }
}

TEST(Tensors, BooleansAreZeroOrOne) {
  wire::Tensor raw = MakeTensor(DType::kBool, {4});
  raw.set_raw_data(std::string("\x00\x01\x02\xff", 4));
  EXPECT_EQ(BytesIn(*Read(raw)), std::string("\0\1\1\1", 4));
  wire::Tensor typed = MakeTensor(DType::kBool, {2});
  typed.add_int32_data(256);
  typed.add_int32_data(0);
  EXPECT_EQ(BytesIn(*Read(typed)), std::string("\1\0", 2));
}

TEST(Tensors, EmptyAndScalar) {
  EXPECT_EQ(Read(MakeTensor(DType::kFloat, {0, 3}))->count(), 0);
  wire::Tensor empty = MakeTensor(DType::kFloat, {0});
  empty.set_raw_data("");
  EXPECT_EQ(Read(empty)->bytes(), 0u);
  EXPECT_EQ(Read(MakeTensor(DType::kString, {0}))->count(), 0);
  wire::Tensor scalar = MakeTensor(DType::kInt64, {});
  scalar.add_int64_data(-5);
  EXPECT_EQ(Read(scalar)->as<int64_t>()[0], -5);
  EXPECT_MENTIONS(ErrorOf(WithTensor(MakeTensor(DType::kFloat, {2}))), "tensor 'w' of shape [2] has no data");
}

TEST(Tensors, ShapesThatCannotBe) {
  EXPECT_MENTIONS(ErrorOf(WithTensor(MakeTensor(DType::kFloat, {2, -1}))), "tensor 'w'", "[2,-1]", "negative");
  const int64_t big = int64_t{1} << 62;
  EXPECT_MENTIONS(ErrorOf(WithTensor(MakeTensor(DType::kFloat, {big, 4}))), "6: tensor 'w'");
  EXPECT_MENTIONS(ErrorOf(WithTensor(MakeTensor(DType::kDouble, {big}))), "6: tensor 'w'");
  EXPECT_MENTIONS(ErrorOf(WithTensor(MakeTensor(DType::kString, {big}))), "6: tensor 'w'");
  // Empty all the same, but not by accident of overflow.
  EXPECT_EQ(ErrorOf(WithTensor(MakeTensor(DType::kFloat, {0, big}))), "");
  ImportOptions options;
  options.max_tensor_bytes = 100;
  EXPECT_MENTIONS(ErrorOf(WithTensor(MakeTensor(DType::kFloat, {26})), options), "104 bytes", "limit of 100");
  wire::Tensor rank = MakeTensor(DType::kFloat, {});
  for (int i = 0; i < 65; ++i) rank.add_dims(1);
  EXPECT_MENTIONS(ErrorOf(WithTensor(rank)), "rank 65");
}

TEST(Tensors, Undefined) {
  EXPECT_MENTIONS(ErrorOf(WithTensor(MakeTensor(DType::kUndefined, {}))), "tensor 'w'", "undefined");
  EXPECT_MENTIONS(ErrorOf(WithTensor(MakeTensor(static_cast<DType>(29), {}))), "tensor 'w'", "29");
  wire::Tensor segmented = MakeTensor(DType::kUint8, {1});
  segmented.mutable_segment()->set_begin(0);
  EXPECT_MENTIONS(ErrorOf(WithTensor(segmented)), "tensor 'w'", "segments");
  // A claim to be a piece of the file that was taken out.
  wire::Model model = ReluModel();
  wire::Attribute& attribute = *model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute.set_name("a");
  attribute.set_type(wire::Attribute::TENSOR);
  *attribute.mutable_t() = segmented;
  attribute.mutable_t()->mutable_segment()->set_begin(1000000);
  EXPECT_MENTIONS(ErrorOf(model), "graph 'g', node 'relu', attribute 'a', tensor", "segments");
}

wire::Model WithSparse(const std::vector<int64_t>& dims, const std::vector<int64_t>& indices,
                       const std::vector<int64_t>& index_dims, const std::string& values) {
  wire::Model model = EmptyModel();
  wire::SparseTensor& sparse = *model.mutable_graph()->add_sparse_initializer();
  *sparse.mutable_values() = MakeTensor(DType::kUint8, {static_cast<int64_t>(values.size())});
  sparse.mutable_values()->set_name("s");
  sparse.mutable_values()->set_raw_data(values);
  *sparse.mutable_indices() = MakeTensor(DType::kInt64, {});
  for (const int64_t dim : index_dims) sparse.mutable_indices()->add_dims(dim);
  for (const int64_t index : indices) sparse.mutable_indices()->add_int64_data(index);
  for (const int64_t dim : dims) sparse.add_dims(dim);
  return model;
}

std::string Dense(const wire::Model& wire) {
  const Model model = Import(wire);
  const Value& value = model.graph->value(model.graph->initializers.at(0));
  EXPECT_EQ(value.name, "s");
  return BytesIn(*value.fact.constant);
}

TEST(Sparse, BothFormsOfIndices) {
  EXPECT_EQ(Dense(WithSparse({2, 3}, {1, 5}, {2}, "ab")), std::string("\0a\0\0\0b", 6));
  EXPECT_EQ(Dense(WithSparse({2, 3}, {0, 1, 1, 2}, {2, 2}, "ab")), std::string("\0a\0\0\0b", 6));
  EXPECT_EQ(Dense(WithSparse({3}, {}, {0}, "")), std::string(3, '\0'));
}

TEST(Sparse, PackedValues) {
  wire::Model model = WithSparse({5}, {1, 2, 4}, {3}, "abc");
  wire::Tensor& values = *model.mutable_graph()->mutable_sparse_initializer(0)->mutable_values();
  values.set_data_type(static_cast<int32_t>(DType::kUint4));
  values.set_raw_data("\x21\x03");
  EXPECT_EQ(Dense(model), std::string("\x10\x02\x03", 3));
}

TEST(Sparse, BadIndices) {
  EXPECT_MENTIONS(ErrorOf(WithSparse({2, 3}, {5, 1}, {2}, "ab")), "tensor 's'", "ascend");
  EXPECT_MENTIONS(ErrorOf(WithSparse({2, 3}, {1, 1}, {2}, "ab")), "tensor 's'", "ascend");
  EXPECT_MENTIONS(ErrorOf(WithSparse({2, 3}, {1, 6}, {2}, "ab")), "tensor 's'", "index 1 is out of range");
  EXPECT_MENTIONS(ErrorOf(WithSparse({2, 3}, {-1, 2}, {2}, "ab")), "tensor 's'", "index 0 is out of range");
  EXPECT_MENTIONS(ErrorOf(WithSparse({2, 3}, {0, 1, 2, 0}, {2, 2}, "ab")), "index 1 is out of range");
  EXPECT_MENTIONS(ErrorOf(WithSparse({2, 3}, {0, 1, 2}, {3}, "ab")), "int64[3]", "int64[2]");
  EXPECT_MENTIONS(ErrorOf(WithSparse({2, 3}, {0, 1}, {1, 2}, "ab")), "int64[1,2]");
  EXPECT_MENTIONS(ErrorOf(WithSparse({2, 0}, {}, {0}, "")), "tensor 's'", "not positive");
  EXPECT_MENTIONS(ErrorOf(WithSparse({}, {}, {0}, "")), "no dimensions");
  EXPECT_MENTIONS(ErrorOf(WithSparse({int64_t{1} << 40, int64_t{1} << 40}, {}, {0}, "")), "6: sparse tensor 's'");
  EXPECT_MENTIONS(ErrorOf(WithSparse({int64_t{1} << 50}, {}, {0}, "")), "6: sparse tensor 's'", "limit");
  wire::Model bare = WithSparse({3}, {0}, {1}, "a");
  bare.mutable_graph()->mutable_sparse_initializer(0)->clear_indices();
  EXPECT_MENTIONS(ErrorOf(bare), "tensor 's'", "no indices");
  bare.mutable_graph()->mutable_sparse_initializer(0)->clear_values();
  EXPECT_NE(ErrorOf(bare), "");
}

}  // namespace
}  // namespace onda::proto
