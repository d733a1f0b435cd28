#include "core/session.h"

#include <algorithm>
#include <cstring>

#include "core/device_memory.h"
#include "core/passes/canonicalize.h"
#include "core/passes/fold_constants.h"
#include "core/passes/patch.h"
#include "core/passes/print_rewrite.h"
#include "core/passes/rules.h"
#include "core/passes/run_pass.h"
#include "core/place/claim_regions.h"
#include "core/place/insert_copies.h"
#include "core/plan/print_plan.h"
#include "kernels/op_table.h"

namespace onda {
namespace {

std::shared_ptr<const InstanceSet> MakeInstances(const LoadOptions& options, const CustomOps& custom_ops) {
  auto set = std::make_shared<InstanceSet>();
  set->instances.push_back(std::make_shared<const ProviderInstance>(
      options.host_kernels ? options.host_kernels : CpuKernels, custom_ops.KernelsFor("cpu")));
  for (const auto& device : options.devices) {
    set->preference.push_back(static_cast<int32_t>(set->instances.size()));
    set->instances.push_back(device);
  }
  set->preference.push_back(0);
  return set;
}

// Intermediate values that the user wants become outputs behind the model's own.
void AddOutputs(Graph& graph, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    ValueId found = kNoValue;
    for (ValueId id = 0; id < static_cast<ValueId>(graph.values().size()); ++id)
      if (graph.value(id).name == name) found = id;
    if (found == kNoValue)
      throw Error(ErrorCode::kInvalidArgument, "the model has no value '" + name + "' that could be an extra output");
    if (std::find(graph.outputs.begin(), graph.outputs.end(), found) == graph.outputs.end())
      graph.outputs.push_back(found);
  }
}

std::string Describe(const RuntimeValue& v) { return v.ToFact().ToString(); }

bool KindMatches(const Fact& declared, const RuntimeValue& given) {
  if (!declared.known() || declared.kind == given.kind) return true;
  // A plain value stands for an optional that holds it.
  return declared.kind == ValueKind::kOptional;
}

// The bits behind the last element of a packed tensor are zero (see DType); kernels write elements and leave them as
// they were.
void ClearPadding(const RuntimeValue& v) {
  const int bits = BitsOf(v.dtype);
  if (!v.is_tensor() || v.dtype == DType::kString || bits >= 8 || v.bytes() == 0) return;
  const int64_t used = v.count() * bits % 8;
  if (used) static_cast<uint8_t*>(v.data)[v.bytes() - 1] &= static_cast<uint8_t>((1 << used) - 1);
}

// Why what a sequence, optional or map holds does not suit its declared type; "" where it does.
std::string ElementMismatch(const Fact& declared, const RuntimeValue& given) {
  if (!given.elements || !declared.element || !declared.element->known()) return "";
  const Fact& expected = *declared.element;
  if (given.kind == ValueKind::kMap) {
    const RuntimeValue& keys = given.elements->at(0);
    const RuntimeValue& values = given.elements->at(1);
    if (keys.dtype != declared.dtype) return "the keys are " + Describe(keys);
    if (values.is_tensor() && expected.is_tensor() && values.dtype != expected.dtype) {
      return "the values are " + Describe(values);
    }
    return "";
  }
  for (size_t i = 0; i < given.elements->size(); ++i) {
    const RuntimeValue& element = (*given.elements)[i];
    bool fits = element.kind == expected.kind;
    if (fits && element.is_tensor()) {
      fits = element.dtype == expected.dtype;
      if (fits && expected.has_rank()) fits = static_cast<int>(element.dims.size()) == expected.rank();
      for (size_t d = 0; fits && expected.has_rank() && d < element.dims.size(); ++d) {
        const Dim& dim = (*expected.shape)[d];
        fits = !dim.known() || dim.value() == element.dims[d];
      }
    }
    const std::string place = "element " + std::to_string(i);
    if (!fits) return place + " is " + Describe(element) + " instead of " + expected.ToString();
    if (const std::string inside = ElementMismatch(expected, element); !inside.empty()) {
      return "in " + place + ", " + inside;
    }
  }
  return "";
}

bool SharesMemory(const RuntimeValue& v, const std::vector<RuntimeValue>& others, size_t self) {
  if (v.borrowed || v.owner.use_count() > 1 || (v.data && !v.owner)) return true;
  for (size_t i = 0; i < self; ++i)
    if (others[i].data && others[i].data == v.data) return true;
  return false;
}

// Nodes of bodies come behind the node that has them, under its name.
void AddPlacement(const CompiledGraph& graph, const std::string& prefix, std::vector<PlacementEntry>& entries) {
  for (NodeId id = 0; id < static_cast<NodeId>(graph.graph().nodes().size()); ++id) {
    const Node& node = graph.graph().node(id);
    const CompiledNode& compiled = graph.node(id);
    PlacementEntry entry{prefix + node.name, node.op_type, compiled.place, node.placement_reason};
    for (const Refusal& r : compiled.refusals) entry.reason += (entry.reason.empty() ? "" : "; ") + r.reason;
    entries.push_back(std::move(entry));
    for (size_t i = 0; i < compiled.bodies.size(); ++i)
      AddPlacement(*compiled.bodies[i], prefix + node.name + "." + node.bodies[i].attribute + "/", entries);
  }
}

}  // namespace

