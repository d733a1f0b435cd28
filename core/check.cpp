#include "core/check.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/passes/canonicalize.h"
#include "core/place/kernel_instance.h"
#include "core/place/provider_instance.h"
#include "core/schema/check_node.h"
#include "core/schema/hint.h"
#include "kernels/op_table.h"

namespace onda {
namespace {

using FactsByGraph = std::unordered_map<const Graph*, std::vector<Fact>>;

void Walk(const Model& model, const ProblemSink& on_problem, FactsByGraph* facts) {
  const ProviderInstance host(CpuKernels);
  CanonicalizeOptions options;
  options.find_op = FindOp;
  options.evaluate = [&](const Node& node, std::span<const TensorPtr> in, std::span<const Fact> out,
                         std::chrono::steady_clock::time_point deadline) {
    return EvaluateOnce(host.KernelsFor(node), node, in, out, options.max_folded_bytes, deadline);
  };
  options.on_problem = on_problem;
  if (facts) options.on_facts = [&](const Graph& read, std::vector<Fact> f) { (*facts)[&read] = std::move(f); };
  Canonicalize(model, options, nullptr);
}

// Nodes against their signatures alone, in the main graph or in a function.
class SignatureCheck {
 public:
  SignatureCheck(const Model& model, const ProblemSink& on_problem) : on_problem_(on_problem) {
    for (const Function& f : model.functions) functions_.insert(f.domain + "\n" + f.name);
  }

  void Check(const Graph& graph, const std::map<std::string, int>& opsets, const std::string& place) const {
    for (const Node& node : graph.nodes()) {
      for (const Body& body : node.bodies) Check(*body.graph, opsets, place);
      if (functions_.contains(node.domain + "\n" + node.op_type)) continue;
      Node named = node;
      const auto import = opsets.find(node.domain);
      named.origin.opset = import == opsets.end() ? 0 : import->second;
      try {
        CheckNode(named);
      } catch (const Error& error) {
        Problem problem = Problem::At(named, error);
        problem.place = place;
        problem.hint = HintFor(named, named.origin.opset);
        on_problem_(std::move(problem));
      }
    }
  }

 private:
  static void CheckNode(const Node& node) {
    if (node.origin.opset == 0 && node.domain != "com.microsoft")
      throw Error(ErrorCode::kInvalidModel, "no opset is imported of its domain");
    const Schema* schema = SchemaOf(node, std::max(1, node.origin.opset));
    if (!schema) return;
    CheckSignature(node, *schema, nullptr);
    CheckNotDeprecated(node, *schema);
  }

  const ProblemSink& on_problem_;
  std::unordered_set<std::string> functions_;
};

std::shared_ptr<Graph> WithFacts(const Graph& graph, const FactsByGraph& facts) {
  auto copy = std::make_shared<Graph>(graph);
  for (NodeId id = 0; id < static_cast<NodeId>(copy->nodes().size()); ++id)
    for (Body& body : copy->node(id).bodies) body.graph = WithFacts(*body.graph, facts);
  const auto known = facts.find(&graph);
  if (known == facts.end()) return copy;
  for (ValueId id = 0; id < static_cast<ValueId>(copy->values().size()); ++id) {
    Fact& fact = copy->value(id).fact;
    const Fact& inferred = known->second.at(id);
    if (fact.constant || !inferred.known()) continue;
    fact = inferred;
    fact.constant = nullptr;
    fact.content = nullptr;
  }
  return copy;
}

}  // namespace

void CheckModel(const Model& model, bool inference, const ProblemSink& on_problem) {
  FactsByGraph walked;
  const SignatureCheck signatures(model, on_problem);
  if (inference) {
    Walk(model, on_problem, &walked);
  } else {
    signatures.Check(*model.graph, model.opsets, "");
  }
  // Types in a function follow from its calls: those that nothing calls have none.
  for (const Function& f : model.functions)
    if (!walked.contains(f.graph.get()))
      signatures.Check(*f.graph, f.opsets, "function '" + (f.domain.empty() ? "" : f.domain + ".") + f.name + "'");
}

Model InferShapes(const Model& model) {
  FactsByGraph facts;
  Walk(
      model, [](const Problem&) {}, &facts);
  Model inferred = model;
  inferred.graph = WithFacts(*model.graph, facts);
  return inferred;
}

}  // namespace onda
