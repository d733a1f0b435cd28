// Types, tensors and attribute values in ONNX's text syntax.
#ifndef ONDA_CORE_TEXT_PRINT_VALUE_H_
#define ONDA_CORE_TEXT_PRINT_VALUE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/ir/attribute.h"
#include "core/ir/fact.h"
#include "core/ir/graph.h"

namespace onda::text {

// In double quotes, with '"' and '\' behind a '\'.
void AppendQuoted(std::string& out, std::string_view value);
// Quoted where it is no identifier.
void AppendName(std::string& out, std::string_view name);
void AppendPairs(std::string& out, const StringPairs& pairs);

// Appends to a text.
class ValuePrinter {
 public:
  ValuePrinter(std::string& out, int64_t max_elements) : out_(out), max_elements_(max_elements) {}

  // Counts how often nameless symbols stand in a graph and its bodies: those that stand once are written as '?'.
  void Count(const Graph& graph);

  void WriteType(const Fact& fact);
  void WriteTensorType(const Tensor& tensor);
  void WriteTensorData(const Tensor& tensor);
  // "name: type = value".
  void WriteAttribute(std::string_view name, const AttributeValue& value);

 private:
  void CountGraph(const Graph& graph);
  void CountSymbols(const Fact& fact);
  void WriteDims(const Dims& dims);
  void WriteSparse(const SparseTensor& sparse);

  std::string& out_;
  int64_t max_elements_;
  std::map<std::string, int, std::less<>> nameless_;
};

}  // namespace onda::text

#endif  // ONDA_CORE_TEXT_PRINT_VALUE_H_
