#include "proto/export_graph.h"

#include <algorithm>
#include <string_view>

#include "onda/types.h"

namespace onda::proto {
namespace {

using google::protobuf::RepeatedPtrField;

// protobuf counts the bytes of a message in an int.
constexpr uint64_t kMaxMessage = (uint64_t{1} << 31) - 1;

// The inverse of what the importer does with the 6-bit floats: four of them in three bytes.
std::string Pack6(const Tensor& tensor) {
  const auto* codes = static_cast<const uint8_t*>(tensor.data());
  const auto count = static_cast<size_t>(tensor.count());
  std::string packed((count * 6 + 7) / 8, '\0');
  for (size_t i = 0; i < count; ++i) {
    const size_t bit = i * 6;
    const unsigned shifted = (codes[i] & 0x3fu) << bit % 8;
    packed[bit / 8] = static_cast<char>(packed[bit / 8] | static_cast<char>(shifted));
    if (bit % 8 > 2) packed[bit / 8 + 1] = static_cast<char>(shifted >> 8);
  }
  return packed;
}

void WriteShape(const Dims& dims, wire::TensorShape& out) {
  for (const Dim& dim : dims) {
    wire::TensorShape::Dimension& written = *out.add_dim();
    if (dim.known()) {
      written.set_dim_value(dim.value());
    } else if (const std::string text = dim.ToString(); text.find('?') == std::string::npos) {
      written.set_dim_param(text);
    }
  }
}

// See ReadDenotation.
void WriteDenotation(const std::string& denotation, wire::Type& out) {
  const size_t end = std::min(denotation.find(';'), denotation.size());
  if (end > 0) out.set_denotation(denotation.substr(0, end));
  if (end == denotation.size() || !out.has_tensor_type()) return;
  std::string_view dims = std::string_view(denotation).substr(end + 1);
  for (wire::TensorShape::Dimension& dim : *out.mutable_tensor_type()->mutable_shape()->mutable_dim()) {
    const size_t comma = std::min(dims.find(','), dims.size());
    if (comma > 0) dim.set_denotation(std::string(dims.substr(0, comma)));
    dims.remove_prefix(std::min(comma + 1, dims.size()));
  }
}

void WriteValueInfo(const Value& value, const std::string& name, wire::ValueInfo& out) {
  out.set_name(name);
  if (value.fact.known()) WriteType(value.fact, *out.mutable_type());
  if (!value.doc.empty()) out.set_doc_string(value.doc);
  WritePairs(value.metadata, *out.mutable_metadata_props());
  if (!value.denotation.empty()) WriteDenotation(value.denotation, *out.mutable_type());
}

}  // namespace

void WritePairs(const StringPairs& pairs, RepeatedPtrField<wire::StringStringEntry>& out) {
  for (const auto& [key, value] : pairs) {
    wire::StringStringEntry& entry = *out.Add();
    entry.set_key(key);
    entry.set_value(value);
  }
}

void WriteOpsets(const std::map<std::string, int>& opsets, RepeatedPtrField<wire::OperatorSetId>& out) {
  for (const auto& [domain, version] : opsets) {
    wire::OperatorSetId& import = *out.Add();
    import.set_domain(domain);
    import.set_version(version);
  }
}

void WriteType(const Fact& fact, wire::Type& out) {
  const auto write_tensor = [&](auto& type) {
    type.set_elem_type(static_cast<int32_t>(fact.dtype));
    if (fact.shape) WriteShape(*fact.shape, *type.mutable_shape());
  };
  const auto write_element = [&](wire::Type& type) {
    if (fact.element) WriteType(*fact.element, type);
  };
  switch (fact.kind) {
    case ValueKind::kUnknown:
      return;
    case ValueKind::kTensor:
      return write_tensor(*out.mutable_tensor_type());
    case ValueKind::kSparse:
      return write_tensor(*out.mutable_sparse_tensor_type());
    case ValueKind::kSequence:
      return write_element(*out.mutable_sequence_type()->mutable_elem_type());
    case ValueKind::kOptional:
      return write_element(*out.mutable_optional_type()->mutable_elem_type());
    case ValueKind::kMap:
      out.mutable_map_type()->set_key_type(static_cast<int32_t>(fact.dtype));
      return write_element(*out.mutable_map_type()->mutable_value_type());
    case ValueKind::kOpaque:
      if (!fact.shape) {
        out.mutable_opaque_type();
        return;
      }
      if (const auto domain = fact.shape->at(0).symbol(); !domain.empty()) {
        out.mutable_opaque_type()->set_domain(std::string(domain));
      }
      out.mutable_opaque_type()->set_name(std::string(fact.shape->at(1).symbol()));
      return;
  }
}

bool GraphWriter::Names::Visible(const std::string& name) const {
  for (const Names* names = this; names; names = names->outer) {
    if (names->used.contains(name)) return true;
  }
  return false;
}

void GraphWriter::Names::Give(const Graph& graph, ValueId value) {
  if (value == kNoValue || !of[value].empty()) return;
  const std::string wanted = graph.value(value).name.empty() ? "value" : graph.value(value).name;
  std::string name = wanted;
  while (Visible(name)) name = wanted + "_" + std::to_string(++used[wanted]);
  used.emplace(name, 0);
  of[value] = std::move(name);
}

const std::string& GraphWriter::Names::At(ValueId value) const {
  static const std::string kOmitted;
  return value == kNoValue ? kOmitted : of[value];
}

// What others know by name goes first. Values that nothing refers to get no name.
void GraphWriter::GiveNames(const Graph& graph, Names& names) {
  names.of.resize(graph.values().size());
  const auto give = [&](const std::vector<ValueId>& values) {
    for (const ValueId value : values) names.Give(graph, value);
  };
  give(graph.inputs);
  give(graph.outputs);
  give(graph.initializers);
  for (const Node& node : graph.nodes()) {
    give(node.inputs);
    give(node.outputs);
    for (const Body& body : node.bodies) give(body.captures);
  }
}

void GraphWriter::WriteMain(const Graph& graph, wire::Graph& out) {
  Names names;
  GiveNames(graph, names);
  WriteGraph(graph, graph.inputs.size(), names, out);
}

void GraphWriter::WriteGraph(const Graph& graph, size_t declared_inputs, Names& names, wire::Graph& out) {
  out.set_name(graph.name.empty() ? "graph" : graph.name);
  if (!graph.doc.empty()) out.set_doc_string(graph.doc);
  WritePairs(graph.metadata, *out.mutable_metadata_props());
  // Of each value: whether the graph's inputs, outputs or initializers have said it already.
  std::vector<bool> said(graph.values().size());
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    const ValueId id = graph.inputs[i];
    if (i < declared_inputs) WriteValueInfo(graph.value(id), names.At(id), *out.add_input());
    said[id] = true;
  }
  const auto write_initializer = [&](ValueId id) {
    const Value& value = graph.value(id);
    wire::Tensor& tensor = *out.add_initializer();
    tensor.set_name(names.At(id));
    WriteTensor(*value.fact.constant, tensor);
    if (said[id]) return;
    if (!value.doc.empty()) tensor.set_doc_string(value.doc);
    WritePairs(value.metadata, *tensor.mutable_metadata_props());
    said[id] = true;
  };
  for (const ValueId id : graph.initializers) {
    if (graph.FactOf(id).constant) write_initializer(id);
  }
  // Constants that rewriting made.
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    const bool used = !names.of[i].empty() && !said[i];
    if (used && graph.value(id).producer == kNoNode && graph.FactOf(id).constant) write_initializer(id);
  }
  for (const ValueId id : graph.outputs) {
    WriteValueInfo(graph.value(id), names.At(id), *out.add_output());
    said[id] = true;
  }
  for (const Node& node : graph.nodes()) WriteNode(node, names, *out.add_node());
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const Value& value = graph.value(static_cast<ValueId>(i));
    if (said[i] || value.producer == kNoNode || !value.fact.known()) continue;
    WriteValueInfo(value, names.of[i], *out.add_value_info());
  }
}

