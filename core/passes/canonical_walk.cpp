#include "core/ir/at_node.h"
#include "core/passes/canonical_writer.h"
#include "core/passes/declared.h"
#include "core/schema/check_node.h"
#include "core/schema/hint.h"

namespace onda::canonical {

void Writer::Define(Frame& frame, ValueId read, const std::string& name, ValueId value) {
  frame.values[read] = value;
  if (value == kNoValue) return;
  Value& v = out_->value(value);
  if (v.name.rfind("_onda_", 0) == 0 && frame.prefix.empty()) v.name = name;
}

void Writer::ResolveReferences(Node& node, const Frame& frame) {
  std::vector<std::string> absent;
  for (const AttributeMap::Entry& entry : std::list<AttributeMap::Entry>(node.attributes.entries())) {
    const auto* reference = std::get_if<AttributeReference>(&entry.value);
    if (!reference) continue;
    const AttributeValue* value = frame.attributes ? frame.attributes->Find(reference->name) : nullptr;
    if (value) {
      node.attributes.Set(entry.name, *value);
    } else {
      absent.push_back(entry.name);
    }
  }
  for (const std::string& name : absent) node.attributes.Remove(name);
}

// Inference wins over what a model says of its values.
void Writer::WarnOfDeclared(const Graph& in, const Node& read, const Frame& frame) {
  for (ValueId id : read.outputs) {
    if (id == kNoValue || frame.values[id] == kNoValue) continue;
    const Fact &declared = in.value(id).fact, &fact = out_->FactOf(frame.values[id]);
    if (const std::string mismatch = DeclaredMismatch(declared, fact); !mismatch.empty())
      shared_.warnings->push_back(Describe(read) + ": output '" + in.value(id).name + "' is declared " +
                                  declared.ToString() + " but is " + fact.ToString() + ": " + mismatch);
  }
}

void Writer::WalkNode(const Graph& in, const Node& read, Frame& frame) {
  if (shared_.options.stop.stop_requested()) throw Error(ErrorCode::kCancelled, "loading was cancelled");
  if (++shared_.nodes > shared_.options.max_nodes)
    throw Error(ErrorCode::kResourceLimit,
                "the model expands to more than " + std::to_string(shared_.options.max_nodes) + " nodes");
  Node node = read;
  node.domain = NormalDomain(read.domain);
  node.origin = {frame.prefix + read.name, node.domain, read.op_type, 0};
  for (ValueId& id : node.inputs)
    if (id != kNoValue) id = frame.values[id];
  for (Body& body : node.bodies)
    for (ValueId& id : body.captures) id = frame.values[id];
  ResolveReferences(node, frame);

  const auto function = shared_.functions.find(FunctionKey(node.domain, read.op_type, read.overload));
  if (function != shared_.functions.end()) {
    Inline(*function->second, node, read, frame);
    return;
  }

  auto import = frame.opsets->find(node.domain);
  if (import == frame.opsets->end() && node.domain.empty()) import = frame.opsets->find("ai.onnx");
  // Some writers use com.microsoft's operators without importing the domain; it has one version only.
  if (import == frame.opsets->end() && node.domain != "com.microsoft")
    throw Error(ErrorCode::kInvalidModel, Describe(node) + ": the model imports no opset of domain '" +
                                              (node.domain.empty() ? "ai.onnx" : node.domain) + "'");
  const int opset = import == frame.opsets->end() ? 1 : import->second;
  node.origin.opset = opset;

  const Schema* schema = SchemaOf(node, opset);
  const OpDef* op = shared_.options.find_op(node.domain, node.op_type);
  // A check goes on with the node behind what is wrong with it in these ways.
  const auto attempt = [&](auto&& check) {
    try {
      check();
    } catch (const Error& error) {
      if (!shared_.checking()) throw;
      Problem problem = Problem::At(node, error);
      problem.hint = HintFor(node, opset);
      Report(read, frame, std::move(problem));
    }
  };
  std::vector<const Fact*> facts;
  for (ValueId id : node.inputs) facts.push_back(id == kNoValue ? nullptr : &out_->FactOf(id));
  if (schema) {
    if (shared_.checking()) attempt([&] { CheckNotDeprecated(node, *schema); });
    CheckSignature(node, *schema, shared_.warnings);
    attempt([&] { CheckTypes(node, *schema, facts, {}); });
  } else {
    CheckOwn(node, facts);
  }
  if (!op && !schema && shared_.checking() && NewestOpset(node.domain) == 0) {
    Problem problem = Problem::At(node, Error(ErrorCode::kNotImplemented, "an operator of a domain that is not known"));
    problem.warning = true;
    problem.hint = "it is taken for what the model declares";
    Report(read, frame, std::move(problem));
    return;
  }
  if (!op)
    throw Error(
        schema ? ErrorCode::kNotImplemented : ErrorCode::kInvalidModel,
        Describe(node) + ": " +
            (schema ? "Onda does not run this operator yet" : "no such operator, and the model has no such function"));

  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (read.outputs[i] == kNoValue) continue;
    node.outputs[i] = out_->AddValue(frame.prefix + in.value(read.outputs[i]).name);
    frame.values[read.outputs[i]] = node.outputs[i];
  }
  if (op->upgrade) {
    const std::string before = node.op_type + "\n" + node.domain;
    Rewrite rewrite(*this, &frame, &node, schema ? schema->since_version : opset);
    try {
      op->upgrade(rewrite);
    } catch (const Error& e) {
      throw AtNode(node, e);
    }
    if (rewrite.replaced) {
      for (size_t i = 0; i < read.outputs.size(); ++i) {
        if (read.outputs[i] == kNoValue) continue;
        if (i >= rewrite.replacement.size() || rewrite.replacement[i] == kNoValue)
          rewrite.Reject("output " + std::to_string(i) + " has no meaning here");
        Define(frame, read.outputs[i], frame.prefix + in.value(read.outputs[i]).name, rewrite.replacement[i]);
      }
      return;
    }
  }
  AddCanonical(std::move(node), &frame);
}

