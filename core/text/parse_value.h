// Types and tensors in ONNX's text syntax.
#ifndef ONDA_CORE_TEXT_PARSE_VALUE_H_
#define ONDA_CORE_TEXT_PARSE_VALUE_H_

#include "core/ir/attribute.h"
#include "core/ir/fact.h"
#include "core/ir/graph.h"
#include "core/text/cursor.h"

namespace onda {
class ExternalTensors;
}

namespace onda::text {

// Graphs in graphs, types in types.
inline constexpr int kMaxNesting = 64;

class ValueParser {
 public:
  ValueParser(Cursor& cursor, ExternalTensors* external) : cursor_(cursor), external_(external) {}

  // Whether the name of a type follows.
  bool AtType();
  // "float[N, 3]", "float[]" (of unknown rank), "float" (a scalar), "seq(...)", "optional(...)", "map(int64, ...)",
  // "sparse_tensor(...)", "opaque(...)". '?' is a symbol that appears nowhere else.
  Fact ReadType();
  // The data of a tensor of that type, from '{' or '[' on.
  TensorPtr ReadTensorData(const Fact& type);
  // "sparse_tensor(float[3, 3]) {float[2] {1, 2}, int64[2] {0, 4}}" from '{' on: values, then indices.
  SparseTensor ReadSparseData(const Fact& type);
  StringPairs ReadPairs();  // ["key": "value", ...]

 private:
  Fact ReadType(int depth);
  Fact ReadTensorType(DType dtype, ValueKind kind);
  DType ReadElementType(const char* what);
  std::vector<int64_t> TensorDims(const Fact& type, size_t at) const;

  Cursor& cursor_;
  ExternalTensors* external_;
  int fresh_ = 0;
};

}  // namespace onda::text

#endif  // ONDA_CORE_TEXT_PARSE_VALUE_H_
