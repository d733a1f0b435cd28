// The narrow interface between the CUDA provider and a device. Two implementations: device_cuda.cpp over CUDA's
// libraries, and the simulator of tests/cuda_sim. Everything of the provider is written against this header.
//
// Failures throw onda::Error: kOutOfMemory, kDeviceLost (after which every call throws it), kInvalidArgument for what
// CUDA refuses, kNotImplemented where a library has no plan. All functions may be called from several threads, but one
// stream, graph or plan only from one at a time. Objects are destroyed before their device.
#ifndef ONDA_PROVIDERS_CUDA_DEVICE_H_
#define ONDA_PROVIDERS_CUDA_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "onda/provider.h"
#include "providers/cuda/launch.h"
#include "providers/cuda/library_op.h"

namespace onda::cuda {

class Device;
class PlanChooser;

// What a device is and with which libraries it is driven. Sizes in bytes.
struct Properties {
  std::string name;
  std::string uuid;
  int compute_major = 0, compute_minor = 0;
  int multiprocessors = 0;
  size_t memory = 0;
  size_t l2_cache = 0;
  size_t shared_per_block = 0;  // the most that a launch may ask for
  size_t shared_per_multiprocessor = 0;
  int threads_per_multiprocessor = 0;
  int driver_version = 0, runtime_version = 0;  // 1000 * major + 10 * minor
  size_t cublas_version = 0, cudnn_version = 0;
};

// Work of one stream runs in order, that of different streams in any order.
class Stream {
 public:
  explicit Stream(Device& device) : device_(device) {}
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  Device& device() const { return device_; }

 private:
  Device& device_;
};

struct Event {
  virtual ~Event() = default;
};

// Work that was captured, and the same ready to launch. One executable cannot overlap itself: launches of it are
// ordered after each other.
struct Graph {
  virtual ~Graph() = default;
};
struct GraphExecutable {
  virtual ~GraphExecutable() = default;
};

// Compiled source.
class Module {
 public:
  virtual ~Module() = default;
  // The extern "C" kernel of that name. nullptr where there is none.
  virtual const void* Function(const std::string& name) = 0;
  // The binary that Device::LoadModule takes, for a cache on disk.
  virtual std::string Binary() const = 0;
};

// How a library does one operation. Variants are in the library's order of preference, which is not that of speed.
class LibraryPlan {
 public:
  virtual ~LibraryPlan() = default;
  virtual int variants() const = 0;  // at least 1
  virtual size_t workspace_bytes(int variant) const = 0;
  // What Device::RestorePlan takes, valid for the same description, device and library versions. May be empty: then
  // plans are cheap to make.
  virtual std::string Blob(int variant) const = 0;
};

// A plan and the variant of it that is to be executed.
struct ChosenPlan {
  std::unique_ptr<LibraryPlan> plan;
  int variant = 0;
};

// Chooses plans in place of the libraries' heuristics; see plan_tuner.h. May be called from several threads.
class PlanChooser {
 public:
  virtual ~PlanChooser() = default;
  // A plan whose workspace is of at most `workspace` bytes. operands: those of the launch that it is for; only their
  // sizes and which of them are the same are looked at. may_wait: the calling thread captures nothing.
  virtual ChosenPlan Choose(Device& device, const LibraryOp& op, std::span<const Buffer> operands, size_t workspace,
                            bool may_wait) = 0;
};

using CapturedNode = uint64_t;
using Condition = uint64_t;
enum class ConditionKind { kIf, kWhile };

class Device {
 public:
  virtual ~Device() = default;

  // Whether library operations in fp32 may be rounded to TF32.
  bool allow_tf32 = false;

  virtual const Properties& properties() const = 0;
  // After an error that poisons the device.
  virtual bool lost() const = 0;

  // Memory, aligned to 256 bytes. Throws kOutOfMemory. Not during a capture by this thread. Free waits for nothing: the
  // caller knows that no work uses the memory any more.
  virtual void* Allocate(size_t bytes) = 0;
  virtual void Free(void* memory) = 0;
  // Host memory that copies can reach without staging. Also during a capture.
  virtual void* AllocateHost(size_t bytes) = 0;
  virtual void FreeHost(void* memory) = 0;
  // Whether this host memory is of that kind, no matter who allocated it.
  virtual bool IsPinned(const void* host) = 0;
  virtual size_t FreeBytes() = 0;

  virtual std::unique_ptr<Stream> MakeStream(bool high_priority) = 0;
  // A stream that the application owns and that outlives the result.
  virtual std::unique_ptr<Stream> WrapStream(void* native) = 0;
  virtual void* NativeStream(Stream& stream) = 0;
  virtual void Synchronize(Stream& stream) = 0;
  virtual bool IsDone(Stream& stream) = 0;

  virtual std::unique_ptr<Event> MakeEvent(bool timed) = 0;
  // The event is reached when all earlier work of the stream is done.
  virtual void Record(Event& event, Stream& stream) = 0;
  // Later work of the stream, which may be another device's, waits for the last Record before this call.
  virtual void Wait(Stream& stream, Event& event) = 0;
  virtual void Synchronize(Event& event) = 0;
  virtual bool IsDone(Event& event) = 0;
  // Between two timed events that were reached.
  virtual float Milliseconds(Event& begin, Event& end) = 0;

  // In stream order. Host memory stays as it is, or unread, until the copy has run.
  virtual void Copy(void* to, const void* from, size_t bytes, OndaCopyKind kind, Stream& stream) = 0;
  virtual void Fill(void* memory, uint8_t value, size_t bytes, Stream& stream) = 0;

