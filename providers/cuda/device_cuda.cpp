#include "providers/cuda/device_cuda.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <nvrtc.h>
#include <nvtx3/nvToolsExt.h>

#include <cstdio>
#include <map>
#include <mutex>
#include <set>

#include "providers/cuda/cuda_check.h"
#include "providers/cuda/library_plan.h"

namespace onda::cuda {
namespace {

class CudaStream : public Stream {
 public:
  CudaStream(Device& device, cudaStream_t h, bool is_own) : Stream(device), handle(h), own(is_own) {}
  ~CudaStream() override {
    if (own) cudaStreamDestroy(handle);
  }
  cudaStream_t handle;
  bool own;
};

struct CudaEvent : Event {
  explicit CudaEvent(bool timed) {
    Check(cudaEventCreateWithFlags(&handle, timed ? cudaEventDefault : cudaEventDisableTiming), "cudaEventCreate");
  }
  ~CudaEvent() override { cudaEventDestroy(handle); }
  cudaEvent_t handle = nullptr;
};

struct CudaGraph : Graph {
  explicit CudaGraph(cudaGraph_t g) : handle(g) {}
  ~CudaGraph() override { cudaGraphDestroy(handle); }
  cudaGraph_t handle;
};

struct CudaExecutable : GraphExecutable {
  ~CudaExecutable() override { cudaGraphExecDestroy(handle); }
  cudaGraphExec_t handle = nullptr;
};

class CudaModule : public Module {
 public:
  explicit CudaModule(std::string binary) : binary_(std::move(binary)) {
    Check(cudaLibraryLoadData(&library_, binary_.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
          "cudaLibraryLoadData");
  }
  ~CudaModule() override { cudaLibraryUnload(library_); }
  const void* Function(const std::string& name) override {
    cudaKernel_t kernel = nullptr;
    return cudaLibraryGetKernel(&kernel, library_, name.c_str()) == cudaSuccess ? kernel : nullptr;
  }
  std::string Binary() const override { return binary_; }

 private:
  std::string binary_;
  cudaLibrary_t library_ = nullptr;
};

cudaMemcpyKind KindOf(OndaCopyKind kind) {
  switch (kind) {
    case kOndaHostToDevice:
      return cudaMemcpyHostToDevice;
    case kOndaDeviceToHost:
      return cudaMemcpyDeviceToHost;
    case kOndaDeviceToDevice:
      return cudaMemcpyDeviceToDevice;
    default:
      return cudaMemcpyDefault;
  }
}

Properties PropertiesOf(int ordinal) {
  cudaDeviceProp p;
  Check(cudaGetDeviceProperties(&p, ordinal), "cudaGetDeviceProperties");
  Properties result;
  result.name = p.name;
  char uuid[40] = "GPU-";
  for (int i = 0; i < 16; ++i) std::snprintf(uuid + 4 + 2 * i, 3, "%02x", static_cast<unsigned char>(p.uuid.bytes[i]));
  result.uuid = uuid;
  result.compute_major = p.major;
  result.compute_minor = p.minor;
  result.multiprocessors = p.multiProcessorCount;
  result.memory = p.totalGlobalMem;
  result.l2_cache = static_cast<size_t>(p.l2CacheSize);
  result.shared_per_block = p.sharedMemPerBlockOptin;
  result.shared_per_multiprocessor = p.sharedMemPerMultiprocessor;
  result.threads_per_multiprocessor = p.maxThreadsPerMultiProcessor;
  cudaDriverGetVersion(&result.driver_version);
  cudaRuntimeGetVersion(&result.runtime_version);
  result.cublas_version = cublasLtGetVersion();
  result.cudnn_version = cudnnGetVersion();
  return result;
}

// The runtime's current device is a property of the thread.
class OnDevice {
 public:
  explicit OnDevice(int ordinal) {
    Check(cudaGetDevice(&before_), "cudaGetDevice");
    if (before_ != ordinal) Check(cudaSetDevice(ordinal), "cudaSetDevice");
  }
  ~OnDevice() { cudaSetDevice(before_); }

 private:
  int before_ = 0;
};

// Lets this thread make calls during a capture that are not of the captured stream.
class Relaxed {
 public:
  Relaxed() { Exchange(); }
  ~Relaxed() { Exchange(); }

 private:
  void Exchange() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

class CudaDevice : public Device {
 public:
  explicit CudaDevice(int ordinal) : ordinal_(ordinal), properties_(PropertiesOf(ordinal)) {
    const OnDevice on(ordinal_);
    Check(cublasLtCreate(&cublas_), "cublasLtCreate");
    Check(cudnnCreate(&cudnn_), "cudnnCreate");
  }
  ~CudaDevice() override {
    cudnnDestroy(cudnn_);
    cublasLtDestroy(cublas_);
  }

