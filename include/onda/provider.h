// What an execution provider sees of Onda: a C ABI of size-tagged structs and function tables, and a header-only C++
// layer for kernels over it; make_provider.h is the same for whole providers and for regions. Kernels inside the
// library and in plug-ins are written against this header alone.
//
// No exception crosses the C functions; a failure fills an OndaStatus. Shapes are in elements, sizes in bytes. Structs
// grow at their ends only: whoever reads one looks at no more than its `size`, and takes what is missing for NULL or 0.
#ifndef ONDA_PROVIDER_H_
#define ONDA_PROVIDER_H_

#include <cstdio>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "onda/types.h"

extern "C" {

typedef struct OndaStatus {
  int32_t code;  // an onda::ErrorCode; 0 is success
  char message[508];
} OndaStatus;

// A dense tensor in row-major order. data is in the provider's memory, except for host inputs; NULL for an absent
// optional input or output. String tensors hold std::string objects and never leave the library.
typedef struct OndaTensorView {
  void* data;
  const int64_t* dims;
  int32_t rank;
  int32_t dtype;
} OndaTensorView;

// What is known of an input or output before running.
typedef struct OndaFactView {
  int32_t dtype;         // 0: absent
  int32_t rank;          // -1: unknown
  const int64_t* dims;   // -1: unknown
  const void* constant;  // elements in host memory where the value is a constant, else NULL
} OndaFactView;

typedef enum OndaAttributeKind {
  kOndaInt = 1,
  kOndaFloat = 2,
  kOndaString = 3,
  kOndaTensor = 4,
  kOndaInts = 5,
  kOndaFloats = 6,
  kOndaStrings = 7,
} OndaAttributeKind;

typedef struct OndaStringView {
  const char* data;
  size_t size;
} OndaStringView;

typedef struct OndaAttribute {
  const char* name;
  int32_t kind;
  int32_t reserved;
  size_t count;  // elements of a list; 1 for scalars
  int64_t i;
  double f;
  OndaStringView s;
  const int64_t* ints;
  const float* floats;
  const OndaStringView* strings;
  OndaTensorView tensor;
} OndaAttribute;

// A node in canonical form. Attributes without a value are absent: their default holds.
typedef struct OndaNodeView {
  uint32_t size;
  const char* domain;  // "" is ai.onnx
  const char* op;
  const char* name;
  const OndaAttribute* attributes;
  int32_t attribute_count;
  int32_t input_count;
  int32_t output_count;
  const OndaFactView* inputs;
  const OndaFactView* outputs;
} OndaNodeView;

// Services of the engine during a launch. state is OndaLaunch::host_state.
typedef struct OndaHost {
  uint32_t size;
  // Calls body(arg, begin, end) over disjoint ranges that cover [0, n), each of at least grain items (the last may be
  // shorter), on the session's threads and the calling one; returns when all are done. body must not throw. Once the
  // run is to end early the ranges that have not begun are left out: then stop_requested gives nonzero.
  void (*parallel_for)(void* state, int64_t n, int64_t grain, void (*body)(void* arg, int64_t begin, int64_t end),
                       void* arg);
  // The most threads that parallel_for may use.
  int32_t (*thread_count)(void* state);
  // Nonzero once the run is to end early; long kernels ask now and then, and return.
  int32_t (*stop_requested)(void* state);
  // Gives output `index`, whose shape inference could not know, its shape and memory. Fills *out. Nonzero on failure.
  int32_t (*allocate_output)(void* state, int32_t index, int32_t rank, const int64_t* dims, OndaTensorView* out,
                             OndaStatus* status);
  // For kernels whose output shapes depend on data in device memory: waits for the launch's stream and copies `bytes`
  // from there into host memory. Nonzero on failure.
  int32_t (*read_back)(void* state, const void* device, void* host, size_t bytes, OndaStatus* status);
} OndaHost;

typedef struct OndaLaunch {
  uint32_t size;
  int32_t input_count;
  int32_t output_count;
  const OndaTensorView* inputs;
  OndaTensorView* outputs;  // data is NULL where the output is not wanted or its shape is not known before running
  void* workspace;          // 64-byte aligned, as many bytes as the kernel's workspace function asked for
  void* stream;             // the provider's own stream handle
  const OndaHost* host;
  void* host_state;
  // Device providers: two int32 in device memory, zero before a run. A kernel that meets a data-dependent error (an
  // index out of range) writes `node` and an OndaDeviceError there and goes on with a safe value; the engine reads both
  // when it synchronises, and throws.
  int32_t* status;
  int32_t node;
} OndaLaunch;

typedef enum OndaDeviceError {
  kOndaIndexOutOfRange = 1,
  kOndaDivisionByZero = 2,
  kOndaBadContent = 3,
} OndaDeviceError;

enum {
  kOndaKernelInPlace = 1,      // Output 0 may share memory with any input of the same dtype and shape.
  kOndaKernelNotCaptured = 2,  // Its launch waits, reads back or allocates: not to be asked of a stream under capture.
};

// One provider's way to do one operator. All functions may be called from several threads at once.
typedef struct OndaKernelDef {
  uint32_t size;
  uint32_t flags;
  const char* domain;
  const char* op;
  // Writes why the node cannot be run here and returns nonzero, or returns 0.
  int32_t (*rejects)(const OndaNodeView* node, char* reason, size_t reason_size);
  // Parses parameters and prepares constants. Returns NULL and fills status on failure.
  void* (*create)(const OndaNodeView* node, OndaStatus* status);
  void (*destroy)(void* kernel);
  // Bytes of workspace for these shapes; data pointers are not to be read, but for host inputs.
  uint64_t (*workspace)(const void* kernel, const OndaTensorView* inputs, int32_t input_count,
                        const OndaTensorView* outputs, int32_t output_count);
  void (*launch)(const void* kernel, const OndaLaunch* launch, OndaStatus* status);
  // May be NULL. Makes what launches of these shapes need beside their arguments (tables in device memory, compiled
  // code, plans of libraries), so that no launch has to. It is given what a launch would be, but nothing is run: of
  // inputs and outputs the shapes, data alone of host inputs; workspace, host and status are NULL. May allocate and
  // wait; is never called while the stream is captured.
  void (*prepare)(const void* kernel, const OndaLaunch* launch, OndaStatus* status);
} OndaKernelDef;

typedef enum OndaCopyKind {
  kOndaHostToDevice = 1,
  kOndaDeviceToHost = 2,
  kOndaDeviceToDevice = 3,  // within an instance
  kOndaPeerToPeer = 4,      // between two instances of one provider; called on the destination
} OndaCopyKind;

// Regions: a provider may take a convex set of nodes as one unit. No path leaves a convex set and comes back into it.

enum {
  kOndaRegionInput = 1,   // comes from outside of the region
  kOndaRegionOutput = 2,  // is read outside of the region
  kOndaRegionOnHost = 4,  // an input that lies in host memory at a launch: its reader takes shapes from its contents
};

typedef struct OndaRegionValue {
  uint32_t size;
  uint32_t flags;
  const char* name;
  OndaFactView fact;
  // rank texts, as "8", "batch" or "2*seq + 1": where texts are equal, so are the extents, in every run.
  const char* const* dim_texts;
  int32_t producer;  // index of the node; -1 for inputs and constants
  int32_t reserved;
} OndaRegionValue;

typedef struct OndaRegionNode {
  uint32_t size;
  int32_t accepted;  // nonzero where one of the instance's own kernels takes the node
  const OndaNodeView* node;
  const int32_t* inputs;  // node->input_count indices of values; -1 where omitted
  const int32_t* outputs;
  double host_microseconds;  // what the host needs for it, estimated
} OndaRegionNode;

// When a provider is asked for claims.
typedef enum OndaRegionStage {
  kOndaStageCanonical = 0,  // operators of the canonical set, before Onda fuses any
  kOndaStageRewritten = 1,  // what is left after Onda's own rewrites, fused operators among it
} OndaRegionStage;

// A convex set of nodes in topological order, and the values that they read and write. Lives during the call.
typedef struct OndaRegionView {
  uint32_t size;
  int32_t stage;  // an OndaRegionStage
  const char* name;
  int32_t node_count;
  int32_t value_count;
  int32_t input_count;
  int32_t output_count;
  const OndaRegionNode* const* nodes;
  const OndaRegionValue* const* values;
  const int32_t* inputs;   // indices of values: without constants, which are known from their facts
  const int32_t* outputs;  // indices of values
} OndaRegionView;

// Nodes of a region that a provider wants to run as one unit. A claim that is not convex, or that shares nodes with an
// earlier one, is refused.
typedef struct OndaClaim {
  uint32_t size;
  int32_t node_count;
  const int32_t* nodes;  // indices into OndaRegionView::nodes
  double microseconds;   // of one run, estimated for the shapes of the facts; 0: not known
  const char* reason;    // for users, in a few words; may be NULL
} OndaClaim;

typedef struct OndaOptionDef {
  const char* key;
  const char* meaning;
  const char* default_value;  // as text; "" where there is none
} OndaOptionDef;

typedef struct OndaMemoryInfo {
  uint32_t size;
  uint32_t reserved;
  uint64_t total;  // bytes of the device
  uint64_t free;   // bytes that an allocation may still take
  uint64_t used;   // bytes that this instance holds, its own workspaces and code included
} OndaMemoryInfo;

// Takes one line of text about `what`.
typedef void (*OndaDescribeFunction)(void* sink, const char* what, const char* text);

enum { kOndaProviderAbi = 1 };

// A provider: one kind of device. An instance is one device of it; a session may use several. All functions may be
// called from several threads at once, but one stream, event or executable is used by one thread at a time. Handles
// (streams, events, memory, captures) belong to the instance that made them.
typedef struct OndaProviderDef {
  uint32_t size;
  uint32_t abi;  // kOndaProviderAbi
  const char* name;
  // Options as the user gave them; an unknown key must be refused. Returns NULL and fills status on failure, naming
  // what was found and what is needed.
  void* (*create)(const char* const* keys, const char* const* values, int32_t count, OndaStatus* status);
  void (*destroy)(void* instance);

  // Best first where one operator has several.
  const OndaKernelDef* const* (*kernels)(void* instance, int32_t* count);

  // Device memory, aligned to 256 bytes. NULL where there is none left.
  void* (*allocate)(void* instance, size_t bytes);
  void (*free)(void* instance, void* memory);

  // Work of one stream runs in order, of different streams in any order.
  void* (*create_stream)(void* instance, OndaStatus* status);
  void (*destroy_stream)(void* instance, void* stream);
  void (*synchronize_stream)(void* instance, void* stream, OndaStatus* status);

  void* (*create_event)(void* instance, OndaStatus* status);
  void (*destroy_event)(void* instance, void* event);
  // The event is reached when all earlier work of the stream is done.
  void (*record_event)(void* instance, void* event, void* stream, OndaStatus* status);
  // Later work of the stream waits for the event, which may be of another instance of this provider.
  void (*wait_event)(void* instance, void* stream, void* event, OndaStatus* status);
  void (*synchronize_event)(void* instance, void* event, OndaStatus* status);

  // In stream order. Host memory must stay as it is until the copy has run.
  void (*copy)(void* instance, void* to, const void* from, size_t bytes, OndaCopyKind kind, void* stream,
               OndaStatus* status);
  void (*fill_zero)(void* instance, void* memory, size_t bytes, void* stream, OndaStatus* status);

  // Cost hints, for choosing where nodes run. 0: not known.
  double launch_microseconds;
  double copy_microseconds;  // latency of a copy across
  double copy_gigabytes_per_second;

  // All that follows is optional, each group as a whole: NULL where the provider has nothing of the kind.

  // The options that `create` takes, for `onda providers` and for messages.
  const OndaOptionDef* options;
  int32_t option_count;
  uint32_t reserved;

  // Tells what is known of the instance or, for NULL, of this machine before any is made: devices and libraries that
  // were found, and what is needed and missing, one call of `write` for each.
  void (*describe)(void* instance, OndaDescribeFunction write, void* sink);

  // Microseconds that a node whose kernel is accepted takes here, without its launch, estimated from its facts; 0 where
  // not known.
  double (*node_microseconds)(void* instance, const OndaNodeView* node);

  void (*memory_info)(void* instance, OndaMemoryInfo* info, OndaStatus* status);
  // The most bytes that the instance may take for itself (workspaces of libraries, caches); 0: no limit.
  void (*set_memory_limit)(void* instance, uint64_t bytes, OndaStatus* status);
  // Gives back what is kept for reuse.
  void (*trim)(void* instance);

  // Host memory that copies reach without staging, aligned to 64 bytes. NULL where there is none left.
  void* (*allocate_host)(void* instance, size_t bytes);
  void (*free_host)(void* instance, void* memory);

  // A stream handle for a stream of the caller's (its native handle); destroy_stream gives up the handle alone.
  void* (*wrap_stream)(void* instance, void* native, OndaStatus* status);

  // Events that measure: destroyed, recorded and waited for as others are. elapsed: between two that were reached.
  void* (*create_timing_event)(void* instance, OndaStatus* status);
  double (*elapsed_milliseconds)(void* instance, void* from, void* to, OndaStatus* status);

  // Named ranges of the calling thread, for the device's profiler: of the session, of a segment, of a node.
  void (*push_range)(void* instance, const char* name);
  void (*pop_range)(void* instance);

  // Capture. Between begin and end the launches, copies within the device and from and to the host, and fills that are
  // asked of the stream are recorded and not run; workspaces and pointers stay those that were given. Whatever cannot
  // be recorded fails with kNotImplemented and spoils the capture. The stream is as before in any case after
  // end_capture, which gives NULL and fills status where the capture is spoilt.
  void (*begin_capture)(void* instance, void* stream, OndaStatus* status);
  void* (*end_capture)(void* instance, void* stream, OndaStatus* status);
  void (*destroy_capture)(void* instance, void* capture);
  // What was recorded, ready to be launched as often as wanted, never twice at a time.
  void* (*instantiate)(void* instance, void* capture, OndaStatus* status);
  // Gives the executable the pointers and sizes of another capture of the same work. Returns nonzero, the executable as
  // before, where the captures differ in more; the caller then instantiates anew.
  int32_t (*update_executable)(void* instance, void* executable, void* capture, OndaStatus* status);
  // Gives the copy that was recorded as the index-th other addresses. Its size and kind stay. May be NULL: callers
  // capture again and update.
  void (*update_copy)(void* instance, void* executable, int32_t index, void* to, const void* from, OndaStatus* status);
  void (*launch_executable)(void* instance, void* executable, void* stream, OndaStatus* status);
  void (*destroy_executable)(void* instance, void* executable);

  // Calls add for each set of nodes that the provider wants; the most wanted first.
  void (*claim_regions)(void* instance, const OndaRegionView* region, void (*add)(void* sink, const OndaClaim* claim),
                        void* sink, OndaStatus* status);
  // Compiles a claimed set, which `region` holds alone: its inputs and outputs are those of the launches, in this
  // order. Fills *kernel and gives the table that it is used through (destroy, workspace, launch; the rest may be
  // NULL), which stays as long as the instance. NULL on failure. Shapes that facts do not know come with the launches.
  const OndaKernelDef* (*compile_region)(void* instance, const OndaRegionView* region, void** kernel,
                                         OndaStatus* status);

  // The instance's device as DLPack has it: gives the DLDeviceType and fills the number; 0 where DLPack has none.
  int32_t (*dlpack_device)(void* instance, int32_t* number);
} OndaProviderDef;

// What a provider's shared library exports under the name "OndaGetProvider". NULL where it cannot serve that ABI.
typedef const OndaProviderDef* (*OndaGetProviderFunction)(uint32_t abi);

}  // extern "C"