RuntimeValue CopyValue(BlockPool& pool, const RuntimeValue& value) {
  if (value.elements) {
    std::vector<RuntimeValue> elements;
    for (const RuntimeValue& e : *value.elements) elements.push_back(CopyValue(pool, e));
    RuntimeValue copy = value;
    copy.elements = std::make_shared<const std::vector<RuntimeValue>>(std::move(elements));
    return copy;
  }
  RuntimeValue copy = NewTensor(pool, value.dtype, value.dims);
  if (value.dtype == DType::kString) {
    std::copy_n(static_cast<const std::string*>(value.data), value.count(), static_cast<std::string*>(copy.data));
  } else if (value.bytes()) {
    std::memcpy(copy.data, value.data, value.bytes());
  }
  return copy;
}

InferenceSession::InferenceSession(const Model& model, const LoadOptions& options)
    : deterministic_(options.deterministic),
      max_string_bytes_(options.max_string_bytes),
      inter_op_threads_(options.inter_op_threads),
      capture_(options.capture),
      ranges_(options.ranges),
      custom_ops_(options.custom_ops ? options.custom_ops : std::make_shared<const CustomOps>()) {
  instances_ = MakeInstances(options, *custom_ops_);
  CanonicalizeOptions canonical;
  canonical.free_dimensions = options.free_dimensions;
  canonical.stop = options.stop;
  canonical.max_nodes = options.max_nodes;
  canonical.max_folded_bytes = options.max_folded_bytes;
  canonical.max_folding_time = std::chrono::milliseconds(options.max_folding_ms);
  canonical.find_op = [this](std::string_view domain, std::string_view name) {
    const OpDef* op = FindOp(domain, name);
    return op ? op : custom_ops_->Find(domain, name);
  };
  canonical.folds = FoldsWhileReading;
  canonical.has_kernel = [this](const Node& node, std::span<const Fact> in, std::span<const Fact> out) {
    return (node.op->flags & kOpView) ||
           std::any_of(instances_->instances.begin(), instances_->instances.end(), [&](const auto& instance) {
             return ChooseKernel(instance->KernelsFor(node), node, in, out, nullptr) != nullptr;
           });
  };
  if (options.fold_constants) {
    canonical.evaluate = [this, &canonical](const Node& node, std::span<const TensorPtr> in, std::span<const Fact> out,
                                            std::chrono::steady_clock::time_point deadline) {
      return EvaluateOnce(instances_->host().KernelsFor(node), node, in, out, canonical.max_folded_bytes, deadline);
    };
  }
  std::vector<std::string> warnings;
  auto begin = std::chrono::steady_clock::now();
  const auto phase = [&](std::string_view name) {
    if (!options.on_phase) return;
    options.on_phase(name, begin);
    begin = std::chrono::steady_clock::now();
  };
  const std::shared_ptr<Graph> graph = Canonicalize(model, canonical, &warnings);
  phase("canonicalize");
  const size_t own_outputs = graph->outputs.size();
  AddOutputs(*graph, options.extra_outputs);
  const auto run_pass = [&](std::string_view name, const std::function<void()>& pass) {
    RunPass(name, *graph, options.dump_folder, pass);
    phase(name);
  };
  run_pass("place", [&] { Place(*graph, *instances_, options.place); });
  run_pass("claim regions", [&] { ClaimRegions(*graph, *instances_, kOndaStageCanonical, options.place); });
  run_pass("rewrite", [&] { Rewrite(*graph, options, canonical); });
  run_pass("claim rewritten regions", [&] { ClaimRegions(*graph, *instances_, kOndaStageRewritten, options.place); });
  run_pass("insert copies", [&] { InsertCopies(*graph, *instances_); });
  if (options.shared) options.shared->Share(*graph);
  graph_ = graph;
  for (const auto& instance : instances_->instances)
    device_pools_.push_back(instance->is_host()
                                ? nullptr
                                : std::make_shared<BlockPool>(
                                      options.memory_limit,
                                      BlockPool::Source{[instance](size_t bytes) { return instance->Allocate(bytes); },
                                                        [instance](void* memory, size_t) { instance->Free(memory); }}));
  for (const auto& instance : instances_->instances) {
    const bool has = !instance->is_host() && instance->has_host_memory();
    host_pools_.push_back(
        has ? std::make_shared<BlockPool>(
                  options.memory_limit,
                  BlockPool::Source{[instance](size_t bytes) { return instance->AllocateHost(bytes); },
                                    [instance](void* memory, size_t) { instance->FreeHost(memory); }})
            : nullptr);
    if (!instance->is_host() && options.memory_limit) instance->SetMemoryLimit(options.memory_limit);
  }
  for (const auto& pool : device_pools_)
    if (options.budget && pool) options.budget->Join(pool);
  if (options.log)
    for (const std::string& warning : warnings) options.log(LogLevel::kWarning, warning);

  for (size_t i = 0; i < graph_->inputs.size(); ++i) {
    const Value& value = graph_->value(graph_->inputs[i]);
    inputs_.push_back({value.name, value.fact, model.graph->value(model.graph->inputs[i]).fact.constant});
  }
  for (size_t i = 0; i < graph_->outputs.size(); ++i) {
    const Value& value = graph_->value(graph_->outputs[i]);
    if (i < own_outputs) outputs_.push_back({value.name, value.fact, nullptr});
    if (i < own_outputs) own_outputs_.push_back(graph_->outputs[i]);
    output_ids_[value.name] = graph_->outputs[i];
  }
  std::map<std::string, int32_t> symbols;
  for (const PortInfo& port : inputs_) {
    std::vector<int32_t>& numbers = input_symbols_.emplace_back();
    if (!port.fact.is_tensor() || !port.fact.has_rank()) continue;
    for (const Dim& d : *port.fact.shape)
      numbers.push_back(d.known() ? -1 : symbols.emplace(d.ToString(), symbols.size()).first->second);
  }
  symbol_count_ = symbols.size();
  for (size_t i = 0; i < inputs_.size(); ++i) input_homes_.push_back(HomeOfInput(*graph_, i));
  compiled_ = std::make_unique<CompiledGraph>(graph_, instances_, options.shared.get(), options.inter_op_threads != 1);
  phase("choose kernels");
}

