// Attributes of nodes and functions.
#include <algorithm>
#include <utility>

#include "onda/types.h"
#include "proto/import_graph.h"
#include "proto/quoted.h"

namespace onda::proto {
namespace {

[[noreturn]] void RejectAttribute(const std::string& why) { throw Error(ErrorCode::kInvalidModel, why); }

constexpr AttributeKind kLastKind = AttributeKind::kTypes;

const char* KindName(AttributeKind kind) {
  constexpr const char* kNames[] = {"UNDEFINED",      "FLOAT",      "INT",        "STRING",  "TENSOR", "GRAPH",
                                    "FLOATS",         "INTS",       "STRINGS",    "TENSORS", "GRAPHS", "SPARSE_TENSOR",
                                    "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"};
  return kNames[static_cast<int>(kind)];
}

// Whether the field that holds values of the kind is there. Lists that are there may be empty, which looks as if not.
bool HasField(const wire::Attribute& a, AttributeKind kind) {
  switch (kind) {
    case AttributeKind::kFloat:
      return a.has_f();
    case AttributeKind::kInt:
      return a.has_i();
    case AttributeKind::kString:
      return a.has_s();
    case AttributeKind::kTensor:
      return a.has_t();
    case AttributeKind::kGraph:
      return a.has_g();
    case AttributeKind::kSparseTensor:
      return a.has_sparse_tensor();
    case AttributeKind::kType:
      return a.has_tp();
    case AttributeKind::kFloats:
      return a.floats_size() > 0;
    case AttributeKind::kInts:
      return a.ints_size() > 0;
    case AttributeKind::kStrings:
      return a.strings_size() > 0;
    case AttributeKind::kTensors:
      return a.tensors_size() > 0;
    case AttributeKind::kGraphs:
      return a.graphs_size() > 0;
    case AttributeKind::kSparseTensors:
      return a.sparse_tensors_size() > 0;
    case AttributeKind::kTypes:
      return a.type_protos_size() > 0;
    case AttributeKind::kUndefined:
      break;
  }
  return false;
}

// The declared kind, or that of the one field in use where none is declared.
AttributeKind KindOfAttribute(const wire::Attribute& attribute) {
  auto kind = static_cast<AttributeKind>(attribute.type());
  for (int i = 1; i <= static_cast<int>(kLastKind); ++i) {
    const auto used = static_cast<AttributeKind>(i);
    if (!HasField(attribute, used) || used == kind) continue;
    if (kind != AttributeKind::kUndefined) {
      RejectAttribute(std::string("is of type ") + KindName(kind) + ", but has a value of type " + KindName(used));
    }
    kind = used;
  }
  if (kind == AttributeKind::kUndefined) RejectAttribute("has neither a type nor a value");
  return kind;
}

}  // namespace

void GraphReader::ReadAttribute(wire::Attribute& attribute, Node& node, Scope& scope, const Context& context) {
  const std::string name = attribute.name();
  if (name.empty()) RejectAttribute("an attribute has no name");
  if (node.attributes.Has(name) || node.FindBody(name))
    RejectAttribute("attribute " + Quoted(name) + " is given twice");
  try {
    if (!attribute.ref_attr_name().empty()) {
      const std::string& source = attribute.ref_attr_name();
      if (!context.function) RejectAttribute("refers to " + Quoted(source) + ", but there is no enclosing function");
      const std::vector<std::string>& required = context.function->attributes;
      if (std::find(required.begin(), required.end(), source) == required.end() &&
          !context.function->defaults.Has(source)) {
        RejectAttribute("refers to " + Quoted(source) + ", which is no attribute of the enclosing function");
      }
      for (int i = 1; i <= static_cast<int>(kLastKind); ++i) {
        if (HasField(attribute, static_cast<AttributeKind>(i))) RejectAttribute("has both a reference and a value");
      }
      node.attributes.Set(name, AttributeReference{source, static_cast<AttributeKind>(attribute.type())},
                          attribute.doc_string());
      return;
    }
    const AttributeKind kind = KindOfAttribute(attribute);
    if (kind != AttributeKind::kGraph && kind != AttributeKind::kGraphs) {
      node.attributes.Set(name, ReadAttributeValue(attribute, kind), attribute.doc_string());
      return;
    }
    if (kind == AttributeKind::kGraph && !attribute.has_g()) RejectAttribute("is of type GRAPH and has no graph");
    const auto read_body = [&](wire::Graph& graph) {
      Body body{name, nullptr, {}};
      body.graph = ReadGraph(graph, &scope, context, &body.captures);
      node.bodies.push_back(std::move(body));
    };
    if (kind == AttributeKind::kGraph) return read_body(*attribute.mutable_g());
    for (wire::Graph& graph : *attribute.mutable_graphs()) read_body(graph);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) throw;
    throw Error(error.code(), "attribute " + Quoted(name) + ": " + error.what());
  }
}

AttributeValue GraphReader::ReadAttributeValue(wire::Attribute& attribute, AttributeKind kind) {
  switch (kind) {
    case AttributeKind::kFloat:
      return attribute.f();
    case AttributeKind::kInt:
      return static_cast<int64_t>(attribute.i());
    case AttributeKind::kString:
      return std::move(*attribute.mutable_s());
    case AttributeKind::kFloats:
      return std::vector<float>(attribute.floats().begin(), attribute.floats().end());
    case AttributeKind::kInts:
      return std::vector<int64_t>(attribute.ints().begin(), attribute.ints().end());
    case AttributeKind::kStrings:
      return std::vector<std::string>(attribute.strings().begin(), attribute.strings().end());
    case AttributeKind::kTensor:
      if (!attribute.has_t()) RejectAttribute("is of type TENSOR and has no tensor");
      return tensors_.Read(*attribute.mutable_t());
    case AttributeKind::kTensors: {
      std::vector<TensorPtr> tensors;
      for (wire::Tensor& tensor : *attribute.mutable_tensors()) tensors.push_back(tensors_.Read(tensor));
      return tensors;
    }
    case AttributeKind::kSparseTensor:
      return tensors_.ReadSparse(*attribute.mutable_sparse_tensor());
    case AttributeKind::kSparseTensors: {
      std::vector<SparseTensor> tensors;
      for (wire::SparseTensor& sparse : *attribute.mutable_sparse_tensors()) {
        tensors.push_back(tensors_.ReadSparse(sparse));
      }
      return tensors;
    }
    case AttributeKind::kType:
      return types_.Read(attribute.tp(), "the type");
    case AttributeKind::kTypes: {
      std::vector<Fact> facts;
      for (const wire::Type& type : attribute.type_protos()) facts.push_back(types_.Read(type, "the type"));
      return facts;
    }
    default:
      break;
  }
  RejectAttribute("is of a type that is not known");
}

}  // namespace onda::proto