void Writer::Inline(const Function& function, const Node& call, const Node& read, Frame& frame) {
  if (frame.depth >= shared_.options.max_depth)
    throw Error(ErrorCode::kResourceLimit, Describe(call) + ": functions call each other deeper than " +
                                               std::to_string(shared_.options.max_depth) + " levels");
  const Graph& body = *function.graph;
  if (call.inputs.size() > body.inputs.size() || call.outputs.size() > body.outputs.size())
    throw Error(ErrorCode::kInvalidModel,
                Describe(call) + ": function '" + function.name + "' has " + std::to_string(body.inputs.size()) +
                    " inputs and " + std::to_string(body.outputs.size()) + " outputs, the call " +
                    std::to_string(call.inputs.size()) + " and " + std::to_string(call.outputs.size()));
  AttributeMap attributes = function.defaults;
  for (const AttributeMap::Entry& e : call.attributes.entries()) attributes.Set(e.name, e.value);
  for (const std::string& required : function.attributes)
    if (!attributes.Has(required))
      throw Error(ErrorCode::kInvalidModel,
                  Describe(call) + ": attribute '" + required + "' of the function is missing");
  const std::string label = read.name.empty() ? function.name + std::to_string(shared_.names++) : read.name;
  const std::string place = "function '" + (function.domain.empty() ? "" : function.domain + ".") + function.name + "'";
  Frame inner{&function.opsets, &attributes, frame.depth + 1, frame.prefix + label + "/", place, {}};
  inner.values.assign(body.values().size(), kNoValue);
  for (size_t i = 0; i < call.inputs.size(); ++i) inner.values[body.inputs[i]] = call.inputs[i];
  Walk(body, inner);
  for (size_t i = 0; i < read.outputs.size(); ++i) {
    if (read.outputs[i] == kNoValue) continue;
    const ValueId value = inner.values[body.outputs[i]];
    frame.values[read.outputs[i]] = value;
  }
}

}  // namespace onda::canonical
