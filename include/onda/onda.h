// Onda's C++ interface: load an ONNX model, run it.
//
//   onda::Env env;
//   onda::Session session(env, "resnet50.onnx");
//   auto outputs = session.Run({{"image", onda::Value::FromVector(pixels, {1, 3, 224, 224})}});
//
// Names and argument orders follow ONNX Runtime's C++ interface where the meaning is the same. Everything here is
// header-only over the table of c_api.h, so that a program and the library may come from different compilers. Every
// failure throws onda::Error (types.h), and nothing else is thrown but what the standard library throws for lack of
// memory.
#ifndef ONDA_ONDA_H_
#define ONDA_ONDA_H_

#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "onda/c_api.h"
#include "onda/types.h"

namespace onda {
inline namespace v1 {

// The function table of the library that this program runs with.
inline const OndaApi& Api() {
  static const OndaApi* const api = OndaGetApi(ONDA_API_VERSION);
  if (!api) throw Error(ErrorCode::kInvalidArgument, "the Onda library is older than this program");
  return *api;
}

// Throws what an error object says.
inline void Check(OndaError* error) {
  if (!error) return;
  const OndaApi& api = Api();
  const Error e(static_cast<ErrorCode>(api.ErrorGetCode(error)), api.ErrorGetMessage(error));
  api.ReleaseError(error);
  throw e;
}

template <class T>
constexpr DType DTypeOf() {
  if constexpr (std::is_same_v<T, float>) return DType::kFloat;
  if constexpr (std::is_same_v<T, double>) return DType::kDouble;
  if constexpr (std::is_same_v<T, int8_t>) return DType::kInt8;
  if constexpr (std::is_same_v<T, int16_t>) return DType::kInt16;
  if constexpr (std::is_same_v<T, int32_t>) return DType::kInt32;
  if constexpr (std::is_same_v<T, int64_t>) return DType::kInt64;
  if constexpr (std::is_same_v<T, uint8_t>) return DType::kUint8;
  if constexpr (std::is_same_v<T, uint16_t>) return DType::kUint16;
  if constexpr (std::is_same_v<T, uint32_t>) return DType::kUint32;
  if constexpr (std::is_same_v<T, uint64_t>) return DType::kUint64;
  if constexpr (std::is_same_v<T, bool>) return DType::kBool;
  if constexpr (std::is_same_v<T, std::string>) return DType::kString;
  return DType::kUndefined;
}

enum class LoggingLevel : int32_t { kVerbose = 0, kInfo = 1, kWarning = 2, kError = 3, kFatal = 4 };

// What a session runs in: threads and the log. Sessions keep it alive.
class Env {
 public:
  struct Options {
    std::string name = "onda";
    LoggingLevel log_level = LoggingLevel::kWarning;
    // Called with level and message; standard error where empty. May be called from several threads.
    std::function<void(LoggingLevel, const char*)> log;
    // Threads of the pool that all sessions share; 0: as many as the processors that this process may use.
    int threads = 0;
    // The caller's executor instead of threads of Onda's own: runs body(i) for each i in [0, n) and returns when all
    // are done.
    std::function<void(int64_t n, const std::function<void(int64_t)>& body)> parallel;
    // Most bytes of activations, workspaces and results of all sessions together; 0: half of the machine's memory.
    size_t memory_limit = 0;
    // Memory that nobody used for so many seconds goes back to the system; negative: never.
    double memory_idle_seconds = 60;
  };

  explicit Env(LoggingLevel level = LoggingLevel::kWarning, const char* name = "onda") : Env(Named(level, name)) {}
  explicit Env(Options options) : options_(std::make_shared<Options>(std::move(options))) {
    OndaEnvOptions o{};
    o.size = sizeof(o);
    o.name = options_->name.c_str();
    o.log_level = static_cast<int32_t>(options_->log_level);
    o.threads = options_->threads;
    o.memory_limit = options_->memory_limit;
    o.memory_idle_seconds = options_->memory_idle_seconds;
    if (options_->log) {
      o.log = [](void* user, int32_t level, const char* message) {
        static_cast<Options*>(user)->log(static_cast<LoggingLevel>(level), message);
      };
      o.log_user = options_.get();
    }
    if (options_->parallel) {
      o.parallel = [](void* user, int64_t n, void (*body)(void*, int64_t), void* arg) {
        static_cast<Options*>(user)->parallel(n, [body, arg](int64_t i) { body(arg, i); });
      };
      o.parallel_user = options_.get();
    }
    OndaEnv* env = nullptr;
    Check(Api().CreateEnv(&o, &env));
    env_ = {env, Api().ReleaseEnv};
  }
  // Makes the execution provider in a shared library known under this name, or under its own where that is "". See
  // provider.h for what the library exports. Those that lie beside Onda's library, as libonda_provider_NAME.so, are
  // known anyway.
  void RegisterExecutionProviderLibrary(const char* name, const std::string& path) {
    Check(Api().RegisterProviderLibrary(get(), name, path.c_str()));
  }
  // Makes the operators in a shared library, or in a table that must stay, known to the sessions of this environment;
  // see custom_op.h.
  void RegisterCustomOpsLibrary(const std::string& path) { Check(Api().RegisterCustomOpsLibrary(get(), path.c_str())); }
  void Add(const OndaCustomOpLibrary* library) { Check(Api().RegisterCustomOps(get(), library)); }
  struct ProviderLine {
    std::string section;  // "option" or "machine"
    std::string what;
    std::string text;
  };
  // The options that a registered provider takes, and what it tells of this machine.
  std::vector<ProviderLine> DescribeExecutionProvider(const std::string& name) const {
    std::vector<ProviderLine> lines;
    Check(Api().DescribeProvider(
        get(), name.c_str(),
        [](void* user, const char* section, const char* what, const char* text) {
          static_cast<std::vector<ProviderLine>*>(user)->push_back({section, what, text});
        },
        &lines));
    return lines;
  }
  struct MemoryUse {
    size_t used = 0;  // bytes that exist, those kept for reuse included
    size_t peak = 0;
    size_t limit = 0;
  };
  // Of the activations of all sessions.
  MemoryUse GetMemoryUse() const {
    MemoryUse use;
    Api().EnvMemory(get(), &use.used, &use.peak, &use.limit);
    return use;
  }
  // Gives memory that is kept for reuse back to the system.
  void Trim() { Api().EnvTrim(get()); }
  OndaEnv* get() const { return env_.get(); }
  // Keeps the callbacks alive.
  std::shared_ptr<const void> keep() const { return options_; }

 private:
  static Options Named(LoggingLevel level, const char* name) {
    Options options;
    options.log_level = level;
    options.name = name;
    return options;
  }
  std::shared_ptr<Options> options_;
  std::shared_ptr<OndaEnv> env_;
};

// The type of a value: of a tensor, its element type and shape.
class TypeInfo {
 public:
  explicit TypeInfo(const OndaTypeInfo* info = nullptr) : info_(info) {}
  bool is_tensor() const { return Api().TypeKind(info_) == kOndaValueTensor; }
  // One of the kOndaValue... constants.
  int kind() const { return Api().TypeKind(info_); }
  DType GetElementType() const { return static_cast<DType>(Api().TypeElementDType(info_)); }
  bool has_rank() const { return Api().TypeRank(info_) >= 0; }
  size_t GetDimensionsCount() const { return has_rank() ? static_cast<size_t>(Api().TypeRank(info_)) : 0; }
  // -1 for dimensions that are not known before running.
  std::vector<int64_t> GetShape() const {
    std::vector<int64_t> shape(GetDimensionsCount());
    for (size_t i = 0; i < shape.size(); ++i) shape[i] = Api().TypeDim(info_, i);
    return shape;
  }
  // Names of symbolic dimensions; "" for the others.
  std::vector<std::string> GetSymbolicDimensions() const {
    std::vector<std::string> names(GetDimensionsCount());
    for (size_t i = 0; i < names.size(); ++i) names[i] = Api().TypeDimName(info_, i);
    return names;
  }
  size_t GetElementCount() const {
    size_t count = 1;
    for (int64_t d : GetShape()) count *= d < 0 ? 0 : static_cast<size_t>(d);
    return count;
  }
  TypeInfo GetTensorTypeAndShapeInfo() const { return *this; }
  // Of sequences and optionals: the element; of maps: the values.
  TypeInfo GetElement() const { return TypeInfo(Api().TypeElement(info_)); }
  // "float[batch, 3, 224, 224]"
  std::string ToString() const { return Api().TypeToString(info_); }
  const OndaTypeInfo* get() const { return info_; }

 private:
  const OndaTypeInfo* info_;  // belongs to the value or session that gave it
};

// Where a tensor lies: "Cpu", or an execution provider's name as Session::Placement() shows it and the number of its
// instance, where several of one are appended.
class MemoryInfo {
 public:
  explicit MemoryInfo(std::string name = "Cpu", int device_id = 0) : name_(std::move(name)), device_id_(device_id) {}
  template <class... Args>
  static MemoryInfo CreateCpu(Args...) {
    return MemoryInfo();
  }
  const std::string& GetAllocatorName() const { return name_; }
  int GetDeviceId() const { return device_id_; }
  // "" for host memory.
  std::string device() const {
    if (name_ == "Cpu" || name_ == "cpu") return "";
    return name_.find(':') == std::string::npos ? name_ + ":" + std::to_string(device_id_) : name_;
  }

 private:
  std::string name_;
  int device_id_;
};

// A tensor, sequence, optional or map. Copies share memory.
class Value {
 public:
  Value() = default;
  explicit Value(OndaValue* value) : value_(value, Api().ReleaseValue) {}

  // Over memory of the caller's, of `count` elements, which must outlive the value. row-major.
  template <class T>
  static Value CreateTensor(const MemoryInfo& memory, T* data, size_t count, const int64_t* shape, size_t rank) {
    static_assert(DTypeOf<std::remove_const_t<T>>() != DType::kUndefined);
    return CreateTensor(memory, const_cast<std::remove_const_t<T>*>(data), count * sizeof(T), shape, rank,
                        DTypeOf<std::remove_const_t<T>>());
  }
  // The same for any element type; `bytes` is the size of the memory.
  static Value CreateTensor(const MemoryInfo& memory, void* data, size_t bytes, const int64_t* shape, size_t rank,
                            DType dtype) {
    OndaValue* v = nullptr;
    const std::string device = memory.device();
    Check(device.empty() ? Api().CreateTensorOver(data, bytes, static_cast<int32_t>(dtype), shape, rank, &v)
                         : Api().CreateTensorOverDevice(device.c_str(), data, bytes, static_cast<int32_t>(dtype), shape,
                                                        rank, &v));
    return Value(v);
  }
  // Over memory that `release` gives back when no value and no run uses it any more.
  static Value CreateTensor(const MemoryInfo& memory, void* data, size_t bytes, std::span<const int64_t> shape,
                            DType dtype, std::function<void()> release) {
    auto kept = std::make_unique<std::function<void()>>(std::move(release));
    const std::string device = memory.device();
    OndaValue* v = nullptr;
    const auto call = [](void* user) {
      const std::unique_ptr<std::function<void()>> owned(static_cast<std::function<void()>*>(user));
      (*owned)();
    };
    Check(Api().CreateTensorOwning(device.empty() ? nullptr : device.c_str(), data, bytes, static_cast<int32_t>(dtype),
                                   shape.data(), shape.size(), call, kept.get(), &v));
    static_cast<void>(kept.release());  // owned by the value from now on
    return Value(v);
  }
  // Where the tensor lies: a device's name, "" for host memory. Only host memory can be read through GetTensorData.
  std::string GetDevice() const { return Api().ValueDevice(get()); }
  // With memory of its own, zero-filled.
  static Value CreateTensor(DType dtype, std::span<const int64_t> shape) {
    OndaValue* v = nullptr;
    Check(Api().CreateTensor(static_cast<int32_t>(dtype), shape.data(), shape.size(), &v));
    return Value(v);
  }
  template <class T>
  static Value CreateTensor(std::span<const int64_t> shape) {
    return CreateTensor(DTypeOf<T>(), shape);
  }
  // A copy of the elements; without a shape a vector.
  template <class T>
  static Value FromVector(const std::vector<T>& elements, std::vector<int64_t> shape) {
    Value v = CreateTensor<T>(shape);
    if (v.GetTensorTypeAndShapeInfo().GetElementCount() != elements.size())
      throw Error(ErrorCode::kInvalidArgument,
                  std::to_string(elements.size()) + " elements given for " + v.GetTypeInfo().ToString());
    if constexpr (std::is_same_v<T, std::string>) {
      for (size_t i = 0; i < elements.size(); ++i) v.SetString(i, elements[i]);
    } else if constexpr (std::is_same_v<T, bool>) {
      for (size_t i = 0; i < elements.size(); ++i) v.template GetTensorMutableData<bool>()[i] = elements[i];
    } else if (!elements.empty()) {
      std::memcpy(v.GetTensorMutableRawData(), elements.data(), elements.size() * sizeof(T));
    }
    return v;
  }
  template <class T>
  static Value FromVector(const std::vector<T>& elements) {
    return FromVector(elements, {static_cast<int64_t>(elements.size())});
  }
  template <class T>
  static Value Scalar(T element) {
    return FromVector(std::vector<T>{std::move(element)}, {});
  }
  static Value CreateSequence(const std::vector<Value>& elements) {
    std::vector<const OndaValue*> handles;
    for (const Value& e : elements) handles.push_back(e.get());
    OndaValue* v = nullptr;
    Check(Api().CreateSequence(handles.data(), handles.size(), &v));
    return Value(v);
  }
  static Value CreateOptional(const Value& element) {
    OndaValue* v = nullptr;
    Check(Api().CreateOptional(element.get(), nullptr, &v));
    return Value(v);
  }
  static Value CreateMap(const Value& keys, const Value& values) {
    OndaValue* v = nullptr;
    Check(Api().CreateMap(keys.get(), values.get(), &v));
    return Value(v);
  }
  // From the bytes of a TensorProto, SequenceProto, OptionalProto or MapProto, as the type says; by default a tensor.
  static Value FromProto(std::string_view bytes, TypeInfo type = TypeInfo()) {
    OndaValue* v = nullptr;
    Check(Api().CreateValueFromProto(bytes.data(), bytes.size(), type.get(), &v));
    return Value(v);
  }
  // The bytes of such a message.
  std::string ToProto(const std::string& name = "") const {
    const void* data = nullptr;
    size_t size = 0;
    Check(Api().ValueToProto(get(), name.c_str(), &data, &size));
    return std::string(static_cast<const char*>(data), size);
  }

  explicit operator bool() const { return value_ != nullptr; }
  bool HasValue() const { return value_ != nullptr; }
  int kind() const { return Api().ValueKind(get()); }
  bool IsTensor() const { return kind() == kOndaValueTensor; }
  TypeInfo GetTypeInfo() const { return TypeInfo(Api().ValueType(get())); }
  TypeInfo GetTensorTypeAndShapeInfo() const { return GetTypeInfo(); }
  // Row-major elements; types below 8 bits are packed. Not for strings.
  void* GetTensorMutableRawData() {
    void* data = nullptr;
    Check(Api().TensorData(get(), &data, nullptr));
    return data;
  }
  const void* GetTensorRawData() const { return const_cast<Value*>(this)->GetTensorMutableRawData(); }
  size_t GetTensorSizeInBytes() const {
    size_t bytes = 0;
    Check(Api().TensorData(get(), nullptr, &bytes));
    return bytes;
  }
  // T must be the element type.
  template <class T>
  T* GetTensorMutableData() {
    RequireType(DTypeOf<T>());
    return static_cast<T*>(GetTensorMutableRawData());
  }
  template <class T>
  const T* GetTensorData() const {
    return const_cast<Value*>(this)->GetTensorMutableData<T>();
  }
  template <class T>
  std::vector<T> ToVector() const {
    const size_t count = GetTypeInfo().GetElementCount();
    if constexpr (std::is_same_v<T, std::string>) {
      std::vector<std::string> strings;
      for (size_t i = 0; i < count; ++i) strings.push_back(GetStringTensorElement(i));
      return strings;
    } else {
      const T* data = GetTensorData<T>();
      return std::vector<T>(data, data + count);
    }
  }
  std::string GetStringTensorElement(size_t index) const {
    const char* data = nullptr;
    size_t size = 0;
    Check(Api().TensorString(get(), index, &data, &size));
    return std::string(data, size);
  }
  void SetString(size_t index, std::string_view text) {
    Check(Api().TensorSetString(get(), index, text.data(), text.size()));
  }
  // Elements of a sequence; 0 or 1 for an optional; for a map keys, then values.
  size_t GetCount() const {
    size_t count = 0;
    Check(Api().ValueCount(get(), &count));
    return count;
  }
  Value GetValue(size_t index) const {
    OndaValue* v = nullptr;
    Check(Api().ValueElement(get(), index, &v));
    return Value(v);
  }
  OndaValue* get() const { return value_.get(); }

 private:
  void RequireType(DType wanted) const {
    const DType is = GetTypeInfo().GetElementType();
    if (is != wanted)
      throw Error(ErrorCode::kInvalidArgument,
                  "the tensor's elements are " + std::string(NameOf(is)) + ", not " + std::string(NameOf(wanted)));
  }
  std::shared_ptr<OndaValue> value_;
};

// GraphOptimizationLevel of ONNX Runtime; 0 keeps every node as it is.
enum class GraphOptimizationLevel { kDisableAll = 0, kEnableBasic = 1, kEnableExtended = 2, kEnableAll = 99 };

class SessionOptions {
 public:
  SessionOptions() {
    OndaSessionOptions* o = nullptr;
    Check(Api().CreateSessionOptions(&o));
    options_ = {o, Api().ReleaseSessionOptions};
  }
  SessionOptions Clone() const {
    SessionOptions copy;
    OndaSessionOptions* o = nullptr;
    Check(Api().CloneSessionOptions(get(), &o));
    copy.options_ = {o, Api().ReleaseSessionOptions};
    return copy;
  }
  // Threads of this session alone; 0: the environment's.
  SessionOptions& SetIntraOpNumThreads(int threads) { return Set("intra_op_num_threads", std::to_string(threads)); }
  // Independent branches of the graph that run at once, on the same threads; 1: one node after the other. 0: as many as
  // there are threads. Branches whose nodes fill the threads by themselves gain nothing, and are found out.
  SessionOptions& SetInterOpNumThreads(int threads) { return Set("inter_op_num_threads", std::to_string(threads)); }
  // Results do not depend on the number of threads, nor on chance.
  SessionOptions& SetDeterministicCompute(bool on = true) { return Set("deterministic", on ? "1" : "0"); }
  // Weights, and what kernels prepared of them, are shared with the environment's other sessions that ask for it.
  SessionOptions& SetShareConstants(bool on = true) { return Set("share_constants", on ? "1" : "0"); }
  SessionOptions& SetGraphOptimizationLevel(GraphOptimizationLevel level) {
    return Set("graph_optimization_level", std::to_string(static_cast<int>(level)));
  }
  SessionOptions& SetLogSeverityLevel(int level) { return Set("log_severity_level", std::to_string(level)); }
  // Most bytes of activations, workspaces and results that may exist at once; 0: half of the machine's memory.
  SessionOptions& SetMemoryLimit(size_t bytes) { return Set("memory_limit", std::to_string(bytes)); }
  // Budgets against models that mean harm, by Set: "max_nodes" after functions are expanded (400,000; 400,000 too of
  // the file itself), "max_folded_bytes" of one constant that is computed at loading (64 MiB; of all together twice
  // that and the initializers), "max_folding_ms" of estimated time (300), "max_string_bytes" of one string that a node
  // makes (32 MiB). What exceeds one is refused with kResourceLimit, or left to the run. The memory of a run has the
  // limit above, and its time RunOptions::SetTimeout.

  // Denormal numbers are taken as zero. Off by default.
  SessionOptions& SetDenormalAsZero(bool on = true) { return Set("flush_denormals", on ? "1" : "0"); }
  // Providers are asked in the order in which they are appended; "cpu" is always last. The same one may be appended
  // again with other options: another device. Making a session with one that is not there, or cannot run, is an error
  // that says what was found and what is needed; with Set("allow_missing_providers", "1") it is passed over with a
  // warning.
  SessionOptions& AppendExecutionProvider(const std::string& name,
                                          const std::map<std::string, std::string>& options = {}) {
    std::vector<const char*> keys, values;
    for (const auto& [key, value] : options) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
    Check(Api().SessionOptionsAppendProvider(get(), name.c_str(), keys.data(), values.data(), keys.size()));
    return *this;
  }
  SessionOptions& AddFreeDimensionOverrideByName(const char* name, int64_t value) {
    Check(Api().SessionOptionsSetFreeDimension(get(), name, value));
    return *this;
  }
  // An intermediate value that Run may be asked for.
  SessionOptions& AddOutput(const char* value_name) {
    Check(Api().SessionOptionsAddOutput(get(), value_name));
    return *this;
  }
  // External data of models from memory; the bytes must outlive the sessions.
  SessionOptions& AddExternalInitializersFromMemory(const char* location, const void* data, size_t size) {
    Check(Api().SessionOptionsAddExternalData(get(), location, data, size));
    return *this;
  }
  // Operators of your own, for the sessions with these options; see Env.
  SessionOptions& RegisterCustomOpsLibrary(const std::string& path) {
    Check(Api().SessionOptionsRegisterCustomOpsLibrary(get(), path.c_str()));
    return *this;
  }
  SessionOptions& Add(const OndaCustomOpLibrary* library) {
    Check(Api().SessionOptionsAddCustomOps(get(), library));
    return *this;
  }
  // Ends the making of sessions with these options, from any thread; it throws kCancelled.
  void CancelLoading() { Api().SessionOptionsCancelLoading(get()); }
  // Leaves out a rewrite of the graph by its name (see GetRewriteNames).
  SessionOptions& SkipRewrite(const std::string& name) { return Set("skip_rewrites", name); }
  // Traces loading and running, until Session::EndProfiling or the session's end writes PREFIX_DATE_TIME.json, which
  // chrome://tracing and Perfetto show, and `onda profile` sums up.
  SessionOptions& EnableProfiling(const char* prefix) { return Set("profile", prefix); }
  SessionOptions& DisableProfiling() { return Set("profile", ""); }
  // Any option by its name: those above, and
  //   reference_kernels        1: the plain scalar kernels alone
  //   allow_missing_providers  1: providers that are not there are passed over
  //   place_by_cost            0: each node goes to the first provider that takes it, whatever copies that costs (1)
  //   profiling_ranges         1: providers name sessions and nodes to their device's profiler
  //   stream_capture           0: devices are asked for every step of every run, instead of replaying what they have
  //                            recorded of earlier ones (1)
  //   skip_rewrites            names of rewrites that are left out, separated by commas
  //   max_rewrites             how many rewrites are made at most
  //   record_rewrites          1: keeps what Session::GetRewrites tells
  //   dump_folder              where a graph is written when a pass of Onda fails on it; by default a new file, which
  //                            only this user can read, in the system's folder for temporary files; "none": nowhere
  //   profile                  prefix of the file of EnableProfiling
  // An unknown name is an error.
  SessionOptions& Set(const char* key, const std::string& value) {
    Check(Api().SessionOptionsSet(get(), key, value.c_str()));
    return *this;
  }
  SessionOptions& AddConfigEntry(const char* key, const char* value) { return Set(key, value); }
  OndaSessionOptions* get() const { return options_.get(); }

 private:
  std::shared_ptr<OndaSessionOptions> options_;
};

// What a profiled run tells of a node.
struct NodeEvent {
  std::string_view name, op, domain, provider;
  double milliseconds;
  const OndaNodeEvent* raw;  // its outputs, during the call
};

class RunOptions {
 public:
  RunOptions() : state_(std::make_shared<State>()) {
    OndaRunOptions* o = nullptr;
    Check(Api().CreateRunOptions(&o));
    options_ = {o, Api().ReleaseRunOptions};
  }
  // Ends the runs that use these options, from any thread; they throw kCancelled.
  RunOptions& SetTerminate() {
    Api().RunOptionsSetTerminate(get(), 1);
    return *this;
  }
  RunOptions& UnsetTerminate() {
    Api().RunOptionsSetTerminate(get(), 0);
    return *this;
  }
  // A run that takes longer throws kCancelled; 0: no limit.
  RunOptions& SetTimeout(double seconds) {
    Api().RunOptionsSetTimeout(get(), seconds);
    return *this;
  }
  RunOptions& SetRunTag(const char* tag) {
    Check(Api().RunOptionsSetTag(get(), tag));
    return *this;
  }
  const char* GetRunTag() const { return Api().RunOptionsGetTag(get()); }
  // A stream of the caller's, as the provider has them, on which its part of a run is queued, behind the caller's own
  // work. provider: its name in Session::Placement. Runs with these options then come one at a time; they still end
  // when their results are there. nullptr: a stream of Onda's own.
  RunOptions& SetStream(const char* provider, void* stream) {
    Check(Api().RunOptionsSetStream(get(), provider, stream));
    return *this;
  }
  // Devices are measured: GetDeviceMilliseconds then tells what the last run with these options took of a provider's
  // device, by its own clock, from the first to the last of its work; below 0 where it has no events that measure.
  RunOptions& SetDeviceTiming(bool on = true) {
    Api().RunOptionsSetDeviceTiming(get(), on);
    return *this;
  }
  double GetDeviceMilliseconds(const char* provider) const {
    return Api().RunOptionsDeviceMilliseconds(get(), provider);
  }
  // Called on the running thread after each node.
  RunOptions& OnNode(std::function<void(const NodeEvent&)> function) {
    state_->on_node = std::move(function);
    Api().RunOptionsSetNodeFunction(
        get(),
        [](void* user, const OndaNodeEvent* e) {
          static_cast<State*>(user)->on_node({e->name, e->op, e->domain, e->provider, e->milliseconds, e});
        },
        state_.get());
    return *this;
  }
  OndaRunOptions* get() const { return options_.get(); }

 private:
  struct State {
    std::function<void(const NodeEvent&)> on_node;
  };
  std::shared_ptr<State> state_;
  std::shared_ptr<OndaRunOptions> options_;
};

// What a model says of itself.
struct ModelMetadata {
  std::string producer_name, producer_version, graph_name, domain, description, graph_description;
  int64_t version = 0;
  int64_t ir_version = 0;
  int64_t opset = 0;  // of ai.onnx
  std::map<std::string, std::string> custom;

  const std::string& GetProducerName() const { return producer_name; }
  const std::string& GetGraphName() const { return graph_name; }
  const std::string& GetDomain() const { return domain; }
  const std::string& GetDescription() const { return description; }
  int64_t GetVersion() const { return version; }
};

struct NodePlacement {
  std::string node, op, provider, reason;
};

// A change that a rule made to the graph: the nodes that went and those that came, in ONNX's text syntax.
struct RewriteRecord {
  std::string rule, reason, node, before, after;
};

struct MemoryUse {
  size_t in_use = 0;  // bytes
  size_t kept = 0;    // for the next runs
  size_t peak = 0;
};

// What a provider tells of its device's memory, in bytes; 0 where it does not tell.
struct ProviderMemory {
  std::string provider;
  uint64_t total = 0;
  uint64_t free = 0;
  uint64_t used = 0;  // by the session's instance of it
};

class IoBinding;
class Model;

// A loaded model. Run may be called from any number of threads at once.
class Session {
 public:
  Session(const Env& env, const char* path, const SessionOptions& options = SessionOptions()) : env_(env) {
    OndaSession* s = nullptr;
    Check(Api().CreateSessionFromFile(env.get(), path, options.get(), &s));
    Take(s);
  }
  Session(const Env& env, const std::string& path, const SessionOptions& options = SessionOptions())
      : Session(env, path.c_str(), options) {}
  // A model in memory, which is copied where needed.
  Session(const Env& env, const void* data, size_t size, const SessionOptions& options = SessionOptions()) : env_(env) {
    OndaSession* s = nullptr;
    Check(Api().CreateSessionFromMemory(env.get(), data, size, options.get(), &s));
    Take(s);
  }
  Session(const Env& env, const Model& model, const SessionOptions& options = SessionOptions());

  size_t GetInputCount() const { return Api().SessionPortCount(get(), 0); }
  size_t GetOutputCount() const { return Api().SessionPortCount(get(), 1); }
  // Initializers that a feed may override.
  size_t GetOverridableInitializerCount() const { return Api().SessionPortCount(get(), 2); }
  std::string GetInputName(size_t index) const { return Name(0, index); }
  std::string GetOutputName(size_t index) const { return Name(1, index); }
  std::string GetOverridableInitializerName(size_t index) const { return Name(2, index); }
  std::vector<std::string> GetInputNames() const { return Names(0); }
  std::vector<std::string> GetOutputNames() const { return Names(1); }
  std::vector<std::string> GetOverridableInitializerNames() const { return Names(2); }
  // Valid as long as the session.
  TypeInfo GetInputTypeInfo(size_t index) const { return TypeInfo(Api().SessionPortType(get(), 0, index)); }
  TypeInfo GetOutputTypeInfo(size_t index) const { return TypeInfo(Api().SessionPortType(get(), 1, index)); }
  TypeInfo GetOverridableInitializerTypeInfo(size_t index) const {
    return TypeInfo(Api().SessionPortType(get(), 2, index));
  }
  ModelMetadata GetModelMetadata() const {
    auto text = [&](const char* key) { return std::string(Api().SessionMetadata(get(), key)); };
    auto number = [&](const char* key) {
      const std::string t = text(key);
      return t.empty() ? int64_t{0} : static_cast<int64_t>(std::strtoll(t.c_str(), nullptr, 10));
    };
    ModelMetadata m{
        text("producer_name"),     text("producer_version"), text("graph_name"),   text("domain"),  text("description"),
        text("graph_description"), number("version"),        number("ir_version"), number("opset"), {}};
    for (size_t i = 0; i < Api().SessionCustomMetadataCount(get()); ++i) {
      const char *key = "", *value = "";
      Api().SessionCustomMetadata(get(), i, &key, &value);
      m.custom[key] = value;
    }
    return m;
  }
  // Where each node runs, and why not elsewhere.
  std::vector<NodePlacement> Placement() const {
    std::vector<NodePlacement> all;
    for (size_t i = 0; i < Api().SessionPlacementCount(get()); ++i) {
      const char *node = "", *op = "", *provider = "", *reason = "";
      Api().SessionPlacement(get(), i, &node, &op, &provider, &reason);
      all.push_back({node, op, provider, reason});
    }
    return all;
  }
  MemoryUse GetMemoryUse() const {
    MemoryUse use;
    Api().SessionMemory(get(), &use.in_use, &use.kept, &use.peak);
    return use;
  }
  std::vector<ProviderMemory> GetProviderMemory() const {
    std::vector<ProviderMemory> all(Api().SessionProviderCount(get()));
    for (size_t i = 0; i < all.size(); ++i) {
      const char* name = "";
      Check(Api().SessionProviderMemory(get(), i, &name, &all[i].total, &all[i].free, &all[i].used));
      all[i].provider = name;
    }
    return all;
  }
  // The plans that runs of all outputs have made so far, for people: steps, and where values lie.
  std::string PrintPlans() const {
    std::string plans;
    const auto write = [](void* user, const char* text, size_t size) {
      static_cast<std::string*>(user)->assign(text, size);
    };
    Check(Api().SessionPrintPlans(get(), write, &plans));
    return plans;
  }
  // The rewrites of the graph in order, where the option record_rewrites is set.
  std::vector<RewriteRecord> GetRewrites() const {
    std::vector<RewriteRecord> all;
    const auto write = [](void* user, const OndaRewrite* r) {
      static_cast<std::vector<RewriteRecord>*>(user)->push_back({r->rule, r->reason, r->node, r->before, r->after});
    };
    Check(Api().SessionRewrites(get(), write, &all));
    return all;
  }
  // Ends what EnableProfiling began; gives the name of the file.
  std::string EndProfiling() {
    const char* path = "";
    Check(Api().SessionEndProfiling(get(), &path));
    return path;
  }
  // Gives memory that is kept for reuse back to the system.
  void Trim() { Api().SessionTrim(get()); }

  using NamedValue = std::pair<std::string, Value>;
  // All outputs, in the model's order; or those that are named.
  std::vector<Value> Run(const std::vector<NamedValue>& inputs, const std::vector<std::string>& outputs = {},
                         const RunOptions* options = nullptr) const {
    std::vector<const char*> input_names, output_names;
    std::vector<const OndaValue*> values;
    for (const auto& [name, value] : inputs) {
      input_names.push_back(name.c_str());
      values.push_back(value.get());
    }
    for (const std::string& name : outputs) output_names.push_back(name.c_str());
    return RunHandles(options, input_names, values, outputs.empty() ? nullptr : output_names.data(),
                      outputs.empty() ? GetOutputCount() : outputs.size());
  }
  std::vector<Value> Run(const RunOptions& options, const char* const* input_names, const Value* input_values,
                         size_t input_count, const char* const* output_names, size_t output_count) const {
    return RunHandles(&options, {input_names, input_names + input_count}, Handles(input_values, input_count),
                      output_names, output_count);
  }
  // Writes into output_values where they hold tensors of the right type and shape; gives the others new values.
  void Run(const RunOptions& options, const char* const* input_names, const Value* input_values, size_t input_count,
           const char* const* output_names, Value* output_values, size_t output_count) const {
    const std::vector<const OndaValue*> inputs = Handles(input_values, input_count);
    std::vector<OndaValue*> outputs;
    for (size_t i = 0; i < output_count; ++i) outputs.push_back(output_values[i].get());
    Check(Api().Run(get(), options.get(), input_names, inputs.data(), input_count, output_names, output_count,
                    outputs.data()));
    for (size_t i = 0; i < output_count; ++i)
      if (!output_values[i]) output_values[i] = Value(outputs[i]);
  }
  void Run(const RunOptions& options, IoBinding& binding) const;
  // Runs on another thread. The elements of the inputs must stay as they are until the future is ready.
  std::future<std::vector<Value>> RunAsync(const std::vector<NamedValue>& inputs,
                                           const std::vector<std::string>& outputs = {},
                                           RunOptions options = RunOptions()) const {
    auto promise = std::make_shared<std::promise<std::vector<Value>>>();
    std::future<std::vector<Value>> future = promise->get_future();
    RunAsync(std::move(options), inputs, outputs.empty() ? GetOutputNames() : outputs,
             [promise](std::vector<Value> values, const Error* error) {
               if (error) {
                 promise->set_exception(std::make_exception_ptr(*error));
               } else {
                 promise->set_value(std::move(values));
               }
             });
    return future;
  }
  // The same; done is called on that thread with the results, or with what went wrong, and must not throw.
  using RunAsyncCallback = std::function<void(std::vector<Value> values, const Error* error)>;
  void RunAsync(RunOptions options, const std::vector<NamedValue>& inputs, const std::vector<std::string>& outputs,
                RunAsyncCallback done) const {
    struct Pending {
      Session session;
      RunOptions options;
      std::vector<NamedValue> inputs;
      RunAsyncCallback done;
    };
    auto pending = std::make_unique<Pending>(Pending{*this, std::move(options), inputs, std::move(done)});
    std::vector<const char*> input_names, output_names;
    std::vector<const OndaValue*> values;
    for (const auto& [name, value] : inputs) {
      input_names.push_back(name.c_str());
      values.push_back(value.get());
    }
    for (const std::string& name : outputs) output_names.push_back(name.c_str());
    const std::vector<OndaValue*> none(outputs.size());
    const auto finish = [](void* user, OndaValue** results, size_t count, OndaError* error) {
      const std::unique_ptr<Pending> p(static_cast<Pending*>(user));
      if (!error) {
        std::vector<Value> all;
        for (size_t i = 0; i < count; ++i) all.emplace_back(results[i]);
        p->done(std::move(all), nullptr);
        return;
      }
      try {
        Check(error);
      } catch (const Error& e) {
        p->done({}, &e);
      }
    };
    Check(Api().RunAsync(get(), pending->options.get(), input_names.data(), values.data(), values.size(),
                         output_names.data(), output_names.size(), none.data(), finish, pending.get()));
    static_cast<void>(pending.release());  // owned by `finish` from now on
  }
  // An uninitialised tensor in that memory, for sessions with such a device.
  Value CreateTensor(const MemoryInfo& memory, DType dtype, std::span<const int64_t> shape) const {
    OndaValue* v = nullptr;
    const std::string device = memory.device();
    Check(
        Api().CreateTensorOnDevice(get(), device.c_str(), static_cast<int32_t>(dtype), shape.data(), shape.size(), &v));
    return Value(v);
  }
  // The elements of one tensor into another of the same type and shape, wherever the two lie.
  void CopyTensor(const Value& from, Value& to) const { Check(Api().CopyTensor(get(), from.get(), to.get())); }
  OndaSession* get() const { return session_.get(); }

 private:
  void Take(OndaSession* s) { session_ = {s, Api().ReleaseSession}; }
  std::string Name(int32_t which, size_t index) const {
    const char* name = Api().SessionPortName(get(), which, index);
    if (!name) throw Error(ErrorCode::kInvalidArgument, "index " + std::to_string(index) + " is out of range");
    return name;
  }
  std::vector<std::string> Names(int32_t which) const {
    std::vector<std::string> names;
    for (size_t i = 0; i < Api().SessionPortCount(get(), which); ++i) names.push_back(Name(which, i));
    return names;
  }
  static std::vector<const OndaValue*> Handles(const Value* values, size_t count) {
    std::vector<const OndaValue*> handles;
    for (size_t i = 0; i < count; ++i) handles.push_back(values[i].get());
    return handles;
  }
  std::vector<Value> RunHandles(const RunOptions* options, const std::vector<const char*>& input_names,
                                const std::vector<const OndaValue*>& inputs, const char* const* output_names,
                                size_t output_count) const {
    std::vector<OndaValue*> outputs(output_count);
    Check(Api().Run(get(), options ? options->get() : nullptr, input_names.data(), inputs.data(), inputs.size(),
                    output_names, output_count, outputs.data()));
    std::vector<Value> values;
    values.reserve(output_count);
    for (OndaValue* v : outputs) values.emplace_back(v);
    return values;
  }

  Env env_;
  std::shared_ptr<OndaSession> session_;
};

// Values bound once and used by many runs. What is bound is read when it runs.
class IoBinding {
 public:
  explicit IoBinding(const Session& session) : session_(session) {}
  void BindInput(const char* name, const Value& value) { Set(inputs_, {name, value, ""}); }
  // Results are written into the value.
  void BindOutput(const char* name, const Value& value) { Set(outputs_, {name, value, ""}); }
  // Each run makes a new value in that memory.
  void BindOutput(const char* name, const MemoryInfo& memory) { Set(outputs_, {name, Value(), memory.device()}); }
  void ClearBoundInputs() { inputs_.clear(); }
  void ClearBoundOutputs() { outputs_.clear(); }
  std::vector<std::string> GetOutputNames() const {
    std::vector<std::string> names;
    for (const Bound& bound : outputs_) names.push_back(bound.name);
    return names;
  }
  // Of the last run, in the order of binding.
  const std::vector<Value>& GetOutputValues() const { return results_; }
  void SynchronizeInputs() {}
  void SynchronizeOutputs() {}

 private:
  friend class Session;
  struct Bound {
    std::string name;
    Value value;
    std::string device;  // of values that are to be made
  };
  static void Set(std::vector<Bound>& all, Bound bound) {
    for (Bound& b : all) {
      if (b.name != bound.name) continue;
      b = std::move(bound);
      return;
    }
    all.push_back(std::move(bound));
  }
  Session session_;
  std::vector<Bound> inputs_, outputs_;
  std::vector<Value> results_;
  // Of the run under way; kept for the next, so that it allocates nothing.
  std::vector<const char*> input_names_, output_names_, devices_;
  std::vector<const OndaValue*> input_handles_;
  std::vector<OndaValue*> output_handles_;
};

inline void Session::Run(const RunOptions& options, IoBinding& binding) const {
  binding.input_names_.clear();
  binding.input_handles_.clear();
  binding.output_names_.clear();
  binding.output_handles_.clear();
  binding.devices_.clear();
  for (const IoBinding::Bound& bound : binding.inputs_) {
    binding.input_names_.push_back(bound.name.c_str());
    binding.input_handles_.push_back(bound.value.get());
  }
  for (const IoBinding::Bound& bound : binding.outputs_) {
    binding.output_names_.push_back(bound.name.c_str());
    binding.output_handles_.push_back(bound.value.get());
    binding.devices_.push_back(bound.device.c_str());
  }
  Check(Api().RunOnDevices(get(), options.get(), binding.input_names_.data(), binding.input_handles_.data(),
                           binding.input_names_.size(), binding.output_names_.data(), binding.devices_.data(),
                           binding.output_names_.size(), binding.output_handles_.data()));
  binding.results_.resize(binding.outputs_.size());
  for (size_t i = 0; i < binding.outputs_.size(); ++i) {
    const Value& bound = binding.outputs_[i].value;
    binding.results_[i] = bound ? bound : Value(binding.output_handles_[i]);
  }
}

// The providers that are installed, cpu last.
inline std::vector<std::string> GetAvailableProviders() {
  std::vector<std::string> names;
  for (size_t i = 0; i < Api().ProviderCount(); ++i) names.emplace_back(Api().ProviderName(i));
  return names;
}

// The rewrites that sessions make, in the order in which they are tried.
inline std::vector<std::string> GetRewriteNames() {
  std::vector<std::string> names;
  const auto write = [](void* user, const char* name) {
    static_cast<std::vector<std::string>*>(user)->emplace_back(name);
  };
  Check(Api().RewriteNames(write, &names));
  return names;
}

inline std::string GetVersionString() { return Api().VersionString(); }

}  // namespace v1
}  // namespace onda

#endif  // ONDA_ONDA_H_