namespace onda {

// Calls fn and turns anything thrown into a status.
template <class Fn>
void GuardStatus(OndaStatus* status, Fn&& fn) noexcept {
  auto set = [&](ErrorCode code, const char* message) {
    status->code = static_cast<int32_t>(code);
    std::snprintf(status->message, sizeof(status->message), "%s", message);
  };
  try {
    fn();
  } catch (const Error& e) {
    set(e.code(), e.what());
  } catch (const std::bad_alloc&) {
    set(ErrorCode::kOutOfMemory, "out of memory");
  } catch (const std::exception& e) {
    set(ErrorCode::kInternal, e.what());
  } catch (...) {
    set(ErrorCode::kInternal, "unknown exception");
  }
}

struct TensorView : OndaTensorView {
  DType type() const { return static_cast<DType>(dtype); }
  std::span<const int64_t> shape() const { return {dims, static_cast<size_t>(rank)}; }
  int64_t dim(int i) const { return dims[i]; }
  bool present() const { return dtype != 0; }
  // Number of elements.
  int64_t count() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= dims[i];
    return n;
  }
  // Product of dims[begin, end).
  int64_t count(int begin, int end) const {
    int64_t n = 1;
    for (int i = begin; i < end; ++i) n *= dims[i];
    return n;
  }
  size_t bytes() const { return (static_cast<size_t>(count()) * BitsOf(type()) + 7) / 8; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};
static_assert(sizeof(TensorView) == sizeof(OndaTensorView));

struct FactView : OndaFactView {
  DType type() const { return static_cast<DType>(dtype); }
  bool present() const { return dtype != 0; }
  bool static_shape() const {
    for (int i = 0; i < rank; ++i)
      if (dims[i] < 0) return false;
    return rank >= 0;
  }
  std::span<const int64_t> shape() const { return {dims, static_cast<size_t>(rank < 0 ? 0 : rank)}; }
  template <class T>
  const T* constant_as() const {
    return static_cast<const T*>(constant);
  }
};
static_assert(sizeof(FactView) == sizeof(OndaFactView));

// Reads attributes by name; the second argument is what holds where the attribute is absent.
class Attributes {
 public:
  Attributes() = default;
  Attributes(const OndaAttribute* data, size_t count) : data_(data), count_(count) {}

