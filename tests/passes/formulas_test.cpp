// Rewrites of formulas that an operator has a name for: the operators after them, and the same numbers as without.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/session.h"
#include "core/text/parse.h"
#include "tests/passes/rewritten.h"

namespace onda {
namespace {

Model ModelOf(const std::string& graph) {
  return ParseModel("<ir_version: 10, opset_import: [\"\" : 21, \"com.microsoft\" : 1]> " + graph);
}

std::vector<float> RunOnce(const InferenceSession& session, const std::vector<int64_t>& dims) {
  auto x = Tensor::Make(DType::kFloat, dims);
  uint32_t state = 1;
  for (float& v : x->mutable_as<float>()) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>(state >> 8) / (1 << 21) - 4;
  }
  ThreadPool threads(1);
  InferenceSession::RunArguments arguments;
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  arguments.feeds = {{"x", RuntimeValue::FromTensor(x)}};
  const auto y = session.Run(arguments);
  const float* data = static_cast<const float*>(y[0].data);
  return {data, data + x->count()};
}

// The operators after all rewrites of `body`, which computes y of x, both float[2,3,4]. The numbers are held against a
// session that rewrites nothing.
std::string After(const std::string& body, const std::string& constants = "") {
  const Model model = ModelOf("g (float[2,3,4] x) => (float[2,3,4] y) <" + constants + "> { " + body + " }");
  LoadOptions plain;
  plain.fuse = false;
  LoadOptions named;  // what is left over would become regions
  named.skip_passes = {"fuse-pointwise"};
  const InferenceSession fused(model, named), reference(model, plain);
  const std::vector<float> a = RunOnce(fused, {2, 3, 4}), b = RunOnce(reference, {2, 3, 4});
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5) << body << " at " << i;
  std::string text;
  for (const Node& node : fused.graph().nodes()) text += (text.empty() ? "" : " ") + node.op_type;
  return text;
}

constexpr char kErf[] =
    "float r = {1.41421356}, float q = {0.70710678}, float one = {1}, float half = {0.5}, float two = {2}";

TEST(FuseGelu, ErfForms) {
  EXPECT_EQ(After("d = Div(x, r) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, half)", kErf), "Gelu");
  EXPECT_EQ(After("d = Mul(q, x) e = Erf(d) a = Add(one, e) m = Mul(half, x) y = Mul(a, m)", kErf), "Gelu");
  EXPECT_EQ(After("d = Div(x, r) e = Erf(d) a = Add(e, one) h = Mul(a, half) y = Mul(x, h)", kErf), "Gelu");
  EXPECT_EQ(After("d = Div(x, r) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Div(m, two)", kErf), "Gelu");
}

TEST(FuseGelu, OtherConstantsAndSharedValuesStay) {
  EXPECT_EQ(After("d = Div(x, two) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, half)", kErf),
            "Div Erf Add Mul Mul");
  EXPECT_EQ(After("d = Div(x, r) e = Erf(d) a = Add(e, one) m = Mul(x, a) n = Mul(m, half) y = Add(n, e)", kErf),
            "Div Erf Add Mul Mul Add");
}

constexpr char kTanh[] =
    "float k = {0.7978845608}, float c = {0.044715}, float three = {3}, float one = {1}, float half = {0.5}";

TEST(FuseGelu, TanhForms) {
  EXPECT_EQ(After("p = Pow(x, three) q = Mul(p, c) s = Add(x, q) u = Mul(s, k) h = Mul(x, half) t = Tanh(u) "
                  "a = Add(t, one) y = Mul(h, a)",
                  kTanh),
            "Gelu");
  EXPECT_EQ(After("p = Mul(x, x) q = Mul(c, p) o = Add(one, q) v = Mul(k, x) u = Mul(v, o) t = Tanh(u) "
                  "a = Add(one, t) m = Mul(x, a) y = Mul(half, m)",
                  kTanh),
            "Gelu");
  EXPECT_EQ(After("p = Pow(x, three) q = Mul(p, half) s = Add(x, q) u = Mul(s, k) h = Mul(x, half) t = Tanh(u) "
                  "a = Add(t, one) y = Mul(h, a)",
                  kTanh),
            "Pow Mul Add Mul Mul Tanh Add Mul");
}

TEST(FuseSwish, ProductWithTheSigmoid) {
  EXPECT_EQ(After("s = Sigmoid(x) y = Mul(x, s)"), "Swish");
  EXPECT_EQ(After("s = Sigmoid(x) m = Mul(x, s) y = Add(m, s)"), "Sigmoid Mul Add");
}

