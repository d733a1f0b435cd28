#include <algorithm>

#include "core/plan/binder.h"

namespace onda {

const std::vector<int64_t>& Binder::DimsOf(ValueId id) {
  BoundValue& bound = values_[id];
  if (bound.dims < 0) {
    bound.dims = static_cast<int32_t>(plan_->dims.size());
    plan_->dims.push_back(FactOf(id).static_dims());
  }
  return plan_->dims[bound.dims];
}

Argument Binder::MakeArgument(ValueId id) {
  Argument argument;
  if (id == kNoValue) return argument;
  const Fact& fact = FactOf(id);
  const std::vector<int64_t>& dims = DimsOf(id);
  argument.id = id;
  argument.view = {nullptr, dims.data(), static_cast<int32_t>(dims.size()), static_cast<int32_t>(fact.dtype)};
  const BoundValue& bound = values_[id];
  argument.instance = Location(id);
  if (bound.state == State::kConstant) {
    argument.place = Argument::Place::kConstant;
    argument.view.data = const_cast<void*>(fact.constant->data());
  } else if (bound.state == State::kArena) {
    argument.place = Argument::Place::kArena;  // offsets come in Finish; escaping roots move to the frame there
  } else {
    argument.place = Argument::Place::kFrame;
  }
  return argument;
}

int32_t Binder::NewBuffer(int32_t instance, size_t bytes) {
  const int32_t step = static_cast<int32_t>(plan_->steps.size());
  buffers_.push_back({bytes, step, step});
  buffer_instances_.push_back(instance);
  return static_cast<int32_t>(buffers_.size()) - 1;
}

void Binder::AddStep(NodeId id, int32_t position, bool dynamic) {
  const Node& node = graph_.node(id);
  const KernelInstance* kernel = program_.compiled().node(id).kernel.get();
  Step step;
  step.node = id;
  step.kernel = kernel;
  step.instance = node.instance;
  WaitForCopies(node);
  step.first_argument = static_cast<uint32_t>(plan_->arguments.size());
  step.input_count = static_cast<uint16_t>(node.inputs.size());
  step.output_count = static_cast<uint16_t>(node.outputs.size());
  bool any_element = dynamic;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    plan_->arguments.push_back(MakeArgument(node.inputs[i]));
    Argument& argument = plan_->arguments.back();
    // A constant that a kernel reads in device memory was uploaded when the session was made.
    if (argument.place == Argument::Place::kConstant && node.instance != 0 && !ReadsOnHost(node, i))
      argument.view.data = const_cast<void*>(program_.compiled().UploadedConstant(node.instance, node.inputs[i]));
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId output = node.outputs[i];
    if (output == kNoValue || !program_.wanted(output)) {
      plan_->arguments.push_back({});
      continue;
    }
    BoundValue& bound = values_[output];
    bound.fact = outputs()[i];
    bound.fact.content = nullptr;
    bound.root = output;
    bound.last_use = program_.last_use(output);
    produced_.push_back(output);
    if (!bound.fact.static_shape()) {
      bound.state = State::kEscaped;
      Argument argument;
      argument.place = Argument::Place::kDynamic;
      argument.id = output;
      argument.instance = node.instance;
      argument.view.dtype = static_cast<int32_t>(bound.fact.dtype);
      plan_->arguments.push_back(argument);
      continue;
    }
    bound.state = State::kArena;
    const std::vector<int64_t>& dims = DimsOf(output);
    const int64_t count = CountOf(dims);
    any_element = any_element || count > 0;
    if (bound.fact.dtype == DType::kString) {  // strings are objects: never in the arena
      bound.state = State::kEscaped;
      plan_->escapes.push_back({output, bound.fact.dtype, dims, 0, kNoValue, nullptr});
    } else {
      if (i == 0 && (kernel->def().flags & kOndaKernelInPlace)) {
        for (ValueId input : node.inputs) {
          if (input == kNoValue || values_[input].state != State::kArena || Location(input) != node.instance) continue;
          const ValueId root = values_[input].root;
          if (values_[root].last_use != position || values_[input].fact.dtype != bound.fact.dtype ||
              DimsOf(input) != dims || std::find(held_.begin(), held_.end(), root) != held_.end())
            continue;
          bound.buffer = values_[root].buffer;
          break;
        }
      }
      if (bound.buffer < 0) {
        bound.buffer = NewBuffer(node.instance, BytesOf(bound.fact.dtype, count));
      }
    }
    plan_->arguments.push_back(MakeArgument(output));
  }
  // What has no element needs no work, but data-dependent shapes do.
  if (!any_element && !dynamic && !node.outputs.empty()) {
    plan_->arguments.resize(step.first_argument);
    return;
  }
  std::vector<OndaTensorView> views;
  for (size_t i = step.first_argument; i < plan_->arguments.size(); ++i) {
    // Kernels see shapes alone, and the contents of host inputs, which the plan is found by.
    const Argument& argument = plan_->arguments[i];
    OndaTensorView view = argument.view;
    if (argument.place == Argument::Place::kFrame) view.data = frame_[values_[argument.id].root].data;
    const size_t input = i - step.first_argument;
    if (input >= node.inputs.size() || !ReadsOnHost(node, input)) view.data = nullptr;
    views.push_back(view);
  }
  if (step.instance != 0 && kernel->prepares()) Prepare(step, views);
  const std::span<const OndaTensorView> all(views);
  step.workspace_bytes = kernel->Workspace(all.first(step.input_count), all.subspan(step.input_count));
  if (step.workspace_bytes) {
    step.workspace_offset = NewBuffer(node.instance, step.workspace_bytes);  // an index until Finish
  }
  plan_->steps.push_back(step);
}

