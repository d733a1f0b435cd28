#include "core/text/parse.h"

#include "core/text/model_parser.h"

namespace onda {
namespace text {

std::string DomainName(std::string_view domain) { return std::string(domain == "ai.onnx" ? "" : domain); }

void ModelParser::ReadHeader(Model& model) {
  cursor_.Expect('<');
  do {
    const size_t at = cursor_.position();
    const std::string key = cursor_.Identifier("a keyword such as ir_version or opset_import");
    cursor_.Expect(':');
    if (key == "ir_version") {
      const int64_t version = cursor_.Int("the IR version");
      if (version < 0 || version > INT32_MAX) cursor_.FailAt(at, "the IR version is out of range");
      model.ir_version = static_cast<int>(version);
    } else if (key == "opset_import") {
      model.opsets = ReadOpsets();
    } else if (key == "producer_name") {
      model.producer_name = cursor_.QuotedString("a string");
    } else if (key == "producer_version") {
      model.producer_version = cursor_.QuotedString("a string");
    } else if (key == "domain") {
      model.domain = cursor_.QuotedString("a string");
    } else if (key == "model_version") {
      model.model_version = cursor_.Int("the model's version");
    } else if (key == "doc_string") {
      model.doc = cursor_.QuotedString("a string");
    } else if (key == "metadata_props") {
      model.metadata = values_.ReadPairs();
    } else {
      cursor_.FailAt(at, "'" + key + "' is no keyword of a model's header");
    }
  } while (cursor_.Matches(','));
  cursor_.Expect('>');
}

std::map<std::string, int> ModelParser::ReadOpsets() {
  std::map<std::string, int> opsets;
  cursor_.Expect('[');
  if (cursor_.Matches(']')) return opsets;
  do {
    const size_t at = cursor_.position();
    const std::string domain = DomainName(cursor_.QuotedString("a domain in quotes"));
    cursor_.Expect(':');
    const int64_t version = cursor_.Int("the version of the operator set");
    if (version < 1 || version > INT32_MAX) cursor_.FailAt(at, "a version is at least 1");
    if (!opsets.emplace(domain, static_cast<int>(version)).second) cursor_.FailAt(at, "a domain is imported twice");
  } while (cursor_.Matches(','));
  cursor_.Expect(']');
  return opsets;
}

void ModelParser::ReadFunctionHeader(Function& function) {
  if (!cursor_.Matches('<')) return;
  do {
    const size_t at = cursor_.position();
    const std::string key = cursor_.Identifier("a keyword such as domain or opset_import");
    cursor_.Expect(':');
    if (key == "opset_import") {
      function.opsets = ReadOpsets();
    } else if (key == "domain") {
      function.domain = DomainName(cursor_.QuotedString("a string"));
    } else if (key == "overload") {
      function.overload = cursor_.QuotedString("a string");
    } else if (key == "doc_string") {
      function.doc = cursor_.QuotedString("a string");
    } else if (key == "metadata_props") {
      function.metadata = values_.ReadPairs();
    } else {
      cursor_.FailAt(at, "'" + key + "' is no keyword of a function's header");
    }
  } while (cursor_.Matches(','));
  cursor_.Expect('>');
}

void ModelParser::ReadFunctionAttributes(Function& function) {
  if (!cursor_.Matches('<')) return;
  do {
    const size_t at = cursor_.position();
    const std::string name = cursor_.Name("the name of an attribute");
    if (cursor_.Peek() != ':' && cursor_.Peek() != '=') {
      function.attributes.push_back(name);
      continue;
    }
    // A default is read as if it were an attribute of a node that stands nowhere.
    Node holder;
    Graph nowhere;
    Scope scope(&nowhere, nullptr);
    ReadAttribute(name, holder, scope, {&function.opsets});
    const AttributeValue* value = holder.attributes.Find(name);
    if (!value) {
      cursor_.FailAt(at, "attribute '" + name + "' has a graph as its default, which is not supported");
    }
    if (function.defaults.Has(name)) cursor_.FailAt(at, "attribute '" + name + "' has two defaults");
    function.defaults.Set(name, *value);
  } while (cursor_.Matches(','));
  cursor_.Expect('>');
}

Function ModelParser::ReadFunction() {
  Function function;
  ReadFunctionHeader(function);
  function.name = cursor_.Name("the name of a function");
  ReadFunctionAttributes(function);
  function.graph = std::make_shared<Graph>();
  Graph& graph = *function.graph;
  graph.name = function.name;
  Scope scope(&graph, nullptr);
  ReadInputs(graph, scope, true);
  cursor_.ExpectArrow();
  Hints hints;
  const auto outputs = ReadOutputs(hints);
  ReadValues(graph, scope, hints);
  std::vector<Note> notes;
  notes.swap(notes_);
  ReadNodes(graph, scope, hints, {&function.opsets, &function});
  Resolve(graph, scope, outputs);
  ApplyNotes(notes_, graph, scope, &function);
  notes_ = std::move(notes);
  return function;
}

void ModelParser::ReadGraph(Graph& graph, Scope* outer, const Surroundings& around, std::vector<ValueId>* captures) {
  if (around.depth > kMaxNesting) cursor_.FailAt(cursor_.position(), "graphs are nested too deeply");
  Scope scope(&graph, outer);
  if (cursor_.AtName()) graph.name = cursor_.Name("the name of a graph");
  ReadInputs(graph, scope, false);
  cursor_.ExpectArrow();
  Hints hints;
  const auto outputs = ReadOutputs(hints);
  ReadValues(graph, scope, hints);
  std::vector<Note> notes;
  notes.swap(notes_);
  ReadNodes(graph, scope, hints, around);
  Resolve(graph, scope, outputs);
  ApplyNotes(notes_, graph, scope, nullptr);
  notes_ = std::move(notes);
  if (captures) *captures = scope.Finish();
}

void ModelParser::ReadInputs(Graph& graph, Scope& scope, bool of_function) {
  cursor_.Expect('(');
  if (cursor_.Matches(')')) return;
  do {
    Fact type;
    if (values_.AtType()) type = values_.ReadType();
    const size_t at = cursor_.position();
    const std::string name = cursor_.Name("the name of an input");
    if (name.empty()) cursor_.FailAt(at, "an input has no name");
    if (scope.IsDefined(name)) cursor_.FailAt(at, "input '" + name + "' is declared twice");
    scope.Define(name, graph.AddInput(name, type));
    if (!of_function && cursor_.Matches('=')) AddInitializer(graph, scope, name, type, at);
  } while (cursor_.Matches(','));
  cursor_.Expect(')');
}

std::vector<std::pair<std::string, size_t>> ModelParser::ReadOutputs(Hints& hints) {
  std::vector<std::pair<std::string, size_t>> outputs;
  cursor_.Expect('(');
  if (cursor_.Matches(')')) return outputs;
  do {
    Fact type;
    if (values_.AtType()) type = values_.ReadType();
    const size_t at = cursor_.position();
    const std::string name = cursor_.Name("the name of an output");
    outputs.emplace_back(name, at);
    if (type.known()) hints.emplace(name, std::move(type));
  } while (cursor_.Matches(','));
  cursor_.Expect(')');
  return outputs;
}

void ModelParser::ReadValues(Graph& graph, Scope& scope, Hints& hints) {
  if (!cursor_.Matches('<') || cursor_.Matches('>')) return;
  do {
    if (!values_.AtType()) cursor_.FailExpecting("the type of a value");
    Fact type = values_.ReadType();
    const size_t at = cursor_.position();
    const std::string name = cursor_.Name("the name of a value");
    if (cursor_.Matches('=')) {
      AddInitializer(graph, scope, name, std::move(type), at);
    } else {
      hints.emplace(name, std::move(type));
    }
  } while (cursor_.Matches(','));
  cursor_.Expect('>');
}

// An initializer that is an input too is that input's default.
void ModelParser::AddInitializer(Graph& graph, Scope& scope, const std::string& name, Fact type, size_t at) {
  if (name.empty()) cursor_.FailAt(at, "an initializer has no name");
  if (!scope.IsDefined(name)) {
    scope.Define(name, graph.AddInitializer(name, values_.ReadTensorData(type)));
    return;
  }
  const ValueId id = scope.Use(name);
  Fact& fact = graph.value(id).fact;
  if (fact.constant) cursor_.FailAt(at, "initializer '" + name + "' is defined twice");
  bool fits = !fact.known() || (fact.is_tensor() && type.is_tensor() && fact.dtype == type.dtype);
  if (fits && fact.has_rank() && type.has_rank()) {
    fits = fact.rank() == type.rank();
    for (size_t i = 0; fits && i < fact.shape->size(); ++i) {
      const Dim& declared = (*fact.shape)[i];
      fits = !declared.known() || declared == (*type.shape)[i];
    }
  }
  if (!fits) {
    cursor_.FailAt(
        at, "initializer '" + name + "' is " + type.ToString() + ", but the input of that name is " + fact.ToString());
  }
  TensorPtr tensor = values_.ReadTensorData(type);
  if (!fact.known()) fact = type;
  fact.constant = std::move(tensor);
  graph.initializers.push_back(id);
}

void ModelParser::Resolve(Graph& graph, Scope& scope, const std::vector<std::pair<std::string, size_t>>& outputs) {
  for (const auto& [name, at] : outputs) {
    const ValueId value = name.empty() ? kNoValue : scope.Use(name);
    if (value == kNoValue) cursor_.FailAt(at, "output '" + name + "' is defined by nothing");
    graph.outputs.push_back(value);
  }
}

void ModelParser::ApplyNotes(const std::vector<Note>& notes, Graph& graph, Scope& scope, Function* function) {
  for (const Note& note : notes) {
    if (note.subject == "value") {
      if (!scope.IsDefined(note.name)) continue;
      Value& value = graph.value(scope.Use(note.name));
      value.doc = note.doc;
      value.metadata = note.metadata;
      value.denotation = note.denotation;
    } else if (note.subject == "graph") {
      if (!note.doc.empty()) (function ? function->doc : graph.doc) = note.doc;
      (function ? function->metadata : graph.metadata) = note.metadata;
    }
  }
}

}  // namespace text

Model ParseModel(std::string_view text, ExternalTensors* external) {
  Model model = text::ModelParser(text, external).ReadModel();
  text::ModelParser::CheckOperatorSets(model);
  return model;
}

std::shared_ptr<Graph> ParseGraph(std::string_view text) { return text::ModelParser(text, nullptr).ReadOnlyGraph(); }

}  // namespace onda