void GraphWriter::WriteFunction(const Function& function, wire::Function& out) {
  out.set_name(function.name);
  out.set_domain(function.domain);
  if (!function.overload.empty()) out.set_overload(function.overload);
  if (!function.doc.empty()) out.set_doc_string(function.doc);
  WritePairs(function.metadata, *out.mutable_metadata_props());
  WriteOpsets(function.opsets, *out.mutable_opset_import());
  for (const std::string& name : function.attributes) out.add_attribute(name);
  for (const AttributeMap::Entry& entry : function.defaults.entries()) {
    WriteAttribute(entry.name, entry.value, entry.doc, *out.add_attribute_proto());
  }
  const Graph& graph = *function.graph;
  Names names;
  GiveNames(graph, names);
  std::vector<bool> bound(graph.values().size());
  for (const ValueId id : graph.inputs) {
    out.add_input(names.At(id));
    bound[id] = true;
  }
  for (const ValueId id : graph.outputs) out.add_output(names.At(id));
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const Value& value = graph.value(static_cast<ValueId>(i));
    if (names.of[i].empty()) continue;
    if (!bound[i] && value.producer == kNoNode && value.fact.constant) {
      // A function has no initializers.
      wire::Node& constant = *out.add_node();
      constant.set_op_type("Constant");
      constant.add_output(names.of[i]);
      WriteAttribute("value", value.fact.constant, "", *constant.add_attribute());
    } else if (value.fact.known()) {
      WriteValueInfo(value, names.of[i], *out.add_value_info());
    }
  }
  for (const Node& node : graph.nodes()) WriteNode(node, names, *out.add_node());
}

