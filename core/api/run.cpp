#include <immintrin.h>

#include <algorithm>
#include <chrono>

#include "core/api/handles.h"
#include "core/device_memory.h"

namespace onda {
namespace {

// The floating-point control word of this thread, set back at the end of the scope. Kernels run under ONNX's rules
// (nearest, no flushing) whatever the caller has set, unless the session flushes denormals.
class ControlWord {
 public:
  explicit ControlWord(bool flush_denormals) : saved_(_mm_getcsr()) {
    _mm_setcsr(0x1f80u | (flush_denormals ? 0x8040u : 0u));
  }
  ~ControlWord() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
};

NodeObserver MakeObserver(const OndaRunOptions& options, const InferenceSession& session) {
  NodeObserver observer;
  observer.after_node = [&options, &session](const Graph& graph, const Node& node, std::span<const OndaTensorView>,
                                             std::span<const OndaTensorView> outputs, double milliseconds) {
    std::vector<std::unique_ptr<OndaValue>> values;
    std::vector<const OndaValue*> pointers;
    std::vector<const char*> names;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].dtype || !outputs[i].data || !node.has_output(i)) continue;
      RuntimeValue value;
      value.kind = ValueKind::kTensor;
      value.dtype = static_cast<DType>(outputs[i].dtype);
      value.dims.assign(outputs[i].dims, outputs[i].dims + outputs[i].rank);
      value.data = outputs[i].data;
      value.borrowed = true;
      values.emplace_back(NewValue(std::move(value)));
      pointers.push_back(values.back().get());
      names.push_back(graph.value(node.outputs[i]).name.c_str());
    }
    OndaNodeEvent event{};
    event.size = sizeof(event);
    event.name = node.name.c_str();
    event.op = node.op_type.c_str();
    event.domain = node.domain.c_str();
    event.provider = session.instances().instances[static_cast<size_t>(node.instance)]->label().c_str();
    event.milliseconds = milliseconds;
    event.output_count = static_cast<int32_t>(pointers.size());
    event.outputs = pointers.data();
    event.output_names = names.data();
    options.node_function(options.node_user, &event);
  };
  return observer;
}

int32_t InstanceOf(const InferenceSession& session, std::string_view device) {
  return device.empty() ? 0 : session.FindInstance(device);
}

void Run(const OndaSession& session, const OndaRunOptions* options, const char* const* input_names,
         const OndaValue* const* inputs, size_t input_count, const char* const* output_names, size_t output_count,
         const char* const* devices, OndaValue** outputs) {
  const InferenceSession& inference = *session.session;
  const InferenceSession::RequestScope request(inference);
  for (size_t i = 0; i < input_count; ++i) {
    RequireArgument(input_names[i], "an input's name");
    RequireArgument(inputs[i], "an input's value");
    inference.Feed(*request, input_names[i], inputs[i]->value, InstanceOf(inference, inputs[i]->device));
  }
  const size_t all = inference.outputs().size();
  if (!output_names && output_count != all)
    throw Error(ErrorCode::kInvalidArgument,
                "the model has " + std::to_string(all) + " outputs, room is given for " + std::to_string(output_count));
  for (size_t i = 0; i < output_count; ++i) {
    if (output_names) RequireArgument(output_names[i], "an output's name");
    if (outputs[i] && !outputs[i]->value.is_tensor())
      throw Error(ErrorCode::kInvalidArgument, "output " + std::to_string(i) + ": only tensors can be written into");
    std::string_view device;
    if (outputs[i]) {
      device = outputs[i]->device;
    } else if (devices && devices[i]) {
      device = devices[i];
    }
    const int32_t instance = InstanceOf(inference, device);
    if (outputs[i]) outputs[i]->value.instance = instance;  // the device's number in this session
    inference.ChooseOutput(*request, output_names ? output_names[i] : inference.outputs()[i].name.c_str(),
                           outputs[i] ? &outputs[i]->value : nullptr, instance);
  }
  if (output_count == 0) return;
  InferenceSession::RunSettings settings;
  StopToken stop;
  if (options) {
    stop.SetExternal(&options->terminate);
    if (options->timeout > 0)
      stop.SetDeadline(std::chrono::steady_clock::now() +
                       std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                           std::chrono::duration<double>(std::min(options->timeout, 1e8))));
    settings.stop = &stop;
    settings.streams = options->streams;
  }
  NodeObserver observer;
  if (options && options->node_function) {
    observer = MakeObserver(*options, inference);
    settings.observer = &observer;
  }
  settings.threads = session.own_threads ? session.own_threads.get() : session.environment->threads.get();
  settings.pool = session.pool;
  NodeObserver traced;
  if (session.profiler && session.profiler->active()) {
    traced = session.profiler->Observe(settings.observer);
    settings.observer = &traced;
  }
  std::vector<double> device_ms(options && options->device_timing ? inference.instances().instances.size() : 0);
  settings.device_ms = device_ms;
  const auto begin = session.profiler ? Profiler::Clock::now() : Profiler::Clock::time_point();
  {
    const ControlWord control_word(session.flush_denormals);
    inference.Run(*request, settings);
  }
  if (session.profiler) session.profiler->Add("run", "run", begin);
  if (!device_ms.empty()) {
    const std::lock_guard lock(options->device_ms_mutex);
    options->device_ms.clear();
    for (size_t i = 1; i < device_ms.size(); ++i)
      options->device_ms.emplace_back(inference.instances().instances[i]->label(), device_ms[i]);
  }
  for (size_t i = 0; i < output_count; ++i)
    if (!outputs[i]) {
      const int32_t instance = request->results[i].instance;
      outputs[i] = NewValue(std::move(request->results[i]),
                            instance == 0 ? "" : inference.instances().instances[instance]->label());
    }
}