  const Properties& properties() const override { return properties_; }
  bool lost() const override { return PoisonsDevice(cudaPeekAtLastError()); }

  void* Allocate(size_t bytes) override {
    const OnDevice on(ordinal_);
    void* p = nullptr;
    Check(cudaMalloc(&p, bytes ? bytes : 1), "cudaMalloc");
    return p;
  }
  void Free(void* memory) override { Check(cudaFree(memory), "cudaFree"); }
  void* AllocateHost(size_t bytes) override {
    const OnDevice on(ordinal_);
    const Relaxed relaxed;
    void* p = nullptr;
    Check(cudaHostAlloc(&p, bytes ? bytes : 1, cudaHostAllocPortable), "cudaHostAlloc");
    return p;
  }
  void FreeHost(void* memory) override {
    const Relaxed relaxed;
    Check(cudaFreeHost(memory), "cudaFreeHost");
  }
  bool IsPinned(const void* host) override {
    cudaPointerAttributes attributes;
    Check(cudaPointerGetAttributes(&attributes, host), "cudaPointerGetAttributes");
    return attributes.type == cudaMemoryTypeHost;
  }
  size_t FreeBytes() override {
    const OnDevice on(ordinal_);
    size_t free = 0, total = 0;
    Check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return free;
  }

  std::unique_ptr<Stream> MakeStream(bool high_priority) override {
    const OnDevice on(ordinal_);
    int least = 0, greatest = 0;
    Check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
    cudaStream_t stream = nullptr;
    Check(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, high_priority ? greatest : least),
          "cudaStreamCreate");
    return std::make_unique<CudaStream>(*this, stream, true);
  }
  std::unique_ptr<Stream> WrapStream(void* native) override {
    return std::make_unique<CudaStream>(*this, static_cast<cudaStream_t>(native), false);
  }
  void* NativeStream(Stream& stream) override { return Of(stream); }
  void Synchronize(Stream& stream) override { Check(cudaStreamSynchronize(Of(stream)), "cudaStreamSynchronize"); }
  bool IsDone(Stream& stream) override { return Reached(cudaStreamQuery(Of(stream)), "cudaStreamQuery"); }

  std::unique_ptr<Event> MakeEvent(bool timed) override {
    const OnDevice on(ordinal_);
    return std::make_unique<CudaEvent>(timed);
  }
  void Record(Event& event, Stream& stream) override {
    Check(cudaEventRecord(Of(event), Of(stream)), "cudaEventRecord");
  }
  void Wait(Stream& stream, Event& event) override {
    Check(cudaStreamWaitEvent(Of(stream), Of(event), cudaEventWaitDefault), "cudaStreamWaitEvent");
  }
  void Synchronize(Event& event) override { Check(cudaEventSynchronize(Of(event)), "cudaEventSynchronize"); }
  bool IsDone(Event& event) override { return Reached(cudaEventQuery(Of(event)), "cudaEventQuery"); }
  float Milliseconds(Event& begin, Event& end) override {
    float ms = 0;
    Check(cudaEventElapsedTime(&ms, Of(begin), Of(end)), "cudaEventElapsedTime");
    return ms;
  }

  void Copy(void* to, const void* from, size_t bytes, OndaCopyKind kind, Stream& stream) override {
    if (bytes == 0) return;
    Check(cudaMemcpyAsync(to, from, bytes, KindOf(kind), Of(stream)), "cudaMemcpyAsync");
  }
  void Fill(void* memory, uint8_t value, size_t bytes, Stream& stream) override {
    if (bytes == 0) return;
    Check(cudaMemsetAsync(memory, value, bytes, Of(stream)), "cudaMemsetAsync");
  }

  void LaunchKernel(Stream& stream, const LaunchConfig& config, const KernelCall& call) override {
    AllowSharedMemory(call.function, config.shared_bytes);
    const dim3 grid(config.grid.x, config.grid.y, config.grid.z), block(config.block.x, config.block.y, config.block.z);
    Check(cudaLaunchKernel(call.function, grid, block, const_cast<void**>(call.arguments.data()), config.shared_bytes,
                           Of(stream)),
          "a kernel launch");
  }