void GraphWriter::WriteNode(const Node& node, const Names& names, wire::Node& out) {
  try {
    if (node.op_type.empty()) throw Error(ErrorCode::kInternal, "it has no operator");
    if (!node.name.empty()) out.set_name(node.name);
    out.set_op_type(node.op_type);
    if (!node.domain.empty()) out.set_domain(node.domain);
    if (!node.overload.empty()) out.set_overload(node.overload);
    if (!node.doc.empty()) out.set_doc_string(node.doc);
    for (const ValueId id : node.inputs) out.add_input(names.At(id));
    for (const ValueId id : node.outputs) out.add_output(names.At(id));
    for (const AttributeMap::Entry& entry : node.attributes.entries()) {
      WriteAttribute(entry.name, entry.value, entry.doc, *out.add_attribute());
    }
    WriteBodies(node, names, out);
    WritePairs(node.metadata, *out.mutable_metadata_props());
    if (!node.device_configuration.empty()) out.MergeFromString(node.device_configuration);
  } catch (const Error& error) {
    throw Error(error.code(), "cannot write " + Describe(node) + ": " + error.what());
  }
}

void GraphWriter::WriteBodies(const Node& node, const Names& names, wire::Node& out) {
  std::unordered_map<std::string, int> counts;
  for (const Body& body : node.bodies) ++counts[body.attribute];
  std::unordered_map<std::string, wire::Attribute*> lists;
  for (const Body& body : node.bodies) {
    wire::Attribute*& attribute = lists[body.attribute];
    if (!attribute) {
      attribute = out.add_attribute();
      attribute->set_name(body.attribute);
    }
    const bool list = counts[body.attribute] > 1;
    attribute->set_type(list ? wire::Attribute::GRAPHS : wire::Attribute::GRAPH);
    wire::Graph& written = list ? *attribute->add_graphs() : *attribute->mutable_g();

    const Graph& graph = *body.graph;
    Names inner;
    inner.outer = &names;
    inner.of.resize(graph.values().size());
    const size_t declared = graph.inputs.size() - body.captures.size();
    for (size_t i = 0; i < body.captures.size(); ++i) {
      inner.of[graph.inputs[declared + i]] = names.At(body.captures[i]);
    }
    GiveNames(graph, inner);
    WriteGraph(graph, declared, inner, written);
  }
}

