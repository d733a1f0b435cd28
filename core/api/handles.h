// What stands behind the handles of the C interface.
#ifndef ONDA_CORE_API_HANDLES_H_
#define ONDA_CORE_API_HANDLES_H_

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/api/async_queue.h"
#include "core/place/shared_constants.h"
#include "core/runtime/idle_trimmer.h"
#include "core/runtime/profiler.h"
#include "core/session.h"
#include "onda/c_api.h"
#include "onda/types.h"
#include "providers/cpu/thread_pool.h"

struct OndaError {
  int32_t code;
  std::string message;
};

// A type and the strings that it is asked for.
struct OndaTypeInfo {
  explicit OndaTypeInfo(onda::Fact f);
  onda::Fact fact;
  std::string text;
  std::vector<std::string> dim_names;
  std::unique_ptr<OndaTypeInfo> element;
};

struct OndaValue {
  onda::RuntimeValue value;
  std::unique_ptr<OndaTypeInfo> type;
  std::string device;      // the label of the provider instance whose memory holds the tensor; "": host memory
  std::string serialised;  // by ValueToProto
};

namespace onda {

struct Environment {
  std::string name;
  LogLevel log_level = LogLevel::kWarning;
  OndaLogFunction log = nullptr;
  void* log_user = nullptr;
  std::unique_ptr<ThreadPool> threads;
  std::shared_ptr<MemoryBudget> budget;
  double idle_seconds = 60;  // after which memory goes back to the system; negative: never
  SharedConstants shared;
  AsyncQueue async;
  std::mutex mutex;  // of what follows
  std::unique_ptr<IdleTrimmer> trimmer;
  std::map<std::string, const OndaProviderDef*> providers;
  CustomOps custom_ops;

  // Starts giving idle memory back, once.
  void StartTrimming();
  // Throws kNotFound naming those that are there.
  const OndaProviderDef* FindProvider(const std::string& provider_name);
  void Log(LogLevel level, const std::string& message) const;
};

}  // namespace onda

struct OndaEnv {
  std::shared_ptr<onda::Environment> environment;
};

struct OndaModel {
  std::shared_ptr<const onda::Model> model;
  std::string text;        // by ModelPrint
  std::string serialised;  // by ModelSerialize
};

struct OndaSessionOptions {
  onda::LoadOptions load;
  int threads = 0;  // 0: those of the environment
  size_t memory_limit = 0;
  int log_level = -1;  // of the environment
  bool flush_denormals = false;
  bool share_constants = false;
  bool accept_missing_providers = false;
  struct Provider {
    std::string name;
    std::vector<std::pair<std::string, std::string>> options;
  };
  std::vector<Provider> providers;
  std::string profile;  // prefix of the trace; "" for none
  struct External {
    const void* data;
    size_t size;
  };
  std::map<std::string, External> external_data;
  onda::CustomOps custom_ops;
  std::stop_source cancel;  // of loading
};

struct OndaSession {
  std::shared_ptr<onda::Environment> environment;
  std::unique_ptr<onda::ThreadPool> own_threads;
  std::unique_ptr<onda::Profiler> profiler;  // null: nothing is traced
  std::unique_ptr<onda::InferenceSession> session;
  std::shared_ptr<onda::BlockPool> pool;
  bool flush_denormals = false;
  struct Port {
    std::string name;
    std::unique_ptr<OndaTypeInfo> type;
  };
  std::vector<Port> ports[3];
  std::map<std::string, std::string, std::less<>> metadata;
  onda::StringPairs custom_metadata;
  std::vector<onda::PlacementEntry> placement;
};

struct OndaRunOptions {
  std::atomic<bool> terminate{false};
  double timeout = 0;
  std::string tag;
  std::vector<std::pair<std::string, void*>> streams;  // by the provider's label
  bool device_timing = false;
  mutable std::mutex device_ms_mutex;
  mutable std::vector<std::pair<std::string, double>> device_ms;  // of the last run, by the provider's label
  OndaNodeFunction node_function = nullptr;
  void* node_user = nullptr;
};

namespace onda {

// The error where there is no memory, not even for another one. Is never deleted.
OndaError* OutOfMemory() noexcept;

// With its message made short.
OndaError* NewError(ErrorCode code, const char* message) noexcept;
// A message fit to be shown, whatever a model calls its parts: of what stands in quotes 200 bytes stay, and of the
// whole at most 4,000, the beginning and the end.
std::string ShortMessage(std::string message);

// Calls fn; what it throws becomes an error object.
template <class Fn>
OndaError* Guard(Fn&& fn) noexcept {
  try {
    fn();
    return nullptr;
  } catch (const Error& e) {
    return NewError(e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  } catch (const std::length_error&) {
    return OutOfMemory();
  } catch (const std::exception& e) {
    return NewError(ErrorCode::kInternal, e.what());
  }
}

// The operators that a shared library exports; it stays loaded until the process ends. Throws where it has none.
const OndaCustomOpLibrary* LoadCustomOps(const std::string& path);

// Throws kInvalidArgument naming the argument.
void RequireArgument(const void* pointer, const char* what);

OndaValue* NewValue(RuntimeValue value, std::string device = "");

// The parts of the table, each in its own file.
void FillEnvironmentApi(OndaApi& api);
void FillCheckApi(OndaApi& api);
void FillModelApi(OndaApi& api);
void FillSessionApi(OndaApi& api);
void FillRunApi(OndaApi& api);
void FillValueApi(OndaApi& api);

}  // namespace onda

#endif  // ONDA_CORE_API_HANDLES_H_
