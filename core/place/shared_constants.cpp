#include "core/place/shared_constants.h"

#include <algorithm>
#include <cstring>

namespace onda {
namespace {

uint64_t HashOf(const void* data, size_t bytes) {
  const auto* p = static_cast<const unsigned char*>(data);
  uint64_t hash = bytes * 0x9e3779b97f4a7c15u;
  for (size_t i = 0; i < bytes; i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, p + i, std::min<size_t>(8, bytes - i));
    hash = (hash ^ word) * 0x9fb21c651e98df25u;
    hash ^= hash >> 32;
  }
  return hash;
}

// Fields of a key, each behind its length.
class Key {
 public:
  void Add(const void* data, size_t bytes) {
    text_.append(reinterpret_cast<const char*>(&bytes), sizeof(bytes));
    if (bytes) text_.append(static_cast<const char*>(data), bytes);
  }
  template <class T>
  void Add(T value) {
    Add(&value, sizeof(value));
  }
  void Add(const Fact& fact) {
    const std::string text = fact.ToString();
    Add(text.data(), text.size());
    Add(fact.constant ? fact.constant->data() : nullptr);
  }
  void Add(const OndaAttribute& a) {
    Add(a.name, std::strlen(a.name));
    Add(a.kind);
    Add(a.i);
    Add(a.f);
    Add(a.s.data, a.s.size);
    if (a.kind == kOndaInts) Add(a.ints, a.count * sizeof(*a.ints));
    if (a.kind == kOndaFloats) Add(a.floats, a.count * sizeof(*a.floats));
    if (a.kind == kOndaStrings)
      for (size_t i = 0; i < a.count; ++i) Add(a.strings[i].data, a.strings[i].size);
    if (a.kind != kOndaTensor) return;
    const auto& tensor = static_cast<const TensorView&>(a.tensor);
    Add(tensor.dtype);
    Add(tensor.dims, static_cast<size_t>(tensor.rank) * sizeof(*tensor.dims));
    if (tensor.type() != DType::kString) return Add(tensor.data, tensor.bytes());
    for (int64_t i = 0; i < tensor.count(); ++i)
      Add(tensor.as<std::string>()[i].data(), tensor.as<std::string>()[i].size());
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

TensorPtr SharedConstants::Find(const TensorPtr& tensor) {
  if (tensor->dtype() == DType::kString || tensor->bytes() == 0) return tensor;
  const std::pair<size_t, uint64_t> key{tensor->bytes(), HashOf(tensor->data(), tensor->bytes())};
  const std::lock_guard lock(mutex_);
  for (auto it = tensors_.lower_bound(key); it != tensors_.end() && it->first == key;) {
    const TensorPtr other = it->second.lock();
    if (!other) {
      it = tensors_.erase(it);
      continue;
    }
    if (other->dtype() == tensor->dtype() && other->dims() == tensor->dims() &&
        std::memcmp(other->data(), tensor->data(), tensor->bytes()) == 0)
      return other;
    ++it;
  }
  tensors_.emplace(key, tensor);
  return tensor;
}

void SharedConstants::Share(Graph& graph) {
  for (ValueId id = 0; id < static_cast<ValueId>(graph.values().size()); ++id) {
    TensorPtr& constant = graph.value(id).fact.constant;
    if (constant) constant = Find(constant);
  }
  for (const Node& node : graph.nodes())
    for (const Body& body : node.bodies) Share(*body.graph);
}

std::shared_ptr<const KernelInstance> SharedConstants::Kernel(const OndaKernelDef& def, const Node& node,
                                                              std::span<const Fact> inputs,
                                                              std::span<const Fact> outputs) {
  Key key;
  key.Add(&def);
  key.Add(node.domain.data(), node.domain.size());
  key.Add(node.op_type.data(), node.op_type.size());
  const auto& attributes = node.attributes.raw_view();
  key.Add(attributes.size());
  for (const OndaAttribute& attribute : attributes) key.Add(attribute);
  key.Add(inputs.size());
  for (const Fact& fact : inputs) key.Add(fact);
  for (const Fact& fact : outputs) key.Add(fact);
  const std::string text = key.Take();
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = kernels_.find(text); it != kernels_.end())
      if (auto kernel = it->second.lock()) return kernel;
  }
  std::shared_ptr<const KernelInstance> kernel = CreateKernel(def, node, inputs, outputs);
  const std::lock_guard lock(mutex_);
  if (kernels_.size() >= purge_at_) {
    std::erase_if(kernels_, [](const auto& entry) { return entry.second.expired(); });
    purge_at_ = 2 * kernels_.size() + 64;
  }
  const auto [it, is_new] = kernels_.try_emplace(text, kernel);
  if (is_new) return kernel;
  if (auto other = it->second.lock()) return other;
  it->second = kernel;
  return kernel;
}

}  // namespace onda
