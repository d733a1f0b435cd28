#include "core/ir/fact.h"

#include <gtest/gtest.h>

#include "core/ir/tensor.h"

namespace onda {
namespace {

TEST(Fact, Text) {
  EXPECT_EQ(Fact().ToString(), "unknown");
  EXPECT_EQ(Fact::Tensor(DType::kFloat, {Dim::Symbol("n"), Dim(3)}).ToString(), "float[n, 3]");
  EXPECT_EQ(Fact::Tensor(DType::kInt64, {}).ToString(), "int64");
  EXPECT_EQ(Fact::TensorOfUnknownRank(DType::kBool).ToString(), "bool[...]");
  EXPECT_EQ(Fact::Sequence(Fact::Tensor(DType::kFloat, {Dim(2)})).ToString(), "seq(float[2])");
  EXPECT_EQ(Fact::Optional(Fact()).ToString(), "optional(unknown)");
  EXPECT_EQ(Fact::Constant(Tensor::Int64s(std::vector<int64_t>{4, 5})).ToString(), "int64[2] = {4, 5}");
}

TEST(Fact, Shapes) {
  const Fact open = Fact::Tensor(DType::kFloat, {Dim::Symbol("n"), Dim(3)});
  EXPECT_TRUE(open.has_rank());
  EXPECT_EQ(open.rank(), 2);
  EXPECT_FALSE(open.static_shape());
  const Fact fixed = Fact::Tensor(DType::kFloat, {Dim(2), Dim(3)});
  EXPECT_TRUE(fixed.static_shape());
  EXPECT_EQ(fixed.static_dims(), (std::vector<int64_t>{2, 3}));
  EXPECT_TRUE(Fact::Tensor(DType::kFloat, {}).static_shape());
  EXPECT_FALSE(Fact::TensorOfUnknownRank(DType::kFloat).static_shape());
}

TEST(Fact, ContentOfConstantsAndOfExpressions) {
  const Fact constant = Fact::Constant(Tensor::Int64s(std::vector<int64_t>{4, -5}));
  EXPECT_EQ(constant.Content(), (Dims{Dim(4), Dim(-5)}));
  Fact symbolic = Fact::Tensor(DType::kInt64, {Dim(2)});
  EXPECT_FALSE(symbolic.Content().has_value());
  symbolic.content = std::make_shared<const Dims>(Dims{Dim::Symbol("n"), Dim(3)});
  EXPECT_EQ(symbolic.Content(), (Dims{Dim::Symbol("n"), Dim(3)}));
  EXPECT_FALSE(Fact::Constant(Tensor::Float(1)).Content().has_value());  // not an integer
  const std::vector<int64_t> long_list(kMaxContent + 1);
  EXPECT_FALSE(Fact::Constant(Tensor::Int64s(long_list)).Content().has_value());
}

TEST(Tensor, SizesAreChecked) {
  EXPECT_EQ(CountOf(std::vector<int64_t>{2, 3}), 6);
  EXPECT_EQ(CountOf(std::vector<int64_t>{}), 1);
  EXPECT_EQ(CountOf(std::vector<int64_t>{0, INT64_MAX}), 0);
  EXPECT_THROW(CountOf(std::vector<int64_t>{-1}), Error);
  EXPECT_THROW(CountOf(std::vector<int64_t>{INT64_MAX, 2}), Error);
  EXPECT_EQ(BytesOf(DType::kInt4, 3), 2u);
  EXPECT_EQ(BytesOf(DType::kUint2, 5), 2u);
  EXPECT_EQ(BytesOf(DType::kComplex128, 2), 32u);
  EXPECT_THROW(BytesOf(DType::kFloat, INT64_MAX), Error);
  EXPECT_THROW(Tensor::Make(DType::kFloat, {INT64_MAX}), Error);
}

TEST(Tensor, IsZeroAndAligned) {
  const auto tensor = Tensor::Make(DType::kFloat, {3, 5});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->data()) % 64, 0u);
  for (float value : tensor->as<float>()) EXPECT_EQ(value, 0);
  const auto strings = Tensor::Make(DType::kString, {2});
  EXPECT_EQ(strings->as<std::string>()[1], "");
  EXPECT_EQ(Tensor::Scalar(DType::kFloat16, 1.5)->ToDoubles(), std::vector<double>{1.5});
}

}  // namespace
}  // namespace onda
