#include "core/passes/canonicalize.h"

#include <algorithm>
#include <cctype>

#include "core/passes/canonical_writer.h"

namespace onda {
namespace canonical {
namespace {

// A dimension that the model names: overridden, or a sum of such ones, as "past + sequence" is, whatever their order.
Dim NamedDim(const Shared& shared, const Dim& dim, const std::string& name) {
  const auto& given = shared.options.free_dimensions;
  if (const auto it = given.find(name); it != given.end()) return it->second;
  constexpr std::string_view kPlus = " + ";
  if (dim.symbol().empty() || name.find(kPlus) == std::string::npos || name.size() > 256) return dim;
  Dim sum = 0;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find(kPlus, begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    const bool plain = !part.empty() && std::all_of(part.begin(), part.end(),
                                                    [](unsigned char c) { return std::isalnum(c) || c == '_'; });
    if (!plain) return dim;
    const auto it = given.find(part);
    sum = sum + (it != given.end() ? Dim(it->second) : ParseDim(part));
    begin = end + kPlus.size();
  }
  return sum;
}

}  // namespace

std::string NormalDomain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

std::string FunctionKey(const std::string& domain, const std::string& name, const std::string& overload) {
  return domain + "\n" + name + "\n" + overload;
}

Fact InputFact(Shared& shared, Fact fact) {
  fact.constant = nullptr;
  if (!fact.shape) return fact;
  for (Dim& d : *fact.shape) {
    if (d.known()) continue;
    const std::string name(d.ToString());
    d = name.empty() || name == "?" ? shared.FreshDim() : NamedDim(shared, d, name);
  }
  return fact;
}

}  // namespace canonical

std::shared_ptr<Graph> Canonicalize(const Model& model, const CanonicalizeOptions& options,
                                    std::vector<std::string>* warnings) {
  using namespace canonical;
  Shared shared{.model = model, .options = options, .warnings = warnings};
  shared.max_folded_total = 2 * options.max_folded_bytes;
  for (ValueId id : model.graph->initializers)
    if (const TensorPtr& constant = model.graph->FactOf(id).constant)
      shared.max_folded_total += static_cast<int64_t>(constant->bytes());
  for (const Function& f : model.functions)
    shared.functions[FunctionKey(NormalDomain(f.domain), f.name, f.overload)] = &f;
  const Graph& in = *model.graph;
  auto graph = std::make_shared<Graph>();
  graph->name = in.name;
  Writer writer(shared, graph.get());
  Frame frame{&model.opsets, nullptr, 0, "", "", {}};
  frame.values.assign(in.values().size(), kNoValue);
  for (ValueId id : in.inputs) {
    // From IR 4 on an initializer of the same name is a default that a feed overrides; before, it is a constant that
    // was listed among the inputs by custom. A check takes the default for what is fed, as ONNX's inference does.
    const Value& value = in.value(id);
    if (value.fact.constant && (model.ir_version < 4 || shared.checking())) {
      frame.values[id] = graph->AddInput(value.name, Fact::Constant(value.fact.constant));
    } else {
      frame.values[id] = graph->AddInput(value.name, InputFact(shared, value.fact));
    }
  }
  writer.Walk(in, frame);
  for (ValueId id : in.outputs) {
    const ValueId value = id == kNoValue ? kNoValue : frame.values[id];
    if (value == kNoValue)
      throw Error(ErrorCode::kInvalidModel, "graph '" + in.name + "': output '" +
                                                (id == kNoValue ? "" : in.value(id).name) + "' is produced by no node");
    // An output keeps its name: where its value has another one (an input, a value given out twice), it is a view of
    // it.
    if (graph->value(value).name == in.value(id).name) {
      graph->outputs.push_back(value);
      continue;
    }
    Node identity;
    identity.op_type = "Identity";
    identity.origin = {in.value(id).name, "", "Identity", 0};
    identity.inputs = {value};
    identity.outputs = {graph->AddValue(in.value(id).name)};
    graph->outputs.push_back(identity.outputs[0]);
    writer.AddCanonical(std::move(identity), &frame);
  }
  return graph;
}

}  // namespace onda
