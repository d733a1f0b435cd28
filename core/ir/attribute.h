// Attributes of a node, as the core stores them.
#ifndef ONDA_CORE_IR_ATTRIBUTE_H_
#define ONDA_CORE_IR_ATTRIBUTE_H_

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/ir/fact.h"
#include "core/ir/tensor.h"
#include "onda/provider.h"

namespace onda {

// Values 0 to 14 of ONNX's AttributeProto.AttributeType.
enum class AttributeKind {
  kUndefined = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
  kTensors = 9,
  kGraphs = 10,
  kSparseTensor = 11,
  kSparseTensors = 12,
  kType = 13,
  kTypes = 14,
};

// values: 1-D of nnz elements; indices: int64 [nnz] into the flattened tensor, or [nnz, rank].
struct SparseTensor {
  TensorPtr values;
  TensorPtr indices;
  std::vector<int64_t> dims;
};

// Inside a function's body: the value of an attribute of the calling node.
struct AttributeReference {
  std::string name;
  AttributeKind kind = AttributeKind::kUndefined;
};

// Graphs are not here but in Node::bodies.
using AttributeValue =
    std::variant<std::monostate, float, int64_t, std::string, TensorPtr, std::vector<float>, std::vector<int64_t>,
                 std::vector<std::string>, std::vector<TensorPtr>, SparseTensor, std::vector<SparseTensor>, Fact,
                 std::vector<Fact>, AttributeReference>;

AttributeKind KindOf(const AttributeValue& value);

// Attributes by name, in the order in which they were set. The view for kernels and parsers is always up to date.
class AttributeMap {
 public:
  AttributeMap() = default;
  AttributeMap(std::initializer_list<std::pair<std::string, AttributeValue>> entries);
  AttributeMap(const AttributeMap& other);
  AttributeMap(AttributeMap&& other) noexcept = default;
  AttributeMap& operator=(const AttributeMap& other);
  AttributeMap& operator=(AttributeMap&& other) noexcept = default;

  struct Entry {
    std::string name;
    AttributeValue value;
    std::string doc;
  };

  void Set(std::string name, AttributeValue value, std::string doc = "");
  void Remove(std::string_view name);
  const AttributeValue* Find(std::string_view name) const;
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  const std::list<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

  // Valid until the map changes. Holds the kinds that OndaAttributeKind lists.
  Attributes view() const { return {view_.data(), view_.size()}; }
  const std::vector<OndaAttribute>& raw_view() const { return view_; }

 private:
  void Rebuild();
  std::list<Entry> entries_;  // stable addresses
  std::vector<OndaAttribute> view_;
  std::list<std::vector<OndaStringView>> string_lists_;
};

}  // namespace onda

#endif  // ONDA_CORE_IR_ATTRIBUTE_H_
