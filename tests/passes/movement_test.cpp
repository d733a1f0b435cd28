// Rewrites that move, merge and fold: the operators behind all rewrites, and the same numbers as without.
#include <gtest/gtest.h>

#include "tests/passes/rewritten.h"

namespace onda {
namespace {

using testing::Rewritten;

TEST(MergeViews, ChainsAreOneOrNothing) {
  const std::string constants = " <int64[2] flat = {6, 4}, int64[3] back = {2, 3, 4}, int64[1] one = {1}> ";
  EXPECT_EQ(
      Rewritten(
          {"g (float[2,3,4] x) => (y) " + constants +
           "{ a = Reshape(x, flat) b = Unsqueeze(a, one) c = Squeeze(b, one) d = Reshape(c, back) y = Relu(d) }"}),
      "Relu");
}

TEST(ViewsBeforeTransposes, WhatLiesSideBySideIsTakenApartOrJoined) {
  const std::string constants =
      " <int64[3] joined = {-1, 5, 4}, int64[4] apart = {2, 3, 4, 5}, int64[2] flat = {12, 10}, int64[3] same = {3, 8, "
      "5}, int64[2] even = {60, 2}> ";
  // Keys of scaled_dot_product_attention, through three dimensions.
  EXPECT_EQ(
      Rewritten({"g (float[2,3,5,4] x) => (y) " + constants +
                 "{ a = Reshape(x, joined) b = Transpose<perm = [0, 2, 1]>(a) c = Reshape(b, apart) y = Neg(c) }"}),
      "Neg Transpose<perm=0,1,3,2>");
  EXPECT_EQ(Rewritten({"g (float[B,3,N,4] x) => (y) <int64[1] i0 = {0}, int64[1] i2 = {2}, int64[1] i3 = {3}, int64[1] "
                       "minus = {-1}, int64[1] four = {4}, int64[1] three = {3}> "
                       "{ s = Shape(x) n = Slice(s, i2, i3, i0) bs = Shape<start = 0, end = 1>(x) "
                       "j = Concat<axis = 0>(minus, n, four) a = Reshape(x, j) b = Transpose<perm = [0, 2, 1]>(a) "
                       "t = Concat<axis = 0>(bs, three, four, n) c = Reshape(b, t) y = Softmax(c) }",
                       {{"B", 2}, {"N", 5}}}),
            "Transpose<perm=0,1,3,2> Softmax");
  // The transpose takes (2, 3) along, and the views join; where it does not, all stays.
  EXPECT_EQ(Rewritten({"g (float[5,2,2,3,2] x) => (y) " + constants +
                       "{ b = Transpose<perm = [2, 3, 4, 0, 1]>(x) c = Reshape(b, flat) y = Softmax(c) }"}),
            "Transpose<perm=1,0> Softmax");
  EXPECT_EQ(Rewritten({"g (float[5,4,3,2] x) => (y) " + constants +
                       "{ b = Transpose<perm = [2, 1, 3, 0]>(x) c = Reshape(b, same) y = Softmax(c) }"}),
            "Transpose<perm=2,1,3,0> Softmax");
  EXPECT_EQ(Rewritten({"g (float[5,4,6] x) => (y) " + constants +
                       "{ b = Transpose<perm = [1, 0, 2]>(x) c = Reshape(b, even) y = Softmax(c) }"}),
            "Transpose<perm=1,0,2> Softmax");
}

TEST(ViewsBehindMasks, OfOnePicture) {
  const std::string constants = " <int64[5] windows = {1, 4, 3, 5, 5}, int64[4] back = {4, 3, 5, 5}, float s = {0.5}> ";
  const std::string chain =
      "t = Transpose<perm = [0, 1, 3, 2]>(k) a = MatMul(q, t) b = Add(bias, a) c = Reshape(b, windows) d = Add(c, m) "
      "e = Reshape(d, back) p = Softmax(e) y = MatMul(p, v) }";
  EXPECT_EQ(Rewritten({"g (float[4,3,5,8] q, float[4,3,5,8] k, float[4,3,5,8] v, float[1,3,5,5] bias, "
                       "float[1,4,1,5,5] m) => (y) " +
                       constants + "{ " + chain}),
            "Add Attention<scale=1 nan_rows=1>");
  // A mask for each of two pictures.
  EXPECT_EQ(
      Rewritten({"g (float[4,3,5,8] q, float[4,3,5,8] k, float[4,3,5,8] v, float[1,3,5,5] bias, "
                 "float[2,2,1,5,5] m) => (y) <int64[5] windows = {2, 2, 3, 5, 5}, int64[4] back = {4, 3, 5, 5}> { " +
                 chain}),
      "Transpose<perm=0,1,3,2> MatMul Add Add Softmax MatMul");
}

TEST(MergeCasts, OnlyWhereTheFirstIsExact) {
  EXPECT_EQ(Rewritten({"g (float16[4] x) => (y) { a = Cast<to = 1>(x) b = Cast<to = 11>(a) y = Neg(b) }"}),
            "Cast<to=11> Neg");
  EXPECT_EQ(Rewritten({"g (int32[4] x) => (y) { a = Cast<to = 7>(x) b = Cast<to = 6>(a) y = Neg(b) }"}), "Neg");
  EXPECT_EQ(Rewritten({"g (float[4] x) => (y) { a = Cast<to = 10>(x) b = Cast<to = 1>(a) y = Neg(b) }"}),
            "Cast<to=10> Cast<to=1> Neg");
  EXPECT_EQ(Rewritten({"g (float[4] x) => (y) { a = Cast<to = 7>(x) b = Cast<to = 1>(a) y = Neg(b) }"}),
            "Cast<to=7> Cast<to=1> Neg");
}

TEST(DropIdentity, NeutralConstants) {
  const std::string constants = " <float zero = {0}, float one = {1}, float[1,1,1] wide = {1}> ";
  EXPECT_EQ(Rewritten({"g (float[3] x) => (y) " + constants +
                       "{ a = Add(x, zero) b = Mul(one, a) c = Sub(b, zero) d = Div(c, one) y = Neg(d) }"}),
            "Neg");
  EXPECT_EQ(Rewritten({"g (float[3] x) => (y) " + constants + "{ a = Sub(zero, x) b = Mul(a, wide) y = Neg(b) }"}),
            "Sub Mul Neg");
}

TEST(MergeCommon, WhatIsComputedTwice) {
  EXPECT_EQ(Rewritten({"g (float[3] x) => (y) <float[1] a = {2}, float[1] b = {2}> "
                       "{ c = Pow(x, a) d = Pow(x, b) e = Exp(c) f = Exp(d) y = Add(e, f) }"}),
            "Pow Exp Add");
  EXPECT_EQ(Rewritten({"g (float[3] x) => (y) { e = Elu<alpha = 1.0>(x) f = Elu<alpha = 2.0>(x) y = Add(e, f) }"}),
            "Elu<alpha=1> Elu<alpha=2> Add");
  // Outputs keep their names.
  EXPECT_EQ(Rewritten({"g (float[3] x) => (e, f) { e = Exp(x) f = Exp(x) }"}), "Exp Exp");
}

TEST(PushTransposes, PairsMeet) {
  EXPECT_EQ(Rewritten({"g (float[1,2,4,5] x, float[1,2,4,5] z) => (y) <float[2] k = {3, 4}> "
                       "{ a = Transpose<perm = [0, 2, 3, 1]>(x) b = Transpose<perm = [0, 2, 3, 1]>(z) c = Mul(a, k) "
                       "d = Elu(c) e = Add(d, b) f = Concat<axis = 3>(e) y = Transpose<perm = [0, 3, 1, 2]>(f) }"}),
            "Mul Elu Add");
  EXPECT_EQ(Rewritten({"g (float[1,2,4,5] x, float[1,3,4,5] z) => (y) "
                       "{ a = Transpose<perm = [0, 2, 3, 1]>(x) b = Transpose<perm = [0, 2, 3, 1]>(z) "
                       "e = Concat<axis = -1>(a, b) y = Transpose<perm = [0, 3, 1, 2]>(e) }"}),
            "Concat<axis=1>");
  // A constant whose elements would have to move.
  EXPECT_EQ(Rewritten({"g (float[2,3] x) => (y) <float[3,2] k = {1, 2, 3, 4, 5, 6}> { a = Transpose<perm = [1, 0]>(x) "
                       "b = Add(a, k) y = Transpose<perm = [1, 0]>(b) }"}),
            "Transpose<perm=1,0> Add Transpose<perm=1,0>");
}

// (batch, rows, 3, heads, width) transposed and cut up, as vision transformers of PyTorch and Paddle have it.
TEST(PushTransposes, PartsOfAPackedTensor) {
  const std::string constants =
      " <int64[5] split = {0, 0, 3, 2, 4}, int64[3] merge = {0, 0, 8}, int64 zero = {0}, int64 one = {1}, int64 two = "
      "{2}, "
      "int64[1] i0 = {0}, int64[1] i1 = {1}, int64[1] i2 = {2}, int64[1] i3 = {3}, float s = {0.5}> ";
  const std::string end =
      "b = Mul(q, s) t = Transpose<perm = [0, 1, 3, 2]>(k) a = MatMul(b, t) p = Softmax(a) r = MatMul(p, v) "
      "o = Transpose<perm = [0, 2, 1, 3]>(r) y = Reshape(o, merge) }";
  const std::string attention = "Attention<scale=0.5 q_num_heads=2 kv_num_heads=2>";
  EXPECT_EQ(Rewritten({"g (float[B,N,24] x) => (float[B,N,8] y) " + constants +
                           "{ w = Reshape(x, split) c = Transpose<perm = [2, 0, 3, 1, 4]>(w) q = Gather(c, zero) "
                           "k = Gather(c, one) v = Gather(c, two) " +
                           end,
                       {{"B", 2}, {"N", 5}}}),
            "Gather<axis=2> Gather<axis=2> Gather<axis=2> " + attention);
  EXPECT_EQ(
      Rewritten({"g (float[B,N,24] x) => (float[B,N,8] y) " + constants +
                     "{ w = Reshape(x, split) c = Transpose<perm = [2, 0, 3, 1, 4]>(w) q5 = Slice(c, i0, i1, i0) "
                     "k5 = Slice(c, i1, i2, i0) v5 = Slice(c, i2, i3, i0) q = Squeeze(q5, i0) k = Squeeze(k5, i0) "
                     "v = Squeeze(v5, i0) " +
                     end,
                 {{"B", 2}, {"N", 5}}}),
      "Slice Slice Slice " + attention);
}

TEST(FoldPad, IntoWindows) {
  const std::string pads =
      " <int64[8] pads = {0, 0, 1, 2, 0, 0, 0, 1}, float[2,2,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, "
      "3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9}, float one = {1}> ";
  EXPECT_EQ(
      Rewritten({"g (float[1,2,5,5] x) => (y) " + pads + "{ p = Pad(x, pads) y = Conv<pads = [1, 0, 1, 0]>(p, w) }",
                 {},
                 {},
                 1e-4}),
      "Conv<pads=2,2,1,1>");
  EXPECT_EQ(Rewritten({"g (float[1,2,5,5] x) => (y) " + pads +
                       "{ p = Pad(x, pads) y = AveragePool<kernel_shape = [3, 3]>(p) }"}),
            "AveragePool<kernel_shape=3,3 pads=1,2,0,1 count_include_pad=1>");
  // Ones around the image, and a pool that does not count its own padding.
  EXPECT_EQ(
      Rewritten({"g (float[1,2,5,5] x) => (y) " + pads + "{ p = Pad(x, pads, one) y = Conv(p, w) }", {}, {}, 1e-4}),
      "Pad Conv");
  EXPECT_EQ(Rewritten({"g (float[1,2,5,5] x) => (y) " + pads +
                       "{ p = Pad(x, pads) y = AveragePool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(p) }"}),
            "Pad AveragePool<kernel_shape=3,3 pads=1,1,1,1>");
}

TEST(FoldPad, IntoMaxPool) {
  const std::string constants = "<int64[8] pads = {0, 0, 1, 1, 0, 0, 1, 1}, float zero = {0}, float one = {1}> ";
  const std::string graph = "g (float[1,2,8,9] x) => (y) " + constants;
  const std::string folded = "MaxPool<kernel_shape=3,3 strides=2,2 pads=1,1,1,1>";
  EXPECT_EQ(
      Rewritten({graph + "{ r = Relu(x) p = Pad(r, pads) y = MaxPool<kernel_shape = [3, 3], strides = [2, 2]>(p) }"}),
      "Relu " + folded);
  EXPECT_EQ(Rewritten({graph + "{ i = Div(one, zero) low = Neg(i) p = Pad(x, pads, low) y = MaxPool<kernel_shape = [3, "
                               "3], strides = [2, 2]>(p) }"}),
            folded);
  // What is below zero loses to the padding, and a place among the padding is none of x.
  EXPECT_EQ(Rewritten({graph + "{ p = Pad(x, pads) y = MaxPool<kernel_shape = [3, 3], strides = [2, 2]>(p) }"}),
            "Pad MaxPool<kernel_shape=3,3 strides=2,2>");
  EXPECT_EQ(Rewritten({"g (float[1,2,8,9] x) => (y, places) " + constants +
                       "{ r = Relu(x) p = Pad(r, pads) y, places = MaxPool<kernel_shape = [3, 3]>(p) }"}),
            "Relu Pad MaxPool<kernel_shape=3,3>");
  EXPECT_EQ(Rewritten({graph + "{ r = Relu(x) p = Pad(r, pads) y = MaxPool<kernel_shape = [1, 1]>(p) }"}),
            "Relu Pad MaxPool<kernel_shape=1,1>");
}

TEST(FoldBatchNormGemm, IntoTheWeights) {
  const std::string constants =
      " <float[2,3] w = {1, 2, 3, 4, 5, 6}, float[3,2] u = {1, 2, 3, 4, 5, 6}, float[3] b = {1, 2, 3}, float[3] s = "
      "{2, 3, 4}, "
      "float[3] m = {0.5, 0, 1}, float[3] v = {1, 4, 9}> ";
  EXPECT_EQ(Rewritten({"g (float[4,2] x) => (y) " + constants +
                       "{ p = MatMul(x, w) y = BatchNormalization(p, s, b, m, v) }"}),
            "Gemm");
  EXPECT_EQ(
      Rewritten({"g (float[4,2] x) => (y) " + constants +
                 "{ p = Gemm<transB = 1, beta = 0.5>(x, u, b) n = BatchNormalization(p, s, b, m, v) y = Relu(n) }"}),
      "FusedGemm<transB=1 activation=Relu>");
}

TEST(FuseMatMulBias, LeadingDimensionsThatAreNotKnown) {
  const std::string constants = " <float[2,3] w = {1, 2, 3, 4, 5, 6}, float[3] b = {1, 2, 3}> ";
  EXPECT_EQ(Rewritten({"g (float[B,N,2] x) => (float[B,N,3] y) " + constants + "{ p = MatMul(x, w) y = Add(p, b) }",
                       {{"B", 2}, {"N", 5}}}),
            "Gemm Shape<start=0 end=-1> Concat<axis=0>");
  EXPECT_EQ(Rewritten({"g (float[1,N,2] x) => (float[1,N,3] y) " + constants +
                           "{ p = MatMul(x, w) s = Add(b, p) y = Gelu(s) }",
                       {{"N", 5}}}),
            "FusedGemm<activation=Gelu>");
}

TEST(FuseSkipLayerNorm, SumsThatOthersReadToo) {
  const std::string constants = " <float[4] g = {1, 2, 3, 4}, float[4] b = {4, 3, 2, 1}> ";
  EXPECT_EQ(Rewritten({"g (float[2,3,4] x, float[2,3,4] z) => (y) " + constants +
                       "{ s = Add(x, z) n = LayerNormalization(s, g, b) t = Tanh(n) y = Add(s, t) }"}),
            "SkipLayerNormalization<epsilon=1e-05> Tanh Add");
  EXPECT_EQ(Rewritten({"g (float[2,3,4] x, float[2,3,4] z) => (y, s) " + constants +
                           "{ s = Add(x, z) y = RMSNormalization(s, g) }",
                       {},
                       {},
                       2e-5,
                       23}),
            "SkipSimplifiedLayerNormalization<epsilon=1e-05>");
  // Something in between needs the sum first.
  EXPECT_EQ(Rewritten({"g (float[2,3,4] x, float[2,3,4] z) => (y) " + constants +
                       "{ s = Add(x, z) t = Tanh(s) n = LayerNormalization(s, g, b) y = Add(n, t) }"}),
            "Add Tanh LayerNormalization Add");
}

TEST(FuseActivation, SwishInsideTheConvolution) {
  EXPECT_EQ(
      Rewritten(
          {"g (float[1,1,4,4] x) => (y) <float[1,1,1,1] w = {2}> { c = Conv(x, w) s = Sigmoid(c) y = Mul(c, s) }"}),
      "FusedConv<activation=Swish>");
}

}  // namespace
}  // namespace onda
