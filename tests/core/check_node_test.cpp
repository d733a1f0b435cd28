#include "core/schema/check_node.h"

#include <gtest/gtest.h>

#include "core/ir/attribute.h"

namespace onda {
namespace {

Node MakeNode(std::string op, int inputs, int outputs, AttributeMap attributes = {}, std::string domain = "") {
  Node node;
  node.op_type = std::move(op);
  node.domain = std::move(domain);
  node.name = "n";
  node.attributes = std::move(attributes);
  for (int i = 0; i < inputs; ++i) node.inputs.push_back(i);
  for (int i = 0; i < outputs; ++i) node.outputs.push_back(inputs + i);
  return node;
}

// The message of what is thrown, "" where nothing is.
template <class Fn>
std::string Thrown(Fn&& fn) {
  try {
    fn();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    return error.what();
  }
  return "";
}

std::string Signature(const Node& node, int opset) {
  return Thrown([&] { CheckSignature(node, *SchemaOf(node, opset), nullptr); });
}

std::string Types(const Node& node, int opset, std::vector<Fact> inputs, std::vector<Fact> outputs = {}) {
  std::vector<const Fact*> in, out;
  for (const Fact& fact : inputs) in.push_back(&fact);
  for (const Fact& fact : outputs) out.push_back(&fact);
  return Thrown([&] { CheckTypes(node, *SchemaOf(node, opset), in, out); });
}

Fact Of(DType dtype) { return Fact::TensorOfUnknownRank(dtype); }

TEST(SchemaOf, SaysWhyAnOperatorIsUnknown) {
  EXPECT_EQ(SchemaOf(MakeNode("Anything", 1, 1, {}, "com.example"), 1), nullptr);
  EXPECT_EQ(SchemaOf(MakeNode("Add", 2, 1), 13)->since_version, 13);
  EXPECT_EQ(Thrown([] { SchemaOf(MakeNode("Gelu", 1, 1), 13); }),
            "node 'n' (Gelu, ai.onnx): ai.onnx.Gelu exists from opset 20 on, but the model imports opset 13");
  EXPECT_EQ(Thrown([] { SchemaOf(MakeNode("Bdd", 1, 1), 13); }),
            "node 'n' (Bdd, ai.onnx): unknown operator ai.onnx.Bdd");
  EXPECT_EQ(Thrown([] { SchemaOf(MakeNode("QuickGelu", 1, 1), 13); }),
            "node 'n' (QuickGelu, ai.onnx): unknown operator ai.onnx.QuickGelu; there is one of that name in domain "
            "com.microsoft");
}

TEST(CheckSignature, Arity) {
  EXPECT_EQ(Signature(MakeNode("Add", 2, 1), 14), "");
  EXPECT_EQ(Signature(MakeNode("Add", 3, 1), 14), "node 'n' (Add, ai.onnx): has 3 inputs where 2 are expected");
  EXPECT_EQ(Signature(MakeNode("Add", 2, 2), 14), "node 'n' (Add, ai.onnx): has 2 outputs where 1 is expected");
  EXPECT_EQ(Signature(MakeNode("Sum", 0, 1), 13), "node 'n' (Sum, ai.onnx): has 0 inputs where 1 or more are expected");
  EXPECT_EQ(Signature(MakeNode("Sum", 40, 1), 13), "");
  // Operands of a variadic operator are never omitted, the last one neither.
  for (size_t i : {0, 1, 2}) {
    Node sum = MakeNode("Sum", 3, 1);
    sum.inputs[i] = kNoValue;
    EXPECT_EQ(Signature(sum, 13),
              "node 'n' (Sum, ai.onnx): required input " + std::to_string(i) + " (data_0) is omitted");
  }
  EXPECT_EQ(Signature(MakeNode("Clip", 4, 1), 13), "node 'n' (Clip, ai.onnx): has 4 inputs where 1 to 3 are expected");
}

TEST(CheckSignature, OmittedInputs) {
  Node clip = MakeNode("Clip", 3, 1);
  clip.inputs[1] = kNoValue;
  EXPECT_EQ(Signature(clip, 13), "");
  clip.inputs[0] = kNoValue;
  EXPECT_EQ(Signature(clip, 13), "node 'n' (Clip, ai.onnx): required input 0 (input) is omitted");
  // Trailing omitted inputs count as absent, even past the last parameter.
  Node relu = MakeNode("Relu", 1, 1);
  relu.inputs.push_back(kNoValue);
  EXPECT_EQ(Signature(relu, 13), "");
  relu.inputs[0] = kNoValue;
  EXPECT_EQ(Signature(relu, 13), "node 'n' (Relu, ai.onnx): has 0 inputs where 1 is expected");
}

TEST(CheckSignature, Attributes) {
  const AttributeMap good{{"axis", int64_t{1}}};
  EXPECT_EQ(Signature(MakeNode("Concat", 2, 1, good), 13), "");
  EXPECT_EQ(Signature(MakeNode("Concat", 2, 1), 13),
            "node 'n' (Concat, ai.onnx): required attribute 'axis' is missing");
  EXPECT_EQ(Signature(MakeNode("Concat", 2, 1), 1), "");
  EXPECT_EQ(Signature(MakeNode("Concat", 2, 1, {{"axis", 1.0f}}), 13),
            "node 'n' (Concat, ai.onnx): attribute 'axis' is of kind float where int is expected");
  EXPECT_EQ(Signature(MakeNode("Concat", 2, 1, {{"axis", int64_t{1}}, {"axes", int64_t{1}}}), 13),
            "node 'n' (Concat, ai.onnx): unknown attribute 'axes'");
  // Inside a function body.
  EXPECT_EQ(Signature(MakeNode("Concat", 2, 1, {{"axis", AttributeReference{"a", AttributeKind::kInt}}}), 13), "");
  EXPECT_EQ(Signature(MakeNode("Concat", 2, 1, {{"axis", AttributeReference{"a", AttributeKind::kInts}}}), 13),
            "node 'n' (Concat, ai.onnx): attribute 'axis' is of kind ints where int is expected");
}

TEST(CheckSignature, Bodies) {
  Node node = MakeNode("If", 1, 1);
  EXPECT_EQ(Signature(node, 16), "node 'n' (If, ai.onnx): required attribute 'else_branch' is missing");
  node.bodies.push_back({"then_branch", std::make_shared<Graph>(), {}});
  node.bodies.push_back({"else_branch", std::make_shared<Graph>(), {}});
  EXPECT_EQ(Signature(node, 16), "");
  node.bodies.push_back({"else_branch", std::make_shared<Graph>(), {}});
  EXPECT_EQ(Signature(node, 16), "node 'n' (If, ai.onnx): attribute 'else_branch' holds more than one graph");
  node.bodies.back().attribute = "body";
  EXPECT_EQ(Signature(node, 16), "node 'n' (If, ai.onnx): unknown attribute 'body'");
  Node add = MakeNode("Concat", 1, 1);
  add.bodies.push_back({"axis", std::make_shared<Graph>(), {}});
  EXPECT_EQ(Signature(add, 13), "node 'n' (Concat, ai.onnx): attribute 'axis' is of kind graph where int is expected");
}

TEST(CheckSignature, WarnsOfDeprecatedOperators) {
  std::vector<std::string> warnings;
  const Node upsample = MakeNode("Upsample", 2, 1);
  CheckSignature(upsample, *SchemaOf(upsample, 10), &warnings);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0], "node 'n' (Upsample, ai.onnx): deprecated since opset 10");
  CheckSignature(upsample, *SchemaOf(upsample, 9), &warnings);
  EXPECT_EQ(warnings.size(), 1u);
}