void Binder::Prepare(const Step& step, std::span<OndaTensorView> views) {
  const ProviderInstance& provider = *program_.compiled().instances().instances[step.instance];
  lanes_.resize(plan_->arena_bytes.size());
  std::unique_ptr<ProviderInstance::Lane>& lane = lanes_[step.instance];
  if (!lane) lane = provider.TakeLane(0);
  OndaLaunch launch = step.LaunchOf(views);
  launch.stream = lane->stream;
  OndaStatus status{};
  step.kernel->Prepare(launch, &status);
  if (status.code) ThrowStatus(status, graph_.node(step.node), views.first(step.input_count));
}

Binder::~Binder() {
  for (size_t i = 0; i < lanes_.size(); ++i)
    if (lanes_[i]) program_.compiled().instances().instances[i]->ReturnLane(std::move(lanes_[i]), true);
}

// The host reads what a copy writes only after that copy's event.
void Binder::WaitForCopies(const Node& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue || !(node.instance == 0 || ReadsOnHost(node, i) || (node.op->flags & kOpCopy)))
      continue;
    const auto it = pending_.find(values_[node.inputs[i]].root);
    if (it == pending_.end()) continue;
    const Pending waited = it->second;
    Step step;
    step.kind = Step::Kind::kHostWait;
    step.instance = waited.instance;
    step.event = waited.event;
    plan_->steps.push_back(step);
    // Events of one stream are reached in order, but ScheduleCopies changes that of copies.
    std::erase_if(pending_, [&](const auto& p) {
      return p.second.instance == waited.instance &&
             (p.second.event == waited.event ||
              (p.second.event < waited.event && !p.second.overlaps && !waited.overlaps));
    });
  }
}

void Binder::AddCopy(NodeId id) {
  const Node& node = graph_.node(id);
  const ValueId from = node.inputs[0], to = node.outputs[0];
  const bool to_host = Location(to) == 0, from_host = Location(from) == 0;
  WaitForCopies(node);
  Step step;
  step.kind = Step::Kind::kCopy;
  step.copy = to_host ? kOndaDeviceToHost : from_host ? kOndaHostToDevice : kOndaPeerToPeer;
  step.node = id;
  step.instance = node.instance;
  step.input_count = step.output_count = 1;
  if (step.copy == kOndaPeerToPeer) {  // the destination waits for the source
    Step record;
    record.kind = Step::Kind::kRecord;
    record.instance = Location(from);
    record.event = NewEvent(record.instance);
    plan_->steps.push_back(record);
    Step wait;
    wait.kind = Step::Kind::kWait;
    wait.instance = step.instance;
    wait.other = record.instance;
    wait.event = record.event;
    plan_->steps.push_back(wait);
  }
  step.first_argument = static_cast<uint32_t>(plan_->arguments.size());
  plan_->arguments.push_back(MakeArgument(from));
  BoundValue& bound = values_[to];
  bound.state = State::kArena;
  bound.fact = outputs()[0];
  bound.fact.constant = nullptr;  // it is one in the memory that it comes from
  bound.root = to;
  bound.last_use = program_.last_use(to);
  bound.buffer = NewBuffer(Location(to), BytesOf(bound.fact.dtype, CountOf(DimsOf(to))));
  produced_.push_back(to);
  plan_->arguments.push_back(MakeArgument(to));
  plan_->steps.push_back(step);
  if (from_host && values_[from].state != State::kConstant) held_.push_back(values_[from].root);
  Step record;
  record.kind = Step::Kind::kRecord;
  record.instance = step.instance;
  if (to_host) {
    record.event = NewEvent(record.instance);
    plan_->steps.push_back(record);
    const bool overlaps = Overlaps(step);
    pending_[to] = {record.instance, record.event, overlaps};
    if (overlaps) held_.push_back(values_[from].root);
  } else if (step.copy == kOndaPeerToPeer) {  // the source may reuse the memory only after the copy
    record.event = NewEvent(record.instance);
    plan_->steps.push_back(record);
    Step wait;
    wait.kind = Step::Kind::kWait;
    wait.instance = Location(from);
    wait.other = record.instance;
    wait.event = record.event;
    plan_->steps.push_back(wait);
  }
}

}  // namespace onda
