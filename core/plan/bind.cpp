#include "core/plan/bind.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "core/ir/at_node.h"
#include "core/ir/op_def.h"
#include "core/passes/infer_node.h"
#include "core/place/place.h"
#include "core/plan/memory_planner.h"
#include "onda/float_formats.h"

namespace onda {
namespace {

// Values computed from shapes alone are evaluated while binding, up to so many elements.
constexpr int64_t kMaxEvaluated = 4096;

class Binder : public InferContext {
 public:
  Binder(const Program& program, int32_t position, const std::vector<RuntimeValue>& frame)
      : program_(program),
        graph_(program.compiled().graph()),
        frame_(frame),
        values_(graph_.values().size()),
        plan_(std::make_shared<Plan>()) {
    plan_->begin = position;
    plan_->arena_bytes.resize(program.compiled().instances().instances.size());
    plan_->event_counts.resize(plan_->arena_bytes.size());
    plan_->live_bytes.resize(plan_->arena_bytes.size());
    plan_->peak_nodes.resize(plan_->arena_bytes.size(), kNoNode);
  }

  std::shared_ptr<const Plan> Run();

  // Contents of values that the segment itself computes are not known; of others they are read, and become part of what
  // the plan is found by. Only inputs that fix shapes are read so: others would tie the plan to the data.
  std::optional<Dims> Content(size_t i) override {
    const Fact& fact = input(i);
    if (auto content = fact.Content()) return content;
    if (const TensorPtr tensor = ReadFrame(i);
        tensor && (IsInteger(tensor->dtype()) || tensor->dtype() == DType::kBool)) {
      const std::vector<int64_t> elements = tensor->ToInt64s();
      return Dims(elements.begin(), elements.end());
    }
    return {};
  }
  std::optional<std::vector<double>> Doubles(size_t i) override {
    const TensorPtr tensor = Constant(i);
    if (!tensor || tensor->count() > kMaxContent || tensor->dtype() == DType::kString) return {};
    return tensor->ToDoubles();
  }
  TensorPtr Constant(size_t i) override {
    if (const TensorPtr& constant = input(i).constant) return constant;
    if (TensorPtr tensor = Materialize(input(i))) return tensor;
    return ReadFrame(i);
  }
  Dim FreshDim() override { return Dim::Symbol("_" + std::to_string(fresh_++)); }
  std::vector<Fact> InferBody(size_t index, std::vector<Fact> inputs) override {
    return InferGraph(*node().bodies.at(index).graph, std::move(inputs), fresh_);
  }

 private:
  enum class State : uint8_t { kUnseen, kConstant, kFrame, kArena, kEscaped };
  struct BoundValue {
    State state = State::kUnseen;
    Fact fact;                // not set for compile-time constants: the graph has it
    ValueId root = kNoValue;  // whose memory it shares: itself, or what it is a view of
    int32_t dims = -1;        // index into Plan::dims
    int32_t buffer = -1;      // arena roots: index into buffers_
    int32_t last_use = -1;    // arena roots: over all views
  };

  const Fact& FactOf(ValueId id);
  TensorPtr ReadFrame(size_t i);
  static TensorPtr Materialize(const Fact& fact);
  bool TryEvaluate(const Node& node);
  void AddStep(NodeId id, int32_t position, bool dynamic);
  void AddCopy(NodeId id);
  void WaitForCopies(const Node& node);
  int32_t NewBuffer(int32_t instance, size_t bytes);
  int32_t NewEvent(int32_t instance) { return plan_->event_counts[instance]++; }
  int32_t Location(ValueId id) const { return LocationOf(graph_, id); }
  void AddView(const Node& node);
  bool ReadsBoundMemory(const Node& node);
  Argument MakeArgument(ValueId id);
  const std::vector<int64_t>& DimsOf(ValueId id);
  void Finish(int32_t end);
  bool CanBeCaptured(const Step& step) const;
  void FindCaptureSpans();
  void FindGroups();

