// Rewrites: the graph before, run through one rule's stage, and the graph after, compared whole as text.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/session.h"
#include "core/text/parse.h"
#include "core/text/print.h"
#include "tests/passes/rewritten.h"

namespace onda {
namespace {

using testing::ModelOf;
using testing::OperatorsAfter;

const char kConvBnRelu[] =
    "(float[1,2,4,4] x) => (float[1,2,4,4] y) "
    "<float[2,2,1,1] w = {1, 2, 3, 4}, float[2] s = {2, 3}, float[2] b = {1, -1}, float[2] m = {0.5, 0}, "
    "float[2] v = {1, 4}> "
    "{ c = Conv(x, w) n = BatchNormalization<epsilon = 0.0>(c, s, b, m, v) y = Relu(n) }";

TEST(Rules, BatchNormalizationAndActivationGoIntoTheConvolution) {
  EXPECT_EQ(OperatorsAfter(kConvBnRelu), "FusedConv:Relu");
  EXPECT_EQ(OperatorsAfter(kConvBnRelu, {"fuse-conv-activation"}), "Conv Relu");
  EXPECT_EQ(OperatorsAfter(kConvBnRelu, {"fold-batch-norm"}), "Conv BatchNormalization Relu");
}

TEST(Rules, FoldedBatchNormalizationGivesTheSameNumbers) {
  const Model model = ModelOf(kConvBnRelu);
  LoadOptions plain;
  plain.fuse = false;
  const InferenceSession fused(model, {}), reference(model, plain);
  auto x = Tensor::Make(DType::kFloat, {1, 2, 4, 4});
  for (int i = 0; i < 32; ++i) x->mutable_as<float>()[i] = static_cast<float>(i % 7) - 3;
  ThreadPool threads(1);
  InferenceSession::RunArguments arguments;
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  arguments.feeds = {{"x", RuntimeValue::FromTensor(x)}};
  const auto a = fused.Run(arguments), b = reference.Run(arguments);
  for (int i = 0; i < 32; ++i)
    EXPECT_NEAR(static_cast<const float*>(a[0].data)[i], static_cast<const float*>(b[0].data)[i], 1e-5);
}

TEST(Rules, ResidualIsAddedInsideTheConvolution) {
  EXPECT_EQ(OperatorsAfter("(float[1,1,4,4] x, float[1,1,4,4] z) => (float[1,1,4,4] y) <float[1,1,1,1] w = {2}> "
                           "{ c = Conv(x, w) s = Add(z, c) y = Relu(s) }"),
            "FusedConv:Relu");
  // A residual that broadcasts stays outside.
  EXPECT_EQ(OperatorsAfter("(float[1,1,4,4] x, float[4] z) => (float[1,1,4,4] y) <float[1,1,1,1] w = {2}> "
                           "{ c = Conv(x, w) s = Add(z, c) y = Relu(s) }",
                           {"fuse-pointwise"}),
            "Conv Add Relu");
}

TEST(Rules, SharedValuesAreNotFused) {
  EXPECT_EQ(OperatorsAfter("(float[1,1,4,4] x) => (float[1,1,4,4] y, float[1,1,4,4] c) <float[1,1,1,1] w = {2}> "
                           "{ c = Conv(x, w) y = Relu(c) }"),
            "Conv Relu");
}

TEST(Rules, ConstantAddendBecomesTheBias) {
  EXPECT_EQ(
      OperatorsAfter("(float[1,1,4,4] x) => (float[1,2,4,4] y) <float[2,1,1,1] w = {2, 3}, float[1,2,1,1] k = {5, 6}> "
                     "{ c = Conv(x, w) y = Add(c, k) }"),
      "Conv");
  // One element per column is no bias.
  EXPECT_EQ(OperatorsAfter("(float[1,1,4,2] x) => (float[1,2,4,2] y) <float[2,1,1,1] w = {2, 3}, float[2] k = {5, 6}> "
                           "{ c = Conv(x, w) y = Add(c, k) }"),
            "Conv Add");
}

TEST(Rules, TransposesMergeAndVanish) {
  EXPECT_EQ(OperatorsAfter("(float[2,3,4] x) => (float[3,4,2] y) { a = Transpose<perm = [1, 0, 2]>(x) "
                           "y = Transpose<perm = [0, 2, 1]>(a) }"),
            "Transpose");
  EXPECT_EQ(OperatorsAfter("(float[2,3,4] x) => (float[2,3,4] y) { a = Transpose<perm = [1, 0, 2]>(x) "
                           "b = Transpose<perm = [1, 0, 2]>(a) y = Relu(b) }"),
            "Relu");
}

TEST(Rules, WhatDoesNothingIsDropped) {
  EXPECT_EQ(OperatorsAfter("(float[2] x) => (float[2] y) { a = Identity(x) b = Cast<to = 1>(a) y = Neg(b) }"), "Neg");
}

TEST(Rules, StopsAfterAsManyRewritesAsAsked) {
  LoadOptions options;
  options.max_rewrites = 1;
  const InferenceSession session(ModelOf(kConvBnRelu), options);
  ASSERT_EQ(session.graph().nodes().size(), 2u);
  EXPECT_EQ(session.graph().node(0).op_type, "Conv");
}

}  // namespace
}  // namespace onda
