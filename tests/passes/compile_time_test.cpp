// Loading takes time in proportion to the number of nodes: chains of 20,000 nodes of several kinds.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <string>

#include "core/session.h"
#include "tests/sanitized.h"

namespace onda {
namespace {

// Writes link `i` of a chain behind `x`; gives its result.
using Link = std::function<ValueId(Graph& graph, ValueId x, int i)>;

ValueId AddNode(Graph& graph, const std::string& op, std::vector<ValueId> inputs, AttributeMap attributes = {}) {
  Node node;
  node.op_type = op;
  node.name = op + std::to_string(graph.nodes().size());
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  node.outputs = {graph.AddValue(node.name)};
  graph.AddNode(node);
  return node.outputs[0];
}

Model Chain(int nodes, const Link& link) {
  Model model;
  model.ir_version = 10;
  model.opsets[""] = 21;
  model.graph = std::make_shared<Graph>();
  Graph& graph = *model.graph;
  graph.name = "chain";
  ValueId x = graph.AddInput("x", Fact::Tensor(DType::kFloat, {Dim(4), Dim(4)}));
  for (int i = 0; static_cast<int>(graph.nodes().size()) < nodes; ++i) x = link(graph, x, i);
  graph.outputs.push_back(AddNode(graph, "Neg", {x}));
  return model;
}

// CPU seconds of this thread: other load on the machine does not count.
double SecondsToLoad(int nodes, const Link& link) {
  const Model model = Chain(nodes, link);
  timespec begin, end;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  { const InferenceSession session(model, {}); }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  return static_cast<double>(end.tv_sec - begin.tv_sec) + 1e-9 * static_cast<double>(end.tv_nsec - begin.tv_nsec);
}

// Under a sanitizer growth alone is looked at, on shorter chains.
constexpr int kNodes = ONDA_SANITIZED ? 2000 : 20000;

// The best of up to five rounds: other load on the machine spoils caches, and a quadratic pass is slow in every round.
void ExpectLinear(const Link& link) {
  double half = 1e9, whole = 1e9;
  auto linear = [&] { return whole < 2.0 && whole < 3 * half + 0.1; };  // four times would be quadratic
  for (int round = 0; round < 5 && !linear(); ++round) {
    half = std::min(half, SecondsToLoad(kNodes / 2, link));
    whole = std::min(whole, SecondsToLoad(kNodes, link));
  }
  EXPECT_TRUE(linear()) << kNodes / 2 << " nodes take " << half << " s, " << kNodes << " take " << whole << " s";
}

ValueId Weights(Graph& graph, std::vector<int64_t> dims, int i) {
  auto t = Tensor::Make(DType::kFloat, std::move(dims));
  for (float& v : t->mutable_as<float>()) v = 0.25f + static_cast<float>(i % 7);
  return graph.AddInitializer("w" + std::to_string(graph.values().size()), t);
}

TEST(CompileTime, Activations) {
  ExpectLinear([](Graph& g, ValueId x, int) { return AddNode(g, "Relu", {x}); });
}

TEST(CompileTime, Sums) {
  ExpectLinear([](Graph& g, ValueId x, int i) { return AddNode(g, "Add", {x, Weights(g, {4, 4}, i)}); });
}

TEST(CompileTime, SumsWithEarlierValues) {
  ExpectLinear([](Graph& g, ValueId x, int) {
    const ValueId half = AddNode(g, "Tanh", {x});
    return AddNode(g, "Add", {half, x});
  });
}

TEST(CompileTime, LinearLayers) {
  ExpectLinear([](Graph& g, ValueId x, int i) {
    const ValueId product = AddNode(g, "MatMul", {x, Weights(g, {4, 4}, i)});
    return AddNode(g, "Add", {product, Weights(g, {4}, i)});
  });
}

TEST(CompileTime, Reshapes) {
  ExpectLinear([](Graph& g, ValueId x, int i) {
    const ValueId shape = g.AddInitializer(
        "s" + std::to_string(i), Tensor::Int64s(i % 2 ? std::vector<int64_t>{4, 4} : std::vector<int64_t>{2, 8}));
    return AddNode(g, "Reshape", {x, shape});
  });
}

TEST(CompileTime, Transposes) {
  ExpectLinear([](Graph& g, ValueId x, int) { return AddNode(g, "Transpose", {x}); });
}

TEST(CompileTime, ScaledScores) {
  ExpectLinear([](Graph& g, ValueId x, int) {
    const ValueId scores = AddNode(g, "MatMul", {x, AddNode(g, "Transpose", {x})});
    return AddNode(g, "MatMul", {AddNode(g, "Softmax", {scores}), x});
  });
}

TEST(CompileTime, Outputs) {
  // Every link is an output too.
  ExpectLinear([](Graph& g, ValueId x, int) {
    const ValueId y = AddNode(g, "Sigmoid", {x});
    g.outputs.push_back(y);
    return y;
  });
}

}  // namespace
}  // namespace onda
