#include "tests/fuzz/feeds.h"

#include <functional>
#include <random>

#include "onda/float_formats.h"

namespace onda::fuzz {
namespace {

constexpr int64_t kMostElements = 4096;

std::optional<RuntimeValue> Make(const Fact& fact, uint64_t seed, std::mt19937_64& random) {
  if (fact.kind == ValueKind::kSequence || fact.kind == ValueKind::kOptional) {
    if (!fact.element) return {};
    std::vector<RuntimeValue> elements;
    for (uint64_t left = random() % (fact.kind == ValueKind::kSequence ? 4 : 2); left > 0; --left) {
      std::optional<RuntimeValue> element = Make(*fact.element, seed, random);
      if (!element) return {};
      elements.push_back(std::move(*element));
    }
    RuntimeValue value = RuntimeValue::Sequence(std::move(elements), fact.element);
    value.kind = fact.kind;
    return value;
  }
  if (!fact.is_tensor()) return {};
  std::vector<int64_t> dims;
  int64_t count = 1;
  if (fact.shape) {
    for (const Dim& d : *fact.shape) {
      dims.push_back(d.known() ? d.value() : static_cast<int64_t>((std::hash<std::string>()(d.ToString()) ^ seed) % 5));
      if (dims.back() > kMostElements) return {};
      count *= dims.back();
      if (count > kMostElements) return {};
    }
  } else {
    for (uint64_t left = random() % 4; left > 0; --left) dims.push_back(static_cast<int64_t>(random() % 4));
  }
  const DType dtype = fact.dtype == DType::kUndefined ? DType::kFloat : fact.dtype;
  auto tensor = Tensor::Make(dtype, dims);
  for (int64_t i = 0; i < tensor->count(); ++i) {
    const auto number = static_cast<int64_t>(random() % 33) - 12;
    if (dtype == DType::kString) {
      tensor->mutable_as<std::string>()[i] = std::string(random() % 3, static_cast<char>('a' + random() % 3));
    } else if (dtype == DType::kBool) {
      tensor->mutable_as<uint8_t>()[i] = random() & 1;
    } else if (IsComplex(dtype)) {
      const DType part = dtype == DType::kComplex64 ? DType::kFloat : DType::kDouble;
      StoreDouble(part, tensor->mutable_data(), 2 * i, static_cast<double>(number) / 4);
    } else if (IsInteger(dtype)) {
      StoreDouble(dtype, tensor->mutable_data(), i, static_cast<double>(number / 4));
    } else {
      StoreDouble(dtype, tensor->mutable_data(), i, static_cast<double>(number) / 4);
    }
  }
  return RuntimeValue::FromTensor(tensor);
}

}  // namespace

std::optional<std::vector<std::pair<std::string, RuntimeValue>>> MakeFeeds(const InferenceSession& session,
                                                                           uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::pair<std::string, RuntimeValue>> feeds;
  for (const PortInfo& port : session.inputs()) {
    if (port.fact.constant || port.default_value) continue;
    std::optional<RuntimeValue> value = Make(port.fact, seed, random);
    if (!value) return {};
    feeds.emplace_back(port.name, std::move(*value));
  }
  return feeds;
}

}  // namespace onda::fuzz