  const Program& program_;
  const Graph& graph_;
  const std::vector<RuntimeValue>& frame_;
  std::vector<BoundValue> values_;
  std::vector<BufferLifetime> buffers_;
  std::vector<int32_t> buffer_instances_;  // by buffer
  struct Pending {
    int32_t instance;
    int32_t event;
  };
  std::map<ValueId, Pending> pending_;  // copies to the host that nobody has waited for yet
  std::vector<ValueId> held_;           // host values that copies read until the plan's end
  std::vector<ValueId> produced_;       // by this segment, in order
  std::shared_ptr<Plan> plan_;
  int64_t fresh_ = 0;
};

const Fact& Binder::FactOf(ValueId id) {
  BoundValue& bound = values_[id];
  const Fact& compiled = graph_.FactOf(id);
  if (bound.state == State::kUnseen) {
    const RuntimeValue& value = frame_[id];
    if (compiled.constant) {
      bound.state = State::kConstant;
    } else {
      if (!value.present())
        throw Error(ErrorCode::kInternal, "value '" + graph_.value(id).name + "' is read before it is made");
      bound.state = State::kFrame;
      bound.fact = value.ToFact();
      bound.root = id;
      if (value.is_tensor()) plan_->shapes.push_back({id, value.dtype, value.dims, value.instance});
    }
  }
  return bound.state == State::kConstant && compiled.constant ? compiled : bound.fact;
}

TensorPtr Binder::ReadFrame(size_t i) {
  if (i >= node().inputs.size() || node().inputs[i] == kNoValue) return nullptr;
  const ValueId id = node().inputs[i];
  if (!ReadsOnHost(node(), i) || values_[id].state != State::kFrame) return nullptr;
  const RuntimeValue& value = frame_[id];
  if (value.instance != 0)
    throw Error(ErrorCode::kInternal, "host input '" + graph_.value(id).name + "' lies in a device's memory");
  if (value.dtype == DType::kString || value.count() > kMaxContent) return nullptr;
  if (std::none_of(plan_->contents.begin(), plan_->contents.end(), [&](const auto& key) { return key.id == id; })) {
    Plan::ContentKey key{id, std::vector<int64_t>((value.bytes() + 7) / 8)};
    if (value.bytes()) std::memcpy(key.elements.data(), value.data, value.bytes());
    plan_->contents.push_back(std::move(key));
  }
  return Tensor::Wrap(value.dtype, value.dims, value.data, nullptr);
}

// A content that shapes gave, as a tensor; null where it is not known in full.
TensorPtr Binder::Materialize(const Fact& fact) {
  if (!fact.content || !fact.static_shape() || !(IsInteger(fact.dtype) || fact.dtype == DType::kBool)) return nullptr;
  auto tensor = Tensor::Make(fact.dtype, fact.static_dims());
  if (tensor->count() != static_cast<int64_t>(fact.content->size())) return nullptr;
  for (size_t k = 0; k < fact.content->size(); ++k) {
    if (!(*fact.content)[k].known()) return nullptr;
    StoreInt64(fact.dtype, tensor->mutable_data(), static_cast<int64_t>(k), (*fact.content)[k].value());
  }
  return tensor;
}

// Nodes that work on shapes alone become constants of the plan.
bool Binder::TryEvaluate(const Node& node) {
  // What a device reads has to be there: only values in host memory become constants.
  for (ValueId output : node.outputs)
    if (output != kNoValue && Location(output) != 0) return false;
  bool all_known = true;
  for (const Fact& fact : outputs()) all_known = all_known && (fact.constant || Materialize(fact));
  std::vector<TensorPtr> results;
  if (all_known) {
    for (const Fact& fact : outputs()) results.push_back(fact.constant ? fact.constant : Materialize(fact));
  } else {
    if (node.op->flags & (kOpRandom | kOpCopy) || node.inputs.empty() || node.instance != 0) return false;
    std::vector<TensorPtr> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue) {
        inputs.push_back(nullptr);
        continue;
      }
      const Fact& fact = input(i);
      TensorPtr tensor = fact.constant ? fact.constant : Materialize(fact);
      if (!tensor || tensor->count() > kMaxEvaluated) return false;
      inputs.push_back(std::move(tensor));
    }
    for (size_t i = 0; i < outputs().size(); ++i)
      if (node.has_output(i) && outputs()[i].static_shape() && CountOf(outputs()[i].static_dims()) > kMaxEvaluated)
        return false;
    auto evaluated = EvaluateOnce(program_.compiled().instances().host().KernelsFor(node), node, inputs, outputs(),
                                  kMaxEvaluated * static_cast<int64_t>(sizeof(std::string)));
    if (!evaluated) return false;
    results = std::move(*evaluated);
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!node.has_output(i)) continue;
    BoundValue& bound = values_[node.outputs[i]];
    bound.state = State::kConstant;
    bound.fact = Fact::Constant(results[i]);
    bound.root = node.outputs[i];
    plan_->constants.push_back(std::move(results[i]));
    produced_.push_back(node.outputs[i]);
  }
  return true;
}

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

