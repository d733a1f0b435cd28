#include "core/passes/upgrade_model.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/passes/canonicalize.h"
#include "core/schema/check_node.h"
#include "core/schema/schema.h"
#include "kernels/op_table.h"
#include "onda/types.h"

namespace onda {
namespace {

std::vector<const Fact*> FactsOf(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<const Fact*> facts;
  for (const ValueId id : values) facts.push_back(id == kNoValue ? nullptr : &graph.FactOf(id));
  return facts;
}

// Canonical nodes may have parameters that no operator set has, kept from an old version that meant more.
void CheckExpressible(const Graph& graph, std::map<std::string, int>& opsets) {
  for (const Node& node : graph.nodes()) {
    const int newest = NewestOpset(node.domain);
    try {
      const Schema* schema = newest > 0 ? SchemaOf(node, newest) : nullptr;
      if (!schema) throw Error(ErrorCode::kNotImplemented, "no operator set has " + node.op_type);
      CheckSignature(node, *schema, nullptr);
      CheckTypes(node, *schema, FactsOf(graph, node.inputs), FactsOf(graph, node.outputs));
    } catch (const Error& error) {
      const std::string place = Describe(node);
      std::string cause = error.what();
      if (cause.starts_with(place + ": ")) cause.erase(0, place.size() + 2);
      throw Error(ErrorCode::kNotImplemented, place + " cannot be written in the newest operator set: " + cause);
    }
    opsets[node.domain] = newest;
    for (const Body& body : node.bodies) CheckExpressible(*body.graph, opsets);
  }
}

// What inference leaves behind, but for the values of the graph's own inputs and outputs.
void CopyDescription(const Graph& from, Graph& to) {
  to.doc = from.doc;
  to.metadata = from.metadata;
  const auto copy = [&](const std::vector<ValueId>& sources, const std::vector<ValueId>& targets) {
    for (size_t i = 0; i < std::min(sources.size(), targets.size()); ++i) {
      const Value& source = from.value(sources[i]);
      Value& target = to.value(targets[i]);
      target.doc = source.doc;
      target.metadata = source.metadata;
      target.denotation = source.denotation;
    }
  };
  copy(from.outputs, to.outputs);
  copy(from.inputs, to.inputs);
}

}  // namespace

Model UpgradeModel(const Model& model) {
  CanonicalizeOptions options;
  options.find_op = FindOp;
  options.has_kernel = [](const Node&, std::span<const Fact>, std::span<const Fact>) { return true; };
  const std::shared_ptr<Graph> graph = Canonicalize(model, options, nullptr);
  CopyDescription(*model.graph, *graph);

  Model upgraded = model;
  upgraded.functions.clear();
  upgraded.ir_version = kNewestIrVersion;
  upgraded.opsets = {{"", NewestOpset("")}};
  CheckExpressible(*graph, upgraded.opsets);
  // Before IR 4 an initializer had to be an input too; now that would make it a default. Since then it is one.
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < graph->inputs.size(); ++i) {
    const ValueId id = graph->inputs[i];
    const TensorPtr& initial = model.graph->FactOf(model.graph->inputs[i]).constant;
    if (initial) {
      graph->value(id).fact.constant = initial;
      graph->initializers.push_back(id);
    }
    if (!initial || model.ir_version >= 4) inputs.push_back(id);
  }
  graph->inputs = std::move(inputs);
  upgraded.graph = graph;
  return upgraded;
}

}  // namespace onda
