#include "core/passes/fold_constants.h"

#include <algorithm>

#include "core/ir/at_node.h"
#include "core/passes/folding_cost.h"
#include "core/passes/patch.h"

namespace onda {
namespace {

bool IsGiven(const Graph& graph, ValueId id) {
  return std::find(graph.outputs.begin(), graph.outputs.end(), id) != graph.outputs.end();
}

// What all graphs of a model have taken so far.
struct Spent {
  std::chrono::nanoseconds time{};  // by FoldingCost
  int64_t bytes = 0;
};

// True where all outputs that anything reads are constants now.
bool Fold(Graph& graph, const Node& node, const CanonicalizeOptions& options, Spent& spent) {
  if (!node.op || (node.op->flags & (kOpRandom | kOpControlFlow | kOpHost | kOpCopy)) || node.inputs.empty())
    return false;
  std::vector<TensorPtr> inputs;
  for (ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? nullptr : graph.FactOf(id).constant);
    if (id != kNoValue && !inputs.back()) return false;
  }
  std::vector<Fact> outputs;
  int64_t bytes = 0;
  for (ValueId id : node.outputs) {
    if (id == kNoValue || IsGiven(graph, id)) return false;
    outputs.push_back(graph.FactOf(id));
    if (!outputs.back().is_tensor() || !outputs.back().static_shape()) return false;
    if (outputs.back().dtype == DType::kString) return false;
    const int64_t count = CountOf(outputs.back().static_dims());
    const auto size = static_cast<int64_t>(BytesOf(outputs.back().dtype, count));
    if (size > options.max_folded_bytes) return false;
    bytes += size;
    if (bytes > 2 * options.max_folded_bytes - spent.bytes) return false;
  }
  const std::chrono::nanoseconds cost = FoldingCost(node, inputs, outputs);
  if (cost > options.max_folding_time - spent.time) return false;
  spent.time += cost;
  const auto deadline = std::chrono::steady_clock::now() + 2 * options.max_folding_time;
  const auto results = options.evaluate(node, inputs, outputs, deadline);
  if (!results) return false;
  spent.bytes += bytes;
  for (size_t i = 0; i < node.outputs.size(); ++i) graph.value(node.outputs[i]).fact = Fact::Constant((*results)[i]);
  return true;
}

void Walk(Graph& graph, const CanonicalizeOptions& options, Spent& spent) {
  std::vector<Node> kept;
  for (const Node& node : graph.nodes()) {
    for (const Body& body : node.bodies) Walk(*body.graph, options, spent);
    bool folded = false;
    try {
      folded = Fold(graph, node, options, spent);
    } catch (const Error& e) {
      throw AtNode(node, e);
    }
    if (!folded) kept.push_back(node);
  }
  graph.ReplaceNodes(std::move(kept));
  DropDeadNodes(graph);
}

}  // namespace

void FoldConstants(Graph& graph, const CanonicalizeOptions& options) {
  Spent spent;
  if (options.evaluate) Walk(graph, options, spent);
}

}  // namespace onda