TEST(FuseSwish, HalfPrecision) {
  for (const char* type : {"float16", "bfloat16"}) {
    const std::string t = type;
    EXPECT_EQ(testing::Rewritten({"g (" + t + "[2,3,4] x) => (y) { s = Sigmoid(x) y = Mul(s, x) }", {}, {}, 2e-2}),
              "Swish");
  }
}

// The constants are rounded as the exporter's model has them: 1.4140625 for the root of 2.
TEST(FuseGelu, HalfPrecision) {
  const std::string in = "g (float16[2,3,4] x) => (y) <float16 r = {1.4140625}, float16 two = {1.5}, ";
  const std::string numbers = "float16 one = {1.0}, float16 half = {0.5}> ";
  const char chain[] = "e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, half) }";
  EXPECT_EQ(testing::Rewritten({in + numbers + "{ d = Div(x, r) " + chain, {}, {}, 1e-2}), "Gelu");
  EXPECT_EQ(testing::Rewritten({in + numbers + "{ d = Div(x, two) " + chain, {}, {}, 1e-2}), "Div Erf Add Mul Mul");
  EXPECT_EQ(
      testing::Rewritten({in + "float16 k = {0.7978516}, float16 c = {0.04470825}, float16 three = {3.0}, " + numbers +
                              "{ p = Pow(x, three) q = Mul(p, c) s = Add(x, q) u = Mul(s, k) h = Mul(x, half) "
                              "t = Tanh(u) a = Add(t, one) y = Mul(h, a) }",
                          {},
                          {},
                          1e-2}),
      "Gelu<approximate=tanh>");
}

constexpr char kNorm[] =
    "float e = {0.00001}, float two = {2}, float one = {1}, float[4] g = {1, 2, 3, 4}, float[4] b = {4, 3, 2, 1}, "
    "float[3,1] column = {1, 2, 3}, int64[1] last = {-1}, int64[1] middle = {1}";

TEST(FuseLayerNorm, Forms) {
  EXPECT_EQ(After("m = ReduceMean(x, last) d = Sub(x, m) p = Pow(d, two) v = ReduceMean(p, last) w = Add(v, e) "
                  "r = Sqrt(w) n = Div(d, r) s = Mul(n, g) y = Add(s, b)",
                  kNorm),
            "LayerNormalization");
  // The difference twice, a reciprocal, no bias.
  EXPECT_EQ(After("m = ReduceMean(x, last) d = Sub(x, m) d2 = Sub(x, m) p = Mul(d2, d2) v = ReduceMean(p, last) "
                  "w = Add(e, v) r = Sqrt(w) i = Reciprocal(r) n = Mul(d, i) y = Mul(g, n)",
                  kNorm),
            "LayerNormalization");
}

TEST(FuseLayerNorm, RootMeanSquare) {
  EXPECT_EQ(After("p = Pow(x, two) v = ReduceMean(p, last) w = Add(v, e) r = Sqrt(w) i = Div(one, r) n = Mul(x, i) "
                  "y = Mul(g, n)",
                  kNorm),
            "RMSNormalization");
}

TEST(FuseLayerNorm, HalfPrecisionBetweenCasts) {
  auto chain = [](const std::string& type, const std::string& to, const std::string& body) {
    return testing::Rewritten({"g (" + type +
                                   "[2,N,4] h) => (y) <float e = {0.00001}, float two = {2}, float one = "
                                   "{1}, int64[1] last = {-1}, " +
                                   type + "[4] g = {1.0, 2.0, 3.0, 4.0}, " + type +
                                   "[4] b = {4.0, 3.0, 2.0, 1.0}> "
                                   "{ x = Cast<to = 1>(h) " +
                                   body + " c = Cast<to = " + to + ">(n) y = Mul(g, c) }",
                               {{"N", 3}},
                               {},
                               type == "float16" ? 5e-3 : 5e-2});
  };
  const std::string rms =
      "p = Pow(x, two) v = ReduceMean(p, last) w = Add(v, e) r = Sqrt(w) i = Div(one, r) "
      "n = Mul(x, i)";
  EXPECT_EQ(chain("float16", "10", rms), "RMSNormalization<axis=-1 epsilon=1e-05>");
  EXPECT_EQ(chain("bfloat16", "16", rms), "RMSNormalization<axis=-1 epsilon=1e-05>");
  EXPECT_EQ(chain("float16", "10",
                  "m = ReduceMean(x, last) d = Sub(x, m) p = Mul(d, d) v = ReduceMean(p, last) w = Add(v, e) "
                  "r = Sqrt(w) n = Div(d, r)"),
            "LayerNormalization<axis=-1 epsilon=1e-05>");
  // Squares in half precision may overflow: they stay.
  EXPECT_EQ(
      testing::Rewritten({"g (float16[2,3,4] x) => (y) <float16 e = {0.001}, int64[1] last = {-1}, float16[4] g = "
                          "{1.0, 2.0, 3.0, 4.0}> { p = Mul(x, x) v = ReduceMean(p, last) w = Add(v, e) "
                          "r = Sqrt(w) n = Div(x, r) y = Mul(n, g) }",
                          {},
                          {},
                          1e-2}),
      "Mul ReduceMean Add Sqrt Div Mul");
}

