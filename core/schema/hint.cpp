#include "core/schema/hint.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <numeric>
#include <string_view>
#include <vector>

#include "core/schema/schema.h"

namespace onda {
namespace {

std::string Title(std::string_view domain, std::string_view op) {
  return (domain.empty() ? "ai.onnx." : std::string(domain) + ".") + std::string(op);
}

// How many characters must be changed, added or dropped, whatever their case.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const bool same =
          std::tolower(static_cast<unsigned char>(a[i])) == std::tolower(static_cast<unsigned char>(b[j]));
      const size_t best = std::min({row[j] + 1, row[j + 1] + 1, diagonal + (same ? 0 : 1)});
      diagonal = row[j + 1];
      row[j + 1] = best;
    }
  }
  return row.back();
}

// Names further apart than that are not taken for misspelled.
size_t Nearness(std::string_view name) { return name.size() < 4 ? 1 : std::max<size_t>(2, name.size() / 3); }
constexpr size_t kMaxName = 64;  // names longer than that are none of an operator

std::string UnknownOperator(const Node& node) {
  if (node.op_type.size() > kMaxName) return "";
  const Schema* nearest = nullptr;
  size_t best = Nearness(node.op_type) + 1;
  for (const Schema& schema : AllSchemas()) {
    // An operator of the same name in another domain is as good as a misspelled one of this domain.
    const size_t distance = Distance(schema.name(), node.op_type) + (schema.domain() == node.domain ? 0 : 1);
    if (distance >= best) continue;
    best = distance;
    nearest = &schema;
  }
  return nearest ? "is " + Title(nearest->domain(), nearest->name()) + " meant?" : "";
}

std::string Parameters(std::span<const SchemaParameter> parameters) {
  std::string text;
  for (const SchemaParameter& p : parameters) {
    if (!text.empty()) text += ", ";
    text += p.name();
    if (p.option == ParameterOption::kOptional) text += "?";
    if (p.option == ParameterOption::kVariadic) text += "...";
  }
  return text.empty() ? "none" : text;
}

std::string UnknownAttribute(const Schema& schema, std::string_view name) {
  // One that another version has came or went.
  const Schema* other = nullptr;
  for (const Schema& s : AllSchemas())
    if (s.name() == schema.name() && s.domain() == schema.domain() && s.FindAttribute(name)) other = &s;
  if (other) {
    const std::string version = std::to_string(other->since_version);
    if (other->since_version > schema.since_version) return "'" + std::string(name) + "' came with opset " + version;
    return "'" + std::string(name) + "' was an attribute up to version " + version +
           " of the operator; its inputs are " + Parameters(schema.inputs()) + " now";
  }
  if (name.size() > kMaxName) return "";
  std::string_view nearest;
  size_t best = Nearness(name) + 1;
  for (const SchemaAttribute& a : schema.attributes()) {
    if (const size_t distance = Distance(a.name(), name); distance < best) {
      best = distance;
      nearest = a.name();
    }
  }
  return nearest.empty() ? "" : "is '" + std::string(nearest) + "' meant?";
}

bool Fits(const std::vector<ValueId>& values, int minimum, int maximum) {
  int count = static_cast<int>(values.size());
  while (count > 0 && values[count - 1] == kNoValue) --count;
  return count >= minimum && count <= maximum;
}

}  // namespace

std::string HintFor(const Node& node, int opset) {
  if (NewestOpset(node.domain) == 0) return "";
  if (opset == 0) {
    return "import opset " + std::to_string(NewestOpset(node.domain)) + " of that domain, or an older one";
  }
  const Schema* schema = FindSchema(node.domain, node.op_type, opset);
  if (!schema) {
    if (const Schema* newest = FindSchema(node.domain, node.op_type, std::numeric_limits<int>::max())) {
      return "the model needs a newer opset of " +
             (newest->domain().empty() ? "ai.onnx" : std::string(newest->domain()));
    }
    return UnknownOperator(node);
  }
  if (schema->deprecated) return "`onda convert FROM TO --newest-opset` writes what took its place";
  if (!Fits(node.inputs, schema->min_inputs, schema->max_inputs)) return "inputs: " + Parameters(schema->inputs());
  if (!Fits(node.outputs, schema->min_outputs, schema->max_outputs)) return "outputs: " + Parameters(schema->outputs());
  for (const AttributeMap::Entry& entry : node.attributes.entries()) {
    if (!schema->FindAttribute(entry.name)) return UnknownAttribute(*schema, entry.name);
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const SchemaParameter* parameter = schema->Input(static_cast<int>(i));
    if (node.inputs[i] == kNoValue && parameter && parameter->option == ParameterOption::kSingle) {
      return "inputs: " + Parameters(schema->inputs());
    }
  }
  return "";
}

}  // namespace onda
