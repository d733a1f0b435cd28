// Graphs, functions and tensors in ONNX's serialized form.
#ifndef ONDA_PROTO_EXPORT_GRAPH_H_
#define ONDA_PROTO_EXPORT_GRAPH_H_

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/ir/graph.h"
#include "onnx.pb.h"

namespace onda::proto {

// Takes the bytes of tensors elsewhere than into the message.
class DataSink {
 public:
  virtual ~DataSink() = default;
  // Whether it took the bytes, and wrote into `out` where they are.
  virtual bool Take(const Tensor& tensor, wire::Tensor& out) = 0;
};

// A fact of unknown kind leaves the type unset. A dimension with a '?' in its text stays open.
void WriteType(const Fact& fact, wire::Type& out);

void WritePairs(const StringPairs& pairs, google::protobuf::RepeatedPtrField<wire::StringStringEntry>& out);

void WriteOpsets(const std::map<std::string, int>& opsets,
                 google::protobuf::RepeatedPtrField<wire::OperatorSetId>& out);

// Writes the graphs of one model. Values keep their names where those are unique among all that are visible.
class GraphWriter {
 public:
  // Without a sink, or what it does not take, is written into the messages.
  explicit GraphWriter(DataSink* sink) : sink_(sink) {}

  void WriteMain(const Graph& graph, wire::Graph& out);
  void WriteFunction(const Function& function, wire::Function& out);
  void WriteTensor(const Tensor& tensor, wire::Tensor& out);

 private:
  // Names of the values of one graph, by handle, and of the graphs around it.
  struct Names {
    const Names* outer = nullptr;
    std::vector<std::string> of;
    std::unordered_map<std::string, int> used;  // how many values wanted the name

    bool Visible(const std::string& name) const;
    void Give(const Graph& graph, ValueId value);
    const std::string& At(ValueId value) const;
  };

  void GiveNames(const Graph& graph, Names& names);
  void WriteGraph(const Graph& graph, size_t declared_inputs, Names& names, wire::Graph& out);
  void WriteNode(const Node& node, const Names& names, wire::Node& out);
  void WriteBodies(const Node& node, const Names& names, wire::Node& out);
  void WriteAttribute(const std::string& name, const AttributeValue& value, const std::string& doc,
                      wire::Attribute& out);
  void WriteSparse(const SparseTensor& sparse, wire::SparseTensor& out);

  DataSink* sink_;
  uint64_t inline_bytes_ = 0;
};

}  // namespace onda::proto

#endif  // ONDA_PROTO_EXPORT_GRAPH_H_
