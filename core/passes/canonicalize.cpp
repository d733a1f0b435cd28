#include "core/passes/canonicalize.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>
#include <unordered_set>

#include "core/ir/at_node.h"
#include "core/ir/string_bound.h"
#include "core/passes/declared.h"
#include "core/passes/folding_cost.h"
#include "core/schema/check_node.h"
#include "core/schema/hint.h"
#include "onda/float_formats.h"

namespace onda {
namespace {

// What one run of Canonicalize shares over all graphs.
struct Shared {
  const Model& model;
  const CanonicalizeOptions& options;
  std::vector<std::string>* warnings;
  std::unordered_map<std::string, const Function*> functions = {};
  int64_t symbols = 0;
  int64_t nodes = 0;
  int64_t names = 0;
  std::chrono::nanoseconds folding = {};  // spent so far, by FoldingCost
  int64_t folded_bytes = 0;               // of constants made so far
  int64_t max_folded_total = 0;
  std::unordered_set<const Node*> reported = {};  // a node of a function or body may be walked several times

  bool checking() const { return static_cast<bool>(options.on_problem); }
  // Names that begin with '?' are not written into models.
  Dim FreshDim() { return Dim::Symbol((checking() ? "?c" : "_") + std::to_string(symbols++)); }
  std::string FreshName() { return "_onda_" + std::to_string(names++); }
};

std::string FunctionKey(const std::string& domain, const std::string& name, const std::string& overload) {
  return domain + "\n" + name + "\n" + overload;
}

// Where a graph as read is being walked: the model itself, a function's body, a body of a control-flow node.
struct Frame {
  const std::map<std::string, int>* opsets = nullptr;
  const AttributeMap* attributes = nullptr;  // of the call, inside a function
  int depth = 0;
  std::string prefix;           // of names, inside a function
  std::string place;            // the function or body, for problems
  std::vector<ValueId> values;  // value as read -> canonical value; kNoValue where not defined (yet)
};

std::string NormalDomain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

// A dimension that the model names: overridden, or a sum of such ones, as "past + sequence" is, whatever their order.
Dim NamedDim(const Shared& shared, const Dim& dim, const std::string& name) {
  const auto& given = shared.options.free_dimensions;
  if (const auto it = given.find(name); it != given.end()) return it->second;
  constexpr std::string_view kPlus = " + ";
  if (dim.symbol().empty() || name.find(kPlus) == std::string::npos || name.size() > 256) return dim;
  Dim sum = 0;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find(kPlus, begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    const bool plain = !part.empty() && std::all_of(part.begin(), part.end(),
                                                    [](unsigned char c) { return std::isalnum(c) || c == '_'; });
    if (!plain) return dim;
    const auto it = given.find(part);
    sum = sum + (it != given.end() ? Dim(it->second) : ParseDim(part));
    begin = end + kPlus.size();
  }
  return sum;
}

// Dimensions as read: overridden, or fresh where nothing is said of them.
Fact InputFact(Shared& shared, Fact fact) {
  fact.constant = nullptr;
  if (!fact.shape) return fact;
  for (Dim& d : *fact.shape) {
    if (d.known()) continue;
    const std::string name(d.ToString());
    d = name.empty() || name == "?" ? shared.FreshDim() : NamedDim(shared, d, name);
  }
  return fact;
}

// A content of integers alone is a constant.
TensorPtr ConstantOf(const Fact& fact) {
  if (fact.constant || !fact.content || !fact.static_shape()) return fact.constant;
  for (const Dim& d : *fact.content)
    if (!d.known()) return nullptr;
  const auto tensor = Tensor::Make(fact.dtype, fact.static_dims());
  if (tensor->count() != static_cast<int64_t>(fact.content->size())) return nullptr;
  for (int64_t i = 0; i < tensor->count(); ++i)
    StoreInt64(fact.dtype, tensor->mutable_data(), i, (*fact.content)[i].value());
  return tensor;
}

class Writer;

class CompileInference : public InferContext {
 public:
  CompileInference(Writer& writer, const Frame* frame) : writer_(writer), frame_(frame) {}
  void Run(const OpDef& op, Node& node);

