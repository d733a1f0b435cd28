#include "proto/check_rules.h"

#include <set>
#include <string>

#include "core/schema/schema.h"
#include "onnx.pb.h"
#include "proto/quoted.h"

namespace onda::proto {
namespace {

// The names that a graph has defined so far, and the graphs around it.
struct Names {
  const Names* outer;
  std::set<std::string> own;

  bool Has(const std::string& name) const { return own.contains(name) || (outer && outer->Has(name)); }
};

class RuleChecker {
 public:
  RuleChecker(int64_t ir_version, const ProblemSink& on_problem) : ir_version_(ir_version), on_problem_(on_problem) {}

  // outer: the names that the graphs around define ahead of its node.
  void Check(const wire::Graph& graph, bool main, const Names* outer = nullptr) {
    if (graph.name().empty()) Tell(main ? "the graph has no name" : "the graph of a body has no name");
    std::set<std::string> inputs;  // and what else a body may give out
    for (const wire::ValueInfo& input : graph.input()) inputs.insert(input.name());
    if (main && ir_version_ <= 3) {
      for (const wire::Tensor& tensor : graph.initializer()) {
        if (!inputs.contains(tensor.name())) {
          Tell("initializer " + Quoted(tensor.name()) + " is no input of the graph, which IR versions before 4 demand",
               "from IR version 4 on it need not be one");
        }
      }
    }
    if (!main) {
      for (const wire::Tensor& tensor : graph.initializer()) inputs.insert(tensor.name());
      for (const wire::SparseTensor& sparse : graph.sparse_initializer()) inputs.insert(sparse.values().name());
      for (const wire::Node& node : graph.node()) inputs.insert(node.output().begin(), node.output().end());
      for (const wire::ValueInfo& output : graph.output()) {
        if (!inputs.contains(output.name())) {
          Tell("output " + Quoted(output.name()) + " of body " + Quoted(graph.name()) + " is made by no node of it",
               "an Identity in the body can give it out");
        }
      }
    }
    Names defined{outer, {}};
    for (const wire::ValueInfo& input : graph.input()) defined.own.insert(input.name());
    for (const wire::Tensor& tensor : graph.initializer()) defined.own.insert(tensor.name());
    for (const wire::SparseTensor& sparse : graph.sparse_initializer()) defined.own.insert(sparse.values().name());
    for (const wire::Node& node : graph.node()) {
      Check(node, defined);
      for (const std::string& name : node.output()) {
        if (outer && !name.empty() && outer->Has(name)) {
          Tell("node " + (node.name().empty() ? "" : Quoted(node.name()) + " ") + "(" + node.op_type() + ") of body " +
                   Quoted(graph.name()) + " defines " + Quoted(name) + ", which the graph around it defines too",
               "a name means one value in a graph and its bodies; `onda convert FROM TO` writes different ones");
        }
        defined.own.insert(name);
      }
    }
  }

  void Check(const wire::Node& node, const Names& defined) {
    for (const wire::Attribute& attribute : node.attribute()) {
      if (attribute.has_g()) Check(attribute.g(), false, &defined);
      for (const wire::Graph& body : attribute.graphs()) Check(body, false, &defined);
    }
  }

  template <class Entries>
  void CheckPairs(const Entries& entries, const std::string& of) {
    std::set<std::string> keys;
    for (const auto& entry : entries) {
      if (!keys.insert(entry.key()).second)
        Tell("metadata of " + of + " has the key " + Quoted(entry.key()) + " twice");
    }
  }

  void Tell(std::string cause, std::string hint = "") {
    Problem problem;
    problem.cause = std::move(cause);
    problem.hint = std::move(hint);
    on_problem_(std::move(problem));
  }
  void Warn(std::string cause) {
    Problem problem;
    problem.cause = std::move(cause);
    problem.warning = true;
    on_problem_(std::move(problem));
  }

 private:
  int64_t ir_version_;
  const ProblemSink& on_problem_;
};

}  // namespace

void CheckRules(const wire::Model& model, const ProblemSink& on_problem) {
  RuleChecker checker(model.ir_version(), on_problem);
  checker.CheckPairs(model.metadata_props(), "the model");
  if (model.ir_version() < 3 && model.opset_import_size() > 0) {
    checker.Tell("IR versions before 3 have no opset_import");
  }
  for (const wire::OperatorSetId& import : model.opset_import()) {
    const int newest = NewestOpset(import.domain());
    const std::string domain = import.domain().empty() ? "ai.onnx" : import.domain();
    if (newest > 0 && import.version() > newest && domain != "com.microsoft") {
      checker.Warn("opset " + std::to_string(import.version()) + " of " + domain + " is newer than the newest known, " +
                   std::to_string(newest));
    }
    const int oldest = OldestIrVersion(import.domain(), static_cast<int>(std::min<int64_t>(import.version(), newest)));
    if (oldest > model.ir_version()) {
      checker.Warn("opset " + std::to_string(import.version()) + " of " + domain + " came with IR version " +
                   std::to_string(oldest) + ", the model has " + std::to_string(model.ir_version()));
    }
  }
  checker.Check(model.graph(), true);
  for (const wire::Function& function : model.functions()) {
    Names defined{nullptr, {function.input().begin(), function.input().end()}};
    for (const wire::Node& node : function.node()) {
      checker.Check(node, defined);
      defined.own.insert(node.output().begin(), node.output().end());
    }
  }
}

}  // namespace onda::proto
