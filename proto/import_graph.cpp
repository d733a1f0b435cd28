#include "proto/import_graph.h"

#include <limits>
#include <unordered_set>
#include <utility>

#include "onda/types.h"
#include "proto/attempt.h"
#include "proto/quoted.h"

namespace onda::proto {
namespace {

using google::protobuf::RepeatedPtrField;

// Attributes are looked up one by one; no operator has nearly so many.
constexpr int kMaxAttributes = 1024;

[[noreturn]] void RejectGraph(const std::string& why) { throw Error(ErrorCode::kInvalidModel, why); }

// One text for what tells functions apart.
std::string FunctionKey(const std::string& domain, const std::string& name, const std::string& overload) {
  return DomainName(domain) + '\n' + name + '\n' + overload;
}

// Rethrows an error with its place in front.
[[noreturn]] void Rethrow(const Error& error, const std::string& place) {
  if (error.code() == ErrorCode::kCancelled) throw error;
  throw Error(error.code(), place + ": " + error.what());
}

}  // namespace

std::string DomainName(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

StringPairs ReadPairs(const RepeatedPtrField<wire::StringStringEntry>& entries) {
  StringPairs pairs;
  for (const wire::StringStringEntry& entry : entries) pairs.emplace_back(entry.key(), entry.value());
  return pairs;
}

std::map<std::string, int> ReadOpsets(const RepeatedPtrField<wire::OperatorSetId>& imports) {
  std::map<std::string, int> opsets;
  for (const wire::OperatorSetId& import : imports) {
    const std::string domain = DomainName(import.domain()), shown = domain.empty() ? "ai.onnx" : domain;
    if (import.version() < 1 || import.version() > std::numeric_limits<int>::max()) {
      RejectGraph("opset_import of " + shown + " has the impossible version " + std::to_string(import.version()));
    }
    const int version = static_cast<int>(import.version());
    const auto [at, added] = opsets.emplace(domain, version);
    if (!added && at->second != version) {
      RejectGraph("opset_import names " + shown + " twice, with versions " + std::to_string(at->second) + " and " +
                  std::to_string(version));
    }
  }
  return opsets;
}

void GraphReader::Declare(const wire::Function& function) {
  if (function.name().empty()) RejectGraph("a function of the model has no name");
  if (!functions_.insert(FunctionKey(function.domain(), function.name(), function.overload())).second) {
    RejectGraph("function " + Quoted(function.domain() + "." + function.name()) + " is defined twice" +
                (function.overload().empty() ? "" : " with overload " + Quoted(function.overload())));
  }
}

std::shared_ptr<Graph> GraphReader::ReadMain(wire::Graph& graph) {
  return ReadGraph(graph, nullptr, {opsets_, nullptr}, nullptr);
}

std::shared_ptr<Graph> GraphReader::ReadGraph(wire::Graph& graph, Scope* outer, const Context& context,
                                              std::vector<ValueId>* captures) {
  auto out = std::make_shared<Graph>();
  Scope scope(out.get(), outer);
  out->name = graph.name();
  out->doc = graph.doc_string();
  out->metadata = ReadPairs(graph.metadata_props());
  ReadInputs(graph, *out, scope, captures == nullptr);
  ReadInitializers(graph, *out, scope);
  Hints hints;
  for (const wire::ValueInfo& info : graph.output()) hints.emplace(info.name(), &info);
  for (const wire::ValueInfo& info : graph.value_info()) hints.emplace(info.name(), &info);
  ReadNodes(*graph.mutable_node(), hints, *out, scope, context);
  for (const wire::ValueInfo& info : graph.output()) {
    ValueId value = scope.Use(info.name());
    Attempt(on_problem_, [&] {
      if (value == kNoValue) RejectGraph("graph output " + Quoted(info.name()) + " is defined by nothing");
    });
    if (value == kNoValue) value = DefineUnknown(info.name(), *out, scope);
    out->outputs.push_back(value);
  }
  if (captures) *captures = scope.Finish();
  return out;
}

ValueId GraphReader::DefineUnknown(const std::string& name, Graph& out, Scope& scope) {
  const ValueId id = out.AddValue(name);
  if (!scope.IsDefined(name)) scope.Define(name, id);
  return id;
}

void GraphReader::Describe(const wire::ValueInfo& info, Value& value) {
  value.doc = info.doc_string();
  value.metadata = ReadPairs(info.metadata_props());
  value.denotation = ReadDenotation(info.type());
}

void GraphReader::ReadInputs(const wire::Graph& graph, Graph& out, Scope& scope, bool main) {
  for (const wire::ValueInfo& info : graph.input()) {
    const std::string& name = info.name();
    Fact fact;
    Attempt(on_problem_, [&] {
      if (name.empty()) RejectGraph("an input of graph " + Quoted(graph.name()) + " has no name");
      if (scope.IsDefined(name)) RejectGraph("graph input " + Quoted(name) + " is declared twice");
      fact = types_.Read(info.type(), "graph input " + Quoted(name));
      if (main && !fact.known()) RejectGraph("graph input " + Quoted(name) + " has no type");
    });
    const ValueId id = out.AddInput(name, std::move(fact));
    Describe(info, out.value(id));
    scope.Define(name, id);
  }
}

void GraphReader::ReadInitializers(wire::Graph& graph, Graph& out, Scope& scope) {
  for (wire::Tensor& tensor : *graph.mutable_initializer()) {
    const std::string name = tensor.name();
    Attempt(on_problem_, [&] {
      if (name.empty()) RejectGraph("an initializer of graph " + Quoted(graph.name()) + " has no name");
      AddInitializer(name, tensors_.Read(tensor), out, scope);
      Value& value = out.value(out.initializers.back());
      if (value.doc.empty()) value.doc = tensor.doc_string();
      if (value.metadata.empty()) value.metadata = ReadPairs(tensor.metadata_props());
    });
    if (!name.empty() && !scope.IsDefined(name)) DefineUnknown(name, out, scope);
  }
  for (wire::SparseTensor& sparse : *graph.mutable_sparse_initializer()) {
    const std::string name = sparse.values().name();
    Attempt(on_problem_, [&] {
      if (name.empty()) RejectGraph("a sparse initializer of graph " + Quoted(graph.name()) + " has no name");
      AddInitializer(name, tensors_.Densify(tensors_.ReadSparse(sparse)), out, scope);
    });
    if (!name.empty() && !scope.IsDefined(name)) DefineUnknown(name, out, scope);
  }
}

// An initializer that is also an input is that input's default, and must suit its declared type.
void GraphReader::AddInitializer(const std::string& name, TensorPtr tensor, Graph& out, Scope& scope) {
  if (!scope.IsDefined(name)) {
    scope.Define(name, out.AddInitializer(name, std::move(tensor)));
    return;
  }
  const ValueId id = scope.Use(name);
  Fact& fact = out.value(id).fact;
  if (fact.constant) RejectGraph("initializer " + Quoted(name) + " is defined twice");
  const Fact given = Fact::Constant(tensor);
  bool fits = !fact.known() || (fact.is_tensor() && fact.dtype == given.dtype);
  if (fits && fact.has_rank()) {
    fits = fact.rank() == given.rank();
    for (size_t i = 0; fits && i < fact.shape->size(); ++i) {
      const Dim& declared = (*fact.shape)[i];
      fits = !declared.known() || declared == (*given.shape)[i];
    }
  }
  if (!fits) {
    RejectGraph("initializer " + Quoted(name) + " is " + std::string(NameOf(given.dtype)) + ToString(*given.shape) +
                ", but the input of that name is declared as " + fact.ToString());
  }
  if (!fact.known()) {
    fact = given;
  } else {
    fact.constant = std::move(tensor);
  }
  out.initializers.push_back(id);
}

void GraphReader::DefineOutputs(const wire::Node& node, const Hints& hints, Graph& out, Scope& scope) {
  for (const std::string& name : node.output()) {
    if (name.empty()) continue;
    const auto hint = hints.find(name);
    Fact fact;
    Attempt(on_problem_, [&] {
      if (scope.IsDefined(name)) {
        const ValueId id = scope.Use(name);
        const bool input = out.IsInput(id), constant = out.FactOf(id).constant != nullptr;
        RejectGraph("node " + (node.name().empty() ? "" : Quoted(node.name()) + " ") + "(" + node.op_type() +
                    ") defines " + Quoted(name) + " again, which is " +
                    (input      ? "an input"
                     : constant ? "an initializer"
                                : "another node's output"));
      }
      // Some writers put an undefined element type where they know none.
      const bool typed = hint != hints.end() && !(hint->second->type().has_tensor_type() &&
                                                  hint->second->type().tensor_type().elem_type() == 0);
      if (typed) fact = types_.Read(hint->second->type(), "value " + Quoted(name));
    });
    const ValueId id = out.AddValue(name, std::move(fact));
    if (hint != hints.end()) Describe(*hint->second, out.value(id));
    scope.Define(name, id);
  }
}

void GraphReader::ReadNodes(RepeatedPtrField<wire::Node>& nodes, const Hints& hints, Graph& out, Scope& scope,
                            const Context& context) {
  // Outputs first: names may be used before they are defined, since the order of the file is not relied on.
  for (const wire::Node& node : nodes) DefineOutputs(node, hints, out, scope);
  std::vector<Node> read;
  read.reserve(static_cast<size_t>(nodes.size()));
  for (wire::Node& node : nodes) {
    CheckStop(stop_);
    read.push_back(ReadNode(node, scope, context));
  }
  AddInOrder(std::move(read), out, on_problem_);
}

Node GraphReader::ReadNode(wire::Node& wire, Scope& scope, const Context& context) {
  Node node;
  node.domain = DomainName(wire.domain());
  node.op_type = wire.op_type();
  node.overload = wire.overload();
  node.name = wire.name();
  node.doc = wire.doc_string();
  node.metadata = ReadPairs(wire.metadata_props());
  node.origin = {node.name, node.domain, node.op_type, 0};
  Attempt(on_problem_, [&] {
    if (node.op_type.empty()) RejectGraph("node " + Quoted(node.name) + " has no operator");
  });
  auto opset = context.opsets.find(node.domain);
  if (opset == context.opsets.end() && context.function) {
    opset = opsets_.find(node.domain);
    if (opset == opsets_.end()) opset = context.opsets.end();
  }
  if (opset != context.opsets.end()) {
    node.origin.opset = opset->second;
  } else if (node.domain == "com.microsoft") {
    node.origin.opset = 1;  // the only one there is, and often not imported
  }
  try {
    // A check finds that when it walks the graph.
    if (!on_problem_ && node.origin.opset == 0 &&
        !functions_.contains(FunctionKey(node.domain, node.op_type, node.overload))) {
      RejectGraph("no opset_import names its domain, and no function of the model has its name");
    }
    for (int i = 0; i < wire.input_size(); ++i) {
      const std::string& name = wire.input(i);
      ValueId value = name.empty() ? kNoValue : scope.Use(name);
      Attempt(on_problem_, node, [&] {
        if (value == kNoValue && !name.empty()) {
          RejectGraph("input " + std::to_string(i) + " is " + Quoted(name) + ", which nothing defines");
        }
      });
      if (value == kNoValue && !name.empty()) value = DefineUnknown(name, *scope.graph(), scope);
      node.inputs.push_back(value);
    }
    for (const std::string& name : wire.output()) node.outputs.push_back(name.empty() ? kNoValue : scope.Use(name));
    if (wire.attribute_size() > kMaxAttributes) {
      throw Error(ErrorCode::kResourceLimit, "has " + std::to_string(wire.attribute_size()) +
                                                 " attributes, over the limit of " + std::to_string(kMaxAttributes));
    }
    for (wire::Attribute& attribute : *wire.mutable_attribute()) {
      Attempt(on_problem_, node, [&] { ReadAttribute(attribute, node, scope, context); });
    }
  } catch (const Error& error) {
    Rethrow(error, onda::Describe(node));
  }
  if (wire.device_configurations_size() > 0) {
    wire::Node kept;
    kept.mutable_device_configurations()->Swap(wire.mutable_device_configurations());
    kept.SerializeToString(&node.device_configuration);
  }
  return node;
}

Function GraphReader::ReadFunction(wire::Function& wire) {
  Function function;
  function.domain = DomainName(wire.domain());
  function.name = wire.name();
  function.overload = wire.overload();
  function.doc = wire.doc_string();
  function.metadata = ReadPairs(wire.metadata_props());
  try {
    function.attributes.assign(wire.attribute().begin(), wire.attribute().end());
    function.opsets = ReadOpsets(wire.opset_import());
    for (wire::Attribute& attribute : *wire.mutable_attribute_proto()) {
      // A default is read as if it were an attribute of a node that stands nowhere.
      Node holder;
      Scope nowhere(nullptr, nullptr);
      if (attribute.has_g() || attribute.graphs_size() > 0) {
        throw Error(ErrorCode::kNotImplemented,
                    "attribute " + Quoted(attribute.name()) + " has a graph as its default, which is not supported");
      }
      const std::string name = attribute.name();
      ReadAttribute(attribute, holder, nowhere, {function.opsets, nullptr});
      if (function.defaults.Has(name)) RejectGraph("attribute " + Quoted(name) + " has two defaults");
      function.defaults.Set(name, *holder.attributes.Find(name), attribute.doc_string());
    }
    auto graph = std::make_shared<Graph>();
    graph->name = function.name;
    Scope scope(graph.get(), nullptr);
    for (const std::string& name : wire.input()) {
      if (scope.IsDefined(name)) RejectGraph("input " + Quoted(name) + " is declared twice");
      scope.Define(name, graph->AddInput(name, {}));
    }
    Hints hints;
    for (const wire::ValueInfo& info : wire.value_info()) hints.emplace(info.name(), &info);
    ReadNodes(*wire.mutable_node(), hints, *graph, scope, {function.opsets, &function});
    for (const std::string& name : wire.output()) {
      ValueId value = scope.Use(name);
      Attempt(on_problem_, [&] {
        if (value == kNoValue) RejectGraph("output " + Quoted(name) + " is defined by nothing");
      });
      if (value == kNoValue) value = DefineUnknown(name, *graph, scope);
      graph->outputs.push_back(value);
    }
    function.graph = std::move(graph);
  } catch (const Error& error) {
    Rethrow(error, "function " + Quoted((function.domain.empty() ? "ai.onnx" : function.domain) + "." + function.name));
  }
  return function;
}

}  // namespace onda::proto
