#include "cli/engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>
#include <sstream>

#include "cli/data/file.h"
#include "cli/model_file.h"

namespace onda::cli {
namespace {

Kind KindOf(int kind) {
  switch (kind) {
    case kOndaValueTensor:
      return Kind::kTensor;
    case kOndaValueSequence:
      return Kind::kSequence;
    case kOndaValueOptional:
      return Kind::kOptional;
    case kOndaValueMap:
      return Kind::kMap;
    case kOndaValueSparse:
      return Kind::kSparse;
    case kOndaValueOpaque:
      return Kind::kOther;
    default:
      return Kind::kNone;
  }
}

Type TypeOf(const TypeInfo& info) {
  Type type;
  if (!info.get()) return type;
  type.kind = KindOf(info.kind());
  type.dtype = info.GetElementType();
  type.has_rank = info.has_rank();
  type.dims = info.GetShape();
  type.symbols = info.GetSymbolicDimensions();
  for (std::string& symbol : type.symbols)
    if (symbol.starts_with('?')) symbol.clear();
  if (info.GetElement().get()) type.element = std::make_shared<const Type>(TypeOf(info.GetElement()));
  return type;
}

// From a handle, which is not released.
Data TensorOf(const OndaValue* value) {
  const TypeInfo type(Api().ValueType(value));
  Data data = Data::Tensor(type.GetElementType(), type.GetShape());
  if (data.dtype == DType::kString) {
    for (size_t i = 0; i < data.strings.size(); ++i) {
      const char* text = nullptr;
      size_t size = 0;
      Check(Api().TensorString(value, i, &text, &size));
      data.strings[i].assign(text, size);
    }
  } else if (!data.bytes.empty()) {
    void* bytes = nullptr;
    Check(Api().TensorData(value, &bytes, nullptr));
    std::memcpy(data.bytes.data(), bytes, data.bytes.size());
  }
  return data;
}

Data ToData(const Value& value) {
  Data data;
  if (!value) return data;
  switch (value.kind()) {
    case kOndaValueTensor:
      return TensorOf(value.get());
    case kOndaValueOptional:
      return value.GetCount() > 0 ? ToData(value.GetValue(0)) : data;
    case kOndaValueSequence:
      data.kind = Kind::kSequence;
      break;
    case kOndaValueMap:
      data.kind = Kind::kMap;
      break;
    default:
      return data;
  }
  const size_t count = value.GetCount();
  for (size_t i = 0; i < count; ++i) data.elements.push_back(ToData(value.GetValue(i)));
  return data;
}

Value ToValue(const Data& data) {
  std::vector<Value> elements;
  for (const Data& element : data.elements) elements.push_back(ToValue(element));
  switch (data.kind) {
    case Kind::kTensor: {
      Value value = Value::CreateTensor(data.dtype, data.dims);
      if (data.dtype == DType::kString) {
        for (size_t i = 0; i < data.strings.size(); ++i) value.SetString(i, data.strings[i]);
      } else if (!data.bytes.empty()) {
        std::memcpy(value.GetTensorMutableRawData(), data.bytes.data(), data.bytes.size());
      }
      return value;
    }
    case Kind::kSequence:
      return Value::CreateSequence(elements);
    case Kind::kMap:
      return Value::CreateMap(elements.at(0), elements.at(1));
    default:
      throw Error(ErrorCode::kInvalidArgument, "there is no value");
  }
}

std::vector<Session::NamedValue> ToValues(const Feeds& feeds) {
  std::vector<Session::NamedValue> values;
  for (const auto& [name, data] : feeds) values.emplace_back(name, ToValue(data));
  return values;
}

struct Provider {
  std::string name;  // or the path of its shared library
  std::map<std::string, std::string> options;
  bool is_library() const { return name.find('/') != std::string::npos; }
};

// NAME[,KEY=VALUE...]
Provider ParseProvider(const std::string& text) {
  Provider provider;
  std::istringstream parts(text);
  std::getline(parts, provider.name, ',');
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t at = part.find('=');
    if (at == std::string::npos)
      throw Error(ErrorCode::kInvalidArgument, "'" + part + "' of provider '" + provider.name + "' is not KEY=VALUE");
    provider.options[part.substr(0, at)] = part.substr(at + 1);
  }
  return provider;
}

Env MakeEnv(const EngineOptions& options) {
  Env::Options env;
  env.threads = options.threads;
  env.log_level = options.verbose ? LoggingLevel::kInfo : LoggingLevel::kError;
  Env made(env);
  for (const std::string& library : options.provider_libraries) made.RegisterExecutionProviderLibrary("", library);
  std::set<std::string> known;
  for (const std::string& text : options.providers) {
    const Provider provider = ParseProvider(text);
    if (provider.is_library() && known.insert(provider.name).second)
      made.RegisterExecutionProviderLibrary(provider.name.c_str(), provider.name);
  }
  return made;
}

SessionOptions MakeOptions(const EngineOptions& options) {
  SessionOptions session;
  for (const std::string& text : options.providers) {
    const Provider provider = ParseProvider(text);
    session.AppendExecutionProvider(provider.name, provider.options);
  }
  for (const std::string& library : options.custom_ops) session.RegisterCustomOpsLibrary(library);
  for (const auto& [name, size] : options.dimensions) session.AddFreeDimensionOverrideByName(name.c_str(), size);
  if (!options.optimize) session.SetGraphOptimizationLevel(GraphOptimizationLevel::kDisableAll);
  if (options.reference) session.Set("reference_kernels", "1");
  for (const std::string& name : options.skip_rewrites) session.SkipRewrite(name);
  session.Set("max_rewrites", std::to_string(options.max_rewrites));
  if (options.record_rewrites) session.Set("record_rewrites", "1");
  session.Set("dump_folder", options.dump_folder);
  session.Set("profile", options.profile);
  for (const std::string& setting : options.settings) {
    const size_t at = setting.find('=');
    if (at == std::string::npos) throw Error(ErrorCode::kInvalidArgument, "'" + setting + "' is not KEY=VALUE");
    session.Set(setting.substr(0, at).c_str(), setting.substr(at + 1));
  }
  return session;
}

}  // namespace