  std::optional<Dims> Content(size_t i) override { return input(i).Content(); }
  std::optional<std::vector<double>> Doubles(size_t i) override {
    const Fact& fact = input(i);
    if (!fact.constant || fact.constant->count() > kMaxContent || fact.dtype == DType::kString) return {};
    return fact.constant->ToDoubles();
  }
  TensorPtr Constant(size_t i) override { return input(i).constant; }
  Dim FreshDim() override;
  std::vector<Fact> InferBody(size_t index, std::vector<Fact> inputs) override;

 private:
  Writer& writer_;
  const Frame* frame_;
  std::vector<std::shared_ptr<Graph>> bodies_;
};

// Writes one canonical graph.
class Writer {
 public:
  Writer(Shared& shared, Graph* out) : shared_(shared), out_(out) {}

  Shared& shared() { return shared_; }
  Graph& out() { return *out_; }

  // Walks all nodes of `in`, whose inputs (and captures) the frame maps already.
  void Walk(const Graph& in, Frame& frame) {
    frame.values.resize(in.values().size(), kNoValue);
    for (ValueId id = 0; id < static_cast<ValueId>(in.values().size()); ++id) {
      const Value& value = in.value(id);
      if (frame.values[id] == kNoValue && value.producer == kNoNode && value.fact.constant && !in.IsInput(id))
        frame.values[id] = AddConstant(frame.prefix + value.name, value.fact.constant);
    }
    if (!shared_.checking()) {
      for (const Node& node : in.nodes()) {
        WalkNode(in, node, frame);
        if (shared_.warnings) WarnOfDeclared(in, node, frame);
      }
      return;
    }
    for (ValueId id = 0; id < static_cast<ValueId>(in.values().size()); ++id)
      if (frame.values[id] == kNoValue && in.value(id).producer == kNoNode && !in.IsInput(id)) Declare(in, id, frame);
    for (const Node& node : in.nodes()) CheckNode(in, node, frame);
    if (!shared_.options.on_facts) return;
    std::vector<Fact> facts;
    for (ValueId id : frame.values) facts.push_back(id == kNoValue ? Fact{} : out_->FactOf(id));
    shared_.options.on_facts(in, std::move(facts));
  }

  ValueId AddConstant(std::string name, TensorPtr tensor) {
    return out_->AddValue(std::move(name), Fact::Constant(std::move(tensor)));
  }

  // Adds a canonical node (bodies as read, from `frame`) whose outputs are values of the graph: infers, folds,
  // decomposes.
  void AddCanonical(Node node, const Frame* frame);

  std::shared_ptr<Graph> CanonicalBody(const Graph& in, const Frame& outer, const std::vector<Fact>& inputs,
                                       const std::vector<Fact>& captures);
  void WalkNode(const Graph& in, const Node& read, Frame& frame);
  // The same for a check: what the node meets is reported, and its outputs are there afterwards.
  void CheckNode(const Graph& in, const Node& read, Frame& frame);
  // Lets the value be what the model declares of it.
  void Declare(const Graph& in, ValueId id, Frame& frame);
  void Report(const Node& read, const Frame& frame, Problem problem);
  void WarnOfDeclared(const Graph& in, const Node& read, const Frame& frame);
  void Inline(const Function& function, const Node& call, const Node& read, Frame& frame);
  // Lets the value as read be the canonical value, which gets its name where it has none of its own.
  void Define(Frame& frame, ValueId read, const std::string& name, ValueId value);

 private:
  void ResolveReferences(Node& node, const Frame& frame);
  bool Fold(const Node& node, const std::vector<Fact>& outputs);