void Binder::AddView(const Node& node) {
  const ValueId source = node.inputs[0], id = node.outputs[0];
  FactOf(source);
  BoundValue& bound = values_[id];
  const BoundValue& from = values_[source];
  if (from.state == State::kConstant) {
    const TensorPtr& constant = FactOf(source).constant;
    bound.state = State::kConstant;
    bound.fact =
        Fact::Constant(Tensor::Wrap(constant->dtype(), outputs()[0].static_dims(), constant->data(), constant));
    bound.root = id;
    plan_->constants.push_back(bound.fact.constant);
  } else {
    bound.state = from.state;
    bound.fact = outputs()[0];
    bound.root = from.root;
    BoundValue& root = values_[from.root];
    root.last_use = std::max(root.last_use, program_.last_use(id));
  }
  produced_.push_back(id);
}

// A copy of an input that lies in the device's memory already.
bool Binder::ReadsBoundMemory(const Node& node) {
  FactOf(node.inputs[0]);
  const BoundValue& from = values_[node.inputs[0]];
  return from.state == State::kFrame && frame_[from.root].instance != 0 &&
         frame_[from.root].instance == Location(node.outputs[0]);
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
  const std::span<const OndaTensorView> all(views);
  step.workspace_bytes = kernel->Workspace(all.first(step.input_count), all.subspan(step.input_count));
  if (step.workspace_bytes) {
    step.workspace_offset = NewBuffer(node.instance, step.workspace_bytes);  // an index until Finish
  }
  plan_->steps.push_back(step);
}

