// Reads ONNX models: the only way from bytes to a Model.
#ifndef ONDA_PROTO_IMPORT_H_
#define ONDA_PROTO_IMPORT_H_

#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "core/ir/graph.h"
#include "core/ir/problem.h"
#include "proto/bytes.h"

namespace onda::proto {

struct ImportOptions {
  // Where external data is looked for; by default the folder of a model that is read from a path, and nowhere for
  // others.
  std::optional<std::string> external_folder;
  // External data by its location, instead of files. Bytes without an owner are copied.
  std::map<std::string, Bytes> external_data;
  // Ends the import with kCancelled.
  std::stop_token stop;

  // For checks: told of each thing that is wrong, and reading goes on without it; also of what breaks ONNX's rules but
  // can be run all the same. What cannot be read at all is thrown.
  ProblemSink on_problem;

  // Budgets. What exceeds one is refused with kResourceLimit or kInvalidModel.
  int max_nesting = 64;                           // graphs in graphs, types in types
  size_t max_rank = 64;                           // of a tensor
  uint64_t max_tensor_bytes = uint64_t{1} << 40;  // of one tensor
  uint64_t max_file_bytes = uint64_t{1} << 42;    // of the model's own file
  uint64_t max_nodes = 400'000;                   // attributes: four times, parts of any kind: ten times as many
};

// Throws Error: kNotFound where the file is missing, kInvalidModel with the place and cause for what breaks ONNX's
// rules. Weights stay in the mapped file, which must not be changed while the model lives.
Model ImportFile(const std::string& path, const ImportOptions& options = {});

// From memory. Weights are taken from it where the bytes have an owner, and copied where they have none.
Model ImportBytes(const Bytes& bytes, const ImportOptions& options = {});

// From a stream, read to its end.
Model ImportStream(std::istream& stream, const ImportOptions& options = {});

}  // namespace onda::proto

#endif  // ONDA_PROTO_IMPORT_H_
