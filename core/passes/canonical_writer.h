// What Canonicalize is made of. Private to core/passes; canonicalize.h is how it is asked for. The parts:
//   canonicalize.cpp      the model as a whole, its inputs and outputs
//   canonical_walk.cpp    nodes as read: functions inlined, operators upgraded
//   canonical_check.cpp   the same for a check, which goes on behind what is wrong
//   canonical_node.cpp    canonical nodes: inferred, folded, decomposed
#ifndef ONDA_CORE_PASSES_CANONICAL_WRITER_H_
#define ONDA_CORE_PASSES_CANONICAL_WRITER_H_

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/ir/op_def.h"
#include "core/passes/canonicalize.h"

namespace onda::canonical {

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

// Where a graph as read is being walked: the model itself, a function's body, a body of a control-flow node.
struct Frame {
  const std::map<std::string, int>* opsets = nullptr;
  const AttributeMap* attributes = nullptr;  // of the call, inside a function
  int depth = 0;
  std::string prefix;           // of names, inside a function
  std::string place;            // the function or body, for problems
  std::vector<ValueId> values;  // value as read -> canonical value; kNoValue where not defined (yet)
};

std::string NormalDomain(const std::string& domain);
std::string FunctionKey(const std::string& domain, const std::string& name, const std::string& overload);

// Dimensions as read: overridden, or fresh where nothing is said of them.
Fact InputFact(Shared& shared, Fact fact);

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

}  // namespace onda::canonical

#endif  // ONDA_CORE_PASSES_CANONICAL_WRITER_H_