int32_t Binder::NewBuffer(int32_t instance, size_t bytes) {
  const int32_t step = static_cast<int32_t>(plan_->steps.size());
  buffers_.push_back({bytes, step, step});
  buffer_instances_.push_back(instance);
  return static_cast<int32_t>(buffers_.size()) - 1;
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
    // Events of one stream are reached in order.
    std::erase_if(pending_, [&](const auto& p) {
      return p.second.instance == waited.instance && p.second.event <= waited.event;
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
    pending_[to] = {record.instance, record.event};
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

// Steps that do not depend on each other, and longer lives for what they use. Arguments name roots by now, and those in
// the arena their buffers. Only plans of the host alone: devices have streams for that.
void Binder::FindGroups() {
  for (const Step& step : plan_->steps)
    if (step.kind != Step::Kind::kLaunch || step.instance != 0) return;
  struct Use {
    int32_t writer = -1;
    std::vector<int32_t> readers;  // since
  };
  // By memory: buffers, and values that have memory of their own. What shares memory in place is in order so.
  std::map<std::pair<bool, size_t>, Use> uses;
  std::vector<std::vector<int32_t>> predecessors(plan_->steps.size());
  for (int32_t s = 0; s < static_cast<int32_t>(plan_->steps.size()); ++s) {
    const Step& step = plan_->steps[static_cast<size_t>(s)];
    for (size_t i = 0; i < size_t{step.input_count} + step.output_count; ++i) {
      const Argument& argument = plan_->arguments[step.first_argument + i];
      const bool arena = argument.place == Argument::Place::kArena;
      if (!arena && argument.place != Argument::Place::kFrame) continue;
      Use& use = uses[{arena, arena ? argument.offset : static_cast<size_t>(argument.id)}];
      if (use.writer >= 0) predecessors[static_cast<size_t>(s)].push_back(use.writer);
      if (i < step.input_count) {
        use.readers.push_back(s);
        continue;
      }
      for (int32_t reader : use.readers)
        if (reader != s) predecessors[static_cast<size_t>(s)].push_back(reader);
      use = {s, {}};
    }
  }
  for (std::vector<int32_t>& list : predecessors)
    std::erase_if(list, [&](int32_t p) { return p == &list - predecessors.data(); });
  plan_->branches = FindBranches(predecessors);
  plan_->trials = std::make_unique<BranchTrial[]>(plan_->branches.size());
  for (const BranchGroup& group : plan_->branches) {
    for (BufferLifetime& buffer : buffers_) {
      if (buffer.first >= group.begin && buffer.first < group.end) buffer.first = group.begin;
      if (buffer.last >= group.begin && buffer.last < group.end) buffer.last = group.end - 1;
    }
  }
}

void Binder::Finish(int32_t end) {
  plan_->end = end;
  const int32_t size = static_cast<int32_t>(program_.order().size());
  auto outlives = [&](ValueId id) { return program_.last_use(id) >= end; };
  // Values that outlive the segment leave the arena, with all that shares their memory.
  for (ValueId id : produced_)
    if (values_[id].state == State::kArena && outlives(id)) values_[values_[id].root].state = State::kEscaped;
  std::vector<bool> buffer_escapes(buffers_.size());
  for (ValueId id : produced_) {
    BoundValue& bound = values_[id];
    if (bound.buffer >= 0 && bound.state == State::kEscaped) buffer_escapes[bound.buffer] = true;
  }
  std::vector<Escape> escapes;
  for (ValueId id : produced_) {
    BoundValue& bound = values_[id];
    if (bound.root == id && bound.state == State::kEscaped && bound.buffer >= 0) {
      // Another value that wrote into the same buffer in place gets a block of its own as well: a kernel may be in
      // place, it need not.
      escapes.push_back({id, bound.fact.dtype, DimsOf(id), Location(id), kNoValue, nullptr});
    }
  }
  for (ValueId id : produced_) {
    const BoundValue& bound = values_[id];
    if (!outlives(id)) continue;
    if (bound.state == State::kConstant) {
      escapes.push_back({id, bound.fact.dtype, DimsOf(id), 0, kNoValue, bound.fact.constant});
    } else if (bound.root != id) {
      escapes.push_back({id, bound.fact.dtype, DimsOf(id), Location(id), bound.root, nullptr});
    }
  }
  plan_->escapes.insert(plan_->escapes.end(), std::make_move_iterator(escapes.begin()),
                        std::make_move_iterator(escapes.end()));

  // Lifetimes in steps, from the arguments; escaped buffers take no room.
  for (size_t s = 0; s < plan_->steps.size(); ++s) {
    const Step& step = plan_->steps[s];
    for (size_t a = step.first_argument; a < step.first_argument + step.input_count + step.output_count; ++a) {
      Argument& argument = plan_->arguments[a];
      if (argument.place != Argument::Place::kArena && argument.place != Argument::Place::kFrame) continue;
      const BoundValue& root = values_[values_[argument.id].root];
      argument.id = values_[argument.id].root;
      if (root.state == State::kEscaped || root.state == State::kFrame) {
        argument.place = Argument::Place::kFrame;
      } else {
        BufferLifetime& buffer = buffers_[root.buffer];
        buffer.last = std::max(buffer.last, static_cast<int32_t>(s));
        argument.offset = static_cast<size_t>(root.buffer);
      }
    }
  }
  if (program_.compiled().branches()) FindGroups();
  // What copies may still be reading or writing when the last step is done.
  for (const auto& [id, pending] : pending_) held_.push_back(id);
  for (ValueId id : held_)
    if (values_[id].state == State::kArena)
      buffers_[values_[id].buffer].last = static_cast<int32_t>(plan_->steps.size());
  // A buffer whose value escaped may still be used by another that shared it in place.
  std::vector<bool> used(buffers_.size());
  for (const Argument& a : plan_->arguments)
    if (a.place == Argument::Place::kArena) used[a.offset] = true;
  for (size_t b = 0; b < buffers_.size(); ++b)
    if (buffer_escapes[b] && !used[b]) buffers_[b].bytes = 0;
  for (size_t instance = 0; instance < plan_->arena_bytes.size(); ++instance) {
    std::vector<BufferLifetime> own;
    for (size_t b = 0; b < buffers_.size(); ++b)
      if (buffer_instances_[b] == static_cast<int32_t>(instance)) own.push_back(buffers_[b]);
    plan_->arena_bytes[instance] = PlanMemory(own);
    const LivePeak peak = LargestLiveSet(own);
    plan_->live_bytes[instance] = peak.bytes;
    if (peak.bytes && !plan_->steps.empty())
      plan_->peak_nodes[instance] = plan_->steps[std::min<size_t>(peak.step, plan_->steps.size() - 1)].node;
    for (size_t b = 0, next = 0; b < buffers_.size(); ++b)
      if (buffer_instances_[b] == static_cast<int32_t>(instance)) buffers_[b].offset = own[next++].offset;
  }
  for (Argument& argument : plan_->arguments)
    if (argument.place == Argument::Place::kArena) argument.offset = buffers_[argument.offset].offset;
  for (Step& step : plan_->steps)
    if (step.workspace_bytes) step.workspace_offset = buffers_[step.workspace_offset].offset;

  for (ValueId id = 0; id < static_cast<ValueId>(values_.size()); ++id) {
    const int32_t last = program_.last_use(id);
    if (last >= 0 && last < end && last >= plan_->begin && last < size && !graph_.FactOf(id).constant &&
        values_[id].state != State::kArena && values_[id].state != State::kConstant)
      plan_->released.push_back(id);
    // Roots that only their views kept alive.
    if (last < end && values_[id].state == State::kEscaped && last < 0) plan_->released.push_back(id);
  }
}

// Whether asking for the step again, with data at the same addresses, asks for the same work.
bool Binder::CanBeCaptured(const Step& step) const {
  if (step.instance == 0 || !program_.compiled().instances().instances[step.instance]->captures()) return false;
  if (step.kind == Step::Kind::kCopy) return step.copy != kOndaPeerToPeer;
  if (step.kind != Step::Kind::kLaunch || (step.kernel->def().flags & kOndaKernelNotCaptured)) return false;
  const Node& node = graph_.node(step.node);
  for (size_t i = 0; i < size_t{step.input_count} + step.output_count; ++i) {
    const Argument& argument = plan_->arguments[step.first_argument + i];
    if (argument.place == Argument::Place::kDynamic) return false;
    if (i >= step.input_count || !ReadsOnHost(node, i)) continue;
    // A launch may read it when it is asked for: its contents have to be those that the plan is found by.
    const auto known = [&](const Plan::ContentKey& key) { return key.id == argument.id; };
    if (argument.place != Argument::Place::kAbsent && argument.place != Argument::Place::kConstant &&
        std::none_of(plan_->contents.begin(), plan_->contents.end(), known))
      return false;
  }
  return true;
}

// Runs of steps that can be captured, without the copies at their ends, which often have the caller's memory at one end
// and gain nothing; at least two launches.
void Binder::FindCaptureSpans() {
  const std::vector<Step>& steps = plan_->steps;
  std::vector<CaptureSpan> spans;
  std::vector<std::shared_ptr<const ProviderInstance>> instances;
  for (uint32_t first = 0; first < steps.size();) {
    uint32_t end = first;
    CaptureSpan span{0, 0, steps[first].instance, 0};
    for (; end < steps.size() && steps[end].instance == span.instance && CanBeCaptured(steps[end]); ++end) {
      if (steps[end].kind != Step::Kind::kLaunch) continue;
      if (span.launches++ == 0) span.first = end;
      span.end = end + 1;
    }
    if (span.launches > 1) {
      spans.push_back(span);
      instances.push_back(program_.compiled().instances().instances[span.instance]);
    }
    first = std::max(end, first + 1);
  }
  if (!spans.empty()) plan_->captures = std::make_unique<CaptureCache>(std::move(spans), std::move(instances));
}

std::shared_ptr<const Plan> Binder::Run() {
  const int32_t size = static_cast<int32_t>(program_.order().size());
  int32_t position = plan_->begin;
  for (; position < size; ++position) {
    const NodeId id = program_.order()[position];
    const Node& node = graph_.node(id);
    const bool view = node.op->flags & kOpView;
    if (RunByEngine(graph_, node)) {
      if (position == plan_->begin) {
        plan_->engine = true;
        for (ValueId input : node.inputs)
          if (input != kNoValue && program_.last_use(input) == position) plan_->released.push_back(input);
        for (const Body& body : node.bodies)
          for (ValueId capture : body.captures)
            if (program_.last_use(capture) == position) plan_->released.push_back(capture);
        plan_->end = position + 1;
        return plan_;
      }
      break;
    }
    try {
      std::vector<const Fact*> facts;
      facts.reserve(node.inputs.size());
      for (ValueId input : node.inputs) facts.push_back(input == kNoValue ? nullptr : &FactOf(input));
      Start(node, std::move(facts));
      node.op->infer(*this);
      bool all_static = true;
      for (size_t i = 0; i < node.outputs.size(); ++i)
        if (node.has_output(i) && program_.wanted(node.outputs[i]))
          all_static = all_static && outputs()[i].is_tensor() && outputs()[i].static_shape();
      if (node.op->flags & kOpCopy) {
        if (ReadsBoundMemory(node)) {
          AddView(node);
        } else if (!TryEvaluate(node)) {
          AddCopy(id);
        }
        continue;
      }
      if (TryEvaluate(node)) continue;
      if (!all_static) {
        if (position > plan_->begin) break;
        if (view) Reject("the shape of its output cannot be determined");
        AddStep(id, position, true);
        ++position;
        break;
      }
      if (view) {
        AddView(node);
      } else {
        AddStep(id, position, false);
      }
    } catch (const Error& error) {
      throw AtNode(node, error);
    }
  }
  Finish(position);
  FindCaptureSpans();
  return plan_;
}

}  // namespace

std::shared_ptr<const Plan> Bind(const Program& program, int32_t position, const std::vector<RuntimeValue>& frame) {
  return Binder(program, position, frame).Run();
}

}  // namespace onda