TEST(FuseLayerNorm, OtherAxesAndScalesStay) {
  EXPECT_EQ(
      After("p = Mul(x, x) v = ReduceMean(p, middle) w = Add(v, e) r = Sqrt(w) n = Div(x, r) y = Mul(n, g)", kNorm),
      "Mul ReduceMean Add Sqrt Div Mul");
  EXPECT_EQ(
      After("p = Mul(x, x) v = ReduceMean(p, last) w = Add(v, e) r = Sqrt(w) n = Div(x, r) y = Mul(n, column)", kNorm),
      "Mul ReduceMean Add Sqrt Div Mul");
}

TEST(FuseGroupNorm, AsPyTorchWritesIt) {
  const std::string constants =
      " <int64[3] grouped = {0, 2, -1}, int64[4] back = {2, 4, 3, 5}, float[2] ones = {1, 1}, float[2] zeros = {0, 0}, "
      "float[2] other = {1, 2}, float[4,1,1] s = {1, 2, 3, 4}, float[1,4,1,1] b = {4, 3, 2, 1}, float[4,3,1] wide = "
      "{1, "
      "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}> ";
  auto chain = [&](const std::string& scales, const std::string& factor) {
    return testing::Rewritten({"g (float[2,4,3,5] x) => (y) " + constants +
                                   "{ r = Reshape(x, grouped) n = InstanceNormalization<epsilon = 0.001>(r, " + scales +
                                   ", zeros) u = Reshape(n, back) p = Mul(u, " + factor + ") y = Add(p, b) }",
                               {},
                               {},
                               1e-4});
  };
  EXPECT_EQ(chain("ones", "s"), "GroupNormalization<num_groups=2 epsilon=0.001>");
  EXPECT_EQ(chain("other", "s"), "InstanceNormalization<epsilon=0.001> Mul Add");
  EXPECT_EQ(chain("ones", "wide"), "InstanceNormalization<epsilon=0.001> Mul Add");
}

TEST(FuseSkipLayerNorm, HalfPrecision) {
  EXPECT_EQ(testing::Rewritten(
                {"g (float16[2,3,4] x, float16[2,3,4] z, float16[4] s, float16[4] b) => (y) { a = Add(x, z) y = "
                 "LayerNormalization(a, s, b) }",
                 {},
                 {},
                 4e-3}),
            "SkipLayerNormalization<epsilon=1e-05>");
}

TEST(FuseSkipLayerNorm, SumInsideTheNormalization) {
  EXPECT_EQ(After("a = Neg(x) z = Exp(x) s = Add(a, z) y = LayerNormalization<axis = 2>(s, g, b)", kNorm),
            "Neg Exp SkipLayerNormalization");
  // What others read comes out of it too.
  EXPECT_EQ(After("z = Exp(x) s = Add(x, z) n = LayerNormalization(s, g, b) y = Add(n, s)", kNorm),
            "Exp SkipLayerNormalization Add");
  // What broadcasts and other axes stay.
  EXPECT_EQ(After("s = Add(x, g) y = LayerNormalization<axis = 2>(s, g, b)", kNorm), "Add LayerNormalization");
  EXPECT_EQ(After("z = Exp(x) s = Add(x, z) y = LayerNormalization<axis = 1>(s, g, b)", kNorm),
            "Exp Add LayerNormalization");
}

TEST(FuseMatMulBias, OneProductOfAllRows) {
  const char weights[] = "float[4,4] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7}, float[4] b = {4, 3, 2, 1}";
  EXPECT_EQ(After("p = MatMul(x, w) y = Add(p, b)", weights), "Reshape Gemm Reshape");
  EXPECT_EQ(After("p = MatMul(x, w) s = Add(b, p) y = Sub(s, p)", weights), "MatMul Add Sub");
}

}  // namespace
}  // namespace onda