TEST(CheckTypes, AllowedTypes) {
  EXPECT_EQ(Types(MakeNode("Add", 2, 1), 14, {Of(DType::kInt8), Of(DType::kInt8)}), "");
  EXPECT_EQ(
      Types(MakeNode("Add", 2, 1), 13, {Of(DType::kInt8), Of(DType::kInt8)}),
      "node 'n' (Add, ai.onnx): input 0 (A) is int8[...], which is none of tensor(float | int32 | int64 | float16 | "
      "double | uint32 | uint64 | bfloat16)");
  EXPECT_EQ(Types(MakeNode("Relu", 1, 1), 14, {Fact::Sequence(Of(DType::kFloat))}).substr(0, 60),
            "node 'n' (Relu, ai.onnx): input 0 (X) is seq(float[...]), wh");
  EXPECT_EQ(Types(MakeNode("SequenceLength", 1, 1), 11, {Fact::Sequence(Of(DType::kString))}), "");
  EXPECT_EQ(Types(MakeNode("Identity", 1, 1), 16, {Fact::Optional(Fact::Sequence(Of(DType::kString)))}), "");
  EXPECT_NE(Types(MakeNode("Identity", 1, 1), 14, {Fact::Optional(Fact::Sequence(Of(DType::kString)))}), "");
  Fact opaque;
  opaque.kind = ValueKind::kOpaque;
  EXPECT_NE(Types(MakeNode("Identity", 1, 1), 16, {opaque}), "");
  EXPECT_NE(Types(MakeNode("Identity", 1, 1), 16, {Fact::Sequence(Fact::Sequence(Of(DType::kFloat)))}), "");
}

