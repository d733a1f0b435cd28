#include "core/passes/fold_constants.h"

#include <algorithm>

#include "core/ir/at_node.h"
#include "core/passes/patch.h"

namespace onda {
namespace {

bool IsGiven(const Graph& graph, ValueId id) {
  return std::find(graph.outputs.begin(), graph.outputs.end(), id) != graph.outputs.end();
}

// True where all outputs that anything reads are constants now.
bool Fold(Graph& graph, const Node& node, const CanonicalizeOptions& options) {
  if (!node.op || (node.op->flags & (kOpRandom | kOpControlFlow | kOpHost | kOpCopy)) || node.inputs.empty())
    return false;
  std::vector<TensorPtr> inputs;
  for (ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? nullptr : graph.FactOf(id).constant);
    if (id != kNoValue && !inputs.back()) return false;
  }
  std::vector<Fact> outputs;
  for (ValueId id : node.outputs) {
    if (id == kNoValue || IsGiven(graph, id)) return false;
    outputs.push_back(graph.FactOf(id));
    if (!outputs.back().is_tensor() || !outputs.back().static_shape()) return false;
    const int64_t count = CountOf(outputs.back().static_dims());
    if (static_cast<int64_t>(BytesOf(outputs.back().dtype, count)) > options.max_folded_bytes) return false;
  }
  const auto results = options.evaluate(node, inputs, outputs);
  if (!results) return false;
  for (size_t i = 0; i < node.outputs.size(); ++i) graph.value(node.outputs[i]).fact = Fact::Constant((*results)[i]);
  return true;
}

}  // namespace

void FoldConstants(Graph& graph, const CanonicalizeOptions& options) {
  if (!options.evaluate) return;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Node> kept;
  for (const Node& node : graph.nodes()) {
    for (const Body& body : node.bodies) FoldConstants(*body.graph, options);
    bool folded = false;
    try {
      folded = std::chrono::steady_clock::now() - begin < options.max_folding_time && Fold(graph, node, options);
    } catch (const Error& e) {
      throw AtNode(node, e);
    }
    if (!folded) kept.push_back(node);
  }
  graph.ReplaceNodes(std::move(kept));
  DropDeadNodes(graph);
}

}  // namespace onda
