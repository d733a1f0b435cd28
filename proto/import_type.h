// Types as ONNX serializes them, turned into facts.
#ifndef ONDA_PROTO_IMPORT_TYPE_H_
#define ONDA_PROTO_IMPORT_TYPE_H_

#include <cstdint>
#include <string>

#include "core/ir/fact.h"

namespace onda::wire {
class Type;
}  // namespace onda::wire

namespace onda::proto {

// Reads the types of one model. Dimensions that a model leaves open become symbols that appear nowhere else; their
// names start with '?', as no dim_param is taken to do.
class TypeReader {
 public:
  explicit TypeReader(size_t max_rank) : max_rank_(max_rank) {}

  // `what` names the value for errors, such as "input 'x'". A type that is not set gives an unknown fact.
  Fact Read(const wire::Type& type, const std::string& what);

 private:
  template <class TensorType>
  Fact ReadTensor(const TensorType& type, ValueKind kind, const std::string& what);
  Dim Fresh();

  size_t max_rank_;
  int64_t fresh_ = 0;
};

// What ONNX calls the meaning of a type ("IMAGE") and of its dimensions ("DATA_BATCH"), for export: the first, then a
// ';' and the others with ',' between where there are any.
std::string ReadDenotation(const wire::Type& type);

}  // namespace onda::proto

#endif  // ONDA_PROTO_IMPORT_TYPE_H_