std::vector<std::string> InferenceSession::ProviderLabels() const {
  std::vector<std::string> labels;
  for (const auto& instance : instances_->instances) labels.push_back(instance->is_host() ? "cpu" : instance->label());
  return labels;
}

// Rewrites inside the regions of one instance each.
void InferenceSession::Rewrite(Graph& graph, const LoadOptions& options, const CanonicalizeOptions& canonical) {
  DropDeadNodes(graph);
  if (!options.fuse) return FoldConstants(graph, canonical);
  RuleOptions rules;
  rules.skip = options.skip_passes;
  rules.max_rewrites = options.max_rewrites;
  rules.find_op = FindOp;
  rules.accepts = [this](const Node& node, std::span<const Fact> in, std::span<const Fact> out) {
    const OndaKernelDef* kernel =
        ChooseKernel(instances_->instances[node.instance]->KernelsFor(node), node, in, out, nullptr);
    return kernel && !(node.op->flags & kOpForSpeed && kernel == ReferenceKernel(node.domain, node.op_type));
  };
  rules.on_rewrite = [&](const RewriteEvent& e) {
    if (options.log)
      options.log(LogLevel::kVerbose, std::string(e.rule) + ": " + e.reason + " at " + onda::Describe(e.replaced));
    if (options.record_rewrites)
      rewrites_.push_back({std::string(e.rule), e.reason, e.replaced.name, PrintReplaced(e), PrintAdded(e)});
  };
  int64_t rewrites = 0;
  for (const RewriteStage& stage : RewriteStages()) {
    if (stage.fold_first) FoldConstants(graph, canonical);
    RunRules(graph, stage.rules, rules, rewrites);
  }
}

