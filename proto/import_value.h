// Reads files of one value: the inputs and outputs of test data sets.
#ifndef ONDA_PROTO_IMPORT_VALUE_H_
#define ONDA_PROTO_IMPORT_VALUE_H_

#include <string>
#include <vector>

#include "core/ir/fact.h"
#include "core/ir/tensor.h"
#include "proto/bytes.h"

namespace onda::proto {

// A value with all that it holds.
struct FileValue {
  std::string name;
  ValueKind kind = ValueKind::kUnknown;
  TensorPtr tensor;  // of kTensor
  // Sequences: the elements. Optionals: none or one. Maps: the keys, a tensor of rank 1, and the values: another one
  // where they are single numbers or strings of one type, else a sequence.
  std::vector<FileValue> elements;
};

// Reads a value of the kind that `type` has; one of unknown kind is a tensor. Sparse tensors become dense. Throws Error
// kInvalidArgument where the bytes hold no such value.
FileValue ImportValue(const Bytes& bytes, const Fact& type);

}  // namespace onda::proto

#endif  // ONDA_PROTO_IMPORT_VALUE_H_