OndaValue* OverMemory(std::string device, void* data, size_t bytes, int32_t dtype, const int64_t* dims, size_t rank) {
  OndaValue* value = nullptr;
  if (OndaError* error = OndaGetApi(ONDA_API_VERSION)->CreateTensorOver(data, bytes, dtype, dims, rank, &value)) {
    const Error e(static_cast<ErrorCode>(error->code), error->message);
    OndaGetApi(ONDA_API_VERSION)->ReleaseError(error);
    throw e;
  }
  value->device = std::move(device);
  return value;
}

// Memory that its giver wants back.
class OwnedMemory {
 public:
  OwnedMemory() = default;
  ~OwnedMemory() {
    if (release_) release_(user_);
  }
  OwnedMemory(const OwnedMemory&) = delete;
  OwnedMemory& operator=(const OwnedMemory&) = delete;
  void Own(void (*release)(void*), void* user) {
    release_ = release;
    user_ = user;
  }

 private:
  void (*release_)(void*) = nullptr;
  void* user_ = nullptr;
};

void RequireRunArguments(const OndaSession* session, const char* const* input_names, const OndaValue* const* inputs,
                         size_t input_count, const OndaValue* const* outputs, size_t output_count) {
  RequireArgument(session, "session");
  if (input_count) {
    RequireArgument(input_names, "input_names");
    RequireArgument(inputs, "inputs");
  }
  if (output_count) RequireArgument(outputs, "outputs");
}

// What a run on another thread is told.
struct AsyncRun {
  const OndaSession* session;
  const OndaRunOptions* options;
  std::vector<std::string> input_names;
  std::vector<const OndaValue*> inputs;
  std::vector<std::string> output_names;
  std::vector<OndaValue*> outputs;
  bool named_outputs;
  void (*done)(void* user, OndaValue** outputs, size_t output_count, OndaError* error);
  void* user;

  void Run() {
    OndaError* error = Guard([&] {
      std::vector<const char*> in, out;
      for (const std::string& name : input_names) in.push_back(name.c_str());
      for (const std::string& name : output_names) out.push_back(name.c_str());
      onda::Run(*session, options, in.data(), inputs.data(), inputs.size(), named_outputs ? out.data() : nullptr,
                outputs.size(), nullptr, outputs.data());
    });
    done(user, error ? nullptr : outputs.data(), error ? 0 : outputs.size(), error);
  }
};

}  // namespace

