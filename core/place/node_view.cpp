#include "core/place/node_view.h"

namespace onda {

OndaFactView ViewOf(const Fact& fact, std::vector<int64_t>& dims) {
  if (!fact.is_tensor()) return {0, -1, nullptr, nullptr};
  if (fact.shape)
    for (const Dim& d : *fact.shape) dims.push_back(d.value_or_unknown());
  return {static_cast<int32_t>(fact.dtype), fact.shape ? fact.rank() : -1, dims.data(),
          fact.constant ? fact.constant->data() : nullptr};
}

NodeViewStorage::NodeViewStorage(const Node& node, std::span<const Fact> inputs, std::span<const Fact> outputs) {
  dims_.resize(inputs.size() + outputs.size());
  size_t next = 0;
  for (const Fact& fact : inputs) facts_.push_back(ViewOf(fact, dims_[next++]));
  for (const Fact& fact : outputs) facts_.push_back(ViewOf(fact, dims_[next++]));
  const auto& attributes = node.attributes.raw_view();
  view.size = sizeof(OndaNodeView);
  view.domain = node.domain.c_str();
  view.op = node.op_type.c_str();
  view.name = node.name.c_str();
  view.attributes = attributes.data();
  view.attribute_count = static_cast<int32_t>(attributes.size());
  view.input_count = static_cast<int32_t>(inputs.size());
  view.output_count = static_cast<int32_t>(outputs.size());
  view.inputs = facts_.data();
  view.outputs = facts_.data() + inputs.size();
}

}  // namespace onda