InferenceSession::~InferenceSession() = default;

std::string InferenceSession::PrintPlans() const { return onda::PrintPlans(*compiled_); }

void InferenceSession::TrimDevices() const {
  for (const auto& pools : {device_pools_, host_pools_})
    for (const std::shared_ptr<BlockPool>& pool : pools)
      if (pool) pool->Trim();
  for (const auto& instance : instances_->instances)
    if (!instance->is_host()) instance->Trim();
}

std::vector<PlacementEntry> InferenceSession::Placement() const {
  std::vector<PlacementEntry> entries;
  AddPlacement(*compiled_, "", entries);
  return entries;
}

InferenceSession::RequestScope::RequestScope(const InferenceSession& session) : session_(session) {
  {
    const std::lock_guard lock(session_.requests_mutex_);
    if (session_.requests_.empty()) {
      session_.requests_.reserve(++session_.requests_made_);  // so that giving it back need not allocate
    } else {
      request_ = std::move(session_.requests_.back());
      session_.requests_.pop_back();
    }
  }
  if (!request_) request_ = std::make_unique<Request>();
  request_->inputs.resize(session_.inputs_.size());
}

InferenceSession::RequestScope::~RequestScope() {
  for (RuntimeValue& value : request_->inputs) value.Clear();
  for (RuntimeValue& value : request_->results) value.Clear();
  request_->outputs.clear();
  request_->bindings.clear();
  request_->instances.clear();
  const std::lock_guard lock(session_.requests_mutex_);
  session_.requests_.push_back(std::move(request_));
}

void InferenceSession::Feed(Request& request, std::string_view name, const RuntimeValue& value,
                            int32_t instance) const {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].name != name) continue;
    RuntimeValue& slot = request.inputs[i];
    if (slot.present()) throw Error(ErrorCode::kInvalidArgument, "input '" + inputs_[i].name + "' is given twice");
    slot = value;
    slot.borrowed = true;
    slot.instance = instance;
    return;
  }
  std::string text = "the model has no input '" + std::string(name) + "'; its inputs are";
  for (const PortInfo& p : inputs_) text += " '" + p.name + "'";
  throw Error(ErrorCode::kInvalidArgument, text);
}

