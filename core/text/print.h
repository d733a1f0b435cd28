// Writes ONNX's text syntax (onnx/docs/Syntax.md): what ParseModel and ParseGraph read, and ONNX's own parser as long
// as nothing is in the graph that its syntax does not know (see parse.h).
//
// Everything is written: parsing the text gives the same graph. Weights are written in full, floats with as many digits
// as they need to be read back exactly. Documentation, metadata and denotations go into lines "#@ ...", which are
// comments to ONNX's parser. The serialised fields that a Model keeps only for export are left out.
#ifndef ONDA_CORE_TEXT_PRINT_H_
#define ONDA_CORE_TEXT_PRINT_H_

#include <cstdint>
#include <limits>
#include <string>

#include "core/ir/graph.h"

namespace onda {

struct PrintOptions {
  // Tensors of more elements are written as "{...}", for people; such a text cannot be parsed.
  int64_t max_elements = std::numeric_limits<int64_t>::max();
};

std::string Print(const Model& model, const PrintOptions& options = {});

// Captures of bodies are found by name again: values are renamed where names are missing or would be mistaken.
std::string Print(const Graph& graph, const PrintOptions& options = {});

}  // namespace onda

#endif  // ONDA_CORE_TEXT_PRINT_H_
