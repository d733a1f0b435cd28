#include "core/text/parse.h"
#include "kernels/case.h"
#include "tests/fuzz/target.h"

namespace onda {

#define ONDA_OPS(family)         \
  namespace family {             \
  std::span<const Case> Cases(); \
  }
#include "kernels/ops.inc"
#undef ONDA_OPS

namespace fuzz {

const std::vector<std::string>& Seeds() {
  static const std::vector<std::string> seeds = [] {
    std::vector<std::string> all;
    auto add = [&](std::span<const Case> cases) {
      for (const Case& c : cases)
        if (c.graph.size() < 2000) all.push_back(c.graph);
    };
#define ONDA_OPS(family) add(family::Cases());
#include "kernels/ops.inc"
#undef ONDA_OPS
    return all;
  }();
  return seeds;
}

Model ParseSeed(const std::string& graph) {
  return ParseModel(
      "<ir_version: 14, opset_import: [\"\" : 28, \"ai.onnx.ml\" : 5, \"ai.onnx.preview\" : 1, "
      "\"ai.onnx.preview.training\" : 1, \"com.microsoft\" : 1, \"onda\" : 1]> fuzzed " +
      graph);
}

}  // namespace fuzz
}  // namespace onda