  Shared& shared_;
  Graph* out_;
};

class Rewrite : public RewriteContext {
 public:
  Rewrite(Writer& writer, const Frame* frame, Node* node, int version) : writer_(writer), frame_(frame) {
    node_ = node;
    version_ = version;
  }
  const Fact& FactOf(ValueId value) const override { return writer_.out().FactOf(value); }
  const Graph& graph() const override { return writer_.out(); }
  ValueId Constant(TensorPtr tensor) override {
    return writer_.AddConstant(writer_.shared().FreshName(), std::move(tensor));
  }
  std::vector<ValueId> AddNode(Node node, int output_count) override {
    if (node.origin.op.empty()) node.origin = node_->origin;
    node.outputs.clear();
    for (int i = 0; i < output_count; ++i) node.outputs.push_back(writer_.out().AddValue(writer_.shared().FreshName()));
    std::vector<ValueId> outputs = node.outputs;
    writer_.AddCanonical(std::move(node), frame_);
    return outputs;
  }
  void ReplaceOutputs(std::vector<ValueId> values) override {
    replacement = std::move(values);
    replaced = true;
  }

  bool replaced = false;
  std::vector<ValueId> replacement;

 private:
  Writer& writer_;
  const Frame* frame_;
};

void CompileInference::Run(const OpDef& op, Node& node) {
  std::vector<const Fact*> facts;
  for (ValueId id : node.inputs) facts.push_back(id == kNoValue ? nullptr : &writer_.out().FactOf(id));
  Start(node, std::move(facts));
  bodies_.assign(node.bodies.size(), nullptr);
  op.infer(*this);
  for (size_t i = 0; i < bodies_.size(); ++i) {
    if (!bodies_[i]) {
      std::vector<Fact> unknown(node.bodies[i].graph->inputs.size() - node.bodies[i].captures.size());
      InferBody(i, std::move(unknown));
    }
    node.bodies[i].graph = bodies_[i];
  }
}

Dim CompileInference::FreshDim() { return writer_.shared().FreshDim(); }

std::vector<Fact> CompileInference::InferBody(size_t index, std::vector<Fact> inputs) {
  const Body& body = node().bodies.at(index);
  std::vector<Fact> captures;
  for (ValueId id : body.captures) captures.push_back(writer_.out().FactOf(id));
  bodies_[index] = writer_.CanonicalBody(*body.graph, *frame_, inputs, captures);
  std::vector<Fact> outputs;
  for (ValueId id : bodies_[index]->outputs) outputs.push_back(bodies_[index]->FactOf(id));
  return outputs;
}

std::shared_ptr<Graph> Writer::CanonicalBody(const Graph& in, const Frame& outer, const std::vector<Fact>& inputs,
                                             const std::vector<Fact>& captures) {
  if (outer.depth >= shared_.options.max_depth)
    throw Error(ErrorCode::kResourceLimit,
                "graphs are nested deeper than " + std::to_string(shared_.options.max_depth) + " levels");
  if (in.inputs.size() != inputs.size() + captures.size())
    throw Error(ErrorCode::kInvalidModel, "body '" + in.name + "' has " +
                                              std::to_string(in.inputs.size() - captures.size()) +
                                              " inputs where its node gives " + std::to_string(inputs.size()));
  auto graph = std::make_shared<Graph>();
  graph->name = in.name;
  Writer writer(shared_, graph.get());
  const std::string place = (outer.place.empty() ? "" : outer.place + ", ") + "body '" + in.name + "'";
  Frame frame{outer.opsets, outer.attributes, outer.depth + 1, outer.prefix, place, {}};
  frame.values.assign(in.values().size(), kNoValue);
  for (size_t i = 0; i < in.inputs.size(); ++i) {
    const Value& declared = in.value(in.inputs[i]);
    Fact fact = i < inputs.size() ? inputs[i] : captures[i - inputs.size()];
    if (!fact.known()) fact = InputFact(shared_, declared.fact);
    if (fact.is_tensor() && declared.fact.is_tensor() && fact.dtype != declared.fact.dtype &&
        declared.fact.dtype != DType::kUndefined && fact.dtype != DType::kUndefined)
      throw Error(ErrorCode::kInvalidModel, "input '" + declared.name + "' of body '" + in.name + "' is declared " +
                                                declared.fact.ToString() + " but gets " + fact.ToString());
    frame.values[in.inputs[i]] = graph->AddInput(declared.name, std::move(fact));
  }
  writer.Walk(in, frame);
  for (ValueId id : in.outputs) graph->outputs.push_back(frame.values[id]);
  return graph;
}

void Writer::Define(Frame& frame, ValueId read, const std::string& name, ValueId value) {
  frame.values[read] = value;
  if (value == kNoValue) return;
  Value& v = out_->value(value);
  if (v.name.rfind("_onda_", 0) == 0 && frame.prefix.empty()) v.name = name;
}

void Writer::ResolveReferences(Node& node, const Frame& frame) {
  std::vector<std::string> absent;
  for (const AttributeMap::Entry& entry : std::list<AttributeMap::Entry>(node.attributes.entries())) {
    const auto* reference = std::get_if<AttributeReference>(&entry.value);
    if (!reference) continue;
    const AttributeValue* value = frame.attributes ? frame.attributes->Find(reference->name) : nullptr;
    if (value) {
      node.attributes.Set(entry.name, *value);
    } else {
      absent.push_back(entry.name);
    }
  }
  for (const std::string& name : absent) node.attributes.Remove(name);
}

void Writer::Declare(const Graph& in, ValueId id, Frame& frame) {
  const Value& value = in.value(id);
  frame.values[id] = out_->AddValue(frame.prefix + value.name, InputFact(shared_, value.fact));
}

void Writer::Report(const Node& read, const Frame& frame, Problem problem) {
  problem.place = frame.place;
  if (shared_.reported.insert(&read).second) shared_.options.on_problem(std::move(problem));
}

// Inference wins over what a model says of its values.
void Writer::WarnOfDeclared(const Graph& in, const Node& read, const Frame& frame) {
  for (ValueId id : read.outputs) {
    if (id == kNoValue || frame.values[id] == kNoValue) continue;
    const Fact &declared = in.value(id).fact, &fact = out_->FactOf(frame.values[id]);
    if (const std::string mismatch = DeclaredMismatch(declared, fact); !mismatch.empty())
      shared_.warnings->push_back(Describe(read) + ": output '" + in.value(id).name + "' is declared " +
                                  declared.ToString() + " but is " + fact.ToString() + ": " + mismatch);
  }
}

void Writer::CheckNode(const Graph& in, const Node& read, Frame& frame) {
  // Nodes that need each other in a cycle have inputs that are not there yet; an omitted input of a function stays so.
  const auto need = [&](ValueId id) {
    if (id != kNoValue && frame.values[id] == kNoValue && in.value(id).producer != kNoNode) Declare(in, id, frame);
  };
  for (ValueId id : read.inputs) need(id);
  for (const Body& body : read.bodies)
    for (ValueId id : body.captures) need(id);
  try {
    WalkNode(in, read, frame);
  } catch (const Error& error) {
    if (EndsCheck(error) || shared_.nodes > shared_.options.max_nodes) throw;
    Node named = read;
    named.domain = NormalDomain(read.domain);
    const auto import = frame.opsets->find(named.domain);
    named.origin = {frame.prefix + read.name, named.domain, read.op_type,
                    import == frame.opsets->end() ? 0 : import->second};
    Problem problem = Problem::At(named, error);
    problem.hint = HintFor(named, named.origin.opset);
    problem.warning = error.code() == ErrorCode::kNotImplemented;
    Report(read, frame, std::move(problem));
  }
  for (ValueId id : read.outputs) {
    if (id == kNoValue) continue;
    if (frame.values[id] == kNoValue) {
      Declare(in, id, frame);
      continue;
    }
    Fact& fact = out_->value(frame.values[id]).fact;
    const Fact& declared = in.value(id).fact;
    if (const std::string mismatch = DeclaredMismatch(declared, fact); !mismatch.empty()) {
      Node named = read;
      named.origin = {frame.prefix + read.name, NormalDomain(read.domain), read.op_type, 0};
      Report(read, frame,
             Problem::At(named, Error(ErrorCode::kInvalidModel, "output '" + in.value(id).name + "' is declared " +
                                                                    declared.ToString() + " but is " + fact.ToString() +
                                                                    ": " + mismatch)));
    } else if (!fact.constant) {
      fact = WithDeclared(std::move(fact), InputFact(shared_, declared));
    }
  }
}

void Writer::WalkNode(const Graph& in, const Node& read, Frame& frame) {
  if (shared_.options.stop.stop_requested()) throw Error(ErrorCode::kCancelled, "loading was cancelled");
  if (++shared_.nodes > shared_.options.max_nodes)
    throw Error(ErrorCode::kResourceLimit,
                "the model expands to more than " + std::to_string(shared_.options.max_nodes) + " nodes");
  Node node = read;
  node.domain = NormalDomain(read.domain);
  node.origin = {frame.prefix + read.name, node.domain, read.op_type, 0};
  for (ValueId& id : node.inputs)
    if (id != kNoValue) id = frame.values[id];
  for (Body& body : node.bodies)
    for (ValueId& id : body.captures) id = frame.values[id];
  ResolveReferences(node, frame);

  const auto function = shared_.functions.find(FunctionKey(node.domain, read.op_type, read.overload));
  if (function != shared_.functions.end()) {
    Inline(*function->second, node, read, frame);
    return;
  }

  auto import = frame.opsets->find(node.domain);
  if (import == frame.opsets->end() && node.domain.empty()) import = frame.opsets->find("ai.onnx");
  // Some writers use com.microsoft's operators without importing the domain; it has one version only.
  if (import == frame.opsets->end() && node.domain != "com.microsoft")
    throw Error(ErrorCode::kInvalidModel, Describe(node) + ": the model imports no opset of domain '" +
                                              (node.domain.empty() ? "ai.onnx" : node.domain) + "'");
  const int opset = import == frame.opsets->end() ? 1 : import->second;
  node.origin.opset = opset;

  const Schema* schema = SchemaOf(node, opset);
  const OpDef* op = shared_.options.find_op(node.domain, node.op_type);
  if (schema) {
    // A check goes on with the node behind what is wrong with it in these ways.
    const auto attempt = [&](auto&& check) {
      try {
        check();
      } catch (const Error& error) {
        if (!shared_.checking()) throw;
        Problem problem = Problem::At(node, error);
        problem.hint = HintFor(node, opset);
        Report(read, frame, std::move(problem));
      }
    };
    if (shared_.checking()) attempt([&] { CheckNotDeprecated(node, *schema); });
    CheckSignature(node, *schema, shared_.warnings);
    std::vector<const Fact*> facts;
    for (ValueId id : node.inputs) facts.push_back(id == kNoValue ? nullptr : &out_->FactOf(id));
    attempt([&] { CheckTypes(node, *schema, facts, {}); });
  }
  if (!op && !schema && shared_.checking() && NewestOpset(node.domain) == 0) {
    Problem problem = Problem::At(node, Error(ErrorCode::kNotImplemented, "an operator of a domain that is not known"));
    problem.warning = true;
    problem.hint = "it is taken for what the model declares";
    Report(read, frame, std::move(problem));
    return;
  }
  if (!op)
    throw Error(
        schema ? ErrorCode::kNotImplemented : ErrorCode::kInvalidModel,
        Describe(node) + ": " +
            (schema ? "Onda does not run this operator yet" : "no such operator, and the model has no such function"));

  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (read.outputs[i] == kNoValue) continue;
    node.outputs[i] = out_->AddValue(frame.prefix + in.value(read.outputs[i]).name);
    frame.values[read.outputs[i]] = node.outputs[i];
  }
  if (op->upgrade) {
    const std::string before = node.op_type + "\n" + node.domain;
    Rewrite rewrite(*this, &frame, &node, schema ? schema->since_version : opset);
    try {
      op->upgrade(rewrite);
    } catch (const Error& e) {
      throw AtNode(node, e);
    }
    if (rewrite.replaced) {
      for (size_t i = 0; i < read.outputs.size(); ++i) {
        if (read.outputs[i] == kNoValue) continue;
        if (i >= rewrite.replacement.size() || rewrite.replacement[i] == kNoValue)
          rewrite.Reject("output " + std::to_string(i) + " has no meaning here");
        Define(frame, read.outputs[i], frame.prefix + in.value(read.outputs[i]).name, rewrite.replacement[i]);
      }
      return;
    }
  }
  AddCanonical(std::move(node), &frame);
}

void Writer::Inline(const Function& function, const Node& call, const Node& read, Frame& frame) {
  if (frame.depth >= shared_.options.max_depth)
    throw Error(ErrorCode::kResourceLimit, Describe(call) + ": functions call each other deeper than " +
                                               std::to_string(shared_.options.max_depth) + " levels");
  const Graph& body = *function.graph;
  if (call.inputs.size() > body.inputs.size() || call.outputs.size() > body.outputs.size())
    throw Error(ErrorCode::kInvalidModel,
                Describe(call) + ": function '" + function.name + "' has " + std::to_string(body.inputs.size()) +
                    " inputs and " + std::to_string(body.outputs.size()) + " outputs, the call " +
                    std::to_string(call.inputs.size()) + " and " + std::to_string(call.outputs.size()));
  AttributeMap attributes = function.defaults;
  for (const AttributeMap::Entry& e : call.attributes.entries()) attributes.Set(e.name, e.value);
  for (const std::string& required : function.attributes)
    if (!attributes.Has(required))
      throw Error(ErrorCode::kInvalidModel,
                  Describe(call) + ": attribute '" + required + "' of the function is missing");
  const std::string label = read.name.empty() ? function.name + std::to_string(shared_.names++) : read.name;
  const std::string place = "function '" + (function.domain.empty() ? "" : function.domain + ".") + function.name + "'";
  Frame inner{&function.opsets, &attributes, frame.depth + 1, frame.prefix + label + "/", place, {}};
  inner.values.assign(body.values().size(), kNoValue);
  for (size_t i = 0; i < call.inputs.size(); ++i) inner.values[body.inputs[i]] = call.inputs[i];
  Walk(body, inner);
  for (size_t i = 0; i < read.outputs.size(); ++i) {
    if (read.outputs[i] == kNoValue) continue;
    const ValueId value = inner.values[body.outputs[i]];
    frame.values[read.outputs[i]] = value;
  }
}

bool Writer::Fold(const Node& node, const std::vector<Fact>& outputs) {
  if (!shared_.options.evaluate || (node.op->flags & (kOpRandom | kOpControlFlow | kOpHost))) return false;
  if (shared_.options.folds && !shared_.options.folds(node)) return false;
  std::vector<TensorPtr> inputs;
  for (ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? nullptr : out_->FactOf(id).constant);
    if (id != kNoValue && !inputs.back()) return false;
  }
  bool small = true;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    if (outputs[i].constant) continue;
    if (!outputs[i].is_tensor()) return false;
    if (!outputs[i].static_shape()) continue;  // data-dependent: evaluate() bounds it
    const std::vector<int64_t> dims = outputs[i].static_dims();
    small = small && CountOf(dims) <= kMaxContent;
    const auto bytes = static_cast<int64_t>(BytesOf(outputs[i].dtype, CountOf(dims)));
    if (bytes > shared_.options.max_folded_bytes || bytes > shared_.max_folded_total - shared_.folded_bytes)
      return false;
  }
  const std::chrono::nanoseconds cost = FoldingCost(node, inputs, outputs);
  if (cost > (small ? 3 : 1) * shared_.options.max_folding_time - shared_.folding) return false;
  shared_.folding += cost;
  const auto deadline = std::chrono::steady_clock::now() + 2 * shared_.options.max_folding_time;
  const auto results = shared_.options.evaluate(node, inputs, outputs, deadline);
  if (!results) return false;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    shared_.folded_bytes += static_cast<int64_t>((*results)[i]->bytes());
    if ((*results)[i]->dtype() == DType::kString)
      shared_.folded_bytes += static_cast<int64_t>(StringBytes((*results)[i]->view()));
    out_->value(node.outputs[i]).fact = Fact::Constant((*results)[i]);
  }
  return true;
}