void FillRunApi(OndaApi& api) {
  api.CreateRunOptions = [](OndaRunOptions** out) {
    return Guard([&] {
      RequireArgument(out, "out");
      *out = new OndaRunOptions;
    });
  };
  api.RunOptionsSetTerminate = [](OndaRunOptions* options, int32_t terminate) { options->terminate = terminate != 0; };
  api.RunOptionsSetTimeout = [](OndaRunOptions* options, double seconds) { options->timeout = seconds; };
  api.RunOptionsSetTag = [](OndaRunOptions* options, const char* tag) {
    return Guard([&] {
      RequireArgument(tag, "tag");
      options->tag = tag;
    });
  };
  api.RunOptionsGetTag = [](const OndaRunOptions* options) { return options->tag.c_str(); };
  api.RunOptionsSetNodeFunction = [](OndaRunOptions* options, OndaNodeFunction function, void* user) {
    options->node_function = function;
    options->node_user = user;
  };
  api.RunOptionsSetStream = [](OndaRunOptions* options, const char* provider, void* stream) {
    return Guard([&] {
      RequireArgument(options, "options");
      RequireArgument(provider, "provider");
      std::erase_if(options->streams, [&](const auto& entry) { return entry.first == provider; });
      if (stream) options->streams.emplace_back(provider, stream);
    });
  };
  api.RunOptionsSetDeviceTiming = [](OndaRunOptions* options, int32_t on) { options->device_timing = on != 0; };
  api.RunOptionsDeviceMilliseconds = [](const OndaRunOptions* options, const char* provider) {
    const std::lock_guard lock(options->device_ms_mutex);
    for (const auto& [label, milliseconds] : options->device_ms)
      if (label == provider) return milliseconds;
    return -1.0;
  };
  api.ReleaseRunOptions = [](OndaRunOptions* options) { delete options; };
  api.Run = [](const OndaSession* session, const OndaRunOptions* options, const char* const* input_names,
               const OndaValue* const* inputs, size_t input_count, const char* const* output_names, size_t output_count,
               OndaValue** outputs) {
    return Guard([&] {
      RequireRunArguments(session, input_names, inputs, input_count, outputs, output_count);
      Run(*session, options, input_names, inputs, input_count, output_names, output_count, nullptr, outputs);
    });
  };
  api.RunOnDevices = [](const OndaSession* session, const OndaRunOptions* options, const char* const* input_names,
                        const OndaValue* const* inputs, size_t input_count, const char* const* output_names,
                        const char* const* devices, size_t output_count, OndaValue** outputs) {
    return Guard([&] {
      RequireRunArguments(session, input_names, inputs, input_count, outputs, output_count);
      Run(*session, options, input_names, inputs, input_count, output_names, output_count, devices, outputs);
    });
  };
  api.RunAsync = [](const OndaSession* session, const OndaRunOptions* options, const char* const* input_names,
                    const OndaValue* const* inputs, size_t input_count, const char* const* output_names,
                    size_t output_count, OndaValue* const* outputs,
                    void (*done)(void*, OndaValue**, size_t, OndaError*), void* user) {
    return Guard([&] {
      RequireRunArguments(session, input_names, inputs, input_count, outputs, output_count);
      RequireArgument(reinterpret_cast<const void*>(done), "done");
      AsyncRun run{session, options, {}, {}, {}, {}, output_names != nullptr, done, user};
      for (size_t i = 0; i < input_count; ++i) {
        RequireArgument(input_names[i], "an input's name");
        run.input_names.emplace_back(input_names[i]);
        run.inputs.push_back(inputs[i]);
      }
      for (size_t i = 0; i < output_count; ++i) {
        if (output_names) RequireArgument(output_names[i], "an output's name");
        run.output_names.emplace_back(output_names ? output_names[i] : "");
        run.outputs.push_back(outputs[i]);
      }
      session->environment->async.Add([run = std::move(run)]() mutable { run.Run(); });
    });
  };
  api.CreateTensorOverDevice = [](const char* device, void* data, size_t bytes, int32_t dtype, const int64_t* dims,
                                  size_t rank, OndaValue** out) {
    return Guard([&] {
      RequireArgument(device, "device");
      RequireArgument(out, "out");
      *out = OverMemory(device, data, bytes, dtype, dims, rank);
    });
  };
  api.CreateTensorOwning = [](const char* device, void* data, size_t bytes, int32_t dtype, const int64_t* dims,
                              size_t rank, void (*release)(void*), void* user, OndaValue** out) {
    return Guard([&] {
      RequireArgument(reinterpret_cast<const void*>(release), "release");
      RequireArgument(out, "out");
      const auto owner = std::make_shared<OwnedMemory>();
      OndaValue* value = OverMemory(device ? device : "", data, bytes, dtype, dims, rank);
      owner->Own(release, user);  // nothing fails from here on
      value->value.owner = owner;
      *out = value;
    });
  };
  api.CreateTensorOnDevice = [](const OndaSession* session, const char* device, int32_t dtype, const int64_t* dims,
                                size_t rank, OndaValue** out) {
    return Guard([&] {
      RequireArgument(session, "session");
      RequireArgument(device, "device");
      RequireArgument(out, "out");
      if (dtype <= 0 || dtype >= kDTypeCount || static_cast<DType>(dtype) == DType::kString)
        throw Error(ErrorCode::kInvalidArgument, "device memory cannot hold element type " + std::to_string(dtype));
      const int32_t instance = InstanceOf(*session->session, device);
      RuntimeValue value =
          session->session->MakeTensorOn(instance, *session->pool, static_cast<DType>(dtype), std::span(dims, rank));
      value.instance = 0;  // by session: the handle has the device's name
      *out = NewValue(std::move(value), instance == 0 ? "" : device);
    });
  };
  api.ValueDevice = [](const OndaValue* value) { return value ? value->device.c_str() : ""; };
  api.CopyTensor = [](const OndaSession* session, const OndaValue* from, OndaValue* to) {
    return Guard([&] {
      RequireArgument(session, "session");
      RequireArgument(from, "from");
      RequireArgument(to, "to");
      RuntimeValue source = from->value, target = to->value;
      if (!source.is_tensor() || source.dtype != target.dtype || source.dims != target.dims ||
          source.dtype == DType::kString)
        throw Error(ErrorCode::kInvalidArgument,
                    "cannot copy " + source.ToFact().ToString() + " to " + target.ToFact().ToString());
      source.instance = InstanceOf(*session->session, from->device);
      target.instance = InstanceOf(*session->session, to->device);
      CopyTensor(session->session->instances(), *session->pool, source, target);
    });
  };
}

}  // namespace onda
