// The reader of ONNX's text syntax. Private to core/text; parse.h is how it is asked for. The parts:
//   parse.cpp             models, functions, graphs with their inputs, outputs and values
//   parse_node.cpp        nodes
//   parse_attribute.cpp   their attributes, bodies of control flow included
#ifndef ONDA_CORE_TEXT_MODEL_PARSER_H_
#define ONDA_CORE_TEXT_MODEL_PARSER_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ir/scope.h"
#include "core/schema/schema.h"
#include "core/text/cursor.h"
#include "core/text/note.h"
#include "core/text/parse.h"
#include "core/text/parse_value.h"

namespace onda::text {

// "" for ONNX's own operators.
std::string DomainName(std::string_view domain);

// What surrounds the nodes that are being read.
struct Surroundings {
  const std::map<std::string, int>* opsets;
  const Function* function = nullptr;  // null outside of one
  int depth = 0;                       // of graphs
};

class ModelParser {
 public:
  ModelParser(std::string_view text, ExternalTensors* external) : cursor_(text), values_(cursor_, external) {}

  Model ReadModel() {
    Model model;
    if (cursor_.Peek() == '<') {
      ReadHeader(model);
    } else {
      model.ir_version = kNewestIrVersion;
      for (const char* domain : {"", "ai.onnx.ml", "ai.onnx.preview", "com.microsoft"})
        model.opsets[domain] = NewestOpset(domain);
    }
    opsets_ = &model.opsets;
    model.graph = std::make_shared<Graph>();
    ReadGraph(*model.graph, nullptr, {&model.opsets}, nullptr);
    while (!cursor_.AtEnd()) model.functions.push_back(ReadFunction());
    return model;
  }

  std::shared_ptr<Graph> ReadOnlyGraph() {
    Model model = ReadModel();
    if (!model.functions.empty()) cursor_.FailAt(0, "expected a graph, but there are functions too");
    return model.graph;
  }

  // The operator of every node must have an imported set, or be a function of the model.
  static void CheckOperatorSets(const Model& model);

 private:
  using Hints = std::map<std::string, Fact>;

  void ReadHeader(Model& model);
  std::map<std::string, int> ReadOpsets();
  Function ReadFunction();
  void ReadFunctionHeader(Function& function);
  void ReadFunctionAttributes(Function& function);

  // At the graph's name, or at its inputs.
  void ReadGraph(Graph& graph, Scope* outer, const Surroundings& around, std::vector<ValueId>* captures);
  void ReadInputs(Graph& graph, Scope& scope, bool of_function);
  std::vector<std::pair<std::string, size_t>> ReadOutputs(Hints& hints);
  void ReadValues(Graph& graph, Scope& scope, Hints& hints);
  void AddInitializer(Graph& graph, Scope& scope, const std::string& name, Fact type, size_t at);
  void ReadNodes(Graph& graph, Scope& scope, Hints& hints, const Surroundings& around);
  Node ReadNode(Graph& graph, Scope& scope, Hints& hints, const Surroundings& around);
  void ReadOperator(Node& node);
  void Resolve(Graph& graph, Scope& scope, const std::vector<std::pair<std::string, size_t>>& outputs);
  void ApplyNotes(const std::vector<Note>& notes, Graph& graph, Scope& scope, Function* function);

  void ReadAttributes(Node& node, Scope& scope, const Surroundings& around);
  void ReadAttribute(std::string name, Node& node, Scope& scope, const Surroundings& around);
  void ReadReference(std::string name, AttributeKind kind, Node& node, const Surroundings& around);
  AttributeKind ReadAttributeKind();
  // One value of the kind, or of the kind that it looks like where `kind` is kUndefined. A graph is added to
  // node.bodies and gives no value.
  AttributeValue ReadSingle(const std::string& name, AttributeKind* kind, Node& node, Scope& scope,
                            const Surroundings& around);
  void ReadList(const std::string& name, AttributeKind kind, Node& node, Scope& scope, const Surroundings& around);

  Cursor cursor_;
  ValueParser values_;
  const std::map<std::string, int>* opsets_ = nullptr;  // the model's
  std::vector<Note> notes_;                             // of the graph whose nodes are being read
};

}  // namespace onda::text

#endif  // ONDA_CORE_TEXT_MODEL_PARSER_H_