TEST(CheckTypes, Maps) {
  Fact map;
  map.kind = ValueKind::kMap;
  map.dtype = DType::kInt64;
  map.element = std::make_shared<const Fact>(Of(DType::kFloat));
  const Node node = MakeNode("DictVectorizer", 1, 1, {}, "ai.onnx.ml");
  EXPECT_EQ(Types(node, 1, {map}), "");
  map.dtype = DType::kInt32;
  EXPECT_NE(Types(node, 1, {map}), "");
}

TEST(CheckTypes, BindsTypeVariables) {
  EXPECT_EQ(
      Types(MakeNode("Add", 2, 1), 14, {Of(DType::kFloat), Of(DType::kDouble)}),
      "node 'n' (Add, ai.onnx): input 1 (B) is tensor(double) but input 0 (A) is tensor(float); both must have the "
      "same type T");
  EXPECT_EQ(
      Types(MakeNode("Add", 2, 1), 14, {Of(DType::kFloat), Of(DType::kFloat)}, {Of(DType::kInt32)}),
      "node 'n' (Add, ai.onnx): output 0 (C) is tensor(int32) but input 0 (A) is tensor(float); both must have the "
      "same type T");
  // Two variables.
  EXPECT_EQ(Types(MakeNode("Where", 3, 1), 16, {Of(DType::kBool), Of(DType::kFloat), Of(DType::kFloat)}), "");
  // A variadic list of one type, and one of many.
  EXPECT_NE(Types(MakeNode("Concat", 3, 1), 13, {Of(DType::kFloat), Of(DType::kFloat), Of(DType::kInt64)}), "");
  EXPECT_EQ(Types(MakeNode("Loop", 4, 2), 16,
                  {Of(DType::kInt64), Of(DType::kBool), Of(DType::kFloat), Fact::Sequence(Of(DType::kInt64))}),
            "");
}

TEST(CheckTypes, WhatIsUnknownIsNotChecked) {
  EXPECT_EQ(Types(MakeNode("Add", 2, 1), 14, {Fact(), Of(DType::kDouble)}), "");
  EXPECT_EQ(Types(MakeNode("Add", 2, 1), 14, {Of(DType::kUndefined), Of(DType::kDouble)}), "");
  EXPECT_EQ(Types(MakeNode("SequenceLength", 1, 1), 11, {Fact::Sequence(Fact())}), "");
  const Node add = MakeNode("Add", 2, 1);
  const Fact fact = Of(DType::kDouble);
  const Fact* facts[] = {nullptr, &fact};
  CheckTypes(add, *SchemaOf(add, 14), facts);
}

}  // namespace
}  // namespace onda
