// Writes models in ONNX's binary format: the only way from a Model to bytes.
#ifndef ONDA_PROTO_EXPORT_H_
#define ONDA_PROTO_EXPORT_H_

#include <cstdint>
#include <string>

#include "core/ir/graph.h"

namespace onda::proto {

struct ExportOptions {
  // Where not empty: the file beside the model, named relative to its folder, that takes the weights.
  std::string external_location;
  // Tensors of fewer bytes stay in the model's own file.
  uint64_t external_from = 1024;
};

// Writes the model to a file, and its weights to a second one where the options say so. Files are complete or, where an
// error is thrown, not there. kInvalidArgument where a model of over 2 GiB would be written without external data, or
// where something in it has no form in ONNX; the message names the node.
void ExportFile(const Model& model, const std::string& path, const ExportOptions& options = {});

// The bytes of the file. Weights are inside.
std::string ExportBytes(const Model& model);

}  // namespace onda::proto

#endif  // ONDA_PROTO_EXPORT_H_