  // Kernels are launched through onda::cuda::Launch below, which calls this.
  virtual void LaunchKernel(Stream& stream, const LaunchConfig& config, const KernelCall& call) = 0;

  // Captures, per thread: what the stream is given until EndCapture is not run but kept. Streams that wait for an event
  // recorded in a capture join it, and must be joined again before its end. During a capture its streams and events
  // cannot be waited for by the host or queried, and no memory is allocated or freed.
  virtual void BeginCapture(Stream& stream) = 0;
  virtual std::unique_ptr<Graph> EndCapture(Stream& stream) = 0;
  virtual bool IsCapturing(Stream& stream) = 0;
  // What the stream was given last, to patch it later.
  virtual CapturedNode LastCaptured(Stream& stream) = 0;
  virtual std::unique_ptr<GraphExecutable> Instantiate(const Graph& graph) = 0;
  // Gives the executable the graph's arguments. False where they differ in more than arguments.
  virtual bool Update(GraphExecutable& executable, const Graph& graph) = 0;
  // Gives a captured copy, named by LastCaptured, other addresses of the same kinds of memory and the same length.
  virtual void PatchCopy(GraphExecutable& executable, CapturedNode node, void* to, const void* from, size_t bytes,
                         OndaCopyKind kind) = 0;
  virtual void Upload(GraphExecutable& executable, Stream& stream) = 0;
  virtual void LaunchGraph(GraphExecutable& executable, Stream& stream) = 0;

  // Control flow inside a capture: kernels set a condition through kernels/device/condition.h; the body runs where it
  // is not 0 (kIf), or while it is not 0 (kWhile: the body sets it again). Between BeginBody and EndBody the other
  // stream captures the body: kernels, fills, copies within the device and conditions only.
  virtual Condition MakeCondition(Stream& capturing, bool initial) = 0;
  virtual void BeginBody(Stream& capturing, Condition condition, ConditionKind kind, Stream& body) = 0;
  virtual void EndBody(Stream& body) = 0;

  // Kernels from CUDA C++ source. A message of the compiler is an error kInternal.
  virtual std::unique_ptr<Module> Compile(const std::string& source, const std::string& name) = 0;
  virtual std::unique_ptr<Module> LoadModule(const std::string& binary) = 0;

  // At most `most` variants, none with a workspace of more than `workspace` bytes. Throws kNotImplemented with the
  // library's reason where it has no plan.
  virtual std::unique_ptr<LibraryPlan> MakePlan(const LibraryOp& op, int most, size_t workspace) = 0;
  virtual std::unique_ptr<LibraryPlan> RestorePlan(const LibraryOp& op, const std::string& blob) = 0;
  // Operands in the order of the description. The workspace is of at least the variant's bytes.
  virtual void Execute(Stream& stream, LibraryPlan& plan, int variant, std::span<const Buffer> operands,
                       Buffer workspace) = 0;

  // Named ranges for profilers, per thread and nested.
  virtual void PushRange(const char* name) = 0;
  virtual void PopRange() = 0;

  // Set before the first launch; none: the libraries' heuristics choose.
  void set_plan_chooser(std::shared_ptr<PlanChooser> chooser) { chooser_ = std::move(chooser); }
  PlanChooser* plan_chooser() const { return chooser_.get(); }

 private:
  std::shared_ptr<PlanChooser> chooser_;
};

// What the stream handles of a provider begin with.
struct StreamHandle {
  std::unique_ptr<Stream> stream;
};
inline Stream& StreamOf(const LaunchArgs& args) { return *static_cast<StreamHandle*>(args.stream())->stream; }

// Launches a kernel. Arguments for In, Out and InOut are TensorViews or Buffers, for lists ranges of them; absent
// tensors give null pointers. A grid without blocks is not launched.
template <class... P, class... A>
void Launch(Stream& stream, const LaunchConfig& config, void (*kernel)(P...), const A&... arguments) {
  if (config.grid.x == 0 || config.grid.y == 0 || config.grid.z == 0) return;
  internal::Call(
      kernel, std::index_sequence_for<P...>(),
      [&](const KernelCall& call) { stream.device().LaunchKernel(stream, config, call); }, arguments...);
}
template <class... P, class... A>
void Launch(const LaunchArgs& args, const LaunchConfig& config, void (*kernel)(P...), const A&... arguments) {
  Launch(StreamOf(args), config, kernel, arguments...);
}

// The same for a function of a Module whose parameters are P.
template <class... P, class... A>
void LaunchFunction(Stream& stream, const LaunchConfig& config, const void* function, const A&... arguments) {
  Launch(stream, config, reinterpret_cast<void (*)(P...)>(const_cast<void*>(function)), arguments...);
}

// The launch's status word, where kernels report data-dependent errors; see kernels/device/status.h.
inline Buffer StatusOf(const LaunchArgs& args) { return {args.status(), args.status() ? 2 * sizeof(int32_t) : 0}; }

// Scratch memory of a launch, from `offset` on.
inline Buffer WorkspaceOf(const LaunchArgs& args, size_t offset, size_t bytes) {
  return {static_cast<char*>(args.workspace()) + offset, bytes};
}

// What a part of so many bytes takes of it: parts begin at multiples of 256, as the libraries want it.
constexpr size_t WorkspacePart(size_t bytes) { return (bytes + 255) / 256 * 256; }

// Blocks of `threads` that cover n items, at most `most`.
inline uint32_t BlocksFor(int64_t n, int64_t threads, int64_t most = 0x7fffffff) {
  const int64_t blocks = n / threads + (n % threads != 0);
  return static_cast<uint32_t>(blocks < most ? blocks : most);
}

}  // namespace onda::cuda

#endif  // ONDA_PROVIDERS_CUDA_DEVICE_H_
