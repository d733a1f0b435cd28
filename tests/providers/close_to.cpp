#include "tests/providers/close_to.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "onda/float_formats.h"
#include "tests/providers/placed.h"

namespace onda {
namespace {

// Relative to the largest element.
double Tolerance(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
    case DType::kDouble:
      return 1e-4;
    case DType::kFloat16:
      return 1e-2;
    case DType::kBfloat16:
      return 5e-2;
    default:
      return IsFloat8(dtype) || dtype == DType::kFloat4E2M1 ? 0.25 : 0;
  }
}

std::string FarTensor(const RuntimeValue& expected, const void* actual) {
  const DType dtype = expected.dtype;
  const bool complex = IsComplex(dtype);
  const DType part = !complex ? dtype : dtype == DType::kComplex64 ? DType::kFloat : DType::kDouble;
  const int64_t count = expected.count() * (complex ? 2 : 1);
  if (IsInteger(part) || part == DType::kBool) {
    const bool same = std::memcmp(expected.data, actual, expected.bytes()) == 0;
    // A quantized value may fall to the neighbouring step.
    for (int64_t i = 0; !same && i < count; ++i)
      if (std::llabs(LoadInt64(part, actual, i) - LoadInt64(part, expected.data, i)) > (BitsOf(part) == 8 ? 1 : 0))
        return "element " + std::to_string(i) + " is " + std::to_string(LoadInt64(part, actual, i)) + " instead of " +
               std::to_string(LoadInt64(part, expected.data, i));
    return "";
  }
  double largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double e = std::fabs(LoadDouble(part, expected.data, i));
    if (std::isfinite(e)) largest = std::max(largest, e);
  }
  for (int64_t i = 0; i < count; ++i) {
    const double a = LoadDouble(part, actual, i), e = LoadDouble(part, expected.data, i);
    if (a == e || (std::isnan(a) && std::isnan(e)) || std::fabs(a - e) <= Tolerance(part) * largest) continue;
    return "element " + std::to_string(i) + " is " + std::to_string(a) + " instead of " + std::to_string(e);
  }
  return "";
}

}  // namespace

std::string FarFrom(const RuntimeValue& expected, const RuntimeValue& actual) {
  if (actual.elements && expected.elements && actual.kind == expected.kind)
    return FarFrom(*expected.elements, *actual.elements);
  if (!expected.is_tensor() || expected.dtype == DType::kString || actual.dtype != expected.dtype ||
      actual.dims != expected.dims)
    return Difference(actual, expected);
  return FarTensor(expected, actual.data);
}

std::string FarFrom(const std::vector<RuntimeValue>& expected, const std::vector<RuntimeValue>& actual) {
  if (actual.size() != expected.size()) return "another number of values";
  for (size_t i = 0; i < expected.size(); ++i)
    if (const std::string what = FarFrom(expected[i], actual[i]); !what.empty()) return std::to_string(i) + ": " + what;
  return "";
}

}  // namespace onda
