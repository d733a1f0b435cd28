// Attention layers as exporters write them whole, with unknown batch and lengths: nothing but products, Attention and
// what is counted of shapes is left.
#include <gtest/gtest.h>

#include "tests/passes/rewritten.h"

namespace onda {
namespace {

using testing::Rewritten;

// A random weight matrix would be long in text: Range, turned into small numbers and a matrix, is folded.
std::string Weights(const std::string& name, int rows, int columns, const std::string& function) {
  const std::string n = std::to_string(rows * columns);
  return name + "_i = Range(i_zero, i_" + n + ", i_one) " + name + "_f = Cast<to = 1>(" + name + "_i) " + name +
         "_s = " + function + "(" + name + "_f) " + name + "_q = Mul(" + name + "_s, quarter) " + name + " = Reshape(" +
         name + "_q, shape_" + std::to_string(rows) + "_" + std::to_string(columns) + ") ";
}

const char kNumbers[] =
    "int64 i_zero = {0}, int64 i_one = {1}, int64 i_two = {2}, int64 i_three = {3}, int64 i_64 = {64}, int64 i_32 = "
    "{32}, "
    "int64[2] shape_8_8 = {8, 8}, int64[2] shape_8_4 = {8, 4}, int64[1] a0 = {0}, int64[1] a1 = {1}, int64[1] a2 = "
    "{2}, "
    "int64[1] a3 = {3}, int64[1] a4 = {4}, int64[1] a8 = {8}, int64[1] minus = {-1}, float quarter = {0.25}, "
    "float one = {1}, float least = {-3.4e38}, int64[1] far = {9223372036854775807}";

// TorchScript of a BERT layer of Hugging Face: sizes are computed by Shape, Gather, Unsqueeze and Concat.
TEST(Exporters, BertOfPyTorch) {
  auto heads = [](const std::string& x, const std::string& perm) {
    return x + "_sh = Shape(" + x + "p) " + x + "_b = Gather(" + x + "_sh, i_zero) " + x + "_n = Gather(" + x +
           "_sh, i_one) " + x + "_bu = Unsqueeze(" + x + "_b, a0) " + x + "_nu = Unsqueeze(" + x + "_n, a0) " + x +
           "_to = Concat<axis = 0>(" + x + "_bu, " + x + "_nu, a2, a4) " + x + "4 = Reshape(" + x + "p, " + x +
           "_to) " + x + " = Transpose<perm = " + perm + ">(" + x + "4) ";
  };
  const std::string graph =
      std::string("g (float[batch,sequence,8] x, int64[batch,sequence] attention_mask) => (y) <") + kNumbers +
      ", float[8] bias = {1, 2, 3, 4, 5, 6, 7, 8}, float root = {2}> { " + Weights("wq", 8, 8, "Sin") +
      Weights("wk", 8, 8, "Cos") + Weights("wv", 8, 8, "Sqrt") +
      "mu = Unsqueeze(attention_mask, a1) mv = Unsqueeze(mu, a2) mf = Cast<to = 1>(mv) mi = Sub(one, mf) "
      "mask = Mul(mi, least) qm = MatMul(x, wq) qp = Add(bias, qm) km = MatMul(x, wk) kp = Add(bias, km) "
      "vm = MatMul(x, wv) vp = Add(bias, vm) " +
      heads("q", "[0, 2, 1, 3]") + heads("k", "[0, 2, 3, 1]") + heads("v", "[0, 2, 1, 3]") +
      "s = MatMul(q, k) t = Div(s, root) u = Add(t, mask) p = Softmax<axis = -1>(u) c = MatMul(p, v) "
      "c4 = Transpose<perm = [0, 2, 1, 3]>(c) cs = Shape(c4) cb = Gather(cs, i_zero) cn = Gather(cs, i_one) "
      "cbu = Unsqueeze(cb, a0) cnu = Unsqueeze(cn, a0) ct = Concat<axis = 0>(cbu, cnu, a8) y = Reshape(c4, ct) }";
  const std::string text = Rewritten({graph, {{"batch", 2}, {"sequence", 5}}, {}, 1e-4});
  EXPECT_NE(text.find("Attention<scale=0.5 nan_rows=1 q_num_heads=2 kv_num_heads=2>"), std::string::npos) << text;
  EXPECT_EQ(text.find("Transpose"), std::string::npos) << text;
  EXPECT_EQ(text.find("MatMul"), std::string::npos) << text;
}

// A decoder layer as Hugging Face's Llama comes out of PyTorch: rotated halves, one key head for two query heads,
// past and present, and a mask that comes in.
TEST(Exporters, LlamaOfPyTorch) {
  auto rotate = [](const std::string& x) {
    return x + "1 = Slice(" + x + ", a0, a2, a3) " + x + "2 = Slice(" + x + ", a2, far, a3) " + x + "m = Neg(" + x +
           "2) " + x + "c = Concat<axis = -1>(" + x + "m, " + x + "1) " + x + "x = Mul(" + x + ", cos) " + x +
           "y = Mul(" + x + "c, sin) " + x + "r = Add(" + x + "x, " + x + "y) ";
  };
  const std::string graph =
      std::string(
          "g (float[batch,sequence,8] x, int64[batch,sequence] position_ids, float[batch,1,past,4] past_key, "
          "float[batch,1,past,4] past_value, float[batch,1,sequence,\"past + sequence\"] mask) => "
          "(y, key, value) <") +
      kNumbers +
      ", int64[4] split_q = {0, 0, 2, 4}, int64[4] split_k = {0, 0, 1, 4}, int64[3] merge = {0, 0, 8}, "
      "int64[5] twice = {1, 1, 2, 1, 1}, float[1,2,1] frequency = {1.0, 0.01}, "
      "float root = {2}> { " +
      Weights("wq", 8, 8, "Sin") + Weights("wk", 8, 4, "Cos") + Weights("wv", 8, 4, "Sqrt") +
      "qp = MatMul(x, wq) kp = MatMul(x, wk) vp = MatMul(x, wv) q4 = Reshape(qp, split_q) k4 = Reshape(kp, split_k) "
      "v4 = Reshape(vp, split_k) q = Transpose<perm = [0, 2, 1, 3]>(q4) k = Transpose<perm = [0, 2, 1, 3]>(k4) "
      "v = Transpose<perm = [0, 2, 1, 3]>(v4) pu = Unsqueeze(position_ids, a1) pf = Cast<to = 1>(pu) "
      "an = MatMul(frequency, pf) at = Transpose<perm = [0, 2, 1]>(an) ac = Concat<axis = -1>(at, at) c3 = Cos(ac) "
      "s3 = Sin(ac) c3m = Mul(c3, one) s3m = Mul(s3, one) cos = Unsqueeze(c3m, a1) sin = Unsqueeze(s3m, a1) " +
      rotate("q") + rotate("k") +
      "key = Concat<axis = -2>(past_key, kr) value = Concat<axis = -2>(past_value, v) ks = Shape(key) kb = Slice(ks, "
      "a0, a1, a0) kl = Slice(ks, a2, a3, a0) repeat = Concat<axis = 0>(kb, a2, kl, a4) k5 = Unsqueeze(key, a2) "
      "ke = Expand(k5, twice) kk = Reshape(ke, repeat) v5 = Unsqueeze(value, a2) ve = Expand(v5, twice) "
      "vv = Reshape(ve, repeat) kt = Transpose<perm = [0, 1, 3, 2]>(kk) s = MatMul(qr, kt) t = Div(s, root) "
      "u = Add(t, mask) p = Softmax<axis = -1>(u) c = MatMul(p, vv) o = Transpose<perm = [0, 2, 1, 3]>(c) "
      "y = Reshape(o, merge) }";
  const std::string text =
      Rewritten({graph, {{"batch", 2}, {"sequence", 3}, {"past", 4}, {"sequence + past", 7}}, {}, 1e-4});
  EXPECT_NE(
      text.find(
          "RotaryEmbedding<num_heads=2> RotaryEmbedding Attention<scale=0.5 nan_rows=1 q_num_heads=2 kv_num_heads=1>"),
      std::string::npos)
      << text;
  for (const char* gone : {"Softmax", "Expand", "Neg"}) EXPECT_EQ(text.find(gone), std::string::npos) << text;
}

// tf2onnx of a BERT layer: fixed sizes, the scale behind the product, a mask of ones and zeros.
TEST(Exporters, BertOfTensorFlow) {
  const std::string text = Rewritten(
      {std::string("g (float[2,5,8] x, int32[2,5] input_mask) => (float[10,8] y) <") + kNumbers +
           ", int64[2] rows = {-1, 8}, int64[4] split = {2, 5, 2, 4}, int64[2] merge = {10, 8}, "
           "int64[3] wide = {2, 1, 5}, float[2,5,1] ones = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, float low = {-10000}, "
           "float half = {0.5}, float[8] bias = {1, 2, 3, 4, 5, 6, 7, 8}> { " +
           Weights("wq", 8, 8, "Sin") + Weights("wk", 8, 8, "Cos") + Weights("wv", 8, 8, "Sqrt") +
           "mr = Reshape(input_mask, wide) mf = Cast<to = 1>(mr) mm = Mul(ones, mf) mu = Unsqueeze(mm, a1) "
           "mi = Sub(one, mu) mask = Mul(mi, low) x2 = Reshape(x, rows) qm = MatMul(x2, wq) qb = Add(qm, bias) "
           "km = MatMul(x2, wk) kb = Add(km, bias) vm = MatMul(x2, wv) vb = Add(vm, bias) q4 = Reshape(qb, split) "
           "k4 = Reshape(kb, split) v4 = Reshape(vb, split) q = Transpose<perm = [0, 2, 1, 3]>(q4) "
           "k = Transpose<perm = [0, 2, 3, 1]>(k4) v = Transpose<perm = [0, 2, 1, 3]>(v4) s = MatMul(q, k) "
           "t = Mul(s, half) u = Add(t, mask) p = Softmax(u) c = MatMul(p, v) o = Transpose<perm = [0, 2, 1, 3]>(c) "
           "y = Reshape(o, merge) }",
       {},
       {},
       1e-4});
  EXPECT_NE(text.find("Gemm Gemm Gemm Attention<scale=0.5 nan_rows=1 q_num_heads=2 kv_num_heads=2>"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("Transpose"), std::string::npos) << text;
}

// GPT-2's own causal mask: a slice of a constant triangle, in the place that the lengths say.
TEST(Exporters, Gpt2OfPyTorch) {
  const std::string text = Rewritten(
      {std::string("g (float[B,2,N,4] q, float[B,2,N,4] k, float[B,2,N,4] v, float[B,2,P,4] pk, float[B,2,P,4] pv) => "
                   "(y, key, value) <") +
           kNumbers +
           ", bool[1,1,8,8] triangle = "
           "{1,0,0,0,0,0,0,0,1,1,0,0,0,0,0,0,1,1,1,0,0,0,0,0,1,1,1,1,0,0,0,0,1,1,1,1,1,0,0,0,"
           "1,1,1,1,1,1,0,0,1,1,1,1,1,1,1,0,1,1,1,1,1,1,1,1}, float root = {2}, float low = {-10000}> { "
           "key = Concat<axis = -2>(pk, k) value = Concat<axis = -2>(pv, v) ks = Shape(key) nk = Gather(ks, i_two) "
           "qs = Shape(q) nq = Gather(qs, i_two) from = Sub(nk, nq) f = Unsqueeze(from, a0) t = Unsqueeze(nk, a0) "
           "b1 = Slice(triangle, f, t, a2) b = Slice(b1, a0, t, a3) kt = Transpose<perm = [0, 1, 3, 2]>(key) "
           "s = MatMul(q, kt) d = Div(s, root) w = Where(b, d, low) p = Softmax(w) y = MatMul(p, value) }",
       {{"B", 2}, {"N", 3}, {"P", 4}}});
  EXPECT_NE(text.find("Attention<scale=0.5>"), std::string::npos) << text;
  EXPECT_EQ(text.find("Softmax"), std::string::npos) << text;
}

}  // namespace
}  // namespace onda
