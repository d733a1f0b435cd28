#include "core/passes/node_key.h"

#include <algorithm>

#include "core/ir/op_def.h"

namespace onda {
namespace {

constexpr size_t kMostBytes = 4096;  // of constants that are compared

// Each part goes in with its length, so that no two lists of parts give one text.
void Append(std::string& key, std::string_view text) {
  key += std::to_string(text.size());
  key += ':';
  key += text;
}
template <class T>
void AppendRaw(std::string& key, const T* data, size_t count) {
  Append(key, {reinterpret_cast<const char*>(data), count * sizeof(T)});
}

bool AppendTensor(std::string& key, const Tensor& t) {
  if (t.bytes() > kMostBytes || t.dtype() == DType::kString) return false;
  key += std::to_string(static_cast<int>(t.dtype()));
  AppendRaw(key, t.dims().data(), t.dims().size());
  AppendRaw(key, static_cast<const char*>(t.data()), t.bytes());
  return true;
}

bool AppendAttribute(std::string& key, const AttributeMap::Entry& entry) {
  Append(key, entry.name);
  key += std::to_string(static_cast<int>(KindOf(entry.value)));
  if (const auto* f = std::get_if<float>(&entry.value)) return AppendRaw(key, f, 1), true;
  if (const auto* i = std::get_if<int64_t>(&entry.value)) return AppendRaw(key, i, 1), true;
  if (const auto* s = std::get_if<std::string>(&entry.value)) return Append(key, *s), true;
  if (const auto* t = std::get_if<TensorPtr>(&entry.value)) return *t && AppendTensor(key, **t);
  if (const auto* f = std::get_if<std::vector<float>>(&entry.value)) return AppendRaw(key, f->data(), f->size()), true;
  if (const auto* i = std::get_if<std::vector<int64_t>>(&entry.value))
    return AppendRaw(key, i->data(), i->size()), true;
  return false;
}

}  // namespace

std::string KeyOf(const Graph& graph, const Node& node) {
  if (!node.op || (node.op->flags & (kOpRandom | kOpControlFlow | kOpHost | kOpCopy)) || !node.bodies.empty())
    return "";
  std::string key;
  Append(key, node.domain);
  Append(key, node.op_type);
  key += std::to_string(node.instance);
  for (ValueId id : node.outputs) key += id == kNoValue ? '-' : '+';
  for (ValueId id : node.inputs) {
    key += 'i';
    const TensorPtr constant = id == kNoValue || graph.Producer(id) ? nullptr : graph.FactOf(id).constant;
    if (!constant || !AppendTensor(key, *constant)) key += "v" + std::to_string(id);
  }
  std::vector<const AttributeMap::Entry*> entries;
  for (const AttributeMap::Entry& entry : node.attributes.entries()) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  for (const AttributeMap::Entry* entry : entries)
    if (!AppendAttribute(key, *entry)) return "";
  return key;
}

}  // namespace onda
