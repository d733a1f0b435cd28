#include "core/schema/schema.h"

#include <algorithm>
#include <iterator>

namespace onda {
namespace {

#include "core/schema/schemas.inc"

int DomainIndex(std::string_view domain) {
  if (domain == "ai.onnx") return 0;
  for (size_t i = 0; i < std::size(kDomains); ++i) {
    if (domain == kDomains[i].name) return static_cast<int>(i);
  }
  return -1;
}

const SchemaParameter* Nth(std::span<const SchemaParameter> list, int index) {
  if (index < 0 || list.empty()) return nullptr;
  if (static_cast<size_t>(index) < list.size()) return &list[index];
  return list.back().option == ParameterOption::kVariadic ? &list.back() : nullptr;
}

void AppendMask(std::string& text, uint32_t mask, std::string_view before, std::string_view after) {
  if (mask == 0) return;
  if (!text.empty()) text += ", ";
  text += before;
  bool first = true;
  for (int i = 0; i < kDTypeCount; ++i) {
    if ((mask >> i & 1) == 0) continue;
    if (!first) text += " | ";
    text += NameOf(static_cast<DType>(i));
    first = false;
  }
  text += after;
}

}  // namespace

std::string_view NameOf(AttributeKind kind) {
  constexpr std::string_view kNames[] = {
      "undefined", "float",   "int",    "string",        "tensor",         "graph",      "floats",     "ints",
      "strings",   "tensors", "graphs", "sparse_tensor", "sparse_tensors", "type_proto", "type_protos"};
  const size_t index = static_cast<size_t>(kind);
  return index < std::size(kNames) ? kNames[index] : "invalid";
}

std::string Describe(const TypeSet& types) {
  std::string text;
  AppendMask(text, types.tensor, "tensor(", ")");
  AppendMask(text, types.sparse, "sparse_tensor(", ")");
  AppendMask(text, types.sequence, "seq(tensor(", "))");
  AppendMask(text, types.optional_tensor, "optional(tensor(", "))");
  AppendMask(text, types.optional_sequence, "optional(seq(tensor(", ")))");
  AppendMask(text, types.map_int64, "map(int64, ", ")");
  AppendMask(text, types.map_string, "map(string, ", ")");
  AppendMask(text, types.sequence_map_int64, "seq(map(int64, ", "))");
  AppendMask(text, types.sequence_map_string, "seq(map(string, ", "))");
  return text;
}

std::string_view SchemaText::view() const { return kText + offset; }
const TypeSet& SchemaParameter::types() const { return kTypeSets[type_index]; }
const TypeSet& SchemaConstraint::types() const { return kTypeSets[type_index]; }

int64_t SchemaAttribute::default_int() const { return kDefaultInts[default_offset]; }
float SchemaAttribute::default_float() const { return kDefaultFloats[default_offset]; }
std::string_view SchemaAttribute::default_string() const { return kText + default_offset; }
std::span<const int64_t> SchemaAttribute::default_ints() const {
  return {kDefaultInts + default_offset, default_count};
}
std::string_view SchemaAttribute::default_strings(int index) const {
  return kText + kDefaultStrings[default_offset + index];
}

std::string_view Schema::domain() const { return kDomains[domain_index].name; }
std::span<const SchemaParameter> Schema::inputs() const { return {kParameters + first_input, input_count}; }
std::span<const SchemaParameter> Schema::outputs() const { return {kParameters + first_output, output_count}; }
std::span<const SchemaConstraint> Schema::constraints() const {
  return {kConstraints + first_constraint, constraint_count};
}
std::span<const SchemaAttribute> Schema::attributes() const { return {kAttributes + first_attribute, attribute_count}; }

const SchemaAttribute* Schema::FindAttribute(std::string_view name) const {
  for (const SchemaAttribute& attribute : attributes()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

const SchemaParameter* Schema::Input(int index) const { return Nth(inputs(), index); }
const SchemaParameter* Schema::Output(int index) const { return Nth(outputs(), index); }

const Schema* FindSchema(std::string_view domain, std::string_view op, int opset) {
  const int domain_index = DomainIndex(domain);
  if (domain_index < 0) return nullptr;
  // The first signature that is newer than what is asked for; the one before it is the answer if it has the same name.
  const Schema* end =
      std::upper_bound(std::begin(kSchemas), std::end(kSchemas), opset, [&](int version, const Schema& schema) {
        if (schema.domain_index != domain_index) {
          return domain_index < schema.domain_index;
        }
        const int order = op.compare(schema.name());
        return order != 0 ? order < 0 : version < schema.since_version;
      });
  if (end == std::begin(kSchemas)) return nullptr;
  const Schema* found = end - 1;
  return found->domain_index == domain_index && found->name() == op ? found : nullptr;
}

std::span<const Schema> AllSchemas() { return kSchemas; }

int NewestOpset(std::string_view domain) {
  const int index = DomainIndex(domain);
  return index < 0 ? 0 : kDomains[index].newest;
}

int OldestIrVersion(std::string_view domain, int opset) {
  const int index = DomainIndex(domain);
  if (index < 0) return 0;
  for (const Release& release : kReleases) {
    if (release.domain_index == index && release.opset >= opset) return opset >= 1 ? release.ir_version : 0;
  }
  return 0;
}

}  // namespace onda
