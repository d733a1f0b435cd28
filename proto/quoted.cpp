#include "proto/quoted.h"

namespace onda::proto {

std::string Quoted(std::string_view name) {
  constexpr size_t kShown = 200;
  constexpr char kHex[] = "0123456789abcdef";
  std::string text = "'";
  for (const char c : name.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      text += c;
    } else {
      text += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  if (name.size() > kShown) text += "...";
  return text + "'";
}

}  // namespace onda::proto
