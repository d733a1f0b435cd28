// Weights that lie outside the model's own file.
#ifndef ONDA_PROTO_EXTERNAL_DATA_H_
#define ONDA_PROTO_EXTERNAL_DATA_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "proto/bytes.h"

namespace onda::proto {

// Where a tensor says that its data is.
struct ExternalLocation {
  std::string location;  // relative to the model's folder
  uint64_t offset = 0;
  std::optional<uint64_t> length;
};

// Opens the files that tensors name, each once and never one outside the model's folder. A model is not trusted with
// the file system: only plain files below the folder are opened, reached without "..", symbolic links or hard links.
class ExternalData {
 public:
  // Without a folder (a model from memory or a stream) only `given` is searched.
  ExternalData(std::optional<std::string> folder, std::map<std::string, Bytes> given);

  // The `size` bytes of tensor `tensor`.
  Bytes Find(const ExternalLocation& where, uint64_t size, std::string_view tensor);

  // Bytes of the files opened so far.
  uint64_t mapped_bytes() const { return mapped_bytes_; }

 private:
  const Bytes& Open(const std::string& location, std::string_view tensor);

  std::optional<std::string> folder_;
  std::map<std::string, Bytes> files_;  // by location
  uint64_t mapped_bytes_ = 0;
};

}  // namespace onda::proto

#endif  // ONDA_PROTO_EXTERNAL_DATA_H_