  const OndaAttribute* Find(std::string_view name) const {
    for (size_t i = 0; i < count_; ++i)
      if (name == data_[i].name) return &data_[i];
    return nullptr;
  }
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  int64_t Int(std::string_view name, int64_t absent) const {
    const OndaAttribute* a = FindKind(name, kOndaInt);
    return a ? a->i : absent;
  }
  float Float(std::string_view name, float absent) const {
    const OndaAttribute* a = FindKind(name, kOndaFloat);
    return a ? static_cast<float>(a->f) : absent;
  }
  std::string String(std::string_view name, std::string_view absent) const {
    const OndaAttribute* a = FindKind(name, kOndaString);
    return a ? std::string(a->s.data, a->s.size) : std::string(absent);
  }
  std::vector<int64_t> Ints(std::string_view name, std::vector<int64_t> absent = {}) const {
    const OndaAttribute* a = FindKind(name, kOndaInts);
    return a ? std::vector<int64_t>(a->ints, a->ints + a->count) : std::move(absent);
  }
  std::vector<float> Floats(std::string_view name, std::vector<float> absent = {}) const {
    const OndaAttribute* a = FindKind(name, kOndaFloats);
    return a ? std::vector<float>(a->floats, a->floats + a->count) : std::move(absent);
  }
  std::vector<std::string> Strings(std::string_view name, std::vector<std::string> absent = {}) const {
    const OndaAttribute* a = FindKind(name, kOndaStrings);
    if (!a) return absent;
    std::vector<std::string> result;
    for (size_t i = 0; i < a->count; ++i) result.emplace_back(a->strings[i].data, a->strings[i].size);
    return result;
  }
  // The tensor lives as long as the node. nullptr where absent.
  const TensorView* Tensor(std::string_view name) const {
    const OndaAttribute* a = FindKind(name, kOndaTensor);
    return a ? static_cast<const TensorView*>(&a->tensor) : nullptr;
  }

