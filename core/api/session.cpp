#include <algorithm>
#include <charconv>
#include <cstring>
#include <tuple>

#include "core/api/handles.h"
#include "core/passes/rules.h"
#include "kernels/op_table.h"
#include "proto/import.h"

namespace onda {
namespace {

int64_t ParseInt(const std::string& key, const std::string& value, int64_t low, int64_t high) {
  int64_t result = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
  if (error != std::errc() || end != value.data() + value.size() || result < low || result > high)
    throw Error(ErrorCode::kInvalidArgument, "session option '" + key + "' takes an integer from " +
                                                 std::to_string(low) + " to " + std::to_string(high) + ", not '" +
                                                 value + "'");
  return result;
}

bool ParseBool(const std::string& key, const std::string& value) {
  if (value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  throw Error(ErrorCode::kInvalidArgument, "session option '" + key + "' takes 0 or 1, not '" + value + "'");
}

std::vector<std::string> RewriteNames() {
  std::vector<std::string> names;
  for (const RewriteStage& stage : RewriteStages())
    for (const Rule& rule : stage.rules)
      if (std::find(names.begin(), names.end(), rule.name) == names.end()) names.emplace_back(rule.name);
  return names;
}

// Names between commas, behind those that are skipped already.
void SkipRewrites(OndaSessionOptions& o, const std::string& list) {
  const std::vector<std::string> known = RewriteNames();
  for (size_t begin = 0; begin < list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string name = list.substr(begin, end - begin);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string text = "there is no rewrite '" + name + "'; there are";
      for (const std::string& n : known) text += " " + n;
      throw Error(ErrorCode::kInvalidArgument, text);
    }
    o.load.skip_passes.push_back(name);
    begin = end + 1;
  }
}

void SetOption(OndaSessionOptions& o, const std::string& key, const std::string& value) {
  if (key == "intra_op_num_threads") {
    o.threads = static_cast<int>(ParseInt(key, value, 0, 1024));
  } else if (key == "graph_optimization_level") {
    // 0 keeps every node, 1 folds what is constant, 2 and above also fuse.
    const int64_t level = ParseInt(key, value, 0, 99);
    o.load.fold_constants = level > 0;
    o.load.fuse = level > 1;
  } else if (key == "memory_limit") {
    o.memory_limit = static_cast<size_t>(ParseInt(key, value, 0, INT64_MAX));
  } else if (key == "max_nodes") {
    o.load.max_nodes = ParseInt(key, value, 1, INT32_MAX);
  } else if (key == "max_folded_bytes") {
    o.load.max_folded_bytes = ParseInt(key, value, 0, INT64_MAX / 4);
  } else if (key == "max_folding_ms") {
    o.load.max_folding_ms = ParseInt(key, value, 0, 86'400'000);
  } else if (key == "max_string_bytes") {
    o.load.max_string_bytes = static_cast<uint64_t>(ParseInt(key, value, 1, INT64_MAX));
  } else if (key == "log_severity_level") {
    o.log_level = static_cast<int>(ParseInt(key, value, 0, 4));
  } else if (key == "flush_denormals") {
    o.flush_denormals = ParseBool(key, value);
  } else if (key == "deterministic") {
    o.load.deterministic = ParseBool(key, value);
  } else if (key == "share_constants") {
    o.share_constants = ParseBool(key, value);
  } else if (key == "inter_op_num_threads") {
    o.load.inter_op_threads = static_cast<int>(ParseInt(key, value, 0, 1024));
  } else if (key == "reference_kernels") {
    o.load.host_kernels = ParseBool(key, value) ? ReferenceKernels : nullptr;
  } else if (key == "profiling_ranges") {
    o.load.ranges = ParseBool(key, value);
  } else if (key == "place_by_cost") {
    o.load.place.by_cost = ParseBool(key, value);
  } else if (key == "stream_capture") {
    o.load.capture = ParseBool(key, value);
  } else if (key == "allow_missing_providers") {
    o.accept_missing_providers = ParseBool(key, value);
  } else if (key == "skip_rewrites") {
    SkipRewrites(o, value);
  } else if (key == "max_rewrites") {
    o.load.max_rewrites = ParseInt(key, value, 0, INT64_MAX);
  } else if (key == "record_rewrites") {
    o.load.record_rewrites = ParseBool(key, value);
  } else if (key == "dump_folder") {
    o.load.dump_folder = value;
  } else if (key == "profile") {
    o.profile = value;
  } else {
    throw Error(
        ErrorCode::kInvalidArgument,
        "unknown session option '" + key +
            "'; known are intra_op_num_threads, graph_optimization_level, memory_limit, max_nodes, "
            "max_folded_bytes, max_folding_ms, max_string_bytes, log_severity_level, flush_denormals, "
            "reference_kernels, allow_missing_providers, stream_capture, profiling_ranges, "
            "deterministic, share_constants, inter_op_num_threads, skip_rewrites, max_rewrites, record_rewrites, "
            "dump_folder, profile");
  }
}

void AppendProvider(OndaSessionOptions& o, const std::string& name, const char* const* keys, const char* const* values,
                    size_t count) {
  if (name == "cpu") {
    if (count > 0)
      throw Error(ErrorCode::kInvalidArgument, "execution provider 'cpu' has no option '" + std::string(keys[0]) + "'");
    return;
  }
  OndaSessionOptions::Provider provider{name, {}};
  for (size_t i = 0; i < count; ++i) {
    RequireArgument(keys[i], "a key");
    RequireArgument(values[i], "a value");
    provider.options.emplace_back(keys[i], values[i]);
  }
  o.providers.push_back(std::move(provider));
}

// "late" alone, "late:0" and "late:1" where there are two.
std::vector<std::shared_ptr<const ProviderInstance>> MakeDevices(Environment& environment,
                                                                 const OndaSessionOptions& options,
                                                                 const CustomOps& custom_ops) {
  std::vector<std::shared_ptr<const ProviderInstance>> devices;
  std::map<std::string, int> seen;
  for (const OndaSessionOptions::Provider& p : options.providers) {
    const auto same = std::count_if(options.providers.begin(), options.providers.end(),
                                    [&](const OndaSessionOptions::Provider& q) { return q.name == p.name; });
    const std::string label = same > 1 ? p.name + ":" + std::to_string(seen[p.name]++) : p.name;
    try {
      const OndaProviderDef* def = environment.FindProvider(p.name);
      devices.push_back(
          std::make_shared<const ProviderInstance>(def, label, p.options, custom_ops.KernelsFor(def->name)));
    } catch (const Error& e) {
      if (!options.accept_missing_providers) throw;
      environment.Log(LogLevel::kWarning, "going on without execution provider '" + label + "': " + e.what());
    }
  }
  return devices;
}

// read: gives the model.
template <class Read>
OndaSession* NewSession(OndaEnv* env, const OndaSessionOptions* given, Read&& read) {
  const OndaSessionOptions defaults;
  const OndaSessionOptions& options = given ? *given : defaults;
  auto session = std::make_unique<OndaSession>();
  if (!options.profile.empty()) session->profiler = std::make_unique<Profiler>(options.profile);
  const auto begin = std::chrono::steady_clock::now();
  const std::shared_ptr<const Model> shared = read();
  const Model& model = *shared;
  if (session->profiler) session->profiler->Add("load", "read the model", begin);
  session->environment = env->environment;
  session->flush_denormals = options.flush_denormals;
  if (options.threads > 0) session->own_threads = std::make_unique<ThreadPool>(options.threads);
  session->pool = BlockPool::Make(options.memory_limit, env->environment->budget);
  env->environment->StartTrimming();
  LoadOptions load = options.load;
  load.log = [environment = env->environment, least = options.log_level](LogLevel level, const std::string& message) {
    if (static_cast<int>(level) >= least) environment->Log(level, message);
  };
  load.stop = options.cancel.get_token();
  const auto custom_ops = std::make_shared<CustomOps>();
  {
    const std::lock_guard lock(env->environment->mutex);
    custom_ops->AddAll(env->environment->custom_ops);
  }
  custom_ops->AddAll(options.custom_ops);
  load.custom_ops = custom_ops;
  load.devices = MakeDevices(*env->environment, options, *custom_ops);
  load.memory_limit = options.memory_limit;
  load.budget = env->environment->budget;
  // The environment outlives its sessions.
  if (options.share_constants)
    load.shared = std::shared_ptr<SharedConstants>(env->environment, &env->environment->shared);
  if (session->profiler)
    load.on_phase = [profiler = session->profiler.get()](std::string_view phase, Profiler::Clock::time_point start) {
      profiler->Add("load", phase, start);
    };
  session->session = std::make_unique<InferenceSession>(model, load);
  if (session->profiler) session->profiler->SetProviders(session->session->ProviderLabels());

  for (const PortInfo& port : session->session->inputs()) {
    // Constants are listed among the inputs of models before IR 4; initializers of later ones may be overridden.
    const int which = port.fact.constant ? -1 : port.default_value ? 2 : 0;
    if (which >= 0) session->ports[which].push_back({port.name, std::make_unique<OndaTypeInfo>(port.fact)});
  }
  for (const PortInfo& port : session->session->outputs())
    session->ports[1].push_back({port.name, std::make_unique<OndaTypeInfo>(port.fact)});
  session->metadata = {{"producer_name", model.producer_name},
                       {"producer_version", model.producer_version},
                       {"graph_name", model.graph->name},
                       {"domain", model.domain},
                       {"description", model.doc},
                       {"graph_description", model.graph->doc},
                       {"version", std::to_string(model.model_version)},
                       {"ir_version", std::to_string(model.ir_version)}};
  for (const auto& [domain, version] : model.opsets)
    if (domain.empty() || domain == "ai.onnx") session->metadata["opset"] = std::to_string(version);
  session->custom_metadata = model.metadata;
  session->placement = session->session->Placement();
  return session.release();
}

const OndaSession::Port* PortAt(const OndaSession* session, int32_t which, size_t index) {
  if (!session || which < 0 || which > 2 || index >= session->ports[which].size()) return nullptr;
  return &session->ports[which][index];
}

}  // namespace

void FillSessionApi(OndaApi& api) {
  api.CreateSessionOptions = [](OndaSessionOptions** out) {
    return Guard([&] {
      RequireArgument(out, "out");
      *out = new OndaSessionOptions;
    });
  };
  api.CloneSessionOptions = [](const OndaSessionOptions* options, OndaSessionOptions** out) {
    return Guard([&] {
      RequireArgument(options, "options");
      RequireArgument(out, "out");
      *out = new OndaSessionOptions(*options);
      (*out)->cancel = std::stop_source();
    });
  };
  api.SessionOptionsSet = [](OndaSessionOptions* options, const char* key, const char* value) {
    return Guard([&] {
      RequireArgument(options, "options");
      RequireArgument(key, "key");
      RequireArgument(value, "value");
      SetOption(*options, key, value);
    });
  };
  api.SessionOptionsAppendProvider = [](OndaSessionOptions* options, const char* name, const char* const* keys,
                                        const char* const* values, size_t count) {
    return Guard([&] {
      RequireArgument(options, "options");
      RequireArgument(name, "name");
      if (count) RequireArgument(keys, "keys");
      if (count) RequireArgument(values, "values");
      AppendProvider(*options, name, keys, values, count);
    });
  };
  api.SessionOptionsSetFreeDimension = [](OndaSessionOptions* options, const char* name, int64_t value) {
    return Guard([&] {
      RequireArgument(options, "options");
      RequireArgument(name, "name");
      if (value < 0)
        throw Error(ErrorCode::kInvalidArgument, "free dimension '" + std::string(name) + "' cannot be negative");
      options->load.free_dimensions[name] = value;
    });
  };
  api.SessionOptionsAddOutput = [](OndaSessionOptions* options, const char* name) {
    return Guard([&] {
      RequireArgument(options, "options");
      RequireArgument(name, "name");
      options->load.extra_outputs.push_back(name);
    });
  };
  api.SessionOptionsAddExternalData = [](OndaSessionOptions* options, const char* location, const void* data,
                                         size_t size) {
    return Guard([&] {
      RequireArgument(options, "options");
      RequireArgument(location, "location");
      RequireArgument(data, "data");
      options->external_data[location] = {data, size};
    });
  };
  api.SessionOptionsCancelLoading = [](OndaSessionOptions* options) { options->cancel.request_stop(); };
  api.ReleaseSessionOptions = [](OndaSessionOptions* options) { delete options; };

  api.SessionOptionsRegisterCustomOpsLibrary = [](OndaSessionOptions* options, const char* path) {
    return Guard([&] {
      RequireArgument(options, "options");
      RequireArgument(path, "path");
      options->custom_ops.Add(LoadCustomOps(path), std::string("'") + path + "'");
    });
  };
  api.SessionOptionsAddCustomOps = [](OndaSessionOptions* options, const OndaCustomOpLibrary* library) {
    return Guard([&] {
      RequireArgument(options, "options");
      RequireArgument(library, "library");
      options->custom_ops.Add(library, "the application");
    });
  };
  api.CreateSessionFromFile = [](OndaEnv* env, const char* path, const OndaSessionOptions* options, OndaSession** out) {
    return Guard([&] {
      RequireArgument(env, "env");
      RequireArgument(path, "path");
      RequireArgument(out, "out");
      proto::ImportOptions import;
      if (options) import.stop = options->cancel.get_token();
      if (options) import.max_nodes = static_cast<uint64_t>(options->load.max_nodes);
      *out = NewSession(env, options, [&] { return std::make_shared<const Model>(proto::ImportFile(path, import)); });
    });
  };
  api.CreateSessionFromMemory = [](OndaEnv* env, const void* data, size_t size, const OndaSessionOptions* options,
                                   OndaSession** out) {
    return Guard([&] {
      RequireArgument(env, "env");
      RequireArgument(data, "data");
      RequireArgument(out, "out");
      proto::ImportOptions import;
      if (options) {
        import.stop = options->cancel.get_token();
        import.max_nodes = static_cast<uint64_t>(options->load.max_nodes);
        for (const auto& [location, external] : options->external_data) {
          // The caller promised that it lives as long as the session: an owner that frees nothing.
          std::shared_ptr<const void> owner(external.data, [](const void*) {});
          import.external_data[location] = {owner, static_cast<const std::byte*>(external.data), external.size};
        }
      }
      *out = NewSession(env, options, [&] {
        return std::make_shared<const Model>(
            proto::ImportBytes({nullptr, static_cast<const std::byte*>(data), size}, import));
      });
    });
  };
  api.CreateSessionFromModel = [](OndaEnv* env, const OndaModel* model, const OndaSessionOptions* options,
                                  OndaSession** out) {
    return Guard([&] {
      RequireArgument(env, "env");
      RequireArgument(model, "model");
      RequireArgument(out, "out");
      *out = NewSession(env, options, [&] { return model->model; });
    });
  };
  api.ReleaseSession = [](OndaSession* session) {
    if (session && session->profiler) {
      if (OndaError* error = Guard([&] { session->profiler->Finish(); })) {
        session->environment->Log(LogLevel::kError, error->message);
        delete error;
      }
    }
    delete session;
  };
  api.RewriteNames = [](void (*write)(void*, const char*), void* user) {
    return Guard([&] {
      RequireArgument(reinterpret_cast<const void*>(write), "write");
      for (const std::string& name : RewriteNames()) write(user, name.c_str());
    });
  };
  api.SessionRewrites = [](const OndaSession* session, void (*write)(void*, const OndaRewrite*), void* user) {
    return Guard([&] {
      RequireArgument(session, "session");
      RequireArgument(reinterpret_cast<const void*>(write), "write");
      for (const RewriteRecord& r : session->session->rewrites()) {
        const OndaRewrite rewrite{sizeof(OndaRewrite), r.rule.c_str(),   r.reason.c_str(),
                                  r.node.c_str(),      r.before.c_str(), r.after.c_str()};
        write(user, &rewrite);
      }
    });
  };
  api.SessionEndProfiling = [](OndaSession* session, const char** path) {
    return Guard([&] {
      RequireArgument(session, "session");
      RequireArgument(path, "path");
      if (!session->profiler)
        throw Error(ErrorCode::kInvalidArgument, "the session was made without profiling (the option 'profile')");
      *path = session->profiler->Finish().c_str();
    });
  };

  api.SessionPortCount = [](const OndaSession* session, int32_t which) {
    return session && which >= 0 && which <= 2 ? session->ports[which].size() : 0;
  };
  api.SessionPortName = [](const OndaSession* session, int32_t which, size_t index) -> const char* {
    const OndaSession::Port* port = PortAt(session, which, index);
    return port ? port->name.c_str() : nullptr;
  };
  api.SessionPortType = [](const OndaSession* session, int32_t which, size_t index) -> const OndaTypeInfo* {
    const OndaSession::Port* port = PortAt(session, which, index);
    return port ? port->type.get() : nullptr;
  };
  api.SessionMetadata = [](const OndaSession* session, const char* key) -> const char* {
    const auto it = session->metadata.find(std::string_view(key));
    return it == session->metadata.end() ? "" : it->second.c_str();
  };
  api.SessionCustomMetadataCount = [](const OndaSession* session) { return session->custom_metadata.size(); };
  api.SessionCustomMetadata = [](const OndaSession* session, size_t index, const char** key, const char** value) {
    if (index >= session->custom_metadata.size()) return;
    *key = session->custom_metadata[index].first.c_str();
    *value = session->custom_metadata[index].second.c_str();
  };
  api.SessionPrintPlans = [](const OndaSession* session, void (*write)(void*, const char*, size_t), void* user) {
    return Guard([&] {
      RequireArgument(session, "session");
      RequireArgument(reinterpret_cast<const void*>(write), "write");
      const std::string text = session->session->PrintPlans();
      write(user, text.data(), text.size());
    });
  };
  api.SessionPlacementCount = [](const OndaSession* session) { return session->placement.size(); };
  api.SessionPlacement = [](const OndaSession* session, size_t index, const char** node, const char** op,
                            const char** provider, const char** reason) {
    if (index >= session->placement.size()) return;
    const PlacementEntry& entry = session->placement[index];
    *node = entry.node.c_str();
    *op = entry.op.c_str();
    *provider = entry.provider.c_str();
    *reason = entry.reason.c_str();
  };
  api.SessionMemory = [](const OndaSession* session, size_t* in_use, size_t* kept, size_t* peak) {
    *in_use = session->pool->bytes_in_use();
    *kept = session->pool->bytes_kept();
    *peak = session->pool->peak_bytes();
  };
  api.SessionTrim = [](OndaSession* session) {
    session->pool->Trim();
    session->session->TrimDevices();
  };
  api.SessionProviderCount = [](const OndaSession* session) {
    return session->session->instances().instances.size() - 1;
  };
  api.SessionDlpackDevice = [](const OndaSession* session, const char* device, int32_t* type, int32_t* number) {
    return Guard([&] {
      RequireArgument(session, "session");
      RequireArgument(device, "device");
      const int32_t instance = *device ? session->session->FindInstance(device) : 0;
      constexpr std::pair<int32_t, int32_t> kCpu{1, 0};
      std::tie(*type, *number) =
          instance == 0 ? kCpu : session->session->instances().instances[static_cast<size_t>(instance)]->DlpackDevice();
    });
  };
  api.SessionProviderMemory = [](const OndaSession* session, size_t index, const char** provider, uint64_t* total,
                                 uint64_t* free, uint64_t* used) {
    return Guard([&] {
      RequireArgument(session, "session");
      const auto& instances = session->session->instances().instances;
      if (index + 1 >= instances.size())
        throw Error(ErrorCode::kInvalidArgument, "the session has no provider " + std::to_string(index));
      const ProviderInstance& instance = *instances[index + 1];
      const OndaMemoryInfo info = instance.Memory();
      *provider = instance.label().c_str();
      *total = info.total;
      *free = info.free;
      *used = info.used;
    });
  };
}

}  // namespace onda