  void BeginCapture(Stream& stream) override {
    Check(cudaStreamBeginCapture(Of(stream), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  }
  std::unique_ptr<Graph> EndCapture(Stream& stream) override {
    cudaGraph_t graph = nullptr;
    Check(cudaStreamEndCapture(Of(stream), &graph), "cudaStreamEndCapture");
    return std::make_unique<CudaGraph>(graph);
  }
  bool IsCapturing(Stream& stream) override {
    cudaStreamCaptureStatus status;
    Check(cudaStreamIsCapturing(Of(stream), &status), "cudaStreamIsCapturing");
    return status != cudaStreamCaptureStatusNone;
  }
  CapturedNode LastCaptured(Stream& stream) override {
    const CaptureInfo info = InfoOf(stream);
    if (info.count != 1) throw Error(ErrorCode::kInvalidArgument, "the stream's last captured work is not one node");
    return reinterpret_cast<CapturedNode>(info.dependencies[0]);
  }
  std::unique_ptr<GraphExecutable> Instantiate(const Graph& graph) override {
    auto executable = std::make_unique<CudaExecutable>();
    Check(cudaGraphInstantiate(&executable->handle, static_cast<const CudaGraph&>(graph).handle, 0),
          "cudaGraphInstantiate");
    return executable;
  }
  bool Update(GraphExecutable& executable, const Graph& graph) override {
    cudaGraphExecUpdateResultInfo info;
    const cudaError_t code = cudaGraphExecUpdate(Of(executable), static_cast<const CudaGraph&>(graph).handle, &info);
    if (code == cudaErrorGraphExecUpdateFailure) {
      cudaGetLastError();
      return false;
    }
    Check(code, "cudaGraphExecUpdate");
    return true;
  }
  void PatchCopy(GraphExecutable& executable, CapturedNode node, void* to, const void* from, size_t bytes,
                 OndaCopyKind kind) override {
    Check(cudaGraphExecMemcpyNodeSetParams1D(Of(executable), reinterpret_cast<cudaGraphNode_t>(node), to, from, bytes,
                                             KindOf(kind)),
          "cudaGraphExecMemcpyNodeSetParams1D");
  }
  void Upload(GraphExecutable& executable, Stream& stream) override {
    Check(cudaGraphUpload(Of(executable), Of(stream)), "cudaGraphUpload");
  }
  void LaunchGraph(GraphExecutable& executable, Stream& stream) override {
    Check(cudaGraphLaunch(Of(executable), Of(stream)), "cudaGraphLaunch");
  }

  Condition MakeCondition(Stream& capturing, bool initial) override {
    cudaGraphConditionalHandle condition;
    Check(cudaGraphConditionalHandleCreate(&condition, InfoOf(capturing).graph, initial, cudaGraphCondAssignDefault),
          "cudaGraphConditionalHandleCreate");
    return condition;
  }
  void BeginBody(Stream& capturing, Condition condition, ConditionKind kind, Stream& body) override {
    const CaptureInfo info = InfoOf(capturing);
    cudaGraphNodeParams params{};
    params.type = cudaGraphNodeTypeConditional;
    params.conditional.handle = condition;
    params.conditional.type = kind == ConditionKind::kIf ? cudaGraphCondTypeIf : cudaGraphCondTypeWhile;
    params.conditional.size = 1;
    cudaGraphNode_t node;
    Check(cudaGraphAddNode(&node, info.graph, info.dependencies, nullptr, info.count, &params), "cudaGraphAddNode");
    // What the outer stream is given next comes after the node.
    Check(cudaStreamUpdateCaptureDependencies(Of(capturing), &node, nullptr, 1, cudaStreamSetCaptureDependencies),
          "cudaStreamUpdateCaptureDependencies");
    Check(cudaStreamBeginCaptureToGraph(Of(body), params.conditional.phGraph_out[0], nullptr, nullptr, 0,
                                        cudaStreamCaptureModeThreadLocal),
          "cudaStreamBeginCaptureToGraph");
  }
  void EndBody(Stream& body) override {
    cudaGraph_t graph = nullptr;  // belongs to the node
    Check(cudaStreamEndCapture(Of(body), &graph), "cudaStreamEndCapture");
  }

  std::unique_ptr<Module> Compile(const std::string& source, const std::string& name) override {
    const std::lock_guard lock(compiling_);
    const auto known = compiled_.find(source);
    if (known != compiled_.end()) return LoadModule(known->second);
    nvrtcProgram program;
    if (nvrtcCreateProgram(&program, source.c_str(), name.c_str(), 0, nullptr, nullptr) != NVRTC_SUCCESS)
      throw Error(ErrorCode::kInternal, "nvrtcCreateProgram failed for " + name);
    // sm_90a and the like have instructions that the plain architecture lacks.
    const std::string architecture = "-arch=sm_" + std::to_string(properties_.compute_major) +
                                     std::to_string(properties_.compute_minor) +
                                     (properties_.compute_major >= 9 ? "a" : "");
    const char* options[] = {architecture.c_str(), "-std=c++20", "-default-device"};
    const nvrtcResult result = nvrtcCompileProgram(program, 3, options);
    std::string text;
    size_t bytes = 0;
    if (result == NVRTC_SUCCESS) {
      nvrtcGetCUBINSize(program, &bytes);
      text.resize(bytes);
      nvrtcGetCUBIN(program, text.data());
    } else {
      nvrtcGetProgramLogSize(program, &bytes);
      text.resize(bytes);
      nvrtcGetProgramLog(program, text.data());
    }
    nvrtcDestroyProgram(&program);
    if (result != NVRTC_SUCCESS) throw Error(ErrorCode::kInternal, "compiling " + name + " failed: " + text);
    return LoadModule(compiled_.emplace(source, std::move(text)).first->second);
  }
  std::unique_ptr<Module> LoadModule(const std::string& binary) override {
    const OnDevice on(ordinal_);
    return std::make_unique<CudaModule>(binary);
  }

  std::unique_ptr<LibraryPlan> MakePlan(const LibraryOp& op, int most, size_t workspace) override {
    return PlanOf(op, {"", most, workspace});
  }
  std::unique_ptr<LibraryPlan> RestorePlan(const LibraryOp& op, const std::string& blob) override {
    return PlanOf(op, {blob, 1, kLibraryWorkspaceBytes});
  }
  void Execute(Stream& stream, LibraryPlan& plan, int variant, std::span<const Buffer> operands,
               Buffer workspace) override {
    // cuDNN's handle holds the stream between two of its calls.
    const std::lock_guard lock(libraries_);
    static_cast<RunnablePlan&>(plan).Run(variant, operands, workspace, Of(stream));
  }

  void PushRange(const char* name) override { nvtxRangePushA(name); }
  void PopRange() override { nvtxRangePop(); }

 private:
  struct CaptureInfo {
    cudaGraph_t graph;
    const cudaGraphNode_t* dependencies;
    size_t count;
  };
  static cudaStream_t Of(Stream& stream) { return static_cast<CudaStream&>(stream).handle; }
  static cudaEvent_t Of(Event& event) { return static_cast<CudaEvent&>(event).handle; }
  static cudaGraphExec_t Of(GraphExecutable& e) { return static_cast<CudaExecutable&>(e).handle; }

  static bool Reached(cudaError_t code, const char* what) {
    if (code == cudaErrorNotReady) return false;
    Check(code, what);
    return true;
  }

  static CaptureInfo InfoOf(Stream& stream) {
    cudaStreamCaptureStatus status;
    unsigned long long id = 0;
    CaptureInfo info{};
    const cudaGraphEdgeData* edges = nullptr;
    Check(cudaStreamGetCaptureInfo(Of(stream), &status, &id, &info.graph, &info.dependencies, &edges, &info.count),
          "cudaStreamGetCaptureInfo");
    if (status != cudaStreamCaptureStatusActive)
      throw Error(ErrorCode::kInvalidArgument, "the stream is not being captured");
    return info;
  }

  // More dynamic shared memory than a kernel has by default is asked for once.
  void AllowSharedMemory(const void* function, uint32_t bytes) {
    if (bytes == 0) return;
    const std::lock_guard lock(functions_);
    if (!seen_.insert(function).second) return;
    const OnDevice on(ordinal_);
    cudaFuncAttributes attributes;
    Check(cudaFuncGetAttributes(&attributes, function), "cudaFuncGetAttributes");
    const int most = static_cast<int>(properties_.shared_per_block - attributes.sharedSizeBytes);
    Check(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, most), "cudaFuncSetAttribute");
  }

  std::unique_ptr<LibraryPlan> PlanOf(const LibraryOp& op, const PlanSource& source) {
    const OnDevice on(ordinal_);
    const std::lock_guard lock(libraries_);
    if (const auto* gemm = std::get_if<GemmDescription>(&op)) return MakeGemmPlan(cublas_, *gemm, source);
    if (const auto* conv = std::get_if<ConvolutionDescription>(&op)) return MakeConvolutionPlan(cudnn_, *conv, source);
    if (const auto* attention = std::get_if<AttentionDescription>(&op))
      return MakeAttentionPlan(cudnn_, *attention, source);
    return MakePoolPlan(cudnn_, std::get<PoolDescription>(op), source);
  }

  int ordinal_;
  Properties properties_;
  cublasLtHandle_t cublas_ = nullptr;
  cudnnHandle_t cudnn_ = nullptr;
  std::mutex libraries_;
  std::mutex compiling_;
  std::map<std::string, std::string> compiled_;  // binaries by source
  std::mutex functions_;
  std::set<const void*> seen_;
};

}  // namespace

Properties PropertiesOfDevice(int ordinal) { return PropertiesOf(ordinal); }

std::unique_ptr<Device> MakeCudaDevice(int ordinal) { return std::make_unique<CudaDevice>(ordinal); }

}  // namespace onda::cuda
