// Operators that make maps and read them. A map is its keys (1-D tensor) and its values (1-D tensor).
#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_map>

#include "core/runtime/host_op.h"
#include "onda/float_formats.h"

namespace onda {
namespace {

// The keys and the values of input 0.
std::pair<const RuntimeValue&, const RuntimeValue&> MapOf(const HostOpContext& c) {
  const RuntimeValue& map = c.input(0);
  if (map.kind != ValueKind::kMap || !map.elements || map.elements->size() != 2) c.Fail("input 0 is not a map");
  const RuntimeValue &keys = (*map.elements)[0], &values = (*map.elements)[1];
  if (!keys.is_tensor() || !values.is_tensor() || keys.count() != values.count())
    c.Fail("the values of the map are not one tensor element for each key");
  return {keys, values};
}

// y[j] = x[i] of the same type.
void CopyElement(const RuntimeValue& x, int64_t i, RuntimeValue* y, int64_t j) {
  CopyElements(x.dtype, x.data, i, y->data, j, 1);
}

// For every row of the input a map from the class labels to its columns.
void RunZipMap(HostOpContext& c) {
  const RuntimeValue& x = c.input(0);
  const std::vector<std::string> names = c.attributes().Strings("classlabels_strings");
  const std::vector<int64_t> integers = c.attributes().Ints("classlabels_int64s");
  if (names.empty() == integers.empty()) c.Fail("either string or integer class labels must be given");
  if (x.dims.empty() || x.dims.size() > 2) c.Fail("the input must have shape [N, C] or [C]");
  const int64_t columns = x.dims.back(), rows = x.dims.size() == 2 ? x.dims[0] : 1;
  const int64_t count = static_cast<int64_t>(names.empty() ? integers.size() : names.size());
  if (columns != count)
    c.Fail("there are " + std::to_string(count) + " class labels for " + std::to_string(columns) + " columns");

  RuntimeValue keys = c.NewTensor(names.empty() ? DType::kInt64 : DType::kString, {count});
  if (names.empty()) {
    std::copy(integers.begin(), integers.end(), static_cast<int64_t*>(keys.data));
  } else {
    std::copy(names.begin(), names.end(), static_cast<std::string*>(keys.data));
  }
  const auto value_type = std::make_shared<const Fact>(Fact::TensorOfUnknownRank(DType::kFloat));
  std::vector<RuntimeValue> maps;
  for (int64_t r = 0; r < rows; ++r) {
    RuntimeValue values = c.NewTensor(DType::kFloat, {count});
    CopyElements(DType::kFloat, x.data, r * columns, values.data, 0, columns);
    RuntimeValue map;
    map.kind = ValueKind::kMap;
    map.dtype = keys.dtype;
    map.element_fact = value_type;
    map.elements =
        std::make_shared<const std::vector<RuntimeValue>>(std::vector<RuntimeValue>{keys, std::move(values)});
    maps.push_back(std::move(map));
  }
  Fact type;
  type.kind = ValueKind::kMap;
  type.dtype = keys.dtype;
  type.element = value_type;
  c.outputs[0] = RuntimeValue::Sequence(std::move(maps), std::make_shared<const Fact>(std::move(type)));
}

// Each value at its key's place in the vocabulary; 0 or "" elsewhere.
void RunDictVectorizer(HostOpContext& c) {
  const auto [keys, values] = MapOf(c);
  const std::vector<std::string> names = c.attributes().Strings("string_vocabulary");
  const std::vector<int64_t> integers = c.attributes().Ints("int64_vocabulary");
  const bool strings = keys.dtype == DType::kString;
  if (strings ? names.empty() : integers.empty()) c.Fail("there is no vocabulary of the keys' type");
  std::unordered_map<std::string, int64_t> by_name;
  std::unordered_map<int64_t, int64_t> by_integer;
  for (size_t i = 0; i < names.size(); ++i) by_name.emplace(names[i], static_cast<int64_t>(i));
  for (size_t i = 0; i < integers.size(); ++i) by_integer.emplace(integers[i], static_cast<int64_t>(i));
  const int64_t length = static_cast<int64_t>(strings ? names.size() : integers.size());
  RuntimeValue y = c.NewTensor(values.dtype, {1, length});
  if (values.dtype != DType::kString && length > 0) std::fill_n(static_cast<char*>(y.data), y.bytes(), '\0');
  for (int64_t i = 0; i < keys.count(); ++i) {
    int64_t at = -1;
    if (strings) {
      const auto found = by_name.find(static_cast<const std::string*>(keys.data)[i]);
      if (found != by_name.end()) at = found->second;
    } else {
      const auto found = by_integer.find(LoadInt64(keys.dtype, keys.data, i));
      if (found != by_integer.end()) at = found->second;
    }
    if (at < 0) c.Fail("key " + std::to_string(i) + " of the map is not in the vocabulary");
    CopyElement(values, i, &y, at);
  }
  c.outputs[0] = std::move(y);
}

std::string TextOf(DType dtype, const void* data, int64_t i) {
  if (dtype == DType::kString) return static_cast<const std::string*>(data)[i];
  return IsInteger(dtype) ? std::to_string(LoadInt64(dtype, data, i)) : std::to_string(LoadDouble(dtype, data, i));
}

// The values by ascending keys; where the form is sparse each at its key's place.
void RunCastMap(HostOpContext& c) {
  const auto [keys, values] = MapOf(c);
  if (!IsInteger(keys.dtype)) c.Fail("the keys must be integers");
  const DType type = c.output_fact(0).dtype;
  const bool sparse = c.attributes().String("map_form", "DENSE") == "SPARSE";
  std::vector<int64_t> order(static_cast<size_t>(keys.count()));
  std::iota(order.begin(), order.end(), int64_t{0});
  auto key = [&, &keys = keys](int64_t i) { return LoadInt64(keys.dtype, keys.data, i); };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return key(a) < key(b); });
  const int64_t length = sparse ? c.attributes().Int("max_map", 1) : keys.count();
  if (length < 0) c.Fail("max_map is negative");
  RuntimeValue y = c.NewTensor(type, {1, length});
  if (type != DType::kString && length > 0) std::fill_n(static_cast<char*>(y.data), y.bytes(), '\0');
  for (size_t k = 0; k < order.size(); ++k) {
    const int64_t i = order[k], at = sparse ? key(i) : static_cast<int64_t>(k);
    if (at < 0 || at >= length) c.Fail("key " + std::to_string(at) + " is outside [0, " + std::to_string(length) + ")");
    if (type == DType::kString) {
      static_cast<std::string*>(y.data)[at] = TextOf(values.dtype, values.data, i);
    } else if (values.dtype == DType::kString) {
      const std::string& text = static_cast<const std::string*>(values.data)[i];
      char* end = nullptr;
      const double number = std::strtod(text.c_str(), &end);
      if (text.empty() || *end) c.Fail("'" + text.substr(0, 100) + "' is not a number");
      StoreDouble(type, y.data, at, number);
    } else {
      StoreDouble(type, y.data, at, LoadDouble(values.dtype, values.data, i));
    }
  }
  c.outputs[0] = std::move(y);
}

constexpr HostOpEntry kEntries[] = {
    {"ai.onnx.ml", "ZipMap", RunZipMap},
    {"ai.onnx.ml", "DictVectorizer", RunDictVectorizer},
    {"ai.onnx.ml", "CastMap", RunCastMap},
};

}  // namespace

std::span<const HostOpEntry> MapHostOps() { return kEntries; }

}  // namespace onda