void Writer::AddCanonical(Node node, const Frame* frame) {
  node.op = shared_.options.find_op(node.domain, node.op_type);
  if (!node.op || !node.op->infer)
    throw Error(ErrorCode::kNotImplemented, Describe(node) + ": needs operator '" + node.op_type + "' of domain '" +
                                                (node.domain.empty() ? "ai.onnx" : node.domain) +
                                                "', which Onda does not run yet");
  CompileInference inference(*this, frame);
  try {
    inference.Run(*node.op, node);
  } catch (const Error& e) {
    throw AtNode(node, e);
  }
  const std::vector<Fact>& outputs = inference.outputs();
  bool all_constant = !node.outputs.empty();
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const TensorPtr constant = ConstantOf(outputs[i]);
    out_->value(node.outputs[i]).fact = constant ? Fact::Constant(constant) : outputs[i];
    all_constant = all_constant && constant;
  }
  try {
    if (all_constant || Fold(node, outputs)) return;
  } catch (const Error& e) {
    throw AtNode(node, e);
  }

  if (node.op->decompose && shared_.options.has_kernel) {
    if (!shared_.options.has_kernel(node, out_->FactsOf(node.inputs), outputs)) {
      Rewrite rewrite(*this, frame, &node, 0);
      if (node.op->decompose(rewrite) && rewrite.replaced) {
        // Others may hold the node's own outputs already: they become copies of the replacement, which cost nothing.
        for (size_t i = 0; i < node.outputs.size(); ++i) {
          if (node.outputs[i] == kNoValue) continue;
          Node identity;
          identity.op_type = "Identity";
          identity.origin = node.origin;
          identity.inputs = {rewrite.replacement.at(i)};
          identity.outputs = {node.outputs[i]};
          AddCanonical(std::move(identity), frame);
        }
        return;
      }
    }
  }
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.outputs[i] == kNoValue && i < outputs.size() && IsRequiredOutput(node, i))
      node.outputs[i] = out_->AddValue(shared_.FreshName(), outputs[i]);
  if (node.name.empty()) node.name = node.origin.name;
  out_->AddNode(std::move(node));
}

}  // namespace

