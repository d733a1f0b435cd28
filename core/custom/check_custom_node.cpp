#include "core/custom/check_custom_node.h"

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/schema/schema.h"

namespace onda {
namespace {

using Parameters = std::span<const OndaCustomParameter>;

// 0 where a kind does not cross to kernels.
int32_t CrossingKind(AttributeKind kind) {
  switch (kind) {
    case AttributeKind::kInt:
      return kOndaInt;
    case AttributeKind::kFloat:
      return kOndaFloat;
    case AttributeKind::kString:
      return kOndaString;
    case AttributeKind::kTensor:
      return kOndaTensor;
    case AttributeKind::kInts:
      return kOndaInts;
    case AttributeKind::kFloats:
      return kOndaFloats;
    case AttributeKind::kStrings:
      return kOndaStrings;
    default:
      return 0;
  }
}

const char* NameOfKind(int32_t kind) {
  constexpr const char* kNames[] = {"nothing",  "an int", "a float", "a string",
                                    "a tensor", "ints",   "floats",  "strings"};
  return kind >= 0 && kind < 8 ? kNames[kind] : "of no kind";
}

void CheckCount(const InferContext& c, const char* what, Parameters parameters, const std::vector<ValueId>& given) {
  const bool variadic = !parameters.empty() && parameters.back().option == kOndaVariadic;
  const size_t most = parameters.size();
  size_t least = 0;
  for (size_t i = 0; i < most; ++i)
    if (parameters[i].option != kOndaOptional) least = i + 1;
  const auto refuse = [&] {
    c.Reject("takes " + std::string(variadic ? "at least " : "") + std::to_string(least) +
             (!variadic && most != least ? " to " + std::to_string(most) : "") + " " + what + "s, given " +
             std::to_string(given.size()));
  };
  if (given.size() < least || (given.size() > most && !variadic)) refuse();
  for (size_t i = 0; i < given.size(); ++i) {
    const OndaCustomParameter& p = parameters[std::min(i, most - 1)];
    if (given[i] == kNoValue && p.option != kOndaOptional && std::string_view(what) == "input")
      c.Reject("required input " + std::to_string(i) + " (" + p.name + ") is omitted");
  }
}

void CheckAttributes(const InferContext& c, std::span<const OndaCustomAttribute> known) {
  for (const AttributeMap::Entry& entry : c.node().attributes.entries()) {
    const auto it = std::find_if(known.begin(), known.end(), [&](const auto& a) { return entry.name == a.name; });
    if (it == known.end()) {
      std::string text = "unknown attribute '" + entry.name + "'";
      for (const OndaCustomAttribute& a : known)
        text += std::string(&a == known.data() ? "; known are '" : ", '") + a.name + "'";
      c.Reject(text);
    }
    if (CrossingKind(KindOf(entry.value)) != it->kind)
      c.Reject("attribute '" + entry.name + "' must be " + NameOfKind(it->kind));
  }
  for (const OndaCustomAttribute& a : known)
    if (a.required && !c.node().attributes.Has(a.name))
      c.Reject("required attribute '" + std::string(a.name) + "' is missing");
}

}  // namespace

std::vector<DType> CheckCustomNode(const InferContext& c, const OndaCustomOpDef& def) {
  const Parameters inputs(def.inputs, static_cast<size_t>(def.input_count));
  const Parameters outputs(def.outputs, static_cast<size_t>(def.output_count));
  CheckCount(c, "input", inputs, c.node().inputs);
  CheckCount(c, "output", outputs, c.node().outputs);
  CheckAttributes(c, {def.attributes, static_cast<size_t>(def.attribute_count)});

  std::map<std::string_view, std::pair<DType, std::string>> variables;  // with the input that fixed it
  for (size_t i = 0; i < c.input_count(); ++i) {
    if (!c.has_input(i) || !c.input(i).known()) continue;
    const OndaCustomParameter& p = inputs[std::min(i, inputs.size() - 1)];
    const std::string place = "input " + std::to_string(i) + " (" + p.name + ")";
    if (!c.input(i).is_tensor()) c.Reject(place + " must be a tensor");
    const DType dtype = c.dtype(i);
    if (dtype == DType::kUndefined) continue;
    if (p.types && !(p.types >> static_cast<int>(dtype) & 1)) {
      std::string text = place + " is of type " + std::string(NameOf(dtype)) + ", which is none of";
      for (int t = 1; t < kDTypeCount; ++t)
        if (p.types >> t & 1) text += " " + std::string(NameOf(static_cast<DType>(t)));
      c.Reject(text);
    }
    if (!p.variable) continue;
    const auto [it, is_new] = variables.try_emplace(p.variable, dtype, place);
    if (!is_new && it->second.first != dtype)
      c.Reject(place + " is of type " + std::string(NameOf(dtype)) + " but " + it->second.second + " of " +
               std::string(NameOf(it->second.first)) + "; both must have the same type " + p.variable);
  }
  std::vector<DType> types;
  for (size_t i = 0; i < c.output_count(); ++i) {
    const OndaCustomParameter& p = outputs[std::min(i, outputs.size() - 1)];
    DType dtype = DType::kUndefined;
    if (p.variable && variables.count(p.variable)) dtype = variables.at(p.variable).first;
    for (int t = 1; t < kDTypeCount && dtype == DType::kUndefined; ++t)
      if (p.types == uint64_t{1} << t) dtype = static_cast<DType>(t);
    types.push_back(dtype);
  }
  return types;
}

}  // namespace onda
