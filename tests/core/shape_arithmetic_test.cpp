// Shapes that are computed by a model are known when it is compiled, in terms of its symbolic dimensions.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "core/session.h"
#include "core/text/parse.h"

namespace onda {
namespace {

// The fact of the graph's first output, as text, and which operators are left.
struct Compiled {
  std::string fact;
  std::map<std::string, int> ops;

  explicit Compiled(const std::string& graph) {
    const InferenceSession session(ParseModel("<ir_version: 10, opset_import: [\"\" : 21]> g " + graph), {});
    fact = session.outputs().at(0).fact.ToString();
    for (const Node& node : session.graph().nodes()) ++ops[node.op_type];
  }
};

std::string FactOf(const std::string& graph) { return Compiled(graph).fact; }

TEST(ShapeArithmetic, HeadsAreSplitWithAnUnknownBatchAndLength) {
  EXPECT_EQ(
      FactOf("(float[batch, seq, 768] x) => (float[a, b, c, d] y)"
             "<int64 zero = {0}, int64 one = {1}, int64[1] axis = {0}, int64[1] heads = {12}, int64[1] rest = {-1}>"
             "{ s = Shape(x) b = Gather<axis = 0>(s, zero) n = Gather<axis = 0>(s, one) bu = Unsqueeze(b, axis)"
             "  nu = Unsqueeze(n, axis) t = Concat<axis = 0>(bu, nu, heads, rest) r = Reshape(x, t)"
             "  y = Transpose<perm = [0, 2, 1, 3]>(r) }"),
      "float[batch, 12, seq, 64]");
}

TEST(ShapeArithmetic, SlicesOfShapes) {
  EXPECT_EQ(
      FactOf("(float[batch, seq, h, 64] x) => (float[a, b, c] y)"
             "<int64[1] first = {0}, int64[1] second = {2}, int64[1] rest = {-1}>"
             "{ s = Shape(x) head = Slice(s, first, second) t = Concat<axis = 0>(head, rest) y = Reshape(x, t) }"),
      "float[batch, seq, 64*h]");
}

TEST(ShapeArithmetic, CopiedDimensionsCancel) {
  EXPECT_EQ(
      FactOf("(float[batch, seq, 12, 64] x) => (float[a, b, c] y) <int64[3] t = {0, 0, -1}> { y = Reshape(x, t) }"),
      "float[batch, seq, 768]");
}

TEST(ShapeArithmetic, MaskOfALengthWithItsPast) {
  EXPECT_EQ(FactOf("(int64[batch, seq] ids, float[batch, 12, past, 64] cache) => (int64[n] y)"
                   "<int64 one = {1}, int64 two = {2}>"
                   "{ s = Shape(ids) n = Gather(s, one) c = Shape(cache) p = Gather(c, two) total = Add(n, p)"
                   "  y = Range(p, total, one) }"),
            "int64[seq]");
}

TEST(ShapeArithmetic, FilledAndExpanded) {
  EXPECT_EQ(FactOf("(float[batch, seq] x) => (float[a, b, c] y) <int64[1] eight = {8}>"
                   "{ s = Shape(x) t = Concat<axis = 0>(s, eight) y = ConstantOfShape(t) }"),
            "float[batch, seq, 8]");
  EXPECT_EQ(FactOf("(float[batch, seq] x, float[1, 1, 8] w) => (float[a, b, c] y) <int64[1] eight = {8}>"
                   "{ s = Shape(x) t = Concat<axis = 0>(s, eight) y = Expand(w, t) }"),
            "float[batch, seq, 8]");
}

TEST(ShapeArithmetic, SlicedToASymbolicLength) {
  EXPECT_EQ(FactOf("(float[batch, seq] x, float[512, 8] table) => (float[a, b] y)"
                   "<int64[1] zero = {0}, int64[1] one = {1}, int64[1] two = {2}>"
                   "{ s = Shape(x) n = Slice(s, one, two) y = Slice(table, zero, n) }"),
            "float[min(512, seq), 8]");
  EXPECT_EQ(FactOf("(float[batch, seq] x) => (float[a, b] y)"
                   "<int64[1] one = {1}, int64[1] end = {9223372036854775807}>"
                   "{ y = Slice(x, one, end, one) }"),
            "float[batch, max(0, seq - 1)]");
}

TEST(ShapeArithmetic, SplitEvenly) {
  EXPECT_EQ(FactOf("(float[batch, 2304] x) => (float[a, b] q, float[c, d] k, float[e, f] v)"
                   "{ q, k, v = Split<axis = 1, num_outputs = 3>(x) }"),
            "float[batch, 768]");
  EXPECT_EQ(FactOf("(float[batch] x) => (float[a] y) <int64[2] t = {3, -1}, int64[1] zero = {0}>"
                   "{ d = Concat<axis = 0>(x, x) p, q = Split<axis = 0, num_outputs = 2>(d) y = Identity(p) }"),
            "float[batch]");
}

TEST(ShapeArithmetic, ConstantsOfShapesAreFolded) {
  const Compiled c(
      "(float[2, 3, 4] x) => (float[a, b] y) <int64[1] rest = {-1}, int64[1] zero = {0}, int64[1] one = {1}>"
      "{ s = Shape(x) h = Slice(s, zero, one) t = Concat<axis = 0>(h, rest) y = Reshape(x, t) }");
  EXPECT_EQ(c.fact, "float[2, 12]");
  EXPECT_EQ(c.ops, (std::map<std::string, int>{{"Reshape", 1}}));
}

TEST(ShapeArithmetic, TransposesThatMoveNothingAreViews) {
  const Compiled c("(float[batch, 1, seq, 64] x) => (float[a, b, c, d] y) { y = Transpose<perm = [0, 2, 1, 3]>(x) }");
  EXPECT_EQ(c.fact, "float[batch, seq, 1, 64]");
  EXPECT_EQ(c.ops.count("Transpose"), 0u);
  const Compiled moved(
      "(float[batch, 2, seq, 64] x) => (float[a, b, c, d] y) { y = Transpose<perm = [0, 2, 1, 3]>(x) }");
  EXPECT_EQ(moved.ops.at("Transpose"), 1);
}

TEST(ShapeArithmetic, ContradictionsAreRefused) {
  EXPECT_THROW(FactOf("(float[2, 3] x) => (float[a] y) <int64[1] t = {7}> { y = Reshape(x, t) }"), Error);
  EXPECT_THROW(FactOf("(float[2, 3] x) => (float[a, b] y) <int64[2] t = {-1, -1}> { y = Reshape(x, t) }"), Error);
  EXPECT_THROW(FactOf("(float[2, 3] x, float[3, 3] w) => (float[a, b] y) { y = Concat<axis = 1>(x, w) }"), Error);
  EXPECT_THROW(FactOf("(float[2, 3] x) => (float[a] y) <int64[1] t = {1}> { y = Squeeze(x, t) }"), Error);
  EXPECT_THROW(FactOf("(float[2, 3] x) => (float[a, b] y) { y = Transpose<perm = [0, 0]>(x) }"), Error);
}

TEST(Einsum, BecomesProductsOfMatrices) {
  const Compiled scores(
      "(float[batch, q, 12, 64] x, float[batch, k, 12, 64] w) => (float[a, b, c, d] y)"
      "{ y = Einsum<equation = \"bqhd,bkhd->bhqk\">(x, w) }");
  EXPECT_EQ(scores.fact, "float[batch, 12, q, k]");
  EXPECT_EQ(scores.ops.count("Einsum"), 0u);
  EXPECT_EQ(scores.ops.at("FusedMatMul"), 1);
  const Compiled projected(
      "(float[batch, seq, 12, 64] x, float[12, 64, 768] w) => (float[a, b, c] y)"
      "{ y = Einsum<equation = \"bshd,hde->bse\">(x, w) }");
  EXPECT_EQ(projected.fact, "float[batch, seq, 768]");
  EXPECT_EQ(projected.ops.at("MatMul"), 1);
}

}  // namespace
}  // namespace onda