 private:
  const OndaAttribute* FindKind(std::string_view name, int32_t kind) const {
    const OndaAttribute* a = Find(name);
    if (a && a->kind != kind)
      throw Error(ErrorCode::kInvalidModel, "attribute '" + std::string(name) + "' is of the wrong kind");
    return a;
  }
  const OndaAttribute* data_ = nullptr;
  size_t count_ = 0;
};

// A node as a kernel sees it when it is created.
class NodeView {
 public:
  explicit NodeView(const OndaNodeView& node) : node_(node) {}
  std::string_view op() const { return node_.op; }
  std::string_view domain() const { return node_.domain; }
  std::string_view name() const { return node_.name; }
  Attributes attributes() const { return {node_.attributes, static_cast<size_t>(node_.attribute_count)}; }
  int input_count() const { return node_.input_count; }
  int output_count() const { return node_.output_count; }
  // An absent fact where i is past the end.
  const FactView& input(int i) const { return At(node_.inputs, node_.input_count, i); }
  const FactView& output(int i) const { return At(node_.outputs, node_.output_count, i); }

 private:
  static const FactView& At(const OndaFactView* facts, int count, int i) {
    static constexpr OndaFactView kAbsent{0, -1, nullptr, nullptr};
    return static_cast<const FactView&>(i < count ? facts[i] : kAbsent);
  }
  const OndaNodeView& node_;
};

// Shapes of a node's inputs or outputs for a workspace query; absent views past the end.
class TensorViews {
 public:
  TensorViews(const OndaTensorView* data, int count) : data_(data), count_(count) {}
  int count() const { return count_; }
  const TensorView& operator[](int i) const {
    static constexpr OndaTensorView kAbsent{nullptr, nullptr, 0, 0};
    return static_cast<const TensorView&>(i < count_ ? data_[i] : kAbsent);
  }

