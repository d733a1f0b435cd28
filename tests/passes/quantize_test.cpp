// Quantized graphs and chains of element-by-element operators: operators before and after, and the same numbers.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "core/session.h"
#include "core/text/parse.h"
#include "onda/float_formats.h"
#include "tests/passes/rewritten.h"

namespace onda {
namespace {

using testing::ModelOf;
using testing::OperatorsAfter;

std::vector<RuntimeValue> RunOf(const std::string& graph, bool fuse, double low, double high) {
  LoadOptions options;
  options.fuse = fuse;
  const InferenceSession session(ModelOf(graph), options);
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(low, high);
  ThreadPool threads(2);
  InferenceSession::RunArguments arguments;
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  for (const PortInfo& port : session.inputs()) {
    auto tensor = Tensor::Make(port.fact.dtype, port.fact.static_dims());
    for (int64_t i = 0; i < tensor->count(); ++i)
      StoreDouble(tensor->dtype(), tensor->mutable_data(), i, uniform(random));
    arguments.feeds.emplace_back(port.name, RuntimeValue::FromTensor(tensor));
  }
  return session.Run(arguments);
}

// Fused and unfused results differ by at most `steps` (quanta of integers) in at most `share` of the elements.
void ExpectSame(const std::string& graph, double low, double high, double steps = 0, double share = 0) {
  SCOPED_TRACE(graph);
  const auto fused = RunOf(graph, true, low, high), plain = RunOf(graph, false, low, high);
  ASSERT_EQ(fused.size(), plain.size());
  for (size_t o = 0; o < plain.size(); ++o) {
    ASSERT_EQ(fused[o].dims, plain[o].dims);
    ASSERT_EQ(fused[o].dtype, plain[o].dtype);
    int64_t others = 0;
    for (int64_t i = 0; i < plain[o].count(); ++i) {
      const double a = LoadDouble(plain[o].dtype, fused[o].data, i), b = LoadDouble(plain[o].dtype, plain[o].data, i);
      if (a == b || (std::isnan(a) && std::isnan(b))) continue;
      ++others;
      ASSERT_LE(std::abs(a - b), steps) << "element " << i;
    }
    EXPECT_LE(static_cast<double>(others), share * static_cast<double>(plain[o].count()));
  }
}

constexpr char kChain[] =
    "(float[2,3,5,7] x, float[3,1,1] c, float[7] w, float s) => (float[2,3,5,7] y) <float low = {-0.5}, float high = "
    "{1}> "
    "{ a = Mul(x, c) b = Add(a, w) d = Tanh(b) e = Sub(d, x) f = Div(e, s) y = Clip(f, low, high) }";

TEST(Pointwise, AChainIsOneRegion) {
  EXPECT_EQ(OperatorsAfter(kChain), "Pointwise(Mul 0 1; Add 4 2; Tanh 5; Sub 6 0; Div 7 3; Clip 8)");
  EXPECT_EQ(OperatorsAfter(kChain, {"fuse-pointwise"}), "Mul Add Tanh Sub Div Clip");
  ExpectSame(kChain, -3, 3);
}

TEST(Pointwise, SelectionsAndHalfTypes) {
  const std::string masked =
      "(float[6,50] x, float[50] m, bool[6,1] k) => (float[6,50] y) <float big = {-10000}> "
      "{ l = Greater(x, m) n = Not(l) a = And(n, k) e = Exp(x) y = Where(a, e, big) }";
  EXPECT_EQ(OperatorsAfter(masked), "Pointwise(Greater 0 1; Not 4; And 5 2; Exp 0; Where 6 7 3)");
  ExpectSame(masked, -3, 3);
  const std::string half =
      "(float16[40,50] x, float16[40,1] g) => (float16[40,50] y) { a = Mul(x, g) b = Sigmoid(a) y = Mul(b, x) }";
  EXPECT_EQ(OperatorsAfter(half), "Pointwise(Mul 0 1; Sigmoid 2; Mul 3 0)");
  ExpectSame(half, -3, 3);
}

TEST(Pointwise, WhatIsReadElsewhereOrOfAnotherShapeStaysOutside) {
  // b is an output, so that the chain is cut behind it.
  EXPECT_EQ(OperatorsAfter("(float[4] x) => (float[4] y, float[4] b) { a = Exp(x) b = Neg(a) c = Abs(b) y = Sqrt(c) }"),
            "Pointwise(Exp 0; Neg 1) Pointwise(Abs 0; Sqrt 1)");
  EXPECT_EQ(
      OperatorsAfter("(float[4] x, float[3,4] z) => (float[3,4] y) { a = Exp(x) b = Neg(a) c = Add(z, b) y = Abs(c) }"),
      "Pointwise(Exp 0; Neg 1) Pointwise(Add 0 1; Abs 2)");
  EXPECT_EQ(OperatorsAfter("(float[4] x) => (float[4] y) { y = Exp(x) }"), "Exp");
}

TEST(Pointwise, LongChainsCompileInLinearTime) {
  std::string graph = "(float[4] x) => (float[4] y) { v0 = Neg(x) ";
  for (int i = 1; i < 4000; ++i) graph += "v" + std::to_string(i) + " = Abs(v" + std::to_string(i - 1) + ") ";
  graph += "y = Neg(v3999) }";
  const auto begin = std::chrono::steady_clock::now();
  ExpectSame(graph, -3, 3);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
}

const std::string kWeights =
    "<int64 one = {1}, int64 first = {-36}, int64 last = {36}, int64[4] shape = {4, 2, 3, 3}, float xs = {0.02}, uint8 "
    "xz "
    "= {120}, float[4] ws = {0.01, 0.02, 0.015, 0.03}, int8[4] wz = {0, 0, 0, 0}, int32[4] b = {100, -300, 5, 0}, "
    "float[4] bs = {0.0002, 0.0004, 0.0003, 0.0006}, float ys = {0.05}, uint8 yz = {0}, uint8 ym = {30}, int64[4] flat "
    "= "
    "{1, 2, 8, 8}, float six = {6}, float zero = {0}> ";
const std::string kMakeWeights =
    "r = Range(first, last, one) c8 = Cast<to = 3>(r) w8 = Reshape(c8, shape) w = DequantizeLinear<axis = 0>(w8, ws, "
    "wz) "
    "bf = DequantizeLinear<axis = 0>(b, bs) x = DequantizeLinear(q, xs, xz) ";

TEST(Quantized, ConvolutionWithItsActivation) {
  // Relu is what saturation at the zero point does already.
  const std::string relu = "(uint8[1,2,8,8] q) => (uint8[1,4,8,8] y) " + kWeights + "{ " + kMakeWeights +
                           "c = Conv<pads = [1,1,1,1]>(x, w, bf) a = Relu(c) y = QuantizeLinear(a, ys, yz) }";
  EXPECT_EQ(OperatorsAfter(relu), "QLinearConv");
  ExpectSame(relu, 0, 255, 1, 0.01);
  // Here the limits lie inside the range.
  const std::string clip =
      "(uint8[1,2,8,8] q) => (uint8[1,4,8,8] y) " + kWeights + "{ " + kMakeWeights +
      "c = Conv<pads = [1,1,1,1]>(x, w, bf) a = Clip(c, zero, six) y = QuantizeLinear(a, ys, ym) }";
  EXPECT_EQ(OperatorsAfter(clip), "QLinearConv Clip");
  ExpectSame(clip, 0, 255, 1, 0.01);
  // No quantization behind it, and a bias that is not in units of the products.
  const std::string open = "(uint8[1,2,8,8] q, float[4] k) => (float[1,4,8,8] y) " + kWeights + "{ " + kMakeWeights +
                           "c = Conv<pads = [1,1,1,1]>(x, w, k) y = Tanh(c) }";
  EXPECT_EQ(OperatorsAfter(open), "ConvInteger Reshape Pointwise(Cast 0; Mul 3 1; Add 4 2; Tanh 5)");
  ExpectSame(open, 0, 255, 1e-5, 1);
  // Two scales: nothing may be folded together.
  EXPECT_EQ(OperatorsAfter(relu, {"quantize-conv"}), "DequantizeLinear FusedConv:Relu QuantizeLinear");
}

TEST(Quantized, Products) {
  const std::string constants =
      "<int64 one = {1}, int64 first = {-60}, int64 last = {60}, int64[2] shape = {12, 10}, int64[2] other = {10, 12}, "
      "float "
      "as = {0.02}, int8 az = {3}, float[10] bs = {0.01, 0.02, 0.015, 0.03, 0.01, 0.02, 0.015, 0.03, 0.01, 0.02}, "
      "int8[10] "
      "bz = {0, 1, 0, 0, -2, 0, 0, 0, 0, 0}, float ys = {0.05}, int8 yz = {-3}, float[10] k = {1, 2, 3, 4, 5, 6, 7, 8, "
      "9, "
      "1}> ";
  const std::string make =
      "r = Range(first, last, one) c8 = Cast<to = 3>(r) b8 = Reshape(c8, shape) b = DequantizeLinear<axis = 1>(b8, bs, "
      "bz) "
      "a = DequantizeLinear(q, as, az) ";
  const std::string linear = "(int8[7,12] q) => (int8[7,10] y) " + constants + "{ " + make +
                             "c = MatMul(a, b) y = QuantizeLinear(c, ys, yz) }";
  EXPECT_EQ(OperatorsAfter(linear), "QLinearMatMul");
  ExpectSame(linear, -128, 127, 1, 0.02);
  const std::string open = "(int8[7,12] q) => (float[7,10] y) " + constants + "{ " + make + "y = MatMul(a, b) }";
  EXPECT_EQ(OperatorsAfter(open), "MatMulInteger Pointwise(Cast 0; Mul 2 1)");
  ExpectSame(open, -128, 127, 1e-5, 1);
  const std::string gemm =
      "(int8[7,12] q) => (int8[7,10] y) " + constants +
      "{ r = Range(first, last, one) c8 = Cast<to = 3>(r) b8 = Reshape(c8, other) b = DequantizeLinear<axis = 0>(b8, "
      "bs, bz) "
      "a = DequantizeLinear(q, as, az) c = Gemm<transB = 1, alpha = 0.5>(a, b, k) y = QuantizeLinear(c, ys, yz) }";
  EXPECT_EQ(OperatorsAfter(gemm), "MatMulInteger Pointwise(Cast 0; Mul 3 1; Add 4 2; QuantizeLinear 5)");
  ExpectSame(gemm, -128, 127, 1, 0.02);
}

TEST(Quantized, MovementIsOfIntegers) {
  const std::string constants =
      "<float s = {0.02}, uint8 z = {120}, float s2 = {0.04}, uint8 z2 = {7}, int64[2] flat = {4, 48}> ";
  const std::string same =
      "(uint8[2,3,8,8] q) => (uint8[4,24] y) " + constants +
      "{ x = DequantizeLinear(q, s, z) p = MaxPool<kernel_shape = [2,2], strides = [2,2]>(x) t = "
      "Transpose<perm = [0,2,3,1]>(p) sh = Constant<value_ints = [4, 24]>() f = Reshape(t, sh) y = "
      "QuantizeLinear(f, s, z) }";
  EXPECT_EQ(OperatorsAfter(same), "MaxPool Transpose Reshape");
  ExpectSame(same, 0, 255);
  const std::string join =
      "(uint8[2,3] q, uint8[2,5] r, float[2,4] f) => (uint8[2,12] y) " + constants +
      "{ a = DequantizeLinear(q, s, z) b = DequantizeLinear(r, s2, z2) c = Concat<axis = 1>(a, b, f) y = "
      "QuantizeLinear(c, s2, z2) }";
  EXPECT_EQ(OperatorsAfter(join), "Pointwise(DequantizeLinear 0; QuantizeLinear 1) QuantizeLinear Concat");
  ExpectSame(join, 0, 255);
}

TEST(Quantized, ResidualSumsAreOnePass) {
  const std::string sum =
      "(uint8[2,40] q, uint8[2,40] r) => (uint8[2,40] y, uint8[2,40] e) <float s = {0.02}, uint8 z = {120}, "
      "float s2 = {0.04}, uint8 z2 = {7}> { a = DequantizeLinear(q, s, z) b = DequantizeLinear(r, s2, z2) "
      "c = Add(a, b) d = Relu(c) y = QuantizeLinear(d, s2, z2) h = Sigmoid(b) e = QuantizeLinear(h, s, z) }";
  EXPECT_EQ(OperatorsAfter(sum),
            "Pointwise(DequantizeLinear 0; DequantizeLinear 1; Add 2 3; Relu 4; QuantizeLinear 5) "
            "Pointwise(DequantizeLinear 0; Sigmoid 1; QuantizeLinear 2)");
  ExpectSame(sum, 0, 255);
}

TEST(Quantized, ConstantsAreDequantizedOnceWhereNothingTakesThem) {
  EXPECT_EQ(
      OperatorsAfter(
          "(float[2,3] x) => (float[2,3] y) <int8[3] w = {1, 2, 3}, float s = {0.5}> { d = DequantizeLinear(w, s) y = "
          "Mul(x, d) }"),
      "Mul");
}

}  // namespace
}  // namespace onda
