#include <dlfcn.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <system_error>

#include "core/api/handles.h"
#include "core/api/provider_libraries.h"

namespace onda {
namespace {

// One line per message on standard error; not the application's default logger, which is its own.
spdlog::logger& StandardErrorLogger() {
  static spdlog::logger logger("onda", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  static const bool set =
      (logger.set_level(spdlog::level::trace), logger.set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v"), true);
  (void)set;
  return logger;
}

constexpr spdlog::level::level_enum kSpdlogLevels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                       spdlog::level::err, spdlog::level::critical};

// Without a name the provider's own.
void AddProvider(Environment& environment, const std::string& given, const OndaProviderDef* def) {
  CheckProviderDef(def, given);
  const std::string name = given.empty() && def->name ? def->name : given;
  const std::lock_guard lock(environment.mutex);
  if (name == "cpu" || !environment.providers.emplace(name, def).second)
    throw Error(ErrorCode::kInvalidArgument, "execution provider '" + name + "' is registered already");
}

// Stays loaded until the process ends: sessions, and memory that results hold, may outlive the environment.
void* LoadLibrary(const std::string& what, const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library) return library;
  const char* why = dlerror();
  throw Error(ErrorCode::kNotFound,
              what + " library '" + path + "' cannot be loaded: " + (why ? why : "unknown cause"));
}

const OndaProviderDef* LoadProvider(const std::string& path) {
  void* library = LoadLibrary("execution provider", path);
  const auto get = reinterpret_cast<OndaGetProviderFunction>(dlsym(library, "OndaGetProvider"));
  if (!get)
    throw Error(ErrorCode::kInvalidArgument,
                "'" + path + "' is no execution provider: it does not export OndaGetProvider");
  const OndaProviderDef* def = get(kOndaProviderAbi);
  if (!def)
    throw Error(ErrorCode::kInvalidArgument, "the execution provider in '" + path + "' does not serve provider ABI " +
                                                 std::to_string(kOndaProviderAbi));
  return def;
}

}  // namespace

const OndaCustomOpLibrary* LoadCustomOps(const std::string& path) {
  void* library = LoadLibrary("custom operator", path);
  const auto get = reinterpret_cast<OndaGetCustomOpsFunction>(dlsym(library, "OndaGetCustomOps"));
  if (!get)
    throw Error(ErrorCode::kInvalidArgument,
                "'" + path + "' has no custom operators: it does not export OndaGetCustomOps");
  const OndaCustomOpLibrary* ops = get(kOndaCustomOpAbi);
  if (!ops)
    throw Error(ErrorCode::kInvalidArgument,
                "the custom operators in '" + path + "' do not serve ABI " + std::to_string(kOndaCustomOpAbi));
  return ops;
}

void Environment::StartTrimming() {
  const std::lock_guard lock(mutex);
  if (trimmer || idle_seconds < 0) return;
  try {
    trimmer = std::make_unique<IdleTrimmer>(budget, std::chrono::duration<double>(idle_seconds));
  } catch (const std::system_error&) {  // without it memory is given back on demand alone
  }
}

const OndaProviderDef* Environment::FindProvider(const std::string& provider_name) {
  const std::lock_guard lock(mutex);
  const auto it = providers.find(provider_name);
  if (it != providers.end()) return it->second;
  const std::string path = PathOfProviderLibrary(provider_name);
  if (!path.empty() && access(path.c_str(), F_OK) == 0) {
    const OndaProviderDef* def = LoadProvider(path);
    CheckProviderDef(def, provider_name);
    return providers[provider_name] = def;
  }
  std::string text = "execution provider '" + provider_name + "' is not there; registered are: cpu";
  for (const auto& [known, def] : providers) text += ", " + known;
  if (!path.empty()) text += "; there is no '" + path + "'";
  throw Error(ErrorCode::kNotFound, text);
}

void Environment::Log(LogLevel level, const std::string& message) const {
  if (level < log_level) return;
  const std::string text = ShortMessage(message);
  if (log) {
    log(log_user, static_cast<int32_t>(level), text.c_str());
  } else {
    StandardErrorLogger().log(kSpdlogLevels[static_cast<int>(level)], "{}: {}", name, text);
  }
}

void FillEnvironmentApi(OndaApi& api) {
  api.CreateEnv = [](const OndaEnvOptions* options, OndaEnv** out) {
    return Guard([&] {
      RequireArgument(out, "out");
      OndaEnvOptions o{};
      if (options) std::memcpy(&o, options, std::min(options->size, sizeof(o)));
      if (o.log_level < 0 || o.log_level > 4)
        throw Error(ErrorCode::kInvalidArgument, "log_level must be from 0 to 4, not " + std::to_string(o.log_level));
      if (o.threads < 0 || o.threads > 1024)
        throw Error(ErrorCode::kInvalidArgument, "threads must be from 0 to 1024, not " + std::to_string(o.threads));
      if (!(o.memory_idle_seconds <= 1e6)) throw Error(ErrorCode::kInvalidArgument, "memory_idle_seconds is too large");
      auto environment = std::make_shared<Environment>();
      environment->budget = std::make_shared<MemoryBudget>(o.memory_limit);
      if (o.memory_idle_seconds != 0) environment->idle_seconds = o.memory_idle_seconds;
      environment->name = o.name ? o.name : "onda";
      environment->log_level = static_cast<LogLevel>(o.log_level);
      environment->log = o.log;
      environment->log_user = o.log_user;
      environment->threads = o.parallel ? std::make_unique<ThreadPool>(o.parallel, o.parallel_user, o.threads)
                                        : std::make_unique<ThreadPool>(o.threads);
      *out = new OndaEnv{std::move(environment)};
    });
  };
  api.RegisterProviderLibrary = [](OndaEnv* env, const char* name, const char* path) {
    return Guard([&] {
      RequireArgument(env, "env");
      RequireArgument(name, "name");
      RequireArgument(path, "path");
      AddProvider(*env->environment, name, LoadProvider(path));
    });
  };
  api.RegisterProvider = [](OndaEnv* env, const char* name, const OndaProviderDef* provider) {
    return Guard([&] {
      RequireArgument(env, "env");
      RequireArgument(name, "name");
      RequireArgument(provider, "provider");
      AddProvider(*env->environment, name, provider);
    });
  };
  api.DescribeProvider = [](OndaEnv* env, const char* name,
                            void (*write)(void* user, const char* section, const char* what, const char* text),
                            void* user) {
    return Guard([&] {
      RequireArgument(env, "env");
      RequireArgument(name, "name");
      RequireArgument(reinterpret_cast<const void*>(write), "write");
      if (std::string_view(name) == "cpu") {
        const std::string threads = std::to_string(env->environment->threads->threads()) + " threads";
        write(user, "machine", "processors", threads.c_str());
        return;
      }
      const OndaProviderDef def = CompleteProviderDef(env->environment->FindProvider(name));
      for (int32_t i = 0; def.options && i < def.option_count; ++i) {
        const OndaOptionDef& o = def.options[i];
        std::string text = o.meaning ? o.meaning : "";
        if (o.default_value && *o.default_value) text += " (" + std::string(o.default_value) + ")";
        write(user, "option", o.key, text.c_str());
      }
      if (!def.describe) return;
      struct Sink {
        decltype(write) function;
        void* user;
      } sink{write, user};
      def.describe(
          nullptr,
          [](void* opaque, const char* what, const char* text) {
            const Sink& s = *static_cast<Sink*>(opaque);
            s.function(s.user, "machine", what, text);
          },
          &sink);
    });
  };
  api.RegisterCustomOpsLibrary = [](OndaEnv* env, const char* path) {
    return Guard([&] {
      RequireArgument(env, "env");
      RequireArgument(path, "path");
      const OndaCustomOpLibrary* library = LoadCustomOps(path);
      const std::lock_guard lock(env->environment->mutex);
      env->environment->custom_ops.Add(library, std::string("'") + path + "'");
    });
  };
  api.RegisterCustomOps = [](OndaEnv* env, const OndaCustomOpLibrary* library) {
    return Guard([&] {
      RequireArgument(env, "env");
      RequireArgument(library, "library");
      const std::lock_guard lock(env->environment->mutex);
      env->environment->custom_ops.Add(library, "the application");
    });
  };
  api.EnvMemory = [](const OndaEnv* env, size_t* used, size_t* peak, size_t* limit) {
    *used = env->environment->budget->used();
    *peak = env->environment->budget->peak();
    *limit = env->environment->budget->limit();
  };
  api.EnvTrim = [](OndaEnv* env) { env->environment->budget->Trim(); };
  api.ReleaseEnv = [](OndaEnv* env) { delete env; };
}

}  // namespace onda
