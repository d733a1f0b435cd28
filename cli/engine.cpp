#include "cli/engine.h"

#include <chrono>
#include <cstring>

#include "cli/data/file.h"
#include "core/session.h"
#include "core/text/parse.h"
#include "proto/export_value.h"
#include "proto/import.h"
#include "proto/import_value.h"

namespace onda::cli {
namespace {

Type TypeOf(const Fact& fact) {
  Type type;
  switch (fact.kind) {
    case ValueKind::kUnknown:
      type.kind = Kind::kNone;
      break;
    case ValueKind::kTensor:
      type.kind = Kind::kTensor;
      break;
    case ValueKind::kSequence:
      type.kind = Kind::kSequence;
      break;
    case ValueKind::kOptional:
      type.kind = Kind::kOptional;
      break;
    case ValueKind::kMap:
      type.kind = Kind::kMap;
      break;
    case ValueKind::kSparse:
      type.kind = Kind::kSparse;
      break;
    case ValueKind::kOpaque:
      type.kind = Kind::kOther;
      break;
  }
  type.dtype = fact.dtype;
  type.has_rank = fact.has_rank();
  if (fact.shape) {
    for (const Dim& dim : *fact.shape) {
      type.dims.push_back(dim.value_or_unknown());
      std::string text = dim.known() ? "" : dim.ToString();
      type.symbols.push_back(text.starts_with('?') ? "" : std::move(text));
    }
  }
  if (fact.element) type.element = std::make_shared<const Type>(TypeOf(*fact.element));
  return type;
}

Fact FactOf(const Type& type) {
  Fact fact;
  switch (type.kind) {
    case Kind::kNone:
      break;
    case Kind::kTensor:
      fact.kind = ValueKind::kTensor;
      break;
    case Kind::kSequence:
      fact.kind = ValueKind::kSequence;
      break;
    case Kind::kOptional:
      fact.kind = ValueKind::kOptional;
      break;
    case Kind::kMap:
      fact.kind = ValueKind::kMap;
      break;
    case Kind::kSparse:
      fact.kind = ValueKind::kSparse;
      break;
    case Kind::kOther:
      fact.kind = ValueKind::kOpaque;
      break;
  }
  fact.dtype = type.dtype;
  if (type.element) fact.element = std::make_shared<const Fact>(FactOf(*type.element));
  return fact;
}

Data FromMemory(DType dtype, std::vector<int64_t> dims, const void* data) {
  Data out = Data::Tensor(dtype, std::move(dims));
  if (dtype == DType::kString) {
    const auto* strings = static_cast<const std::string*>(data);
    std::copy(strings, strings + out.count(), out.strings.begin());
  } else if (!out.bytes.empty()) {
    std::memcpy(out.bytes.data(), data, out.bytes.size());
  }
  return out;
}

Data FromRuntime(const RuntimeValue& value) {
  Data data;
  switch (value.kind) {
    case ValueKind::kTensor:
      return FromMemory(value.dtype, value.dims, value.data);
    case ValueKind::kOptional:
      return value.elements && !value.elements->empty() ? FromRuntime(value.elements->front()) : Data();
    case ValueKind::kSequence:
      data.kind = Kind::kSequence;
      break;
    case ValueKind::kMap:
      data.kind = Kind::kMap;
      break;
    default:
      return data;
  }
  for (const RuntimeValue& element : *value.elements) data.elements.push_back(FromRuntime(element));
  return data;
}

RuntimeValue ToRuntime(const Data& data, const Fact& fact) {
  if (data.kind == Kind::kTensor) {
    auto tensor = Tensor::Make(data.dtype, data.dims);
    if (data.dtype == DType::kString) {
      std::copy(data.strings.begin(), data.strings.end(), tensor->mutable_as<std::string>().begin());
    } else if (!data.bytes.empty()) {
      std::memcpy(tensor->mutable_data(), data.bytes.data(), data.bytes.size());
    }
    return RuntimeValue::FromTensor(tensor);
  }
  RuntimeValue value;
  value.kind = data.kind == Kind::kSequence ? ValueKind::kSequence
               : data.kind == Kind::kMap    ? ValueKind::kMap
                                            : ValueKind::kOptional;
  value.element_fact = fact.element;
  const Fact unknown;
  // An optional's element is fed as such.
  if (fact.kind == ValueKind::kOptional && fact.element && data.kind == Kind::kSequence) {
    value.element_fact = fact.element->element;
  }
  std::vector<RuntimeValue> elements;
  for (const Data& element : data.elements) {
    elements.push_back(ToRuntime(element, value.element_fact ? *value.element_fact : unknown));
  }
  if (value.kind == ValueKind::kMap && !elements.empty()) value.dtype = elements[0].dtype;
  value.elements = std::make_shared<const std::vector<RuntimeValue>>(std::move(elements));
  return value;
}

Data FromFile(const proto::FileValue& value) {
  Data data;
  switch (value.kind) {
    case ValueKind::kTensor:
      return FromMemory(value.tensor->dtype(), value.tensor->dims(), value.tensor->data());
    case ValueKind::kOptional:
      return value.elements.empty() ? data : FromFile(value.elements.front());
    case ValueKind::kSequence:
      data.kind = Kind::kSequence;
      break;
    case ValueKind::kMap:
      data.kind = Kind::kMap;
      break;
    default:
      return data;
  }
  for (const proto::FileValue& element : value.elements) data.elements.push_back(FromFile(element));
  return data;
}

proto::FileValue ToFile(const Data& data) {
  proto::FileValue value;
  switch (data.kind) {
    case Kind::kTensor: {
      value.kind = ValueKind::kTensor;
      auto tensor = Tensor::Make(data.dtype, data.dims);
      if (data.dtype == DType::kString) {
        std::copy(data.strings.begin(), data.strings.end(), tensor->mutable_as<std::string>().begin());
      } else if (!data.bytes.empty()) {
        std::memcpy(tensor->mutable_data(), data.bytes.data(), data.bytes.size());
      }
      value.tensor = std::move(tensor);
      return value;
    }
    case Kind::kSequence:
      value.kind = ValueKind::kSequence;
      break;
    case Kind::kMap:
      value.kind = ValueKind::kMap;
      break;
    default:
      value.kind = ValueKind::kOptional;
      break;
  }
  for (const Data& element : data.elements) value.elements.push_back(ToFile(element));
  return value;
}

std::vector<Port> Ports(const std::vector<PortInfo>& infos, bool inputs) {
  std::vector<Port> ports;
  for (const PortInfo& info : infos) {
    if (inputs && info.fact.constant) continue;  // a constant by IR 3's custom: not fed
    ports.push_back({info.name, TypeOf(info.fact), info.default_value != nullptr});
  }
  return ports;
}

}  // namespace

struct Engine::State {
  std::unique_ptr<InferenceSession> session;
  std::unique_ptr<ThreadPool> threads;
  std::shared_ptr<BlockPool> pool = std::make_shared<BlockPool>();
  std::vector<std::pair<std::string, RuntimeValue>> feeds;

