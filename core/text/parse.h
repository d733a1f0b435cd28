// Reads ONNX's text syntax (onnx/docs/Syntax.md).
//
// Besides what ONNX's own parser reads:
// - A graph needs no name. A model needs no header; it then has the newest IR version and operator sets.
// - Elements of float types below 32 bits are bit patterns where they are written as integers, and values where they
//   are written with a point or exponent ("float16[2] {15360, 1.0}").
// - Dimensions may be expressions, in quotes: "2*seq + 1". nan(0x7fc00001) is the NaN of those bits.
// - Lists of tensors, graphs and types; sparse tensors:
//   "sparse_tensor(float[3, 3]) {float[2] {1, 2}, int64[2] {0, 4}}".
// - Names of operators, domains, attributes and overloads may be quoted.
// - Lines "#@ ...", comments to others, hold documentation and metadata (see print.h).
#ifndef ONDA_CORE_TEXT_PARSE_H_
#define ONDA_CORE_TEXT_PARSE_H_

#include <memory>
#include <string_view>
#include <vector>

#include "core/ir/graph.h"

namespace onda {

// Where tensors are found whose data is not in the text: float[3] w = ["location": "weights.bin", "offset": "0"].
class ExternalTensors {
 public:
  virtual ~ExternalTensors() = default;
  virtual TensorPtr Read(DType dtype, std::vector<int64_t> dims, const StringPairs& entries) = 0;
};

// Throw Error kInvalidModel with line, column, what was expected and what was found. Nodes must be sorted. Without
// `external`, external data is refused.
Model ParseModel(std::string_view text, ExternalTensors* external = nullptr);

// The graph of a text without functions; operators may be of any domain.
std::shared_ptr<Graph> ParseGraph(std::string_view text);

}  // namespace onda

#endif  // ONDA_CORE_TEXT_PARSE_H_
