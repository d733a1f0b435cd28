#include "providers/cuda/provider.h"

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "onda/make_provider.h"
#include "providers/cuda/captured_work.h"
#include "providers/cuda/device_memory.h"
#include "providers/cuda/device_source.h"
#include "providers/cuda/options.h"
#include "providers/cuda/plan_tuner.h"
#include "providers/cuda/provider_stream.h"
#include "providers/cuda/staging.h"

namespace onda::cuda {
namespace {

using onda::internal::GuardPointer;

// One device of one session.
class CudaProvider {
 public:
  // Of an H100 behind PCIe 5, as published; for choosing where nodes run.
  static constexpr double kLaunchMicroseconds = 2.5;
  static constexpr double kCopyMicroseconds = 8;
  static constexpr double kCopyGigabytesPerSecond = 25;
  static constexpr double kBytesPerMicrosecond = 2e6;
  static constexpr const auto& kOptions = kOptionDefs;

  class Stream : public ProviderStream {
   public:
    explicit Stream(CudaProvider& p) : Stream(p, p.device_->MakeStream(false)) {}
    Stream(CudaProvider& p, std::unique_ptr<cuda::Stream> own)
        : ProviderStream(*p.device_, p.staging_, std::move(own)) {}
  };
  class Event : public ProviderEvent {
   public:
    explicit Event(CudaProvider& p, bool timed = false) : ProviderEvent(*p.device_, timed) {}
  };

  explicit CudaProvider(ProviderOptions& given)
      : options_(ParseOptions(given)),
        device_(MakeDevice(options_.device_id, given)),
        kernels_(MakeKernels(options_.device_id, given)),
        memory_(*device_, options_.memory_limit),
        staging_(*device_) {
    device_->allow_tf32 = options_.tf32;
    device_->set_plan_chooser(std::make_shared<PlanTuner>(device_->properties(), TuningOf(options_)));
  }

  std::span<const OndaKernelDef* const> kernels() const { return kernels_; }
  const Options& options() const { return options_; }
  Device& device() { return *device_; }
  Staging& staging() { return staging_; }

  void* Allocate(size_t bytes) { return memory_.Allocate(bytes); }
  void Free(void* memory) { memory_.Free(memory); }
  static void Copy(void* to, const void* from, size_t bytes, OndaCopyKind kind, Stream& stream) {
    stream.Copy(to, from, bytes, kind);
  }
  static void FillZero(void* memory, size_t bytes, Stream& stream) { stream.FillZero(memory, bytes); }

  static void Describe(CudaProvider* instance, const WriteLine& write) {
    if (!instance) return DescribeMachine(write);
    DescribeDevice(instance->device_->properties(), write);
  }
  // By its memory traffic: that of inputs and outputs of known shapes.
  static double Microseconds(const NodeView& node) {
    double bytes = 0;
    for (int i = 0; i < node.input_count(); ++i) bytes += BytesOf(node.input(i));
    for (int i = 0; i < node.output_count(); ++i) bytes += BytesOf(node.output(i));
    return bytes / kBytesPerMicrosecond;
  }

  void Memory(OndaMemoryInfo& info) const { memory_.Describe(info); }
  // Kernels' workspaces come from the engine's pools, which keep to the limit; the device's own libraries take none.
  static void SetMemoryLimit(uint64_t) {}
  void Trim() { staging_.Trim(); }
  void* AllocateHost(size_t bytes) noexcept {
    try {
      return device_->AllocateHost(bytes);
    } catch (const Error&) {
      return nullptr;
    }
  }
  void FreeHost(void* memory) noexcept {
    try {
      device_->FreeHost(memory);
    } catch (const Error&) {  // of a device that is lost
    }
  }

 private:
  static TuningOptions TuningOf(const Options& options) {
    TuningOptions tuning;
    tuning.tuning = options.tuning;
    tuning.cache = options.plan_cache.empty()     ? DefaultPlanCache()
                   : options.plan_cache == "none" ? ""
                                                  : options.plan_cache;
    tuning.keep_untimed = options.tuning || !options.plan_cache.empty();
    tuning.warn = [](const std::string& text) { std::fprintf(stderr, "onda: cuda: %s\n", text.c_str()); };
    return tuning;
  }
  static double BytesOf(const FactView& fact) {
    if (!fact.present() || !fact.static_shape()) return 0;
    double bits = BitsOf(fact.type());
    for (int64_t d : fact.shape()) bits *= static_cast<double>(d);
    return bits / 8;
  }