void GraphWriter::WriteAttribute(const std::string& name, const AttributeValue& value, const std::string& doc,
                                 wire::Attribute& out) {
  out.set_name(name);
  if (!doc.empty()) out.set_doc_string(doc);
  const AttributeKind kind = KindOf(value);
  if (kind != AttributeKind::kUndefined) out.set_type(static_cast<wire::Attribute::AttributeType>(kind));
  struct Visitor {
    GraphWriter& writer;
    wire::Attribute& out;

    void operator()(std::monostate) const { throw Error(ErrorCode::kInternal, "an attribute has no value"); }
    void operator()(float f) const { out.set_f(f); }
    void operator()(int64_t i) const { out.set_i(i); }
    void operator()(const std::string& s) const { out.set_s(s); }
    void operator()(const TensorPtr& t) const { writer.WriteTensor(*t, *out.mutable_t()); }
    void operator()(const std::vector<float>& list) const { out.mutable_floats()->Add(list.begin(), list.end()); }
    void operator()(const std::vector<int64_t>& list) const { out.mutable_ints()->Add(list.begin(), list.end()); }
    void operator()(const std::vector<std::string>& list) const {
      for (const std::string& s : list) out.add_strings(s);
    }
    void operator()(const std::vector<TensorPtr>& list) const {
      for (const TensorPtr& t : list) writer.WriteTensor(*t, *out.add_tensors());
    }
    void operator()(const SparseTensor& sparse) const { writer.WriteSparse(sparse, *out.mutable_sparse_tensor()); }
    void operator()(const std::vector<SparseTensor>& list) const {
      for (const SparseTensor& sparse : list) writer.WriteSparse(sparse, *out.add_sparse_tensors());
    }
    void operator()(const Fact& fact) const { WriteType(fact, *out.mutable_tp()); }
    void operator()(const std::vector<Fact>& list) const {
      for (const Fact& fact : list) WriteType(fact, *out.add_type_protos());
    }
    void operator()(const AttributeReference& reference) const { out.set_ref_attr_name(reference.name); }
  };
  std::visit(Visitor{*this, out}, value);
}

void GraphWriter::WriteSparse(const SparseTensor& sparse, wire::SparseTensor& out) {
  WriteTensor(*sparse.values, *out.mutable_values());
  WriteTensor(*sparse.indices, *out.mutable_indices());
  out.mutable_dims()->Add(sparse.dims.begin(), sparse.dims.end());
}

void GraphWriter::WriteTensor(const Tensor& tensor, wire::Tensor& out) {
  out.mutable_dims()->Add(tensor.dims().begin(), tensor.dims().end());
  out.set_data_type(static_cast<int32_t>(tensor.dtype()));
  if (tensor.dtype() == DType::kString) {
    for (const std::string& s : tensor.as<std::string>()) out.add_string_data(s);
    return;
  }
  if (tensor.dtype() == DType::kFloat6E2M3 || tensor.dtype() == DType::kFloat6E3M2) {
    out.set_raw_data(Pack6(tensor));
    return;
  }
  if (sink_ && sink_->Take(tensor, out)) return;
  inline_bytes_ += tensor.bytes();
  if (inline_bytes_ > kMaxMessage) {
    throw Error(ErrorCode::kInvalidArgument, "the model has over 2 GiB of weights; they need external data");
  }
  out.set_raw_data(tensor.data(), tensor.bytes());
}

}  // namespace onda::proto
