#include "core/text/parse.h"

#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "core/ir/scope.h"
#include "core/schema/schema.h"
#include "core/text/note.h"
#include "core/text/parse_value.h"

namespace onda {
namespace {

using text::Cursor;
using text::Literal;
using text::LiteralKind;

// Attributes are looked up one by one; no operator has nearly so many.
constexpr size_t kMaxAttributes = 1024;

std::string DomainName(std::string_view domain) { return std::string(domain == "ai.onnx" ? "" : domain); }

AttributeKind SingleKind(AttributeKind kind) {
  switch (kind) {
    case AttributeKind::kFloats:
      return AttributeKind::kFloat;
    case AttributeKind::kInts:
      return AttributeKind::kInt;
    case AttributeKind::kStrings:
      return AttributeKind::kString;
    case AttributeKind::kTensors:
      return AttributeKind::kTensor;
    case AttributeKind::kGraphs:
      return AttributeKind::kGraph;
    case AttributeKind::kSparseTensors:
      return AttributeKind::kSparseTensor;
    case AttributeKind::kTypes:
      return AttributeKind::kType;
    default:
      return kind;
  }
}

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
  void ApplyNotes(const std::vector<text::Note>& notes, Graph& graph, Scope& scope, Function* function);

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
  text::ValueParser values_;
  const std::map<std::string, int>* opsets_ = nullptr;  // the model's
  std::vector<text::Note> notes_;                       // of the graph whose nodes are being read
};

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
  std::vector<text::Note> notes;
  notes.swap(notes_);
  ReadNodes(graph, scope, hints, {&function.opsets, &function});
  Resolve(graph, scope, outputs);
  ApplyNotes(notes_, graph, scope, &function);
  notes_ = std::move(notes);
  return function;
}

