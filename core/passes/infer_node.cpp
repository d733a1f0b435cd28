#include "core/passes/infer_node.h"

#include "core/ir/at_node.h"

namespace onda {
namespace {

class NodeInference : public FactInference {
 public:
  NodeInference(const Node& node, std::vector<const Fact*> facts, int64_t& fresh) : fresh_(fresh) {
    Start(node, std::move(facts));
    Infer(*node.op);
  }
  Dim FreshDim() override { return Dim::Symbol("_p" + std::to_string(fresh_++)); }
  std::vector<Fact> InferBody(size_t, std::vector<Fact>) override {
    throw Error(ErrorCode::kInternal, "a pass made a node with a body");
  }

 private:
  int64_t& fresh_;
};

}  // namespace

std::vector<Fact> InferNode(const Node& node, const std::function<const Fact&(ValueId)>& fact_of, int64_t& fresh) {
  std::vector<const Fact*> facts;
  for (ValueId id : node.inputs) facts.push_back(id == kNoValue ? nullptr : &fact_of(id));
  return NodeInference(node, std::move(facts), fresh).outputs();
}

std::vector<Fact> InferGraph(const Graph& graph, std::vector<Fact> inputs, int64_t& fresh) {
  std::vector<std::optional<Fact>> facts(graph.values().size());
  for (size_t i = 0; i < graph.inputs.size(); ++i) facts[graph.inputs[i]] = std::move(inputs[i]);
  const auto fact_of = [&](ValueId id) -> const Fact& { return facts[id] ? *facts[id] : graph.FactOf(id); };
  for (const Node& node : graph.nodes()) {
    std::vector<Fact> outputs;
    try {
      outputs = InferNode(node, fact_of, fresh);
    } catch (const Error& error) {
      throw AtNode(node, error);
    }
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.has_output(i)) facts[node.outputs[i]] = std::move(outputs[i]);
  }
  std::vector<Fact> results;
  for (ValueId id : graph.outputs) results.push_back(fact_of(id));
  return results;
}

}  // namespace onda