Engine::Engine(const Model& model, const EngineOptions& options)
    : Engine(Session(MakeEnv(options), model, MakeOptions(options))) {}

Engine::Engine(const std::string& path, const EngineOptions& options)
    : Engine(FormOf(path) == ModelForm::kBinary ? Session(MakeEnv(options), path, MakeOptions(options))
                                                : Session(MakeEnv(options), LoadModel(path), MakeOptions(options))) {}

Engine::Engine(Session session) : session_(std::move(session)) {
  measured_.SetDeviceTiming();
  for (const ProviderMemory& provider : session_.GetProviderMemory()) devices_.push_back(provider.provider);
  for (size_t i = 0; i < session_.GetInputCount(); ++i) {
    const TypeInfo info = session_.GetInputTypeInfo(i);
    inputs_.push_back({session_.GetInputName(i), TypeOf(info), info, false});
  }
  for (size_t i = 0; i < session_.GetOverridableInitializerCount(); ++i) {
    const TypeInfo info = session_.GetOverridableInitializerTypeInfo(i);
    inputs_.push_back({session_.GetOverridableInitializerName(i), TypeOf(info), info, true});
  }
  for (size_t i = 0; i < session_.GetOutputCount(); ++i) {
    const TypeInfo info = session_.GetOutputTypeInfo(i);
    outputs_.push_back({session_.GetOutputName(i), TypeOf(info), info, false});
  }
}

std::vector<Data> Engine::Run(const Feeds& feeds, const std::vector<std::string>& outputs, double seconds) const {
  std::vector<Data> results;
  RunOptions options;
  options.SetTimeout(seconds);
  for (const Value& value : session_.Run(ToValues(feeds), outputs, &options)) results.push_back(ToData(value));
  return results;
}

void Engine::SetFeeds(const Feeds& feeds, const std::string& device) {
  feeds_ = ToValues(feeds);
  binding_.reset();
  if (device.empty()) return;
  binding_ = std::make_unique<IoBinding>(session_);
  const MemoryInfo memory(device);
  for (const auto& [name, value] : feeds_) {
    Value there = session_.CreateTensor(memory, value.GetTypeInfo().GetElementType(), value.GetTypeInfo().GetShape());
    session_.CopyTensor(value, there);
    binding_->BindInput(name.c_str(), there);
  }
  // Outputs of the shapes that the first run gives are written to the same memory by all others.
  for (const Port& port : outputs_) binding_->BindOutput(port.name.c_str(), memory);
  session_.Run(RunOptions(), *binding_);
  const std::vector<Value> results = binding_->GetOutputValues();
  for (size_t i = 0; i < outputs_.size(); ++i) binding_->BindOutput(outputs_[i].name.c_str(), results[i]);
}

double Engine::RunOnce() const {
  const auto begin = std::chrono::steady_clock::now();
  if (binding_) {
    session_.Run(measured_, *binding_);
  } else {
    session_.Run(feeds_, {}, &measured_);
  }
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<std::pair<std::string, double>> Engine::DeviceMilliseconds() const {
  std::vector<std::pair<std::string, double>> times;
  for (const std::string& provider : devices_) {
    const double time = measured_.GetDeviceMilliseconds(provider.c_str());
    if (time >= 0) times.emplace_back(provider, time);
  }
  return times;
}

void Engine::Observe(const Feeds& feeds, const std::function<void(const NodeResult&)>& observer) const {
  RunOptions options;
  options.OnNode([&](const NodeEvent& event) {
    NodeResult result{std::string(event.name), std::string(event.op), event.milliseconds, {}, {}};
    for (int32_t i = 0; i < event.raw->output_count; ++i) {
      if (!event.raw->outputs[i]) continue;
      result.names.emplace_back(event.raw->output_names[i]);
      result.outputs.push_back(TensorOf(event.raw->outputs[i]));
    }
    observer(result);
  });
  session_.Run(ToValues(feeds), {}, &options);
}

Data ReadProtoFile(const std::string& path, const Port& port) {
  const std::string bytes = ReadFile(path);
  try {
    return ToData(Value::FromProto(bytes, port.info));
  } catch (const Error& error) {
    // What an optional holds may be written without the optional around it.
    if (port.type.kind == Kind::kOptional) {
      try {
        return ToData(Value::FromProto(bytes, port.info.GetElement()));
      } catch (const Error&) {
      }
    }
    throw Error(error.code(), "'" + path + "': " + error.what());
  }
}

void WriteProtoFile(const std::string& path, const std::string& name, const Data& data) {
  WriteFile(path,
            data.kind == Kind::kNone ? Value::CreateOptional(Value()).ToProto(name) : ToValue(data).ToProto(name));
}

}  // namespace onda::cli