 private:
  const OndaTensorView* data_;
  int count_;
};

// The arguments of one launch.
class LaunchArgs {
 public:
  explicit LaunchArgs(const OndaLaunch& launch) : launch_(launch) {}
  int input_count() const { return launch_.input_count; }
  int output_count() const { return launch_.output_count; }
  TensorViews inputs() const { return {launch_.inputs, launch_.input_count}; }
  // Absent (present() is false) where the optional input is not given.
  const TensorView& input(int i) const { return TensorViews(launch_.inputs, launch_.input_count)[i]; }
  bool has_input(int i) const { return input(i).present(); }
  const TensorView& output(int i) const { return TensorViews(launch_.outputs, launch_.output_count)[i]; }
  // False where the output is omitted or nobody reads it.
  bool wants_output(int i) const { return output(i).present(); }
  void* workspace() const { return launch_.workspace; }
  void* stream() const { return launch_.stream; }
  const OndaHost& host() const { return *launch_.host; }
  void* host_state() const { return launch_.host_state; }

  int thread_count() const { return launch_.host->thread_count(launch_.host_state); }
  bool stop_requested() const { return launch_.host->stop_requested(launch_.host_state) != 0; }

  // Throws kCancelled once the run is to end early.
  void CheckStop() const {
    if (stop_requested()) throw Error(ErrorCode::kCancelled, "the run was terminated");
  }

