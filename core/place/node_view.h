// Nodes and facts as they cross to providers.
#ifndef ONDA_CORE_PLACE_NODE_VIEW_H_
#define ONDA_CORE_PLACE_NODE_VIEW_H_

#include <cstdint>
#include <span>
#include <vector>

#include "core/ir/graph.h"
#include "onda/provider.h"

namespace onda {

// The C view of a fact; its dimensions are put into `dims`, which must stay.
OndaFactView ViewOf(const Fact& fact, std::vector<int64_t>& dims);

// The C view of a node and the storage behind it. The node and the facts' constants must stay.
class NodeViewStorage {
 public:
  NodeViewStorage(const Node& node, std::span<const Fact> inputs, std::span<const Fact> outputs);
  NodeViewStorage(const NodeViewStorage&) = delete;
  NodeViewStorage& operator=(const NodeViewStorage&) = delete;

  OndaNodeView view{};

 private:
  std::vector<std::vector<int64_t>> dims_;
  std::vector<OndaFactView> facts_;
};

}  // namespace onda

#endif  // ONDA_CORE_PLACE_NODE_VIEW_H_
