// Files of one value.
#include <gtest/gtest.h>

#include <string>

#include "proto/export_value.h"
#include "tests/import/models.h"

namespace onda::proto {
namespace {

FileValue Parse(const std::string& bytes, const Fact& type) {
  return ImportValue({nullptr, reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, type);
}

std::string ErrorFor(const std::string& bytes, const Fact& type) {
  try {
    Parse(bytes, type);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

Fact MapFact() {
  Fact fact;
  fact.kind = ValueKind::kMap;
  return fact;
}

void Fill(wire::Tensor& tensor, int64_t value) {
  tensor.set_data_type(wire::Tensor::INT64);
  tensor.add_int64_data(value);
}

const Fact kTensorFact = Fact::TensorOfUnknownRank(DType::kInt64);

TEST(FileValues, Tensor) {
  wire::Tensor tensor;
  tensor.set_name("x");
  Fill(tensor, 42);
  const FileValue value = Parse(tensor.SerializeAsString(), kTensorFact);
  EXPECT_EQ(value.name, "x");
  EXPECT_EQ(value.tensor->as<int64_t>()[0], 42);
  EXPECT_EQ(Parse(ExportValue(value), kTensorFact).tensor->as<int64_t>()[0], 42);
  EXPECT_MENTIONS(ErrorFor("", kTensorFact), "not a serialized tensor", "element type 0");
  EXPECT_MENTIONS(ErrorFor("\xff\xff", kTensorFact), "not a serialized tensor");
  tensor.set_data_location(wire::Tensor::EXTERNAL);
  tensor.clear_int64_data();
  EXPECT_MENTIONS(ErrorFor(tensor.SerializeAsString(), kTensorFact), "stored externally");
}

TEST(FileValues, Sequence) {
  wire::Sequence sequence;
  sequence.set_elem_type(wire::Sequence::TENSOR);
  Fill(*sequence.add_tensor_values(), 1);
  Fill(*sequence.add_tensor_values(), 2);
  const Fact type = Fact::Sequence(kTensorFact);
  const FileValue value = Parse(sequence.SerializeAsString(), type);
  ASSERT_EQ(value.elements.size(), 2u);
  EXPECT_EQ(value.elements[1].tensor->as<int64_t>()[0], 2);
  EXPECT_EQ(Parse(ExportValue(value), type).elements.size(), 2u);
  sequence.set_elem_type(9);
  EXPECT_MENTIONS(ErrorFor(sequence.SerializeAsString(), type), "not a serialized sequence", "element type 9");

  wire::Sequence empty;
  ASSERT_TRUE(empty.ParseFromString(ExportValue({"", ValueKind::kSequence, nullptr, {}}, type)));
  EXPECT_EQ(empty.elem_type(), wire::Sequence::TENSOR);
  EXPECT_TRUE(Parse(empty.SerializeAsString(), type).elements.empty());
}

TEST(FileValues, Optional) {
  const Fact type = Fact::Optional(Fact::Sequence(kTensorFact));
  wire::Optional optional;
  optional.set_elem_type(wire::Optional::SEQUENCE);
  EXPECT_TRUE(Parse(optional.SerializeAsString(), type).elements.empty());
  optional.mutable_sequence_value()->set_elem_type(wire::Sequence::TENSOR);
  Fill(*optional.mutable_sequence_value()->add_tensor_values(), 3);
  const FileValue value = Parse(ExportValue(Parse(optional.SerializeAsString(), type), type), type);
  EXPECT_EQ(value.elements.at(0).elements.at(0).tensor->as<int64_t>()[0], 3);
}

TEST(FileValues, Map) {
  wire::Map map;
  map.set_key_type(wire::Tensor::INT32);
  map.add_keys(-7);
  map.add_keys(8);
  map.mutable_values()->set_elem_type(wire::Sequence::TENSOR);
  Fill(*map.mutable_values()->add_tensor_values(), 70);
  EXPECT_MENTIONS(ErrorFor(map.SerializeAsString(), MapFact()), "not a serialized map", "2 keys and 1 values");
  Fill(*map.mutable_values()->add_tensor_values(), 80);
  FileValue value = Parse(ExportValue(Parse(map.SerializeAsString(), MapFact())), MapFact());
  EXPECT_EQ(value.elements.at(0).tensor->as<int32_t>()[0], -7);
  EXPECT_EQ(value.elements.at(1).tensor->dims(), std::vector<int64_t>{2});
  EXPECT_EQ(value.elements.at(1).tensor->as<int64_t>()[1], 80);

  // Values of several elements stay a sequence.
  map.mutable_values()->mutable_tensor_values(1)->add_dims(2);
  map.mutable_values()->mutable_tensor_values(1)->add_int64_data(81);
  value = Parse(map.SerializeAsString(), MapFact());
  EXPECT_EQ(value.elements.at(1).kind, ValueKind::kSequence);
  EXPECT_EQ(value.elements.at(1).elements.at(1).tensor->count(), 2);

  wire::Map strings;
  strings.set_key_type(wire::Tensor::STRING);
  strings.add_string_keys("k");
  strings.mutable_values()->set_elem_type(wire::Sequence::TENSOR);
  wire::Tensor& text = *strings.mutable_values()->add_tensor_values();
  text.set_data_type(wire::Tensor::STRING);
  text.add_string_data("v");
  value = Parse(ExportValue(Parse(strings.SerializeAsString(), MapFact())), MapFact());
  EXPECT_EQ(value.elements.at(0).tensor->as<std::string>()[0], "k");
  EXPECT_EQ(value.elements.at(1).tensor->as<std::string>()[0], "v");
  strings.set_key_type(wire::Tensor::FLOAT);
  EXPECT_MENTIONS(ErrorFor(strings.SerializeAsString(), MapFact()), "keys of float");
}

TEST(FileValues, NestedTooDeep) {
  wire::Sequence sequence;
  wire::Sequence* inner = &sequence;
  for (int i = 0; i < 1000; ++i) {
    inner->set_elem_type(wire::Sequence::SEQUENCE);
    inner = inner->add_sequence_values();
  }
  EXPECT_MENTIONS(ErrorFor(sequence.SerializeAsString(), Fact::Sequence({})), "nests deeper");
}

}  // namespace
}  // namespace onda::proto