  // fn(begin, end) over disjoint ranges that cover [0, n), in parallel, of at least `grain` items. What fn throws first
  // is thrown here after all ranges ended; kCancelled where the run is to end early, and ranges may be missing.
  template <class Fn>
  void ParallelFor(int64_t n, int64_t grain, Fn&& fn) const {
    if (n <= 0) return;
    struct Call {
      std::remove_reference_t<Fn>* fn;
      std::exception_ptr error;
      char failed;
    } call{&fn, nullptr, 0};
    launch_.host->parallel_for(
        launch_.host_state, n, grain,
        [](void* arg, int64_t begin, int64_t end) {
          Call& c = *static_cast<Call*>(arg);
          try {
            (*c.fn)(begin, end);
          } catch (...) {
            if (!__atomic_test_and_set(&c.failed, __ATOMIC_RELAXED)) c.error = std::current_exception();
          }
        },
        &call);
    if (call.error) std::rethrow_exception(call.error);
    CheckStop();
  }

  int32_t* status() const { return launch_.status; }
  int32_t node() const { return launch_.node; }

  // See OndaHost::read_back.
  void ReadBack(const void* device, void* host, size_t bytes) const {
    OndaStatus status{};
    if (launch_.host->read_back(launch_.host_state, device, host, bytes, &status))
      throw Error(static_cast<ErrorCode>(status.code), status.message);
  }