  std::vector<std::pair<std::string, RuntimeValue>> Convert(const Feeds& given) const {
    std::vector<std::pair<std::string, RuntimeValue>> converted;
    for (const auto& [name, data] : given) {
      Fact fact;
      for (const PortInfo& port : session->inputs())
        if (port.name == name) fact = port.fact;
      converted.emplace_back(name, ToRuntime(data, fact));
    }
    return converted;
  }

  InferenceSession::RunArguments Arguments() const {
    InferenceSession::RunArguments arguments;
    arguments.threads = threads.get();
    arguments.pool = pool;
    return arguments;
  }
};

Engine::Engine(const std::string& model, const EngineOptions& options) : state_(std::make_unique<State>()) {
  LoadOptions load;
  load.free_dimensions = options.dimensions;
  load.reference_kernels = options.reference;
  for (const std::string& provider : options.providers) {
    if (provider != "cpu") throw Error(ErrorCode::kNotFound, "no provider '" + provider + "'; there is: cpu");
  }
  state_->session = std::make_unique<InferenceSession>(proto::ImportFile(model), load);
  state_->threads = std::make_unique<ThreadPool>(options.threads);
  inputs_ = Ports(state_->session->inputs(), true);
  outputs_ = Ports(state_->session->outputs(), false);
}

Engine::~Engine() = default;

std::vector<Placement> Engine::placement() const {
  std::vector<Placement> list;
  for (const PlacementEntry& entry : state_->session->Placement()) {
    list.push_back({entry.node, entry.op, entry.provider, "", entry.reason});
  }
  return list;
}

std::vector<Data> Engine::Run(const Feeds& feeds, const std::vector<std::string>& outputs) const {
  InferenceSession::RunArguments arguments = state_->Arguments();
  arguments.feeds = state_->Convert(feeds);
  arguments.outputs = outputs;
  std::vector<Data> results;
  for (const RuntimeValue& value : state_->session->Run(std::move(arguments))) results.push_back(FromRuntime(value));
  return results;
}

void Engine::SetFeeds(const Feeds& feeds) { state_->feeds = state_->Convert(feeds); }

double Engine::RunOnce() const {
  InferenceSession::RunArguments arguments = state_->Arguments();
  arguments.feeds = state_->feeds;
  const auto begin = std::chrono::steady_clock::now();
  state_->session->Run(std::move(arguments));
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

void Engine::Observe(const Feeds& feeds, const std::function<void(const NodeResult&)>& observer) const {
  NodeObserver nodes;
  nodes.after_node = [&](const Graph& graph, const Node& node, std::span<const OndaTensorView>,
                         std::span<const OndaTensorView> outputs, double) {
    NodeResult result{node.name, node.op_type, {}, {}};
    for (size_t i = 0; i < outputs.size() && i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue || !outputs[i].data) continue;
      result.names.push_back(graph.value(node.outputs[i]).name);
      result.outputs.push_back(FromMemory(static_cast<DType>(outputs[i].dtype),
                                          {outputs[i].dims, outputs[i].dims + outputs[i].rank}, outputs[i].data));
    }
    observer(result);
  };
  InferenceSession::RunArguments arguments = state_->Arguments();
  arguments.feeds = state_->Convert(feeds);
  arguments.observer = &nodes;
  state_->session->Run(std::move(arguments));
}

Data ReadProtoFile(const std::string& path, const Type& type) {
  return FromFile(proto::ImportValue(proto::OpenFile(path, {}), FactOf(type)));
}

void WriteProtoFile(const std::string& path, const std::string& name, const Data& data) {
  proto::FileValue value = ToFile(data);
  value.name = name;
  WriteFile(path, proto::ExportValue(value));
}

}  // namespace onda::cli
