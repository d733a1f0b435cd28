// Tensors in files beside a model that is not in ONNX's binary format.
#ifndef ONDA_PROTO_IMPORT_EXTERNAL_H_
#define ONDA_PROTO_IMPORT_EXTERNAL_H_

#include <string>
#include <vector>

#include "core/ir/graph.h"
#include "proto/external_data.h"

namespace onda::proto {

// Finds tensors in the files of one folder, by the rules of external_data.h.
class ExternalFiles {
 public:
  explicit ExternalFiles(const std::string& folder) : data_(folder, {}) {}

  // entries: location, offset and length as ONNX's external_data has them. Throws Error naming the file and what is
  // wrong with it.
  TensorPtr Read(DType dtype, const std::vector<int64_t>& dims, const StringPairs& entries);

 private:
  ExternalData data_;
};

}  // namespace onda::proto

#endif  // ONDA_PROTO_IMPORT_EXTERNAL_H_
