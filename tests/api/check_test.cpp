// Checks of models: every problem, each with its node, cause and hint; and inference of types and shapes.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "onda/model.h"

namespace {

using onda::Problem;

onda::Model Text(const std::string& graph, const std::string& functions = "") {
  return onda::Model::FromText("<ir_version: 10, opset_import: [\"\" : 21, \"local\" : 1]> " + graph + functions);
}

std::vector<Problem> Problems(const onda::Model& model) { return model.FindProblems(); }

// The problem of that node; fails where there is not exactly one.
Problem At(const std::vector<Problem>& problems, const std::string& op) {
  std::vector<Problem> found;
  std::copy_if(problems.begin(), problems.end(), std::back_inserter(found),
               [&](const Problem& p) { return p.op == op; });
  EXPECT_EQ(found.size(), 1u) << op;
  return found.empty() ? Problem() : found[0];
}

void ExpectIn(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text;
}

TEST(Check, NothingIsWrongWithAGoodModel) {
  EXPECT_TRUE(Problems(Text("g (float[N,3] x) => (float[N,3] y) { y = Relu(x) }")).empty());
}

TEST(Check, ReportsEveryProblemWithItsNodeAndAHint) {
  const auto problems = Problems(
      Text("g (float[2,3] x, float[4] b, int64[2] i) => (float[2,3] r, float[2,3] s, float[2,3] t, float[2,3] u) {"
           " [n1] r = Relo(x) [n2] s = Add(x, b) [n3] t = LeakyRelu<alfa = 0.1>(x) [n4] u = Mul(x, i) }"));
  EXPECT_EQ(problems.size(), 4u);
  const Problem misspelled = At(problems, "Relo");
  EXPECT_EQ(misspelled.node, "n1");
  EXPECT_EQ(misspelled.opset, 21);
  ExpectIn(misspelled.hint, "ai.onnx.Relu");
  ExpectIn(At(problems, "Add").cause, "float[4]");
  ExpectIn(At(problems, "LeakyRelu").hint, "'alpha'");
  ExpectIn(At(problems, "Mul").cause, "int64");
  for (const Problem& p : problems) EXPECT_FALSE(p.warning) << p.ToString();
}

TEST(Check, GoesOnBehindAProblemWithWhatIsDeclared) {
  // Without what is declared of y nothing would be known against the Add.
  const auto problems =
      Problems(Text("g (float[2,3] x) => (float[N,M] z) <float[2,5] y> { y = Unknown(x) z = Add(x, y) }"));
  EXPECT_EQ(problems.size(), 2u);
  ExpectIn(At(problems, "Add").cause, "float[2, 5]");
}

TEST(Check, DeclaredShapesThatCannotBeAreErrors) {
  const auto problems = Problems(Text("g (float[2,3] x) => (float[3,2] y) { y = Relu(x) }"));
  ASSERT_EQ(problems.size(), 1u);
  ExpectIn(problems[0].cause, "declared float[3, 2]");
}

TEST(Check, ProblemsInBodiesAndFunctionsAreToldOnceAndPlaced) {
  const auto problems =
      Problems(Text("g (bool c, float[2] x) => (float[2] y, float[2] a, float[2] b) {"
                    " y = If(c) <then_branch = t () => (float[2] p) { p = Add(x) },"
                    " else_branch = e () => (float[2] q) { q = Relu(x) }> a = local.f(x) b = local.f(x) }",
                    " <domain: \"local\", opset_import: [\"\" : 21]> f (v) => (w) { w = Sqrt<base = 2>(v) }"
                    " <domain: \"local\", opset_import: [\"\" : 21]> unused (v) => (w) { w = Sqrt(v, v) }"));
  EXPECT_EQ(problems.size(), 3u);
  ExpectIn(At(problems, "Add").place, "body 't'");
  std::vector<std::string> places;
  for (const Problem& p : problems)
    if (p.op == "Sqrt") places.push_back(p.place);
  EXPECT_EQ(places, (std::vector<std::string>{"function 'local.f'", "function 'local.unused'"}));
}

TEST(Check, UnknownDomainsAreWarnings) {
  const auto problems =
      Problems(onda::Model::FromText("<ir_version: 10, opset_import: [\"\" : 21, \"mine\" : 1]> "
                                     "g (float[2] x) => (float[2] z) { y = mine.Special(x) z = Relu(y) }"));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_TRUE(problems[0].warning);
}

TEST(Check, WithoutInferenceOnlySignaturesCount) {
  const auto model = Text("g (float[2,3] x, float[4] b) => (y, z) { y = Add(x, b) z = Add(x) }");
  EXPECT_EQ(model.FindProblems(true).size(), 2u);
  EXPECT_EQ(model.FindProblems(false).size(), 1u);
}

TEST(Check, AFileThatCannotBeReadIsAProblem) {
  const std::string bytes = "no model";
  EXPECT_EQ(onda::CheckModelMemory(bytes.data(), bytes.size()).size(), 1u);
  EXPECT_EQ(onda::CheckModelFile("/nowhere/model.onnx").at(0).code, onda::ErrorCode::kNotFound);
}

TEST(Check, InfersTheTypesOfAllValues) {
  const auto types =
      Text(
          "g (bool c, float[N,3] x) => (float[?] y) <float[3,5] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, "
          "15}> {"
          " f = Constant<value_ints = [-1]>() m = MatMul(x, w) y = If(c) <then_branch = t () => (float[?] p) { p = "
          "Reshape(m, f) },"
          " else_branch = e () => (float[?] q) { q = Reshape(m, f) }> }")
          .InferShapes()
          .ValueTypes();
  const auto type_of = [&](const std::string& name) {
    for (const auto& [value, type] : types)
      if (value == name) return type;
    return std::string("no such value");
  };
  EXPECT_EQ(type_of("m"), "float[N, 5]");
  EXPECT_EQ(type_of("p"), "float[5*N]");
  EXPECT_EQ(type_of("y"), "float[5*N]");
}

}  // namespace
