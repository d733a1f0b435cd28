#include "cli/data/compare.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include "onda/float_formats.h"

namespace onda::cli {
namespace {

using Number = std::complex<double>;

Number Load(const Data& tensor, int64_t i) {
  switch (tensor.dtype) {
    case DType::kComplex64: {
      const float* parts = reinterpret_cast<const float*>(tensor.bytes.data()) + 2 * i;
      return {parts[0], parts[1]};
    }
    case DType::kComplex128: {
      const double* parts = reinterpret_cast<const double*>(tensor.bytes.data()) + 2 * i;
      return {parts[0], parts[1]};
    }
    default:
      return LoadDouble(tensor.dtype, tensor.bytes.data(), i);
  }
}

bool IsNan(Number n) { return std::isnan(n.real()) || std::isnan(n.imag()); }
bool IsInfinite(Number n) { return std::isinf(n.real()) || std::isinf(n.imag()); }

// Integers of 64 bits are not all doubles: their difference is taken before they are converted.
double Difference(const Data& expected, const Data& actual, int64_t i, Number e, Number a) {
  if (expected.dtype == DType::kInt64) {
    __int128 difference = reinterpret_cast<const int64_t*>(actual.bytes.data())[i];
    difference -= reinterpret_cast<const int64_t*>(expected.bytes.data())[i];
    return std::fabs(static_cast<double>(difference));
  }
  if (expected.dtype == DType::kUint64) {
    __int128 difference = reinterpret_cast<const uint64_t*>(actual.bytes.data())[i];
    difference -= reinterpret_cast<const uint64_t*>(expected.bytes.data())[i];
    return std::fabs(static_cast<double>(difference));
  }
  return std::abs(a - e);
}

bool Close(const Data& expected, const Data& actual, int64_t i, double rtol, double atol, double* difference) {
  const Number e = Load(expected, i), a = Load(actual, i);
  if (IsNan(e) || IsNan(a)) {
    *difference = std::numeric_limits<double>::quiet_NaN();
    return IsNan(e) && IsNan(a);
  }
  if (IsInfinite(e) || IsInfinite(a)) {
    *difference = e == a ? 0 : std::numeric_limits<double>::infinity();
    return e == a;
  }
  *difference = Difference(expected, actual, i, e, a);
  return *difference <= atol + rtol * std::abs(e);
}

std::string IndexText(const Data& tensor, int64_t i) {
  std::string text;
  for (size_t d = tensor.dims.size(); d-- > 0;) {
    text = std::to_string(i % tensor.dims[d]) + (text.empty() ? "" : ",") + text;
    i /= tensor.dims[d];
  }
  return "[" + text + "]";
}

// Both tensors with their elements sorted, as one dimension.
Data Sorted(const Data& tensor) {
  Data sorted = tensor;
  sorted.dims = {tensor.count()};
  if (tensor.dtype == DType::kString) {
    std::sort(sorted.strings.begin(), sorted.strings.end());
    return sorted;
  }
  if (IsComplex(tensor.dtype)) return sorted;
  std::vector<double> values(static_cast<size_t>(tensor.count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = LoadDouble(tensor.dtype, tensor.bytes.data(), i);
  std::sort(values.begin(), values.end(), [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; });
  sorted = Data::Tensor(DType::kDouble, sorted.dims);
  std::copy(values.begin(), values.end(), reinterpret_cast<double*>(sorted.bytes.data()));
  return sorted;
}

std::string CompareTensors(const Data& expected, const Data& actual, const Tolerance& tolerance) {
  if (expected.dims != actual.dims || expected.dtype != actual.dtype) {
    return "is " + Describe(actual) + ", expected " + Describe(expected);
  }
  if (tolerance.unordered) {
    Tolerance ordered = tolerance;
    ordered.unordered = false;
    return CompareTensors(Sorted(expected), Sorted(actual), ordered);
  }
  const int64_t count = expected.count();
  const double rtol = expected.dtype == DType::kBfloat16 ? std::max(tolerance.rtol, 0x1p-6) : tolerance.rtol;
  int64_t first = -1, different = 0;
  double largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (expected.dtype == DType::kString) {
      const size_t s = static_cast<size_t>(i);
      if (expected.strings[s] == actual.strings[s]) continue;
    } else {
      double difference = 0;
      if (Close(expected, actual, i, rtol, tolerance.atol, &difference)) continue;
      if (std::isnan(difference) || difference > largest) largest = difference;  // NaN stays
    }
    if (first < 0) first = i;
    ++different;
  }
  if (different == 0) return "";
  char worst[64] = "";
  if (expected.dtype != DType::kString) snprintf(worst, sizeof(worst), ", largest difference %.3g", largest);
  return std::to_string(different) + " of " + std::to_string(count) + " elements differ" + worst + "; element " +
         IndexText(expected, first) + " is " + ElementText(actual, first) + ", expected " +
         ElementText(expected, first);
}

}  // namespace

std::string Compare(const Data& expected, const Data& actual, const Tolerance& tolerance) {
  if (expected.kind != actual.kind) return "is " + Describe(actual) + ", expected " + Describe(expected);
  if (expected.kind == Kind::kTensor) return CompareTensors(expected, actual, tolerance);
  if (expected.elements.size() != actual.elements.size()) {
    return "has " + std::to_string(actual.elements.size()) + " elements, expected " +
           std::to_string(expected.elements.size());
  }
  for (size_t i = 0; i < expected.elements.size(); ++i) {
    const std::string difference = Compare(expected.elements[i], actual.elements[i], tolerance);
    if (!difference.empty()) return "element " + std::to_string(i) + " " + difference;
  }
  return "";
}

}  // namespace onda::cli
