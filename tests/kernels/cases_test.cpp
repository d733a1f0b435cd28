// Runs the cases of every operator family on the CPU provider and holds them to the reference kernels.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/session.h"
#include "core/text/parse.h"
#include "kernels/case.h"
#include "onda/float_formats.h"

namespace onda {

#define ONDA_OPS(family)         \
  namespace family {             \
  std::span<const Case> Cases(); \
  }
#include "kernels/ops.inc"
#undef ONDA_OPS

namespace {

struct FamilyCase {
  const char* family;
  int index;
  const Case* test;
};

std::vector<FamilyCase> AllCases() {
  std::vector<FamilyCase> all;
  auto add = [&](const char* family, std::span<const Case> cases) {
    for (size_t i = 0; i < cases.size(); ++i) all.push_back({family, static_cast<int>(i), &cases[i]});
  };
#define ONDA_OPS(family) add(#family, family::Cases());
#include "kernels/ops.inc"
#undef ONDA_OPS
  return all;
}

// Symbolic dimensions of a case's inputs get this size.
constexpr int64_t kSymbolSize = 3;

RuntimeValue RandomTensor(const Fact& fact, const Case& test, std::mt19937_64& random) {
  std::vector<int64_t> dims;
  for (const Dim& d : *fact.shape) dims.push_back(d.known() ? d.value() : kSymbolSize);
  auto tensor = Tensor::Make(fact.dtype, dims);
  std::uniform_real_distribution<double> uniform(test.low, test.high);
  for (int64_t i = 0; i < tensor->count(); ++i) {
    const double x = uniform(random);
    if (fact.dtype == DType::kString) {
      tensor->mutable_as<std::string>()[i] = std::to_string(static_cast<int>(x));
    } else if (fact.dtype == DType::kBool) {
      tensor->mutable_as<uint8_t>()[i] = random() & 1;
    } else if (IsComplex(fact.dtype)) {
      const DType part = fact.dtype == DType::kComplex64 ? DType::kFloat : DType::kDouble;
      StoreDouble(part, tensor->mutable_data(), 2 * i, x);
      StoreDouble(part, tensor->mutable_data(), 2 * i + 1, uniform(random));
    } else {
      StoreDouble(fact.dtype, tensor->mutable_data(), i, IsInteger(fact.dtype) ? std::floor(x) : x);
    }
  }
  return RuntimeValue::FromTensor(tensor);
}

// The rounding error of the element type, relative.
double Epsilon(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return 1.0 / 1024;
    case DType::kBfloat16:
      return 1.0 / 128;
    default:
      return IsFloat8(dtype) || dtype == DType::kFloat4E2M1 ? 0.25 : 0;
  }
}

void ExpectClose(const RuntimeValue& actual, const RuntimeValue& expected, const Case& test, const std::string& where) {
  ASSERT_EQ(actual.kind, expected.kind) << where;
  if (expected.elements) {
    ASSERT_EQ(actual.elements->size(), expected.elements->size()) << where;
    for (size_t i = 0; i < expected.elements->size(); ++i)
      ExpectClose((*actual.elements)[i], (*expected.elements)[i], test, where + "[" + std::to_string(i) + "]");
    return;
  }
  ASSERT_EQ(actual.dtype, expected.dtype) << where;
  ASSERT_EQ(actual.dims, expected.dims) << where;
  DType dtype = expected.dtype;
  int64_t count = expected.count();
  if (IsComplex(dtype)) {
    dtype = dtype == DType::kComplex64 ? DType::kFloat : DType::kDouble;
    count *= 2;
  }
  int shown = 0;
  for (int64_t i = 0; i < count && shown < 3; ++i) {
    if (dtype == DType::kString) {
      EXPECT_EQ(static_cast<std::string*>(actual.data)[i], static_cast<std::string*>(expected.data)[i]) << where;
      continue;
    }
    if (IsInteger(dtype) || dtype == DType::kBool) {
      const int64_t a = LoadInt64(dtype, actual.data, i), e = LoadInt64(dtype, expected.data, i);
      shown += a != e;
      EXPECT_EQ(a, e) << where << " element " << i;
      continue;
    }
    const double a = LoadDouble(dtype, actual.data, i), e = LoadDouble(dtype, expected.data, i);
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    const double tolerance = test.atol + (test.rtol + Epsilon(dtype)) * std::fabs(e);
    shown += !(std::fabs(a - e) <= tolerance);
    EXPECT_LE(std::fabs(a - e), tolerance) << where << " element " << i << ": " << a << ", reference " << e;
  }
}

class FamilyCases : public testing::TestWithParam<FamilyCase> {};

TEST_P(FamilyCases, CpuAgreesWithReference) {
  const Case& test = *GetParam().test;
  SCOPED_TRACE(test.graph);
  const Model model = ParseModel(
      "<ir_version: 14, opset_import: [\"\" : 28, \"ai.onnx.ml\" : 5, \"ai.onnx.preview\" : 1, "
      "\"ai.onnx.preview.training\" : 1, \"com.microsoft\" : 1]> family_case " +
      test.graph);
  LoadOptions plain;
  plain.reference_kernels = true;
  const InferenceSession ours(model, {}), reference(model, plain);
  std::mt19937_64 random(1234);
  InferenceSession::RunArguments arguments;
  for (const PortInfo& port : ours.inputs()) {
    if (port.fact.constant) continue;
    ASSERT_TRUE(port.fact.is_tensor() && port.fact.has_rank()) << "cases take tensors of known rank";
    arguments.feeds.emplace_back(port.name, RandomTensor(port.fact, test, random));
  }
  ThreadPool one(1), three(3);
  arguments.pool = std::make_shared<BlockPool>();
  arguments.threads = &one;
  const std::vector<RuntimeValue> expected = reference.Run(arguments);
  ASSERT_FALSE(expected.empty());
  for (ThreadPool* threads : {&one, &three}) {
    arguments.threads = threads;
    const std::vector<RuntimeValue> actual = ours.Run(arguments);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      ExpectClose(actual[i], expected[i], test,
                  ours.outputs()[i].name + " on " + std::to_string(threads->threads()) + " threads");
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, FamilyCases, testing::ValuesIn(AllCases()), [](const auto& info) {
  return std::string(info.param.family) + "_" + std::to_string(info.param.index);
});

}  // namespace
}  // namespace onda
