#include "tests/kernels/family_cases.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <span>

#include "core/text/parse.h"
#include "onda/float_formats.h"

namespace onda {

#define ONDA_OPS(family)         \
  namespace family {             \
  std::span<const Case> Cases(); \
  }
#include "kernels/ops.inc"
#undef ONDA_OPS

namespace {

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

}  // namespace

std::vector<FamilyCase> AllFamilyCases() {
  std::vector<FamilyCase> all;
  auto add = [&](const char* family, std::span<const Case> cases) {
    for (size_t i = 0; i < cases.size(); ++i) all.push_back({family, static_cast<int>(i), &cases[i]});
  };
#define ONDA_OPS(family) add(#family, family::Cases());
#include "kernels/ops.inc"
#undef ONDA_OPS
  return all;
}

Model ModelOfCase(const Case& test) {
  return ParseModel(
      "<ir_version: 14, opset_import: [\"\" : 28, \"ai.onnx.ml\" : 5, \"ai.onnx.preview\" : 1, "
      "\"ai.onnx.preview.training\" : 1, \"com.microsoft\" : 1, \"onda\" : 1]> family_case " +
      test.graph);
}

std::vector<std::pair<std::string, RuntimeValue>> FeedsOfCase(const InferenceSession& session, const Case& test) {
  std::mt19937_64 random(1234);
  std::vector<std::pair<std::string, RuntimeValue>> feeds;
  for (const PortInfo& port : session.inputs()) {
    if (port.fact.constant) continue;
    if (!port.fact.is_tensor() || !port.fact.has_rank()) {
      ADD_FAILURE() << "cases take tensors of known rank";
      continue;
    }
    feeds.emplace_back(port.name, RandomTensor(port.fact, test, random));
  }
  return feeds;
}

std::vector<RuntimeValue> OutputsOfCase(const InferenceSession& session, const Case& test) {
  ThreadPool threads(1);
  InferenceSession::RunArguments arguments;
  arguments.feeds = FeedsOfCase(session, test);
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  return session.Run(std::move(arguments));
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

}  // namespace onda
