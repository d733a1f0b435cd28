#include <set>
#include <tuple>

#include "core/text/model_parser.h"

namespace onda::text {

void ModelParser::ReadNodes(Graph& graph, Scope& scope, Hints& hints, const Surroundings& around) {
  cursor_.Expect('{');
  std::vector<Note> of_node;
  std::string_view line;
  while (true) {
    if (cursor_.TakeNote(&line)) {
      Note note = ParseNote(line);
      const bool here = note.subject == "node" || note.subject == "attribute";
      (here ? of_node : notes_).push_back(std::move(note));
      continue;
    }
    if (cursor_.Matches('}')) break;
    Node node = ReadNode(graph, scope, hints, around);
    for (Note& note : of_node) {
      if (note.subject == "node") {
        node.doc = std::move(note.doc);
        node.metadata = std::move(note.metadata);
        node.device_configuration = std::move(note.device_configuration);
      } else if (const AttributeValue* value = node.attributes.Find(note.name)) {
        node.attributes.Set(note.name, AttributeValue(*value), note.doc);
      }
    }
    of_node.clear();
    graph.AddNode(std::move(node));
  }
}

void ModelParser::ReadOperator(Node& node) {
  std::string part = cursor_.Name("the name of an operator");
  while (cursor_.Matches('.')) {
    node.domain += (node.domain.empty() ? "" : ".") + part;
    part = cursor_.Name("the name of an operator");
  }
  node.domain = DomainName(node.domain);
  node.op_type = std::move(part);
  if (cursor_.Matches(':')) node.overload = cursor_.Name("the name of an overload");
}

Node ModelParser::ReadNode(Graph& graph, Scope& scope, Hints& hints, const Surroundings& around) {
  Node node;
  if (cursor_.Matches('[')) {
    if (cursor_.AtName()) node.name = cursor_.Name("the name of a node");
    cursor_.Expect(']');
  }
  // Names may be left out: "(, x)" has an omitted value first.
  struct Named {
    std::string name;
    size_t at;
  };
  const auto read_names = [&](char end) {
    std::vector<Named> names;
    while (cursor_.Peek() != end) {
      const size_t at = cursor_.position();
      names.push_back({cursor_.AtName() ? cursor_.Name("a name") : "", at});
      if (!cursor_.Matches(',')) break;
    }
    return names;
  };
  const std::vector<Named> outputs = read_names('=');
  cursor_.Expect('=');
  const size_t op_at = cursor_.position();
  ReadOperator(node);
  if (node.op_type.empty()) cursor_.FailAt(op_at, "a node has no operator");
  node.origin = {node.name, node.domain, node.op_type, 0};
  for (const std::map<std::string, int>* opsets : {around.opsets, opsets_}) {
    const auto found = opsets->find(node.domain);
    if (found == opsets->end()) continue;
    node.origin.opset = found->second;
    break;
  }
  ReadAttributes(node, scope, around);
  cursor_.Expect('(');
  for (const Named& input : read_names(')')) {
    node.inputs.push_back(input.name.empty() ? kNoValue : scope.Use(input.name));
    if (node.inputs.back() == kNoValue && !input.name.empty()) {
      cursor_.FailAt(input.at, "'" + input.name + "' is defined by nothing ahead of this node");
    }
  }
  cursor_.Expect(')');
  if (node.attributes.empty() && node.bodies.empty()) ReadAttributes(node, scope, around);
  for (const Named& output : outputs) {
    if (output.name.empty()) {
      node.outputs.push_back(kNoValue);
      continue;
    }
    if (scope.IsDefined(output.name)) cursor_.FailAt(output.at, "'" + output.name + "' is defined a second time");
    const auto hint = hints.find(output.name);
    node.outputs.push_back(graph.AddValue(output.name, hint == hints.end() ? Fact{} : hint->second));
    scope.Define(output.name, node.outputs.back());
  }
  return node;
}

void ModelParser::CheckOperatorSets(const Model& model) {
  std::set<std::tuple<std::string, std::string, std::string>> functions;
  for (const Function& f : model.functions) {
    if (!functions.insert({f.domain, f.name, f.overload}).second) {
      throw Error(ErrorCode::kInvalidModel, "function '" + f.domain + "." + f.name + "' is defined twice");
    }
  }
  const auto check = [&](const auto& self, const Graph& graph) -> void {
    for (const Node& node : graph.nodes()) {
      if (node.origin.opset == 0 && !functions.contains({node.domain, node.op_type, node.overload})) {
        throw Error(ErrorCode::kInvalidModel,
                    Describe(node) + ": no opset_import names its domain, and no function of the model has its name");
      }
      for (const Body& body : node.bodies) self(self, *body.graph);
    }
  };
  check(check, *model.graph);
  for (const Function& f : model.functions) check(check, *f.graph);
}

}  // namespace onda::text