  const Options options_;
  const std::unique_ptr<Device> device_;
  const std::vector<const OndaKernelDef*> kernels_;
  DeviceMemory memory_;
  Staging staging_;
};

CudaProvider& Of(void* instance) { return *static_cast<CudaProvider*>(instance); }
CudaProvider::Stream& StreamAt(void* stream) { return *static_cast<CudaProvider::Stream*>(stream); }
CudaProvider::Event& EventAt(void* event) { return *static_cast<CudaProvider::Event*>(event); }

void AddCapture(OndaProviderDef& def) {
  def.begin_capture = [](void* instance, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] {
      if (!Of(instance).options().cuda_graphs) throw Error(ErrorCode::kNotImplemented, "cuda_graphs is 0");
      StreamAt(stream).BeginCapture();
    });
  };
  def.end_capture = [](void*, void* stream, OndaStatus* status) -> void* {
    return GuardPointer(status, [&]() -> void* { return StreamAt(stream).EndCapture().release(); });
  };
  def.destroy_capture = [](void*, void* capture) { delete static_cast<CapturedWork*>(capture); };
  def.instantiate = [](void* instance, void* capture, OndaStatus* status) -> void* {
    return GuardPointer(status, [&]() -> void* {
      return new ExecutableWork(Of(instance).device(), Of(instance).staging(), *static_cast<CapturedWork*>(capture));
    });
  };
  def.update_executable = [](void*, void* executable, void* capture, OndaStatus* status) -> int32_t {
    bool updated = false;
    GuardStatus(status, [&] {
      updated = static_cast<ExecutableWork*>(executable)->Update(*static_cast<CapturedWork*>(capture));
    });
    return !updated;
  };
  def.update_copy = [](void*, void* executable, int32_t index, void* to, const void* from, OndaStatus* status) {
    GuardStatus(status, [&] { static_cast<ExecutableWork*>(executable)->UpdateCopy(index, to, from); });
  };
  def.launch_executable = [](void*, void* executable, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] { StreamAt(stream).Launch(*static_cast<ExecutableWork*>(executable)); });
  };
  def.destroy_executable = [](void*, void* executable) { delete static_cast<ExecutableWork*>(executable); };
}

OndaProviderDef MakeDef() {
  OndaProviderDef def = MakeProvider<CudaProvider>("cuda");
  def.wrap_stream = [](void* instance, void* native, OndaStatus* status) -> void* {
    return GuardPointer(status, [&]() -> void* {
      return new CudaProvider::Stream(Of(instance), Of(instance).device().WrapStream(native));
    });
  };
  def.create_timing_event = [](void* instance, OndaStatus* status) -> void* {
    return GuardPointer(status, [&]() -> void* { return new CudaProvider::Event(Of(instance), true); });
  };
  def.elapsed_milliseconds = [](void* instance, void* from, void* to, OndaStatus* status) -> double {
    double elapsed = 0;
    GuardStatus(status, [&] { elapsed = Of(instance).device().Milliseconds(EventAt(from).get(), EventAt(to).get()); });
    return elapsed;
  };
  def.dlpack_device = [](void* instance, int32_t* number) -> int32_t {
    constexpr int32_t kDlCuda = 2;
    *number = Of(instance).options().device_id;
    return kDlCuda;
  };
  def.push_range = [](void* instance, const char* name) { Of(instance).device().PushRange(name); };
  def.pop_range = [](void* instance) { Of(instance).device().PopRange(); };
  AddCapture(def);
  return def;
}

}  // namespace

void DescribeDevice(const Properties& p, const WriteLine& write) {
  write("device", p.name + ", compute capability " + std::to_string(p.compute_major) + "." +
                      std::to_string(p.compute_minor) + ", " + std::to_string(p.memory >> 20) + " MiB, " +
                      std::to_string(p.multiprocessors) + " multiprocessors, " + p.uuid);
}

const OndaProviderDef* Provider() {
  static const OndaProviderDef def = MakeDef();
  return &def;
}

}  // namespace onda::cuda
