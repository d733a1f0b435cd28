// Graphs and functions as ONNX serializes them, turned into Onda's.
#ifndef ONDA_PROTO_IMPORT_GRAPH_H_
#define ONDA_PROTO_IMPORT_GRAPH_H_

#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/ir/graph.h"
#include "core/ir/problem.h"
#include "core/ir/scope.h"
#include "onnx.pb.h"
#include "proto/import_type.h"
#include "proto/tensor_data.h"

namespace onda::proto {

// "" for "ai.onnx".
std::string DomainName(const std::string& domain);

StringPairs ReadPairs(const google::protobuf::RepeatedPtrField<wire::StringStringEntry>& entries);

// Operator sets by domain. Throws where one is given twice with different versions, or is not a version.
std::map<std::string, int> ReadOpsets(const google::protobuf::RepeatedPtrField<wire::OperatorSetId>& imports);

// Reads the graphs of one model. Nodes come out in topological order whatever the order in the file; names are
// resolved, outer ones across nested graphs, and every name is defined once. Messages are taken apart while they are
// read.
class GraphReader {
 public:
  GraphReader(const std::map<std::string, int>& opsets, const TensorReader& tensors, size_t max_rank,
              std::stop_token stop, const ProblemSink& on_problem)
      : opsets_(opsets), tensors_(tensors), types_(max_rank), stop_(std::move(stop)), on_problem_(on_problem) {}

  // A function that nodes may call. All must be told before the first graph or body is read.
  void Declare(const wire::Function& function);

  std::shared_ptr<Graph> ReadMain(wire::Graph& graph);
  Function ReadFunction(wire::Function& function);

 private:
  // What a graph is read inside of.
  struct Context {
    const std::map<std::string, int>& opsets;
    const Function* function;  // null outside of one
  };
  // The types that are declared for names: by outputs and value_info.
  using Hints = std::unordered_map<std::string, const wire::ValueInfo*>;

  std::shared_ptr<Graph> ReadGraph(wire::Graph& graph, Scope* outer, const Context& context,
                                   std::vector<ValueId>* captures);
  void ReadInputs(const wire::Graph& graph, Graph& out, Scope& scope, bool main);
  void ReadInitializers(wire::Graph& graph, Graph& out, Scope& scope);
  void AddInitializer(const std::string& name, TensorPtr tensor, Graph& out, Scope& scope);
  void ReadNodes(google::protobuf::RepeatedPtrField<wire::Node>& nodes, const Hints& hints, Graph& out, Scope& scope,
                 const Context& context);
  void DefineOutputs(const wire::Node& node, const Hints& hints, Graph& out, Scope& scope);
  Node ReadNode(wire::Node& node, Scope& scope, const Context& context);
  void ReadAttribute(wire::Attribute& attribute, Node& node, Scope& scope, const Context& context);
  AttributeValue ReadAttributeValue(wire::Attribute& attribute, AttributeKind kind);
  void Describe(const wire::ValueInfo& info, Value& value);
  // A value that stands for what could not be read, so that it is told of once. Only for checks.
  ValueId DefineUnknown(const std::string& name, Graph& out, Scope& scope);

  const std::map<std::string, int>& opsets_;
  const TensorReader& tensors_;
  TypeReader types_;
  std::stop_token stop_;
  const ProblemSink& on_problem_;
  std::set<std::string> functions_;
};

// Appends nodes to the graph, each behind the producers of its inputs and captures, and otherwise in the given order.
// Throws where they form a cycle, and names it. on_problem, where it is set, is told of nodes that stand ahead of what
// they need, and the nodes of a cycle are appended as they stand.
void AddInOrder(std::vector<Node> nodes, Graph& graph, const ProblemSink& on_problem);

// Throws where functions call each other, or themselves, without end.
void RejectRecursion(const std::vector<Function>& functions);

}  // namespace onda::proto

#endif  // ONDA_PROTO_IMPORT_GRAPH_H_
