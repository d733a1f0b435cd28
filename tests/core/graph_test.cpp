#include "core/ir/graph.h"

#include <gtest/gtest.h>

#include "core/ir/attribute.h"
#include "core/ir/scope.h"

namespace onda {
namespace {

Node MakeNode(std::string op, std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
  Node node;
  node.op_type = std::move(op);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  return node;
}

TEST(Graph, KnowsProducersAndInputs) {
  Graph graph;
  const ValueId x = graph.AddInput("x", Fact::Tensor(DType::kFloat, {Dim(2)}));
  const ValueId one = graph.AddInitializer("one", Tensor::Float(1));
  const ValueId y = graph.AddValue("y");
  const NodeId add = graph.AddNode(MakeNode("Add", {x, one}, {y, kNoValue}));
  EXPECT_EQ(graph.Producer(y), &graph.node(add));
  EXPECT_EQ(graph.value(y).producer, add);
  EXPECT_EQ(graph.Producer(x), nullptr);
  EXPECT_EQ(graph.Producer(one), nullptr);
  EXPECT_EQ(graph.Producer(kNoValue), nullptr);
  EXPECT_TRUE(graph.IsInput(x));
  EXPECT_FALSE(graph.IsInput(one));
  EXPECT_EQ(graph.initializers, std::vector<ValueId>{one});
  EXPECT_EQ(graph.FactOf(one).ToString(), "float");
  EXPECT_TRUE(graph.node(add).has_output(0));
  EXPECT_FALSE(graph.node(add).has_output(1));
  EXPECT_FALSE(graph.node(add).has_output(2));
}

TEST(Graph, ErrorsNameNodesAsRead) {
  Node node = MakeNode("Squeeze", {}, {});
  EXPECT_EQ(Describe(node), "node (Squeeze, ai.onnx)");
  node.name = "renamed";
  node.origin = {"s", "com.example", "OldSqueeze", 3};
  EXPECT_EQ(Describe(node), "node 's' (OldSqueeze, com.example opset 3)");
}

TEST(AttributeMap, KeepsOrderAndReplaces) {
  AttributeMap map{{"b", int64_t{1}}, {"a", std::string("text")}};
  map.Set("c", std::vector<float>{1, 2});
  map.Set("b", int64_t{2}, "doc");
  ASSERT_EQ(map.entries().size(), 3u);
  EXPECT_EQ(map.entries().front().name, "b");
  EXPECT_EQ(map.entries().front().doc, "doc");
  EXPECT_EQ(std::get<int64_t>(*map.Find("b")), 2);
  map.Remove("a");
  EXPECT_FALSE(map.Has("a"));
  EXPECT_EQ(map.view().Int("b", 0), 2);
}

TEST(AttributeMap, ViewsBelongToEachCopy) {
  auto first = std::make_unique<AttributeMap>();
  first->Set("names", std::vector<std::string>{"one", "two"});
  first->Set("sizes", std::vector<int64_t>{3, 4});
  const AttributeMap copy = *first;
  AttributeMap moved = std::move(*first);
  first.reset();
  for (const AttributeMap* map : {&copy, static_cast<const AttributeMap*>(&moved)}) {
    ASSERT_EQ(map->raw_view().size(), 2u);
    EXPECT_EQ(map->raw_view()[0].count, 2u);
    EXPECT_EQ(std::string(map->raw_view()[0].strings[1].data, map->raw_view()[0].strings[1].size), "two");
    EXPECT_EQ(map->raw_view()[1].ints[1], 4);
  }
}

TEST(Scope, CapturesBecomeInputsBehindTheDeclaredOnes) {
  Graph outer, middle, inner;
  const ValueId x = outer.AddInput("x", Fact::Tensor(DType::kFloat, {Dim(2)}));
  Scope outer_scope(&outer, nullptr);
  outer_scope.Define("x", x);
  Scope middle_scope(&middle, &outer_scope);
  Scope inner_scope(&inner, &middle_scope);
  const ValueId declared = inner.AddInput("i", {});
  inner_scope.Define("i", declared);

  const ValueId used = inner_scope.Use("x");
  EXPECT_EQ(inner_scope.Use("x"), used);  // one capture
  EXPECT_EQ(inner_scope.Use("i"), declared);
  EXPECT_EQ(inner_scope.Use("nowhere"), kNoValue);
  EXPECT_EQ(inner.FactOf(used).ToString(), "float[2]");
  EXPECT_FALSE(inner_scope.IsDefined("x"));

  const std::vector<ValueId> inner_captures = inner_scope.Finish();
  const std::vector<ValueId> middle_captures = middle_scope.Finish();
  EXPECT_EQ(inner.inputs, (std::vector<ValueId>{declared, used}));
  EXPECT_EQ(inner_captures, middle.inputs);  // the graph between captures it too
  EXPECT_EQ(middle_captures, std::vector<ValueId>{x});
}

TEST(Scope, InnerNamesHideOuterOnes) {
  Graph outer, inner;
  Scope outer_scope(&outer, nullptr);
  outer_scope.Define("x", outer.AddInput("x", {}));
  Scope inner_scope(&inner, &outer_scope);
  const ValueId own = inner.AddInput("x", {});
  inner_scope.Define("x", own);
  EXPECT_EQ(inner_scope.Use("x"), own);
  EXPECT_TRUE(inner_scope.Finish().empty());
}

TEST(Scope, ConstantsStayWithTheirOwner) {
  Graph outer, inner;
  Scope outer_scope(&outer, nullptr);
  outer_scope.Define("c", outer.AddInitializer("c", Tensor::Float(1)));
  Scope inner_scope(&inner, &outer_scope);
  const ValueId used = inner_scope.Use("c");
  EXPECT_EQ(inner.FactOf(used).constant, nullptr);
  EXPECT_EQ(inner.FactOf(used).dtype, DType::kFloat);
}

}  // namespace
}  // namespace onda
