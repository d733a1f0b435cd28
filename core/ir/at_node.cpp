#include "core/ir/at_node.h"

#include <string_view>

namespace onda {

Error AtNode(const Node& node, const Error& error) {
  const std::string_view message = error.what();
  if (message.starts_with("node ") || error.code() == ErrorCode::kCancelled) return error;
  return Error(error.code(), Describe(node) + ": " + error.what());
}

}  // namespace onda