void InferenceSession::ChooseOutput(Request& request, std::string_view name, OutputBinding binding,
                                    int32_t instance) const {
  const auto it = output_ids_.find(name);
  if (it == output_ids_.end()) {
    std::string text = "the model has no output '" + std::string(name) + "'; its outputs are";
    for (const PortInfo& p : outputs_) text += " '" + p.name + "'";
    throw Error(ErrorCode::kInvalidArgument, text);
  }
  if (binding) instance = binding->instance;
  request.outputs.push_back(instance == 0 ? it->second : OnDevice(*graph_, it->second, instance));
  request.bindings.push_back(binding);
  request.instances.push_back(instance);
}

int32_t InferenceSession::FindInstance(std::string_view label) const {
  std::string known;
  for (size_t i = 0; i < instances_->instances.size(); ++i) {
    const std::string& own = instances_->instances[i]->label();
    if (own == label || (label.ends_with(":0") && own == label.substr(0, label.size() - 2)))
      return static_cast<int32_t>(i);
    known += (i ? ", " : "") + own;
  }
  throw Error(ErrorCode::kNotFound, "the session has no device '" + std::string(label) + "'; it has " + known);
}

RuntimeValue InferenceSession::MakeTensorOn(int32_t instance, BlockPool& host, DType dtype,
                                            std::span<const int64_t> dims) const {
  RuntimeValue value;
  MakeTensor(value, instance == 0 ? host : *device_pools_[instance], dtype, dims, instance);
  return value;
}

void InferenceSession::CheckFeeds(Request& request) const {
  request.symbols.assign(symbol_count_, {-1, 0});
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const PortInfo& port = inputs_[i];
    RuntimeValue& value = request.inputs[i];
    if (port.fact.constant) {  // before IR 4: listed among the inputs by custom only
      if (value.present())
        throw Error(ErrorCode::kInvalidArgument,
                    "input '" + port.name + "' is a constant of this model and cannot be fed");
      continue;
    }
    if (!value.present()) {
      if (port.default_value) {
        value.SetConstant(port.default_value);
      } else if (port.fact.kind == ValueKind::kOptional) {
        value.kind = ValueKind::kOptional;
        value.elements = std::make_shared<const std::vector<RuntimeValue>>();
        value.element_fact = port.fact.element;
      } else {
        throw Error(ErrorCode::kInvalidArgument, "input '" + port.name + "' (" + port.fact.ToString() + ") is missing");
      }
    }
    CheckShape(request, i);
  }
}

void InferenceSession::CheckShape(Request& request, size_t input) const {
  const PortInfo& port = inputs_[input];
  RuntimeValue& value = request.inputs[input];
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::kInvalidArgument,
                "input '" + port.name + "': expected " + port.fact.ToString() + ", given " + Describe(value) + why);
  };
  if (!KindMatches(port.fact, value)) refuse("");
  if (port.fact.kind == ValueKind::kOptional && value.kind != ValueKind::kOptional) {
    RuntimeValue optional;
    optional.kind = ValueKind::kOptional;
    optional.element_fact = port.fact.element;
    optional.elements = std::make_shared<const std::vector<RuntimeValue>>(1, std::move(value));
    value = std::move(optional);
  }
  if (const std::string wrong = ElementMismatch(port.fact, value); !wrong.empty()) refuse(" (" + wrong + ")");
  if (!value.is_tensor() || !port.fact.is_tensor()) return;
  if (value.dtype != port.fact.dtype) refuse(" (element types differ)");
  if (!port.fact.has_rank()) return;
  if (static_cast<int>(value.dims.size()) != port.fact.rank()) refuse(" (ranks differ)");
  for (int d = 0; d < port.fact.rank(); ++d) {
    const int32_t symbol = input_symbols_[input][d];
    if (symbol < 0) {
      if ((*port.fact.shape)[d].value() != value.dims[d]) refuse(" (dimension " + std::to_string(d) + " differs)");
      continue;
    }
    auto& [size, from] = request.symbols[symbol];
    if (size < 0) {
      size = value.dims[d];
      from = input;
    } else if (size != value.dims[d]) {
      refuse(" (dimension '" + (*port.fact.shape)[d].ToString() + "' is " + std::to_string(size) + " in input '" +
             inputs_[from].name + "')");
    }
  }
}