void ModelParser::ReadGraph(Graph& graph, Scope* outer, const Surroundings& around, std::vector<ValueId>* captures) {
  if (around.depth > text::kMaxNesting) cursor_.FailAt(cursor_.position(), "graphs are nested too deeply");
  Scope scope(&graph, outer);
  if (cursor_.AtName()) graph.name = cursor_.Name("the name of a graph");
  ReadInputs(graph, scope, false);
  cursor_.ExpectArrow();
  Hints hints;
  const auto outputs = ReadOutputs(hints);
  ReadValues(graph, scope, hints);
  std::vector<text::Note> notes;
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

void ModelParser::ApplyNotes(const std::vector<text::Note>& notes, Graph& graph, Scope& scope, Function* function) {
  for (const text::Note& note : notes) {
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

void ModelParser::ReadNodes(Graph& graph, Scope& scope, Hints& hints, const Surroundings& around) {
  cursor_.Expect('{');
  std::vector<text::Note> of_node;
  std::string_view line;
  while (true) {
    if (cursor_.TakeNote(&line)) {
      text::Note note = text::ParseNote(line);
      const bool here = note.subject == "node" || note.subject == "attribute";
      (here ? of_node : notes_).push_back(std::move(note));
      continue;
    }
    if (cursor_.Matches('}')) break;
    Node node = ReadNode(graph, scope, hints, around);
    for (text::Note& note : of_node) {
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

void ModelParser::ReadAttributes(Node& node, Scope& scope, const Surroundings& around) {
  if (!cursor_.Matches('<') || cursor_.Matches('>')) return;
  do {
    ReadAttribute(cursor_.Name("the name of an attribute"), node, scope, around);
  } while (cursor_.Matches(','));
  cursor_.Expect('>');
}

AttributeKind ModelParser::ReadAttributeKind() {
  const size_t at = cursor_.position();
  const std::string name = cursor_.Identifier("the type of an attribute");
  for (int i = 1; i <= static_cast<int>(AttributeKind::kTypes); ++i)
    if (NameOf(static_cast<AttributeKind>(i)) == name) return static_cast<AttributeKind>(i);
  cursor_.FailAt(at, "'" + name + "' is no type of attributes (such as int, floats, tensor or graph)");
}

void ModelParser::ReadAttribute(std::string name, Node& node, Scope& scope, const Surroundings& around) {
  const size_t at = cursor_.position();
  if (node.attributes.Has(name) || node.FindBody(name)) {
    cursor_.FailAt(at, "attribute '" + name + "' is given twice");
  }
  if (node.attributes.entries().size() >= kMaxAttributes) cursor_.FailAt(at, "a node has too many attributes");
  AttributeKind kind = AttributeKind::kUndefined;
  if (cursor_.Matches(':')) kind = ReadAttributeKind();
  cursor_.Expect('=');
  if (cursor_.Matches('@')) return ReadReference(std::move(name), kind, node, around);
  if (cursor_.Matches('[')) return ReadList(name, kind, node, scope, around);
  if (SingleKind(kind) != kind) cursor_.FailExpecting("'[' and a list");
  AttributeValue value = ReadSingle(name, &kind, node, scope, around);
  if (kind != AttributeKind::kGraph) node.attributes.Set(std::move(name), std::move(value));
}

void ModelParser::ReadReference(std::string name, AttributeKind kind, Node& node, const Surroundings& around) {
  const size_t at = cursor_.position();
  std::string source = cursor_.Name("the name of an attribute of the function");
  if (!around.function) {
    cursor_.FailAt(at, "attribute '" + name + "' refers to '" + source + "', but there is no enclosing function");
  }
  bool declared = around.function->defaults.Has(source);
  for (const std::string& required : around.function->attributes) declared = declared || required == source;
  if (!declared) cursor_.FailAt(at, "'" + source + "' is no attribute of the enclosing function");
  node.attributes.Set(std::move(name), AttributeReference{std::move(source), kind});
}

AttributeValue ModelParser::ReadSingle(const std::string& name, AttributeKind* kind, Node& node, Scope& scope,
                                       const Surroundings& around) {
  const size_t at = cursor_.position();
  const auto require = [&](AttributeKind found) {
    if (*kind == AttributeKind::kUndefined) *kind = found;
    if (*kind != found) {
      cursor_.FailAt(at, "attribute '" + name + "' is declared as " + std::string(NameOf(*kind)) + " and given " +
                             std::string(NameOf(found)));
    }
  };
  const char next = cursor_.Peek();
  if (*kind != AttributeKind::kGraph && values_.AtType()) {
    const Fact type = values_.ReadType();
    const char behind = cursor_.Peek();
    const bool data = behind == '{' || behind == '=' || cursor_.AtName();
    if (!data) {
      require(AttributeKind::kType);
      return type;
    }
    if (cursor_.AtName()) cursor_.Name("the tensor's name");
    cursor_.Matches('=');
    if (type.kind == ValueKind::kSparse) {
      require(AttributeKind::kSparseTensor);
      return values_.ReadSparseData(type);
    }
    require(AttributeKind::kTensor);
    return values_.ReadTensorData(type);
  }
  const bool graph =
      *kind == AttributeKind::kGraph || next == '(' || (!cursor_.PeekIdentifier().empty() && !cursor_.AtSpecialFloat());
  if (graph) {
    require(AttributeKind::kGraph);
    Body body{name, std::make_shared<Graph>(), {}};
    Surroundings inside = around;
    ++inside.depth;
    ReadGraph(*body.graph, &scope, inside, &body.captures);
    node.bodies.push_back(std::move(body));
    return {};
  }
  const Literal literal = cursor_.ReadLiteral("the value of an attribute");
  switch (literal.kind) {
    case LiteralKind::kString:
      require(AttributeKind::kString);
      return literal.text;
    case LiteralKind::kFloat:
      require(AttributeKind::kFloat);
      return ToFloat(cursor_, literal);
    case LiteralKind::kInt:
      break;
  }
  if (*kind == AttributeKind::kFloat) return ToFloat(cursor_, literal);
  require(AttributeKind::kInt);
  return ToInt64(cursor_, literal);
}

void ModelParser::ReadList(const std::string& name, AttributeKind kind, Node& node, Scope& scope,
                           const Surroundings& around) {
  const size_t at = cursor_.position();
  AttributeKind single = SingleKind(kind);
  if (kind != AttributeKind::kUndefined && single == kind) {
    cursor_.FailAt(at, "attribute '" + name + "' is declared as " + std::string(NameOf(kind)) + " and given a list");
  }
  std::vector<AttributeValue> items;
  bool floats = false;
  if (!cursor_.Matches(']')) {
    do {
      AttributeKind item = single;
      items.push_back(ReadSingle(name, &item, node, scope, around));
      floats = floats || item == AttributeKind::kFloat;
      const bool numbers = (item == AttributeKind::kInt && floats) || item == AttributeKind::kFloat;
      if (single == AttributeKind::kUndefined && items.size() > 1 && !numbers &&
          items.back().index() != items.front().index()) {
        cursor_.FailAt(at, "the list of attribute '" + name + "' mixes values of several types");
      }
      if (items.size() == 1 && item != AttributeKind::kInt && item != AttributeKind::kFloat) single = item;
    } while (cursor_.Matches(','));
    cursor_.Expect(']');
  } else if (kind == AttributeKind::kUndefined) {
    cursor_.FailAt(at, "an empty list needs the attribute's type, as in '" + name + ": ints = []'");
  }
  if (single == AttributeKind::kUndefined) single = floats ? AttributeKind::kFloat : AttributeKind::kInt;

  const auto gather = [&]<class T>(std::vector<T> list) {
    for (AttributeValue& item : items) {
      T* value = std::get_if<T>(&item);
      if (!value) cursor_.FailAt(at, "the list of attribute '" + name + "' mixes values of several types");
      list.push_back(std::move(*value));
    }
    node.attributes.Set(name, std::move(list));
  };
  switch (single) {
    case AttributeKind::kFloat:
      for (AttributeValue& item : items)
        if (const int64_t* integer = std::get_if<int64_t>(&item)) item = static_cast<float>(*integer);
      return gather(std::vector<float>());
    case AttributeKind::kInt:
      return gather(std::vector<int64_t>());
    case AttributeKind::kString:
      return gather(std::vector<std::string>());
    case AttributeKind::kTensor:
      return gather(std::vector<TensorPtr>());
    case AttributeKind::kSparseTensor:
      return gather(std::vector<SparseTensor>());
    case AttributeKind::kType:
      return gather(std::vector<Fact>());
    default:
      return;  // graphs are in node.bodies already
  }
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

}  // namespace

Model ParseModel(std::string_view text, ExternalTensors* external) {
  Model model = ModelParser(text, external).ReadModel();
  ModelParser::CheckOperatorSets(model);
  return model;
}

std::shared_ptr<Graph> ParseGraph(std::string_view text) { return ModelParser(text, nullptr).ReadOnlyGraph(); }

}  // namespace onda
