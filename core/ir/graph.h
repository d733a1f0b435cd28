// The graph: nodes and values behind integer handles.
#ifndef ONDA_CORE_IR_GRAPH_H_
#define ONDA_CORE_IR_GRAPH_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ir/attribute.h"
#include "core/ir/fact.h"

namespace onda {

struct OpDef;
class Graph;

// Handles are indices into the vectors of one graph.
using NodeId = int32_t;
using ValueId = int32_t;
inline constexpr NodeId kNoNode = -1;
inline constexpr ValueId kNoValue = -1;  // an omitted optional input or output

using StringPairs = std::vector<std::pair<std::string, std::string>>;

// Where a node came from, as read.
struct Origin {
  std::string name;
  std::string domain;
  std::string op;
  int opset = 0;
};

// The graph of a graph attribute. Values of the enclosing graph that it names are its trailing inputs: the graph has
// the declared inputs first, then one input per capture, in the same order.
struct Body {
  std::string attribute;  // several bodies of the same attribute are a list
  std::shared_ptr<Graph> graph;
  std::vector<ValueId> captures;  // in the enclosing graph
};

struct Node {
  const OpDef* op = nullptr;  // null as read; set in canonical graphs
  std::string domain;         // "" is ai.onnx
  std::string op_type;
  std::string overload;
  std::string name;
  AttributeMap attributes;
  std::vector<Body> bodies;
  std::vector<ValueId> inputs;  // kNoValue where omitted
  std::vector<ValueId> outputs;
  int32_t instance = 0;  // where it runs, once placed: an index into the session's provider instances; 0 is the host
  std::string placement_reason;  // why there, where that is not the user's first choice
  Origin origin;
  std::string doc;
  StringPairs metadata;
  std::string device_configuration;  // serialised, kept for export

  bool has_input(size_t i) const { return i < inputs.size() && inputs[i] != kNoValue; }
  bool has_output(size_t i) const { return i < outputs.size() && outputs[i] != kNoValue; }
  const Body* FindBody(std::string_view attribute) const;
};

struct Value {
  std::string name;
  Fact fact;
  NodeId producer = kNoNode;  // none for inputs and initializers
  // Once placed, of inputs and of what the engine makes: whose memory it lies in, with all its elements where it is a
  // sequence or an optional. What kernels make lies where they run.
  int32_t instance = 0;
  std::string doc;
  StringPairs metadata;
  std::string denotation;  // of the type, kept for export
};

// In topological order: a node stands behind the producers of its inputs. An initializer is a value whose fact is a
// constant and that no node produces; it may be an input too (then it is a default that a feed overrides).
class Graph {
 public:
  std::string name;
  std::string doc;
  StringPairs metadata;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<ValueId> initializers;  // those as read, in order

  ValueId AddValue(std::string name, Fact fact = {});
  ValueId AddInput(std::string name, Fact fact);
  ValueId AddInitializer(std::string name, TensorPtr tensor);
  // Appends. Outputs must be values without a producer.
  NodeId AddNode(Node node);

  // Replaces all nodes; the new ones stand in topological order, their outputs are values of this graph.
  void ReplaceNodes(std::vector<Node> nodes);

  const std::deque<Node>& nodes() const { return nodes_; }
  const std::deque<Value>& values() const { return values_; }
  Node& node(NodeId id) { return nodes_[id]; }
  const Node& node(NodeId id) const { return nodes_[id]; }
  Value& value(ValueId id) { return values_[id]; }
  const Value& value(ValueId id) const { return values_[id]; }
  const Node* Producer(ValueId id) const {
    return id == kNoValue || values_[id].producer == kNoNode ? nullptr : &nodes_[values_[id].producer];
  }
  const Fact& FactOf(ValueId id) const { return values_[id].fact; }
  // Of each; unknown facts where omitted.
  std::vector<Fact> FactsOf(std::span<const ValueId> ids) const;
  bool IsInput(ValueId id) const;

 private:
  std::deque<Node> nodes_;
  std::deque<Value> values_;
};

// A function of the model: its graph's inputs and outputs have names and no facts.
struct Function {
  std::string domain;
  std::string name;
  std::string overload;
  std::shared_ptr<Graph> graph;
  std::vector<std::string> attributes;  // required
  AttributeMap defaults;
  std::map<std::string, int> opsets;
  std::string doc;
  StringPairs metadata;
};

// A model as read. Unknown fields that mean nothing to running are kept for export.
struct Model {
  int ir_version = 0;
  std::map<std::string, int> opsets;  // by domain; "" is ai.onnx
  std::string producer_name;
  std::string producer_version;
  std::string domain;
  int64_t model_version = 0;
  std::string doc;
  StringPairs metadata;
  std::shared_ptr<Graph> graph;
  std::vector<Function> functions;
  std::string training_info;            // serialised, kept for export
  std::string device_configurations;    // serialised, kept for export
  std::string quantization_annotation;  // serialised, kept for export
};

// "node 'conv1' (Conv, ai.onnx opset 13)": how errors name a node.
std::string Describe(const Node& node);

}  // namespace onda

#endif  // ONDA_CORE_IR_GRAPH_H_
