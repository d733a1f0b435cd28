#include "core/schema/check_node.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/ir/attribute.h"

namespace onda {
namespace {

[[noreturn]] void Refuse(const Node& node, const std::string& cause) {
  throw Error(ErrorCode::kInvalidModel, Describe(node) + ": " + cause);
}

std::string Quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string Title(std::string_view domain, std::string_view op) {
  return (domain.empty() ? "ai.onnx" : std::string(domain)) + "." + std::string(op);
}

std::string Range(int minimum, int maximum) {
  if (maximum == kUnboundedArity) return std::to_string(minimum) + " or more";
  return minimum == maximum ? std::to_string(minimum) : std::to_string(minimum) + " to " + std::to_string(maximum);
}

// Inputs or outputs of a node against the parameters of its signature.
void CheckArity(const Node& node, std::string_view what, const std::vector<ValueId>& values,
                std::span<const SchemaParameter> parameters, int minimum, int maximum) {
  // Trailing omitted arguments are as good as absent.
  int count = static_cast<int>(values.size());
  while (count > 0 && values[count - 1] == kNoValue) --count;
  if (count < minimum || count > maximum) {
    Refuse(node, "has " + std::to_string(count) + " " + std::string(what) + "s where " + Range(minimum, maximum) +
                     (maximum == 1 ? " is" : " are") + " expected");
  }
  for (int i = 0; i < static_cast<int>(values.size()); ++i) {
    if (values[i] != kNoValue || parameters.empty()) continue;
    const SchemaParameter& parameter = parameters[std::min<size_t>(i, parameters.size() - 1)];
    // An output may always be left unnamed, and what a body is given too: the operator has the last word.
    const bool required = parameter.option == ParameterOption::kVariadic
                              ? node.bodies.empty()
                              : i < count && parameter.option == ParameterOption::kSingle;
    if (what == "input" && required) {
      Refuse(node, "required input " + std::to_string(i) + " (" + std::string(parameter.name()) + ") is omitted");
    }
  }
}

void CheckKind(const Node& node, const Schema& schema, std::string_view name, AttributeKind kind) {
  const SchemaAttribute* expected = schema.FindAttribute(name);
  if (!expected) Refuse(node, "unknown attribute " + Quoted(name));
  if (expected->kind() == kind) return;
  Refuse(node, "attribute " + Quoted(name) + " is of kind " + std::string(NameOf(kind)) + " where " +
                   std::string(NameOf(expected->kind())) + " is expected");
}

// A leaf of TypeSet: one of its masks and an element type.
struct TypeLeaf {
  uint32_t TypeSet::*mask;
  DType dtype;
  friend bool operator==(const TypeLeaf&, const TypeLeaf&) = default;
};

enum class Known { kYes, kPartly, kNever };

// kPartly where too little is known; kNever for types that no signature mentions.
Known Classify(const Fact& fact, TypeLeaf& leaf) {
  const auto known_dtype = [&](const Fact& tensor) {
    leaf.dtype = tensor.dtype;
    return tensor.dtype == DType::kUndefined ? Known::kPartly : Known::kYes;
  };
  switch (fact.kind) {
    case ValueKind::kUnknown:
      return Known::kPartly;
    case ValueKind::kOpaque:
      return Known::kNever;
    case ValueKind::kTensor:
      leaf.mask = &TypeSet::tensor;
      return known_dtype(fact);
    case ValueKind::kSparse:
      leaf.mask = &TypeSet::sparse;
      return known_dtype(fact);
    default:
      break;
  }
  if (!fact.element || !fact.element->known()) return Known::kPartly;
  const Fact& element = *fact.element;
  if (fact.kind == ValueKind::kMap) {
    if (!element.is_tensor()) return Known::kNever;
    if (fact.dtype != DType::kString && fact.dtype != DType::kInt64) return Known::kNever;
    leaf.mask = fact.dtype == DType::kString ? &TypeSet::map_string : &TypeSet::map_int64;
    return known_dtype(element);
  }
  TypeLeaf inner{};
  const Known known = Classify(element, inner);
  if (known != Known::kYes) return known;
  leaf.dtype = inner.dtype;
  if (fact.kind == ValueKind::kOptional) {
    if (inner.mask == &TypeSet::tensor)
      leaf.mask = &TypeSet::optional_tensor;
    else if (inner.mask == &TypeSet::sequence)
      leaf.mask = &TypeSet::optional_sequence;
    else
      return Known::kNever;
  } else {
    if (inner.mask == &TypeSet::tensor)
      leaf.mask = &TypeSet::sequence;
    else if (inner.mask == &TypeSet::map_int64)
      leaf.mask = &TypeSet::sequence_map_int64;
    else if (inner.mask == &TypeSet::map_string)
      leaf.mask = &TypeSet::sequence_map_string;
    else
      return Known::kNever;
  }
  return Known::kYes;
}

std::string NameOf(const TypeLeaf& leaf) {
  TypeSet one{};
  one.*leaf.mask = TypeSet::Bit(leaf.dtype);
  return onda::Describe(one);
}

// What a type variable was bound to, and by which argument.
struct Binding {
  TypeLeaf leaf;
  std::string argument;
};

void CheckTypesOf(const Node& node, const Schema& schema, std::string_view what,
                  std::span<const SchemaParameter> parameters, std::span<const Fact* const> facts,
                  std::vector<std::optional<Binding>>& bindings) {
  for (size_t i = 0; i < facts.size() && !parameters.empty(); ++i) {
    if (!facts[i]) continue;
    const SchemaParameter& parameter = parameters[std::min(i, parameters.size() - 1)];
    TypeLeaf leaf{};
    const Known known = Classify(*facts[i], leaf);
    if (known == Known::kPartly) continue;
    const std::string argument =
        std::string(what) + " " + std::to_string(i) + " (" + std::string(parameter.name()) + ")";
    if (known == Known::kNever || (parameter.types().*leaf.mask & TypeSet::Bit(leaf.dtype)) == 0) {
      Refuse(node, argument + " is " + facts[i]->ToString() + ", which is none of " + Describe(parameter.types()));
    }
    if (parameter.constraint < 0 || (parameter.option == ParameterOption::kVariadic && !parameter.homogeneous))
      continue;
    std::optional<Binding>& binding = bindings[parameter.constraint];
    if (!binding) {
      binding = {leaf, argument};
    } else if (binding->leaf != leaf) {
      Refuse(node, argument + " is " + NameOf(leaf) + " but " + binding->argument + " is " + NameOf(binding->leaf) +
                       "; both must have the same type " +
                       std::string(schema.constraints()[parameter.constraint].name()));
    }
  }
}

}  // namespace

const Schema* SchemaOf(const Node& node, int opset) {
  if (NewestOpset(node.domain) == 0) return nullptr;
  if (const Schema* schema = FindSchema(node.domain, node.op_type, opset)) return schema;
  const std::string title = Title(node.domain, node.op_type);
  const Schema* oldest = nullptr;
  for (const Schema& schema : AllSchemas()) {
    if (schema.name() == node.op_type && schema.domain() == (node.domain == "ai.onnx" ? "" : node.domain)) {
      oldest = &schema;
      break;
    }
  }
  if (oldest) {
    Refuse(node, title + " exists from opset " + std::to_string(oldest->since_version) +
                     " on, but the model imports opset " + std::to_string(opset));
  }
  for (const Schema& schema : AllSchemas()) {
    if (schema.name() == node.op_type) {
      Refuse(node, "unknown operator " + title + "; there is one of that name in domain " +
                       (schema.domain().empty() ? "ai.onnx" : std::string(schema.domain())));
    }
  }
  Refuse(node, "unknown operator " + title);
}

void CheckNotDeprecated(const Node& node, const Schema& schema) {
  if (schema.deprecated && schema.standard)
    Refuse(node, "deprecated since opset " + std::to_string(schema.since_version));
}

bool IsRequiredOutput(const Node& node, size_t index) {
  const Schema* schema = FindSchema(node.domain, node.op_type, NewestOpset(node.domain));
  const SchemaParameter* output = schema ? schema->Output(static_cast<int>(index)) : nullptr;
  return output && output->option != ParameterOption::kOptional;
}

void CheckSignature(const Node& node, const Schema& schema, std::vector<std::string>* warnings) {
  if (schema.deprecated && warnings) {
    warnings->push_back(Describe(node) + ": deprecated since opset " + std::to_string(schema.since_version));
  }
  CheckArity(node, "input", node.inputs, schema.inputs(), schema.min_inputs, schema.max_inputs);
  CheckArity(node, "output", node.outputs, schema.outputs(), schema.min_outputs, schema.max_outputs);

  for (const AttributeMap::Entry& entry : node.attributes.entries()) {
    const auto* reference = std::get_if<AttributeReference>(&entry.value);
    CheckKind(node, schema, entry.name, reference ? reference->kind : KindOf(entry.value));
  }
  for (const Body& body : node.bodies) {
    const SchemaAttribute* expected = schema.FindAttribute(body.attribute);
    const bool list = expected && expected->kind() == AttributeKind::kGraphs;
    CheckKind(node, schema, body.attribute, list ? AttributeKind::kGraphs : AttributeKind::kGraph);
    if (!list && &body != node.FindBody(body.attribute)) {
      Refuse(node, "attribute " + Quoted(body.attribute) + " holds more than one graph");
    }
  }
  for (const SchemaAttribute& attribute : schema.attributes()) {
    if (!attribute.required) continue;
    const std::string_view name = attribute.name();
    if (!node.attributes.Has(name) && !node.FindBody(name))
      Refuse(node, "required attribute " + Quoted(name) + " is missing");
  }
}

void CheckTypes(const Node& node, const Schema& schema, std::span<const Fact* const> inputs,
                std::span<const Fact* const> outputs) {
  std::vector<std::optional<Binding>> bindings(schema.constraints().size());
  CheckTypesOf(node, schema, "input", schema.inputs(), inputs, bindings);
  CheckTypesOf(node, schema, "output", schema.outputs(), outputs, bindings);
}

void CheckOwn(const Node& node, std::span<const Fact* const> inputs) {
  static constexpr std::pair<std::string_view, std::string_view> kLike[] = {
      {"BlockedQLinearConv", "QLinearConv"},
      {"ChannelsLastAveragePool", "AveragePool"},
      {"ChannelsLastConv", "Conv"},
      {"ChannelsLastMaxPool", "MaxPool"},
  };
  // The scans of a BatchedScan and the results of a Region are as many as it says itself.
  if (node.domain != "onda" || node.op_type == "BatchedScan" || node.op_type == "Region") return;
  CheckArity(node, "output", node.outputs, {}, 1, 1);
  for (const auto& [own, like] : kLike) {
    if (node.op_type != own) continue;
    const Schema& schema = *FindSchema("", like, NewestOpset(""));
    CheckArity(node, "input", node.inputs, schema.inputs(), schema.min_inputs, kUnboundedArity);
    CheckTypes(node, schema, inputs);
  }
}

}  // namespace onda
