#include "core/passes/canonical_writer.h"
#include "core/passes/declared.h"
#include "core/schema/hint.h"

namespace onda::canonical {
namespace {

// The node as read, with the name and operator set that a problem shows.
Node WithOrigin(const Node& read, const Frame& frame) {
  Node node = read;
  node.domain = NormalDomain(read.domain);
  const auto import = frame.opsets->find(node.domain);
  node.origin = {frame.prefix + read.name, node.domain, read.op_type,
                 import == frame.opsets->end() ? 0 : import->second};
  return node;
}

}  // namespace

void Writer::Declare(const Graph& in, ValueId id, Frame& frame) {
  const Value& value = in.value(id);
  frame.values[id] = out_->AddValue(frame.prefix + value.name, InputFact(shared_, value.fact));
}

void Writer::Report(const Node& read, const Frame& frame, Problem problem) {
  problem.place = frame.place;
  if (shared_.reported.insert(&read).second) shared_.options.on_problem(std::move(problem));
}

void Writer::CheckNode(const Graph& in, const Node& read, Frame& frame) {
  // Nodes that need each other in a cycle have inputs that are not there yet; an omitted input of a function stays so.
  const auto need = [&](ValueId id) {
    if (id != kNoValue && frame.values[id] == kNoValue && in.value(id).producer != kNoNode) Declare(in, id, frame);
  };
  for (ValueId id : read.inputs) need(id);
  for (const Body& body : read.bodies)
    for (ValueId id : body.captures) need(id);
  try {
    WalkNode(in, read, frame);
  } catch (const Error& error) {
    if (EndsCheck(error) || shared_.nodes > shared_.options.max_nodes) throw;
    const Node named = WithOrigin(read, frame);
    Problem problem = Problem::At(named, error);
    problem.hint = HintFor(named, named.origin.opset);
    problem.warning = error.code() == ErrorCode::kNotImplemented;
    Report(read, frame, std::move(problem));
  }
  for (ValueId id : read.outputs) {
    if (id == kNoValue) continue;
    if (frame.values[id] == kNoValue) {
      Declare(in, id, frame);
      continue;
    }
    Fact& fact = out_->value(frame.values[id]).fact;
    const Fact& declared = in.value(id).fact;
    if (const std::string mismatch = DeclaredMismatch(declared, fact); !mismatch.empty()) {
      Report(read, frame,
             Problem::At(WithOrigin(read, frame),
                         Error(ErrorCode::kInvalidModel, "output '" + in.value(id).name + "' is declared " +
                                                             declared.ToString() + " but is " + fact.ToString() + ": " +
                                                             mismatch)));
    } else if (!fact.constant) {
      fact = WithDeclared(std::move(fact), InputFact(shared_, declared));
    }
  }
}

}  // namespace onda::canonical
