#include "core/plan/print_plan.h"

#include <string_view>

namespace onda {
namespace {

std::string TypeText(int32_t dtype, const int64_t* dims, size_t rank) {
  std::string text(NameOf(static_cast<DType>(dtype)));
  for (size_t i = 0; i < rank; ++i) text += (i == 0 ? "[" : ",") + std::to_string(dims[i]);
  return rank == 0 ? text : text + "]";
}

std::string NameText(const Graph& graph, ValueId id) {
  const std::string& name = graph.value(id).name;
  return name.empty() ? "v" + std::to_string(id) : name;
}

// A value of a step and where it lies: "x float[2,3] @128" in an arena, "x float[2,3]" in memory of its own,
// "x float[2,3] = constant".
std::string ArgumentText(const Graph& graph, const Argument& argument, ValueId id) {
  if (argument.place == Argument::Place::kAbsent || id == kNoValue) return "-";
  const OndaTensorView& view = argument.view;
  std::string text = NameText(graph, id);
  if (argument.place != Argument::Place::kDynamic) {
    text += " " + TypeText(view.dtype, view.dims, static_cast<size_t>(view.rank));
  }
  switch (argument.place) {
    case Argument::Place::kArena:
      return text + " @" + std::to_string(argument.offset);
    case Argument::Place::kConstant:
      return text + " = constant";
    case Argument::Place::kDynamic:
      return text + " of a shape that its kernel finds";
    default:
      return text;
  }
}

std::string ArgumentList(const Program& program, const Plan& plan, const std::vector<ValueId>& ids, uint32_t first,
                         uint32_t count) {
  std::string text;
  for (uint32_t i = 0; i < count; ++i) {
    const ValueId id = i < ids.size() ? ids[i] : kNoValue;
    text += (i == 0 ? "" : ", ") + ArgumentText(program.compiled().graph(), plan.arguments[first + i], id);
  }
  return text;
}

std::string StepText(const Program& program, const Plan& plan, const Step& step) {
  const auto label = [&](int32_t instance) { return program.compiled().instances().instances[instance]->label(); };
  const auto worker = [&] {
    static constexpr const char* kStreams[kStreamRoles] = {
        "", "'s upload stream", "'s download stream", "'s side stream 1", "'s side stream 2", "'s side stream 3"};
    return label(step.instance) + kStreams[static_cast<size_t>(step.stream)];
  };
  const std::string event = "event " + std::to_string(step.event) + " of ";
  switch (step.kind) {
    case Step::Kind::kRecord:
      return worker() + " records " + event + label(step.instance);
    case Step::Kind::kWait:
      return worker() + " waits for " + event + label(step.other);
    case Step::Kind::kHostWait:
      return "the host waits for " + event + label(step.instance);
    case Step::Kind::kLaunch:
    case Step::Kind::kCopy:
      break;
  }
  const Node& node = program.compiled().graph().node(step.node);
  std::string text = worker() + (step.kind == Step::Kind::kCopy ? " copies " : " runs ") + node.op_type;
  if (!node.name.empty()) text += " '" + node.name + "'";
  text += ": " + ArgumentList(program, plan, node.inputs, step.first_argument, step.input_count);
  text += " -> ";
  text += ArgumentList(program, plan, node.outputs, step.first_argument + step.input_count, step.output_count);
  if (step.workspace_bytes > 0) {
    text +=
        "; workspace of " + std::to_string(step.workspace_bytes) + " bytes @" + std::to_string(step.workspace_offset);
  }
  return text;
}

void PrintGraphPlans(const CompiledGraph& compiled, const std::string& title, std::string& out) {
  const Program& program = compiled.ProgramForAll();
  const std::vector<std::shared_ptr<const Plan>> plans = program.plans().All();
  if (!plans.empty()) out += title + ", " + std::to_string(program.order().size()) + " nodes\n";
  for (const std::shared_ptr<const Plan>& plan : plans) out += Print(program, *plan);
  for (NodeId id = 0; id < static_cast<NodeId>(compiled.graph().nodes().size()); ++id) {
    const Node& node = compiled.graph().node(id);
    const auto& bodies = compiled.node(id).bodies;
    for (size_t i = 0; i < bodies.size(); ++i) {
      PrintGraphPlans(*bodies[i], node.bodies[i].attribute + " of " + Describe(node), out);
    }
  }
}

}  // namespace

std::string Print(const Program& program, const Plan& plan) {
  const Graph& graph = program.compiled().graph();
  std::string text = "nodes " + std::to_string(plan.begin) + " to " + std::to_string(plan.end - 1);
  if (plan.engine) {
    return text + ": " + Describe(graph.node(program.order()[plan.begin])) + ", run by the engine\n";
  }
  text += " for";
  for (const Plan::ShapeKey& key : plan.shapes) {
    text += (&key == &plan.shapes.front() ? " " : ", ") + NameText(graph, key.id) + " " +
            TypeText(static_cast<int32_t>(key.dtype), key.dims.data(), key.dims.size());
  }
  if (plan.shapes.empty()) text += " all shapes";
  if (!plan.contents.empty()) {
    text += ", and these contents of";
    for (const Plan::ContentKey& key : plan.contents) {
      text += (&key == &plan.contents.front() ? " " : ", ") + NameText(graph, key.id);
    }
  }
  text += "\n";
  for (size_t i = 0; i < plan.arena_bytes.size(); ++i) {
    text += "  arena of " + program.compiled().instances().instances[i]->label() + ": " +
            std::to_string(plan.arena_bytes[i]) + " bytes, of which " + std::to_string(plan.live_bytes[i]) +
            " are in use at once\n";
  }
  for (size_t s = 0; s < plan.steps.size(); ++s) {
    for (const BranchGroup& group : plan.branches) {
      if (group.begin != static_cast<int32_t>(s)) continue;
      text += "  " + std::to_string(group.chains.size()) + " branches, at once where that is faster, in the next " +
              std::to_string(group.end - group.begin) + " steps\n";
    }
    text += "  " + StepText(program, plan, plan.steps[s]) + "\n";
  }
  if (plan.captures)
    for (const std::string& line : plan.captures->Describe()) text += "  captured: " + line + "\n";
  for (const Escape& escape : plan.escapes) {
    text += "  " + NameText(graph, escape.id) + " " +
            TypeText(static_cast<int32_t>(escape.dtype), escape.dims.data(), escape.dims.size());
    text += escape.constant              ? " is a constant\n"
            : escape.view_of != kNoValue ? " is " + NameText(graph, escape.view_of) + " under another shape\n"
                                         : " has memory of its own\n";
  }
  return text;
}

std::string PrintPlans(const CompiledGraph& compiled) {
  std::string text;
  PrintGraphPlans(compiled, "graph '" + compiled.graph().name + "'", text);
  return text;
}

}  // namespace onda
