#include "core/passes/upgrade_model.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/passes/canonicalize.h"
#include "core/passes/declared.h"
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

// The value of a string attribute, "" where it is absent.
std::string StringOf(const Node& node, std::string_view name) {
  const AttributeValue* value = node.attributes.Find(name);
  const auto* text = value ? std::get_if<std::string>(value) : nullptr;
  return text ? *text : "";
}

[[noreturn]] void RejectResize(const char* why) { throw Error(ErrorCode::kNotImplemented, why); }

// What canonical Resize nodes may say and the newest operator set cannot.
void SettleResize(const Graph& graph, Node& node) {
  if (StringOf(node, "coordinate_transformation_mode") == "tf_half_pixel_for_nn") {
    RejectResize("coordinate_transformation_mode tf_half_pixel_for_nn ended with opset 12");
  }
  // Resize-10 rounds down where an axis grows and up where it shrinks; there is a mode for either. Upsample only grows.
  if (StringOf(node, "nearest_mode") != "simple") return;
  if (const std::string mode = StringOf(node, "mode"); !mode.empty() && mode != "nearest") {
    return node.attributes.Remove("nearest_mode");
  }
  if (node.origin.op == "Upsample") return node.attributes.Set("nearest_mode", std::string("floor"));
  const TensorPtr scales = node.has_input(2) ? graph.FactOf(node.inputs[2]).constant : nullptr;
  if (!scales) RejectResize("its scales are not known, on which its rounding depends");
  const std::vector<double> values = scales->ToDoubles();
  const bool grows = std::all_of(values.begin(), values.end(), [](double scale) { return scale >= 1; });
  const bool shrinks = std::all_of(values.begin(), values.end(), [](double scale) { return scale <= 1; });
  if (!grows && !shrinks) RejectResize("it rounds differently along its axes");
  node.attributes.Set("nearest_mode", std::string(grows ? "floor" : "ceil"));
}

// Canonical nodes may have parameters that no operator set has, kept from an old version that meant more.
void CheckExpressible(Graph& graph, std::map<std::string, int>& opsets) {
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    Node& node = graph.node(id);
    const int newest = NewestOpset(node.domain);
    try {
      if (node.op_type == "Resize") SettleResize(graph, node);
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

// What inference leaves behind, but for the values of the graph's own inputs and outputs. Declared shapes are taken
// where inference knows none.
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
      if (DeclaredMismatch(source.fact, target.fact).empty()) {
        target.fact = WithDeclared(std::move(target.fact), source.fact);
      }
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
