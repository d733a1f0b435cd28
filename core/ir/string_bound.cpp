#include "core/ir/string_bound.h"

#include <algorithm>
#include <string>

namespace onda {
namespace {

std::span<const std::string> StringsOf(const OndaTensorView& v) {
  if (v.dtype != static_cast<int32_t>(DType::kString) || !v.data) return {};
  return {static_cast<const std::string*>(v.data),
          static_cast<size_t>(CountOf(std::span(v.dims, static_cast<size_t>(v.rank))))};
}

uint64_t Longest(std::span<const std::string> strings) {
  size_t longest = 0;
  for (const std::string& s : strings) longest = std::max(longest, s.size());
  return longest;
}

uint64_t LongestOf(const AttributeValue& value) {
  if (const auto* s = std::get_if<std::string>(&value)) return s->size();
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return Longest(*list);
  if (const auto* tensor = std::get_if<TensorPtr>(&value); tensor && *tensor)
    return Longest(StringsOf((*tensor)->view()));
  return 0;
}

uint64_t Saturated(unsigned __int128 value) {
  return static_cast<uint64_t>(std::min<unsigned __int128>(value, UINT64_MAX));
}

}  // namespace

StringBound BoundStrings(const Node& node, std::span<const OndaTensorView> inputs,
                         std::span<const OndaTensorView> outputs) {
  unsigned __int128 made = 0;
  bool any = false;
  for (const OndaTensorView& v : outputs) {
    any |= v.dtype == static_cast<int32_t>(DType::kString);
    made += StringsOf(v).size();
  }
  if (!any) return {};
  constexpr uint64_t kDigits = 64;
  uint64_t longest = 0;
  for (const OndaTensorView& v : inputs) longest += Longest(StringsOf(v));
  uint64_t attribute = kDigits;
  for (const AttributeMap::Entry& entry : node.attributes.entries())
    attribute = std::max(attribute, LongestOf(entry.value));
  longest = std::max(longest, attribute);
  return {longest, Saturated(made * longest)};
}

void CheckStringLength(const StringBound& bound, uint64_t max_bytes) {
  if (bound.longest <= max_bytes) return;
  throw Error(ErrorCode::kResourceLimit, "a string of up to " + std::to_string(bound.longest) +
                                             " bytes would be made, over the limit of " + std::to_string(max_bytes));
}

uint64_t StringBytes(const OndaTensorView& strings) {
  uint64_t bytes = 0;
  for (const std::string& s : StringsOf(strings)) bytes += s.size();
  return bytes;
}

}  // namespace onda
