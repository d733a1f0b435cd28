// Models that are well-formed files and mean nothing, and feeds that do not suit their model: each gets one error with
// the node, its operator and opset, what is known of its inputs, and the cause.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/session.h"
#include "core/text/parse.h"
#include "providers/cpu/thread_pool.h"
#include "tests/import/models.h"

namespace onda {
namespace {

std::string CodeAndMessage(const Error& error) {
  return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
}

Model Parse(const std::string& graph) { return ParseModel("<ir_version: 10, opset_import: [\"\" : 21]> g " + graph); }

using Feeds = std::vector<std::pair<std::string, RuntimeValue>>;

std::string RunError(const std::string& graph, Feeds feeds, std::vector<std::string> outputs = {}) {
  try {
    const InferenceSession session(Parse(graph), {});
    ThreadPool threads(1);
    InferenceSession::RunArguments arguments;
    arguments.threads = &threads;
    arguments.feeds = std::move(feeds);
    arguments.outputs = std::move(outputs);
    arguments.pool = std::make_shared<BlockPool>(size_t{1} << 30);
    session.Run(std::move(arguments));
  } catch (const Error& error) {
    return CodeAndMessage(error);
  }
  return "";
}

// Of loading, and of a run of a model without inputs.
std::string ErrorOf(const std::string& graph) {
  try {
    const InferenceSession session(Parse(graph), {});
    if (!session.inputs().empty()) return "";
  } catch (const Error& error) {
    return CodeAndMessage(error);
  }
  return RunError(graph, {});
}

RuntimeValue Zeros(DType dtype, std::vector<int64_t> dims) {
  return RuntimeValue::FromTensor(Tensor::Make(dtype, std::move(dims)));
}

RuntimeValue SequenceOf(std::vector<RuntimeValue> elements) {
  return RuntimeValue::Sequence(std::move(elements), nullptr);
}

TEST(BrokenModels, OperatorsAndDomains) {
  EXPECT_MENTIONS(ErrorOf("(float[2] x) => (float[2] y) { [n] y = Foo(x) }"), "1: node 'n' (Foo, ai.onnx opset 21)",
                  "unknown operator");
  const auto load = [](const char* text) -> std::string {
    try {
      InferenceSession(ParseModel(text), {});
    } catch (const Error& error) {
      return CodeAndMessage(error);
    }
    return "";
  };
  // Too new for the opset that the model imports.
  EXPECT_MENTIONS(load("<ir_version: 8, opset_import: [\"\" : 12]> g (float[2] x) => (float[2] y) { [n] y = Gelu(x) }"),
                  "1: node 'n' (Gelu, ai.onnx opset 12)");
  EXPECT_MENTIONS(load("<ir_version: 8, opset_import: [\"\" : 12, \"mine\" : 1]> g (float[2] x) => (float[2] y) "
                       "{ [n] y = mine.Relu(x) }"),
                  "node 'n' (Relu, mine opset 1)", "no such operator");
}

TEST(BrokenModels, Signatures) {
  EXPECT_MENTIONS(ErrorOf("(float[2] x) => (float[2] y) { [n] y = Add(x) }"), "1: node 'n' (Add, ai.onnx opset 21)",
                  "1 inputs where 2");
  EXPECT_MENTIONS(ErrorOf("(float[2] x) => (float[2] y) { [n] y, z = Relu(x) }"), "node 'n' (Relu",
                  "2 outputs where 1");
  EXPECT_MENTIONS(ErrorOf("(float[2] x) => (float[2] y) { [n] y = Gemm(x, , x) }"), "node 'n' (Gemm", "input 1");
  EXPECT_MENTIONS(ErrorOf("(float[2] x) => (float[2] y) { [n] y = Relu<foo = 2>(x) }"), "node 'n' (Relu",
                  "unknown attribute 'foo'");
  EXPECT_MENTIONS(ErrorOf("(float[2] x) => (float[2] y) { [n] y = Cast(x) }"), "node 'n' (Cast", "'to' is missing");
  EXPECT_MENTIONS(ErrorOf("(float[1,1,4,4] x, float[1,1,3,3] w) => (float y) { [n] y = Conv<strides = 2>(x, w) }"),
                  "node 'n' (Conv", "'strides' is of kind int where ints");
}

TEST(BrokenModels, Types) {
  EXPECT_MENTIONS(ErrorOf("(int64[2] x, float[2] z) => (float[2] y) { [n] y = Add(x, z) }"), "node 'n' (Add", "int64",
                  "float");
  EXPECT_MENTIONS(ErrorOf("(string[2] x) => (string[2] y) { [n] y = Relu(x) }"), "node 'n' (Relu", "string[2]");
  EXPECT_MENTIONS(ErrorOf("(int32[3,4] x) => (float[3,4] y) { [n] y = EyeLike<dtype = 127>(x) }"), "node 'n' (EyeLike",
                  "127");
  EXPECT_MENTIONS(ErrorOf("(seq(float[2]) x) => (float[2] y) { [n] y = Relu(x) }"), "node 'n' (Relu", "seq");
}

TEST(BrokenModels, ShapesThatContradictThemselves) {
  EXPECT_MENTIONS(ErrorOf("(float[2] x, float[3] z) => (float[2] y) { [n] y = Add(x, z) }"),
                  "1: node 'n' (Add, ai.onnx opset 21)", "do not broadcast", "inputs: float[2], float[3]");
  EXPECT_MENTIONS(ErrorOf("(float[2,3] x, float[4,5] z) => (float[2,5] y) { [n] y = MatMul(x, z) }"), "3 and 4",
                  "float[2, 3], float[4, 5]");
  EXPECT_MENTIONS(ErrorOf("(float[2,3] x) => (float y) <int64[1] s = {7}> { [n] y = Reshape(x, s) }"),
                  "node 'n' (Reshape", "float[2, 3]", "{7}");
  EXPECT_MENTIONS(ErrorOf("(float[2,3] x) => (float y) { [n] y = Softmax<axis = 5>(x) }"), "axis 5", "float[2, 3]");
  EXPECT_MENTIONS(ErrorOf("(float[2,3] x) => (float y) { [n] y = Transpose<perm = [0, 0]>(x) }"), "node 'n' (Transpose",
                  "perm");
  EXPECT_MENTIONS(ErrorOf("(float[1,4,4,4] x, float[3,4,3,3] w) => (float y) { [n] y = Conv<group = 2>(x, w) }"),
                  "node 'n' (Conv", "group");
  EXPECT_MENTIONS(ErrorOf("(float[2,3] x, float[2,4] z) => (float y) { [n] y = Concat<axis = 0>(x, z) }"),
                  "node 'n' (Concat", "float[2, 3], float[2, 4]");
}

TEST(BrokenModels, RanksWithoutEnd) {
  EXPECT_MENTIONS(ErrorOf("(float[1] x) => (float y) <int64[1] n = {134217728}> "
                          "{ s = ConstantOfShape<value = int64[1] {1}>(n) [n] y = Reshape(x, s) }"),
                  "6: node 'n' (Reshape", "rank");
}

// Nobody asks for the first output; its kernel writes it all the same.
TEST(BrokenModels, RequiredOutputsThatNobodyReads) {
  const RuntimeValue x = Zeros(DType::kFloat, {6});
  EXPECT_EQ(RunError("(float[6] x) => (float[3] b) { a, b = Split<num_outputs = 2>(x) }", {{"x", x}}), "");
  EXPECT_EQ(RunError("(float[6] x) => (float[3] b) { , b = Split<num_outputs = 2>(x) }", {{"x", x}}), "");
  EXPECT_EQ(RunError("(float[6] x) => (int64[6] i) <int64[1] k = {6}> { v, i = TopK(x, k) }", {{"x", x}}), "");
  EXPECT_EQ(RunError("(float[6] x) => (float[1] m) { y, m = LayerNormalization(x, x) }", {{"x", x}}), "");
}

TEST(BrokenModels, Bodies) {
  EXPECT_MENTIONS(ErrorOf("(bool c, float[2] x) => (float[2] y) { [n] y = If(c) "
                          "<then_branch = a () => (float[2] p) { p = Relu(x) }, "
                          "else_branch = b () => (int64[2] q) { q = Cast<to = 7>(x) }> }"),
                  "node 'n' (If", "float[2]", "int64[2]");
  EXPECT_MENTIONS(ErrorOf("(float[1] x) => (float[1] y) <int64 m = {3}, bool c0 = {1}> { [n] y = Loop(m, c0, x) "
                          "<body = b (int64 i) => (bool c2) { c2 = Cast<to = 9>(i) }> }"),
                  "node 'n' (Loop", "body 'b' has 1 inputs", "3");
}

// What no memory can hold is refused before it is tried.
TEST(BrokenModels, ResultsWithoutEnd) {
  EXPECT_MENTIONS(ErrorOf("() => (float[N] y) <float x = {1}, int64[2] s = {3000000000, 3000000000}> "
                          "{ [n] y = Expand(x, s) }"),
                  "6: node 'n' (Expand");
  EXPECT_MENTIONS(ErrorOf("() => (float[N] y) <int64[3] s = {100000, 100000, 100000}> { [n] y = ConstantOfShape(s) }"),
                  "5: node 'n' (ConstantOfShape", "memory limit");
  EXPECT_MENTIONS(ErrorOf("() => (int64[N] y) <int64 a = {0}, int64 b = {4000000000000}, int64 d = {1}> "
                          "{ [n] y = Range(a, b, d) }"),
                  "node 'n' (Range");
  EXPECT_MENTIONS(ErrorOf("() => (float[N] y) <float[1] x = {1}, int64[1] r = {4611686018427387904}> "
                          "{ [n] y = Tile(x, r) z = Identity(y) }"),
                  "node 'n' (Tile");
  EXPECT_MENTIONS(ErrorOf("() => (float[N] y) <float[1] x = {1}, "
                          "int64[2] p = {9223372036854775807, 9223372036854775807}> { [n] y = Pad(x, p) }"),
                  "6: node 'n' (Pad");
  // Twice as long sixty times over.
  std::string doubling = "(float[1] x) => (float[N] y) { ";
  std::string last = "x";
  for (int i = 0; i < 60; ++i) {
    const std::string next = "v" + std::to_string(i);
    doubling += next + " = Concat<axis = 0>(" + last + ", " + last + ") ";
    last = next;
  }
  EXPECT_MENTIONS(RunError(doubling + "y = Identity(" + last + ") }", {{"x", Zeros(DType::kFloat, {1})}}), "(Concat");
}

TEST(BrokenModels, DataThatDoesNotFit) {
  EXPECT_MENTIONS(RunError("(float[3] x, int64[1] i) => (float[1] y) { [n] y = Gather(x, i) }",
                           {{"x", Zeros(DType::kFloat, {3})},
                            {"i", RuntimeValue::FromTensor(Tensor::Int64s(std::vector<int64_t>{7}))}}),
                  "8: node 'n' (Gather", "7");
  EXPECT_MENTIONS(RunError("(int64[2] x, int64[2] z) => (int64[2] y) { [n] y = Div(x, z) }",
                           {{"x", Zeros(DType::kInt64, {2})}, {"z", Zeros(DType::kInt64, {2})}}),
                  "8: node 'n' (Div", "zero");
}

constexpr char kTwoInputs[] = "(float[N,2] a, float[N,2] b) => (float[N,2] y) { y = Add(a, b) }";

TEST(BadFeeds, AreNamedWithWhatWasExpectedAndGiven) {
  const RuntimeValue good = Zeros(DType::kFloat, {3, 2});
  EXPECT_EQ(RunError(kTwoInputs, {{"a", good}, {"b", good}}), "");
  EXPECT_MENTIONS(RunError(kTwoInputs, {{"a", good}}), "2: input 'b' (float[N, 2]) is missing");
  EXPECT_MENTIONS(RunError(kTwoInputs, {{"a", good}, {"c", good}, {"b", good}}), "2: ", "no input 'c'", "'a'", "'b'");
  EXPECT_MENTIONS(RunError(kTwoInputs, {{"a", good}, {"a", good}, {"b", good}}), "'a' is given twice");
  EXPECT_MENTIONS(RunError(kTwoInputs, {{"a", good}, {"b", Zeros(DType::kInt32, {3, 2})}}), "input 'b'",
                  "expected float[N, 2]", "given int32[3, 2]");
  EXPECT_MENTIONS(RunError(kTwoInputs, {{"a", good}, {"b", Zeros(DType::kFloat, {6})}}), "input 'b'",
                  "expected float[N, 2]", "given float[6]");
  EXPECT_MENTIONS(RunError(kTwoInputs, {{"a", good}, {"b", Zeros(DType::kFloat, {3, 3})}}), "input 'b'",
                  "given float[3, 3]", "dimension 1");
  EXPECT_MENTIONS(RunError(kTwoInputs, {{"a", good}, {"b", Zeros(DType::kFloat, {4, 2})}}), "input 'b'",
                  "given float[4, 2]", "'N' is 3 in input 'a'");
  EXPECT_MENTIONS(RunError(kTwoInputs, {{"a", good}, {"b", SequenceOf({good})}}), "input 'b'", "given seq");
  EXPECT_MENTIONS(RunError(kTwoInputs, {{"a", good}, {"b", good}}, {"z"}), "2: ", "no output 'z'", "'y'");
}

// What a sequence holds is looked at too: kernels rely on it.
TEST(BadFeeds, Elements) {
  const char* graph = "(seq(float[2]) s) => (float[2] y) <int64 i = {0}> { x = SequenceAt(s, i) y = Abs(x) }";
  EXPECT_EQ(RunError(graph, {{"s", SequenceOf({Zeros(DType::kFloat, {2})})}}), "");
  EXPECT_MENTIONS(RunError(graph, {{"s", SequenceOf({Zeros(DType::kFloat, {2}), Zeros(DType::kInt8, {2})})}}),
                  "2: input 's'", "element 1", "float[2]", "int8[2]");
  EXPECT_MENTIONS(RunError(graph, {{"s", SequenceOf({Zeros(DType::kFloat, {3})})}}), "2: input 's'", "element 0",
                  "float[3]");
  EXPECT_MENTIONS(RunError(graph, {{"s", SequenceOf({SequenceOf({})})}}), "2: input 's'", "element 0", "seq");
  const char* optional = "(optional(float[2]) o) => (float[2] y) { x = OptionalGetElement(o) y = Abs(x) }";
  EXPECT_EQ(RunError(optional, {{"o", Zeros(DType::kFloat, {2})}}), "");
  EXPECT_MENTIONS(RunError(optional, {{"o", Zeros(DType::kInt8, {2})}}), "2: input 'o'", "float[2]", "int8[2]");
}

}  // namespace
}  // namespace onda
