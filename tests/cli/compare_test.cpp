#include "cli/data/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace onda::cli {
namespace {

template <class T>
Data Make(DType dtype, std::vector<int64_t> dims, std::vector<T> values) {
  Data data = Data::Tensor(dtype, std::move(dims));
  if (!data.bytes.empty()) std::memcpy(data.bytes.data(), values.data(), data.bytes.size());
  return data;
}

Data Floats(std::vector<float> values) {
  const int64_t count = static_cast<int64_t>(values.size());
  return Make(DType::kFloat, {count}, std::move(values));
}

TEST(Compare, Numbers) {
  EXPECT_EQ(Compare(Floats({1, NAN, INFINITY}), Floats({1.0005f, NAN, INFINITY}), {}), "");
  EXPECT_EQ(Compare(Floats({0, 2}), Floats({0, 2.01f}), {}),
            "1 of 2 elements differ, largest difference 0.01; element [1] is 2.01, expected 2");
  EXPECT_NE(Compare(Floats({INFINITY}), Floats({-INFINITY}), {}), "");
  EXPECT_NE(Compare(Floats({INFINITY}), Floats({3e38f}), {.rtol = 1, .atol = 1e30}), "");
  EXPECT_NE(Compare(Floats({NAN}), Floats({0}), {}), "");
  EXPECT_NE(Compare(Floats({0}), Floats({1e-6f}), {}), "");
  EXPECT_EQ(Compare(Floats({0}), Floats({1e-6f}), {.atol = 1e-5}), "");
}

TEST(Compare, Types) {
  EXPECT_EQ(Compare(Floats({1, 2}), Make<float>(DType::kFloat, {1, 2}, {1, 2}), {}),
            "is float[1,2], expected float[2]");
  EXPECT_NE(Compare(Floats({1}), Make<double>(DType::kDouble, {1}, {1}), {}), "");
  EXPECT_NE(Compare(Floats({}), Data(), {}), "");
  EXPECT_EQ(Compare(Data(), Data(), {}), "");
  // 64-bit integers that double cannot tell apart are equal only where they are.
  const Data big = Make<int64_t>(DType::kInt64, {1}, {INT64_MAX});
  EXPECT_EQ(Compare(big, big, {.rtol = 0, .atol = 0}), "");
  EXPECT_NE(Compare(big, Make<int64_t>(DType::kInt64, {1}, {INT64_MAX - 1}), {.rtol = 0, .atol = 0}), "");
}

TEST(Compare, Bfloat16HasItsOwnRounding) {
  const Data one = Make<uint16_t>(DType::kBfloat16, {1}, {0x3f80}),
             next = Make<uint16_t>(DType::kBfloat16, {1}, {0x3f82});
  EXPECT_EQ(Compare(one, next, {}), "");
}

TEST(Compare, AnyOrder) {
  EXPECT_EQ(Compare(Floats({1, 2, NAN, 3}), Floats({NAN, 3, 1, 2}), {.unordered = true}), "");
  EXPECT_NE(Compare(Floats({1, 2}), Floats({2, 2}), {.unordered = true}), "");
}

TEST(Compare, StringsAndSequences) {
  Data a = Data::Tensor(DType::kString, {2}), b = a;
  a.strings = {"x", "y"};
  b.strings = {"x", "z"};
  EXPECT_EQ(Compare(a, a, {}), "");
  EXPECT_EQ(Compare(a, b, {}), "1 of 2 elements differ; element [1] is \"z\", expected \"y\"");
  Data list, other;
  list.kind = other.kind = Kind::kSequence;
  list.elements = {a, Floats({1})};
  other.elements = {a, Floats({2})};
  EXPECT_EQ(Compare(list, list, {}), "");
  EXPECT_EQ(Compare(list, other, {}).substr(0, 10), "element 1 ");
  other.elements.pop_back();
  EXPECT_EQ(Compare(list, other, {}), "has 1 elements, expected 2");
}

TEST(Preview, NestsLikeTheDimensions) {
  EXPECT_EQ(Preview(Make<int32_t>(DType::kInt32, {2, 2}, {1, 2, 3, 4}), 9), "[[1, 2], [3, 4]]");
  EXPECT_EQ(Preview(Make<int32_t>(DType::kInt32, {2, 2}, {1, 2, 3, 4}), 3), "[[1, 2], [3, ...");
  EXPECT_EQ(Preview(Make<int32_t>(DType::kInt32, {}, {5}), 3), "5");
  EXPECT_EQ(Preview(Data::Tensor(DType::kFloat, {0, 2}), 3), "[]");
}

}  // namespace
}  // namespace onda::cli