  // Gives an output of data-dependent shape its memory, before anything is written to it.
  TensorView AllocateOutput(int i, std::span<const int64_t> dims) const {
    TensorView view{};
    OndaStatus status{};
    if (launch_.host->allocate_output(launch_.host_state, i, static_cast<int32_t>(dims.size()), dims.data(), &view,
                                      &status))
      throw Error(static_cast<ErrorCode>(status.code), status.message);
    return view;
  }

 private:
  const OndaLaunch& launch_;
};

// Makes the C table of a kernel class K, which has
//   explicit K(const NodeView&)                           parse parameters, pack constants
//   void Launch(const LaunchArgs&) const                  run; may throw onda::Error
// and may have
//   static std::string Rejects(const NodeView&)           why not, or ""
//   size_t WorkspaceBytes(TensorViews inputs, TensorViews outputs) const
//   void Prepare(const LaunchArgs&) const                 see OndaKernelDef::prepare
//   static constexpr bool kInPlace = true                 see kOndaKernelInPlace
//   static constexpr bool kNotCaptured = true             see kOndaKernelNotCaptured
template <class K>
constexpr OndaKernelDef MakeKernel(const char* op, const char* domain = "") {
  OndaKernelDef def{};
  def.size = sizeof(OndaKernelDef);
  def.domain = domain;
  def.op = op;
  if constexpr (requires { K::kInPlace; }) def.flags |= K::kInPlace * static_cast<uint32_t>(kOndaKernelInPlace);
  if constexpr (requires { K::kNotCaptured; })
    def.flags |= K::kNotCaptured * static_cast<uint32_t>(kOndaKernelNotCaptured);
  def.rejects = [](const OndaNodeView* node, char* reason, size_t reason_size) -> int32_t {
    if constexpr (requires(const NodeView& n) { K::Rejects(n); }) {
      try {
        const std::string why = K::Rejects(NodeView(*node));
        if (why.empty()) return 0;
        std::snprintf(reason, reason_size, "%s", why.c_str());
      } catch (const std::exception& e) {
        std::snprintf(reason, reason_size, "%s", e.what());
      }
      return 1;
    } else {
      (void)node, (void)reason, (void)reason_size;
      return 0;
    }
  };
  if constexpr (std::is_constructible_v<K, const NodeView&>)  // otherwise it is made from a region
    def.create = [](const OndaNodeView* node, OndaStatus* status) -> void* {
      K* kernel = nullptr;
      GuardStatus(status, [&] { kernel = new K(NodeView(*node)); });
      return kernel;
    };
  def.destroy = [](void* kernel) { delete static_cast<K*>(kernel); };
  def.workspace = [](const void* kernel, const OndaTensorView* inputs, int32_t input_count,
                     const OndaTensorView* outputs, int32_t output_count) -> uint64_t {
    if constexpr (requires(const K& k, TensorViews v) { k.WorkspaceBytes(v, v); }) {
      return static_cast<const K*>(kernel)->WorkspaceBytes(TensorViews(inputs, input_count),
                                                           TensorViews(outputs, output_count));
    } else {
      (void)kernel, (void)inputs, (void)input_count, (void)outputs, (void)output_count;
      return 0;
    }
  };
  def.launch = [](const void* kernel, const OndaLaunch* launch, OndaStatus* status) {
    GuardStatus(status, [&] { static_cast<const K*>(kernel)->Launch(LaunchArgs(*launch)); });
  };
  if constexpr (requires(const K& k, const LaunchArgs& args) { k.Prepare(args); })
    def.prepare = [](const void* kernel, const OndaLaunch* launch, OndaStatus* status) {
      GuardStatus(status, [&] { static_cast<const K*>(kernel)->Prepare(LaunchArgs(*launch)); });
    };
  return def;
}

}  // namespace onda

#endif  // ONDA_PROVIDER_H_
