// Attention as exporters write it: the operators behind all rewrites, and the same numbers as without.
#include <gtest/gtest.h>

#include "tests/passes/rewritten.h"

namespace onda {
namespace {

using testing::Rewritten;

const char kQkv[] = "(float[2,3,5,8] q, float[2,3,7,8] k, float[2,3,7,4] v";

std::string Chain(const std::string& more_inputs, const std::string& constants, const std::string& body) {
  return Rewritten({std::string("g ") + kQkv + more_inputs + ") => (y) <" + constants +
                    "> { t = Transpose<perm = [0, 1, 3, 2]>(k) " + body + " }"});
}

TEST(FuseAttention, ScaleBehindTheProductOrOnItsOperands) {
  const std::string constants =
      "float s = {0.35355339}, float r = {2.828427}, float root = {0.59460356}, float[1] one = {3}";
  const std::string plain = "Attention<scale=0.3536>";
  EXPECT_EQ(Chain("", constants, "a = MatMul(q, t) b = Mul(a, s) p = Softmax(b) y = MatMul(p, v)"), plain);
  EXPECT_EQ(Chain("", constants, "a = MatMul(q, t) b = Div(a, r) p = Softmax<axis = 3>(b) y = MatMul(p, v)"), plain);
  EXPECT_EQ(Chain("", constants, "a = Mul(s, q) b = MatMul(a, t) p = Softmax(b) y = MatMul(p, v)"), plain);
  EXPECT_EQ(Chain("", constants, "a = Mul(q, root) u = Mul(t, root) b = MatMul(a, u) p = Softmax(b) y = MatMul(p, v)"),
            plain);
  EXPECT_EQ(Chain("", constants, "a = MatMul(q, t) p = Softmax(a) y = MatMul(p, v)"), "Attention<scale=1>");
  EXPECT_EQ(Chain("", constants,
                  "a = MatMul(q, t) b = Div(a, r) c = Tanh(b) d = Mul(c, one) p = Softmax(d) y = MatMul(p, v)"),
            "Attention<scale=1.061 softcap=3>");
}

TEST(FuseAttention, MasksOfZerosAreNone) {
  EXPECT_EQ(Chain("", "float[1,1,1,7] m = {0, 0, 0, 0, 0, 0, 0}",
                  "a = MatMul(q, t) b = Add(a, m) p = Softmax(b) y = MatMul(p, v)"),
            "Attention<scale=1>");
}

// Windows of pictures: the first two dimensions are one.
TEST(FuseAttention, FiveDimensions) {
  const std::string inputs = "g (float[2,4,3,5,8] q, float[2,4,3,7,8] k, float[2,4,3,7,4] v, ";
  EXPECT_EQ(Rewritten({inputs + "float[3,5,7] m) => (y) <float s = {0.5}> { t = Transpose<perm = [0, 1, 2, 4, 3]>(k) "
                                "a = MatMul(q, t) b = Mul(a, s) c = Add(b, m) p = Softmax(c) y = MatMul(p, v) }"}),
            "Attention<scale=0.5 nan_rows=1>");
  EXPECT_EQ(Rewritten({inputs + "float[3,5,7] m) => (y) <float s = {0.5}> { e = Mul(k, s) a = "
                                "com.microsoft.FusedMatMul<transB = 1, alpha = 3.0>(q, e) "
                                "c = Add(a, m) p = Softmax(c) y = MatMul(p, v) }"}),
            "Attention<scale=1.5 nan_rows=1>");
  EXPECT_EQ(
      Rewritten({inputs + "float[1,1,3,5,7] m, float[1,3,1,7] n) => (y) { t = Transpose<perm = [0, 1, 2, 4, 3]>(k) "
                          "a = MatMul(q, t) b = Add(a, n) c = Add(b, m) p = Softmax(c) y = MatMul(p, v) }"}),
      "Add Attention<scale=1 nan_rows=1>");
  // A mask for each window.
  EXPECT_EQ(Rewritten({inputs + "float[4,1,5,7] m) => (y) { t = Transpose<perm = [0, 1, 2, 4, 3]>(k) "
                                "a = MatMul(q, t) c = Add(a, m) p = Softmax(c) y = MatMul(p, v) }"}),
            "Transpose<perm=0,1,2,4,3> MatMul Add Softmax MatMul");
}

TEST(FuseAttention, WhatOthersReadStays) {
  EXPECT_EQ(Rewritten({std::string("g ") + kQkv +
                       ") => (y, p) { t = Transpose<perm = [0, 1, 3, 2]>(k) a = MatMul(q, t) "
                       "p = Softmax(a) y = MatMul(p, v) }"}),
            "Transpose<perm=0,1,3,2> MatMul Softmax MatMul");
  // Another axis.
  EXPECT_EQ(Chain("", "", "a = MatMul(q, t) p = Softmax<axis = 2>(a) y = MatMul(p, v)"),
            "Transpose<perm=0,1,3,2> MatMul Softmax<axis=2> MatMul");
}

TEST(FuseAttention, KeysThatArriveTransposed) {
  EXPECT_EQ(
      Rewritten({"g (float[2,3,5,8] q, float[2,3,8,7] k, float[2,3,7,4] v) => (y) { a = MatMul(q, k) p = Softmax(a) "
                 "y = MatMul(p, v) }"}),
      "Transpose<perm=0,1,3,2> Attention<scale=1>");
  // With unknown sizes, a scale on them and one number a row for mask.
  EXPECT_EQ(Rewritten({"g (float[B,3,N,8] q, float[B,3,8,M] k, float[B,3,M,4] v, float[N,1] m) => (y) "
                       "<float s = {0.5}> { d = Mul(k, s) a = MatMul(q, d) b = Add(a, m) p = Softmax(b) "
                       "y = MatMul(p, v) }",
                       {{"B", 2}, {"N", 5}, {"M", 7}}}),
            "Shape<start=3 end=4> Expand Transpose<perm=0,1,3,2> Attention<scale=0.5 nan_rows=1>");
}

TEST(FuseAttention, MasksThatAreAdded) {
  EXPECT_EQ(Chain(", float[2,1,1,7] m", "float s = {0.5}",
                  "a = MatMul(q, t) b = Mul(a, s) c = Add(b, m) p = Softmax(c) y = MatMul(p, v)"),
            "Attention<scale=0.5 nan_rows=1>");
  EXPECT_EQ(Chain(", float[5,7] m, float[3,1,7] n", "",
                  "a = MatMul(q, t) c = Add(m, a) d = Add(c, n) p = Softmax(d) y = MatMul(p, v)"),
            "Add Attention<scale=1 nan_rows=1>");
  // One number for all keys of a row.
  EXPECT_EQ(Chain(", float[3,5,1] m", "", "a = MatMul(q, t) c = Add(m, a) p = Softmax(c) y = MatMul(p, v)"),
            "Expand Attention<scale=1 nan_rows=1>");
  // A mask that makes the scores larger.
  EXPECT_EQ(Rewritten({"g (float[1,3,5,8] q, float[1,3,7,8] k, float[2,3,7,4] v, float[2,1,5,7] m) => (y) "
                       "{ t = Transpose<perm = [0, 1, 3, 2]>(k) a = MatMul(q, t) c = Add(a, m) p = Softmax(c) "
                       "y = MatMul(p, v) }"}),
            "Transpose<perm=0,1,3,2> MatMul Add Softmax MatMul");
}

TEST(FuseAttention, MasksThatSelect) {
  const std::string constants =
      "float low = {-1e30}, float least = {-3.4e38}, float few = {-10000}, float small = {-5}, float zero = {0}";
  EXPECT_EQ(Chain(", bool[2,1,5,7] m", "float[1] low = {-1e9}",
                  "a = MatMul(q, t) c = Where(m, a, low) p = Softmax(c) y = MatMul(p, v)"),
            "Where Attention<scale=1>");
  EXPECT_EQ(Chain(", bool[2,1,1,7] m", "float low = {-10000}",
                  "a = MatMul(q, t) c = Where(m, low, a) p = Softmax(c) y = MatMul(p, v)"),
            "Where Attention<scale=1>");
  EXPECT_EQ(Chain(", bool[2,1,1,7] m", "float low = {-5}",
                  "a = MatMul(q, t) c = Where(m, a, low) p = Softmax(c) y = MatMul(p, v)"),
            "Transpose<perm=0,1,3,2> MatMul Where Softmax MatMul");
  // An infinite one keeps the boolean mask; a guard against rows of NaN goes.
  EXPECT_EQ(Chain(", bool[1,1,1,7] m", "float one = {1}, float z = {0}, float none = {0}",
                  "inf = Div(one, z) low = Neg(inf) a = MatMul(q, t) c = Where(m, a, low) p = Softmax(c) n = IsNaN(p) "
                  "w = Where(n, none, p) y = MatMul(w, v)"),
            "Attention<scale=1>");
}

TEST(FuseAttention, CausalMasks) {
  const std::string inputs = "g (float[2,3,N,8] q, float[2,3,N,8] k, float[2,3,N,4] v) => (y) ";
  const std::string start = "{ t = Transpose<perm = [0, 1, 3, 2]>(k) a = MatMul(q, t) ";
  // A constant one.
  EXPECT_EQ(
      Rewritten(
          {"g (float[2,1,3,8] q, float[2,1,3,8] k, float[2,1,3,4] v) => (y) <float[3,3] m = {0, -1e30, -1e30, 0, 0, "
           "-1e30, 0, 0, 0}> " +
           start + "b = Add(a, m) p = Softmax(b) y = MatMul(p, v) }"}),
      "Attention<scale=1 is_causal=1>");
  // PyTorch: a triangle of ones as a boolean mask, made of the shapes of Q and K.
  EXPECT_EQ(
      Rewritten({inputs +
                     "<float zero = {0}, float low = {-3.4e38}, int64[1] two = {2}, int64[1] three = {3}, "
                     "int64[1] axis = {0}> " +
                     start +
                     "sq = Shape(q) l = Slice(sq, two, three, axis) sk = Shape(k) r = Slice(sk, two, three, axis) "
                     "s = Concat<axis = 0>(l, r) e = ConstantOfShape<value = int64[1] {1}>(s) "
                     "tri = Trilu<upper = 0>(e) keep = Cast<to = 9>(tri) m = Where(keep, zero, low) b = Add(a, m) "
                     "p = Softmax(b) y = MatMul(p, v) }",
                 {{"N", 6}}}),
      "Attention<scale=1 is_causal=1>");
  // A triangle of what hides, above the diagonal.
  EXPECT_EQ(Rewritten({inputs +
                           "<float low = {-1e30}, int64 one = {1}, int64[1] two = {2}, int64[1] three = {3}, "
                           "int64[1] axis = {0}> " +
                           start +
                           "sq = Shape(q) l = Slice(sq, two, three, axis) s = Concat<axis = 0>(l, l) "
                           "e = Expand(low, s) m = Trilu(e, one) b = Add(a, m) p = Softmax(b) y = MatMul(p, v) }",
                       {{"N", 6}}}),
            "Attention<scale=1 is_causal=1>");
}

// (batch, rows, heads * width) in and out.
TEST(FlattenHeads, NoTransposeIsLeft) {
  const std::string constants = "<int64[4] split = {0, 0, 3, 4}, int64[3] merge = {0, 0, 12}, float s = {0.5}>";
  EXPECT_EQ(
      Rewritten({"g (float[B,N,12] x, float[B,M,12] z, float[B,M,12] w, float[B,1,1,M] m) => (float[B,N,12] y) " +
                     constants +
                     "{ q3 = Reshape(x, split) k3 = Reshape(z, split) v3 = Reshape(w, split) "
                     "q = Transpose<perm = [0, 2, 1, 3]>(q3) t = Transpose<perm = [0, 2, 3, 1]>(k3) "
                     "v = Transpose<perm = [0, 2, 1, 3]>(v3) a = MatMul(q, t) b = Mul(a, s) c = Add(b, m) "
                     "p = Softmax(c) r = MatMul(p, v) o = Transpose<perm = [0, 2, 1, 3]>(r) y = Reshape(o, merge) }",
                 {{"B", 2}, {"N", 5}, {"M", 6}}}),
      "Attention<scale=0.5 nan_rows=1 q_num_heads=3 kv_num_heads=3>");
}

// Rows whose keys are all hidden are NaN, as without the rule; 0 where a Where behind the softmax makes them so.
TEST(FuseAttention, RowsThatAreMaskedWhole) {
  const std::string constants =
      "int64[5,1] rows = {1, 1, 0, 1, 1}, float zero = {0}, float one = {1}, int64[2] wide = {5, 7}";
  const std::string masked =
      "inf = Div(one, zero) low = Neg(inf) some = Cast<to = 9>(rows) keep = Expand(some, wide) a = MatMul(q, t) c = "
      "Where(keep, a, low) p = Softmax(c) ";
  EXPECT_EQ(Chain("", constants, masked + "y = MatMul(p, v)"), "Attention<scale=1 nan_rows=1>");
  EXPECT_EQ(Chain("", constants, masked + "n = IsNaN(p) w = Where(n, zero, p) y = MatMul(w, v)"), "Attention<scale=1>");
}

TEST(FuseAttentionPast, PastAndPresentGoThroughAttention) {
  const std::string inputs =
      "g (float[B,N,12] x, float[B,N,12] z, float[B,N,12] w, float[B,3,P,4] pk, float[B,3,P,4] pv, float[B,1,N,\"P + "
      "N\"] m) => ";
  const std::string body =
      "<int64[4] split = {0, 0, 3, 4}, int64[3] merge = {0, 0, 12}, float s = {2.0}> "
      "{ q3 = Reshape(x, split) k3 = Reshape(z, split) v3 = Reshape(w, split) q = Transpose<perm = [0, 2, 1, 3]>(q3) "
      "kn = Transpose<perm = [0, 2, 1, 3]>(k3) vn = Transpose<perm = [0, 2, 1, 3]>(v3) k = Concat<axis = 2>(pk, kn) "
      "vv = Concat<axis = -2>(pv, vn) t = Transpose<perm = [0, 1, 3, 2]>(k) a = MatMul(q, t) b = Div(a, s) "
      "c = Add(b, m) p = Softmax(c) r = MatMul(p, vv) o = Transpose<perm = [0, 2, 1, 3]>(r) y = Reshape(o, merge) }";
  const std::map<std::string, int64_t> dims{{"B", 2}, {"N", 3}, {"P", 4}, {"N + P", 7}, {"P + N", 7}};
  EXPECT_EQ(Rewritten({inputs + "(float[B,N,12] y, float[B,3,T,4] k, float[B,3,T,4] vv) " + body, dims}),
            "Attention<scale=0.5 nan_rows=1 q_num_heads=3 kv_num_heads=3>");
  EXPECT_EQ(Rewritten({inputs + "(float[B,N,12] y) " + body, dims}),
            "Attention<scale=0.5 nan_rows=1 q_num_heads=3 kv_num_heads=3>");
}

TEST(FuseAttentionGroups, RepeatedKeysAreShared) {
  EXPECT_EQ(Rewritten({"g (float[B,6,N,4] q, float[B,2,N,4] k, float[B,2,N,4] v) => (y) "
                       "<int64[1] two = {2}, int64[5] many = {1, 1, 3, 1, 1}, int64[4] merge = {0, 6, -1, 4}> "
                       "{ k5 = Unsqueeze(k, two) ke = Expand(k5, many) kr = Reshape(ke, merge) v5 = Unsqueeze(v, two) "
                       "ve = Expand(v5, many) vr = Reshape(ve, merge) t = Transpose<perm = [0, 1, 3, 2]>(kr) "
                       "a = MatMul(q, t) p = Softmax(a) y = MatMul(p, vr) }",
                       {{"B", 2}, {"N", 5}}}),
            "Attention<scale=1>");
}

TEST(FuseAttention, OneHeadWithoutADimensionOfItsOwn) {
  EXPECT_EQ(
      Rewritten(
          {"g (float[B,1,6] q, float[B,N,6] memory, bool[B,N] hidden) => (y) <float low = {-1e9}, int64[1] one = {1}> "
           "{ t = Transpose<perm = [0, 2, 1]>(memory) a = MatMul(q, t) m = Unsqueeze(hidden, one) "
           "b = Where(m, low, a) p = Softmax(b) y = MatMul(p, memory) }",
           {{"B", 2}, {"N", 5}}}),
      "Where Attention<scale=1>");
}

TEST(FuseRotary, HalvesThatAreTurned) {
  const std::string body =
      "{ f = Concat<axis = -1>(angle, angle) c3 = Cos(f) s3 = Sin(f) c = Unsqueeze(c3, one) s = Unsqueeze(s3, one) "
      "x1 = Slice(x, zero, half, last) x2 = Slice(x, half, end, last) n = Neg(x2) r = Concat<axis = -1>(n, x1) "
      "a = Mul(x, c) b = Mul(r, s) y = Add(a, b) }";
  const std::string constants =
      " <int64[1] one = {1}, int64[1] zero = {0}, int64[1] half = {4}, int64[1] end = "
      "{9223372036854775807}, int64[1] last = {3}> ";
  EXPECT_EQ(Rewritten({"g (float[B,3,N,8] x, float[B,N,4] angle) => (y) " + constants + body, {{"B", 2}, {"N", 5}}}),
            "Concat<axis=-1> Cos Sin Slice Slice RotaryEmbedding");
  // The same angles for the whole batch.
  EXPECT_EQ(Rewritten({"g (float[2,3,N,8] x, float[1,N,4] angle) => (y) " + constants + body, {{"N", 5}}}),
            "Concat<axis=-1> Cos Sin Slice Expand Slice Expand RotaryEmbedding");
  EXPECT_EQ(
      Rewritten(
          {"g (float16[B,3,N,8] x, float16[B,N,4] angle) => (y) " + constants + body, {{"B", 2}, {"N", 5}}, {}, 1e-2}),
      "Concat<axis=-1> Cos Sin Slice Slice RotaryEmbedding");
}

// Angles that are constants, of which the halves agree or do not.
TEST(FuseRotary, ConstantsOfHalfPrecision) {
  auto chain = [](const std::string& sin) {
    return Rewritten(
        {"g (float16[1,3,1,4] x) => (y) <float16[1,1,1,4] c = {0.5, 0.25, 0.5, 0.25}, float16[1,1,1,4] s = " + sin +
             ", int64[1] zero = {0}, int64[1] half = {2}, int64[1] end = {4}, int64[1] last = {3}> { "
             "x1 = Slice(x, zero, half, last) x2 = Slice(x, half, end, last) n = Neg(x2) "
             "r = Concat<axis = -1>(n, x1) a = Mul(x, c) b = Mul(r, s) y = Add(a, b) }",
         {},
         {},
         1e-2});
  };
  EXPECT_EQ(chain("{0.75, 1.5, 0.75, 1.5}").find("Neg"), std::string::npos);
  EXPECT_NE(chain("{0.75, 1.5, 0.75, 1.25}").find("Neg"), std::string::npos);
}

}  // namespace
}  // namespace onda
