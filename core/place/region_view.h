// Sets of nodes as they cross to providers.
#ifndef ONDA_CORE_PLACE_REGION_VIEW_H_
#define ONDA_CORE_PLACE_REGION_VIEW_H_

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/ir/graph.h"
#include "core/place/node_view.h"
#include "onda/provider.h"

namespace onda {

// What is read outside of a set of nodes: the graph's outputs, captures by bodies, inputs of other nodes.
std::vector<bool> ReadOutside(const Graph& graph, const std::vector<bool>& inside);

// The C view of some nodes of a graph and the storage behind it. The graph must stay. Values that come from outside are
// inputs, unless they are constants; those that `read_outside` marks are outputs. In the order in which nodes name
// them.
class RegionViewStorage {
 public:
  RegionViewStorage(const Graph& graph, std::span<const NodeId> nodes, const std::vector<bool>& read_outside,
                    OndaRegionStage stage, std::string name, const std::function<bool(const Node&)>& accepted);
  // A whole graph, with its inputs and outputs in their order.
  RegionViewStorage(const Graph& graph, std::string name, const std::function<bool(const Node&)>& accepted);
  RegionViewStorage(const RegionViewStorage&) = delete;
  RegionViewStorage& operator=(const RegionViewStorage&) = delete;

  OndaRegionView view{};
  std::vector<ValueId> inputs, outputs;  // as the view lists them

 private:
  int32_t IndexOf(ValueId id);
  void AddNode(NodeId id, int32_t index, const std::function<bool(const Node&)>& accepted);
  void Finish(OndaRegionStage stage);

  struct ValueStorage {
    std::vector<int64_t> dims;
    std::vector<std::string> texts;
    std::vector<const char*> text_pointers;
    OndaRegionValue view{};
  };
  struct NodeStorage {
    std::unique_ptr<NodeViewStorage> node;
    std::vector<int32_t> inputs, outputs;
    OndaRegionNode view{};
  };
  const Graph& graph_;
  std::string name_;
  std::vector<int32_t> index_;  // by ValueId; -1 where the region does not have it
  std::deque<ValueStorage> values_;
  std::deque<NodeStorage> nodes_;
  std::vector<const OndaRegionValue*> value_pointers_;
  std::vector<const OndaRegionNode*> node_pointers_;
  std::vector<int32_t> input_indices_, output_indices_;
};

}  // namespace onda

#endif  // ONDA_CORE_PLACE_REGION_VIEW_H_