std::shared_ptr<Graph> Canonicalize(const Model& model, const CanonicalizeOptions& options,
                                    std::vector<std::string>* warnings) {
  Shared shared{.model = model, .options = options, .warnings = warnings};
  shared.max_folded_total = 2 * options.max_folded_bytes;
  for (ValueId id : model.graph->initializers)
    if (const TensorPtr& constant = model.graph->FactOf(id).constant)
      shared.max_folded_total += static_cast<int64_t>(constant->bytes());
  for (const Function& f : model.functions)
    shared.functions[FunctionKey(NormalDomain(f.domain), f.name, f.overload)] = &f;
  const Graph& in = *model.graph;
  auto graph = std::make_shared<Graph>();
  graph->name = in.name;
  Writer writer(shared, graph.get());
  Frame frame{&model.opsets, nullptr, 0, "", "", {}};
  frame.values.assign(in.values().size(), kNoValue);
  for (ValueId id : in.inputs) {
    // From IR 4 on an initializer of the same name is a default that a feed overrides; before, it is a constant that
    // was listed among the inputs by custom. A check takes the default for what is fed, as ONNX's inference does.
    const Value& value = in.value(id);
    if (value.fact.constant && (model.ir_version < 4 || shared.checking())) {
      frame.values[id] = graph->AddInput(value.name, Fact::Constant(value.fact.constant));
    } else {
      frame.values[id] = graph->AddInput(value.name, InputFact(shared, value.fact));
    }
  }
  writer.Walk(in, frame);
  for (ValueId id : in.outputs) {
    const ValueId value = id == kNoValue ? kNoValue : frame.values[id];
    if (value == kNoValue)
      throw Error(ErrorCode::kInvalidModel, "graph '" + in.name + "': output '" +
                                                (id == kNoValue ? "" : in.value(id).name) + "' is produced by no node");
    // An output keeps its name: where its value has another one (an input, a value given out twice), it is a view of
    // it.
    if (graph->value(value).name == in.value(id).name) {
      graph->outputs.push_back(value);
      continue;
    }
    Node identity;
    identity.op_type = "Identity";
    identity.origin = {in.value(id).name, "", "Identity", 0};
    identity.inputs = {value};
    identity.outputs = {graph->AddValue(in.value(id).name)};
    graph->outputs.push_back(identity.outputs[0]);
    writer.AddCanonical(std::move(identity), &frame);
  }
  return graph;
}

}  // namespace onda