void InferenceSession::BringInputsHome(Request& request, BlockPool& host) const {
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    RuntimeValue& value = request.inputs[i];
    if (value.instance == 0 || value.instance == input_homes_[i]) continue;
    RuntimeValue copy = MakeTensorOn(0, host, value.dtype, value.dims);
    CopyTensor(*instances_, host, value, copy);
    value = std::move(copy);
  }
}

void InferenceSession::FinishResult(Request& request, size_t i, BlockPool& host) const {
  RuntimeValue& result = request.results[i];
  const OutputBinding binding = request.bindings[i];
  if (!result.borrowed && result.instance == 0) ClearPadding(result);
  if (binding && binding->data && binding->data == result.data) return;
  if (!binding) {
    const bool elsewhere = result.is_tensor() && result.instance != request.instances[i];
    if (!elsewhere && !result.elements && !SharesMemory(result, request.results, i)) return;
    if (!elsewhere && result.instance == 0) {
      result = CopyValue(host, result);
      return;
    }
    RuntimeValue copy = MakeTensorOn(request.instances[i], host, result.dtype, result.dims);
    CopyTensor(*instances_, host, result, copy);
    result = std::move(copy);
    return;
  }
  if (binding->dtype != result.dtype || binding->dims != result.dims || result.dtype == DType::kString)
    throw Error(
        ErrorCode::kInvalidArgument,
        "output " + std::to_string(i) + " is bound to memory of another type or shape than " + Describe(result));
  CopyTensor(*instances_, host, result, *binding);
}

void InferenceSession::Run(Request& request, const RunSettings& settings) const {
  CheckFeeds(request);
  if (request.outputs.empty()) request.outputs = own_outputs_;
  request.bindings.resize(request.outputs.size());
  request.instances.resize(request.outputs.size());
  BringInputsHome(request, *settings.pool);
  RunContext context;
  context.pool = settings.pool;
  context.pools = device_pools_;
  context.threads = settings.threads;
  context.stop = settings.stop;
  context.observer = settings.observer;
  context.deterministic = deterministic_;
  context.max_string_bytes = max_string_bytes_;
  context.capture = capture_;
  context.ranges = ranges_;
  context.host_pools = host_pools_;
  context.device_ms = settings.device_ms;
  std::fill(settings.device_ms.begin(), settings.device_ms.end(), 0.0);
  std::vector<void*> streams;
  for (const auto& [label, stream] : settings.streams) {
    if (!stream) continue;
    size_t found = 0;
    for (size_t i = 1; i < instances_->instances.size(); ++i)
      if (instances_->instances[i]->label() == label) found = i;
    if (!found)
      throw Error(ErrorCode::kInvalidArgument,
                  "a stream is given for provider '" + label + "', which the session has not");
    streams.resize(instances_->instances.size());
    streams[found] = stream;
  }
  context.streams = streams;
  context.inter_op_threads = inter_op_threads_;
  Execute(compiled_->ProgramFor(request.outputs), request.inputs, context, request.bindings, request.results);
  for (size_t i = 0; i < request.results.size(); ++i) FinishResult(request, i, *settings.pool);
}

std::vector<RuntimeValue> InferenceSession::Run(const RunArguments& arguments) const {
  const RequestScope request(*this);
  for (const auto& [name, value] : arguments.feeds) Feed(*request, name, value);
  for (const std::string& name : arguments.outputs) ChooseOutput(*request, name, nullptr);
  Run(*request, arguments);
  return std::move(request->results);
}

}  // namespace onda
