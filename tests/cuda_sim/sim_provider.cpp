#include "tests/cuda_sim/sim_provider.h"

#include <cstdlib>
#include <memory>
#include <string>

#include "kernels/cuda_table.h"
#include "tests/cuda_sim/sim_device.h"

namespace onda::cuda_sim {
namespace {

cuda::Device& Of(void* instance) { return *static_cast<cuda::Device*>(instance); }
cuda::Stream& StreamAt(void* stream) { return *static_cast<cuda::Stream*>(stream); }
cuda::Event& EventAt(void* event) { return *static_cast<cuda::Event*>(event); }

OndaProviderDef MakeDef() {
  OndaProviderDef def{};
  def.size = sizeof(def);
  def.abi = kOndaProviderAbi;
  def.name = "cuda_sim";
  def.create = [](const char* const* keys, const char* const* values, int32_t count, OndaStatus* status) -> void* {
    std::unique_ptr<cuda::Device> device;
    GuardStatus(status, [&] {
      SimOptions options;
      for (int32_t i = 0; i < count; ++i) {
        if (std::string(keys[i]) != "seed")
          throw Error(ErrorCode::kInvalidArgument, "unknown option '" + std::string(keys[i]) + "'; known is seed");
        options.seed = std::strtoull(values[i], nullptr, 10);
      }
      device = MakeSimDevice(options);
    });
    return device.release();
  };
  def.destroy = [](void* instance) { delete &Of(instance); };
  def.kernels = [](void*, int32_t* count) -> const OndaKernelDef* const* {
    const auto kernels = CudaKernels();
    *count = static_cast<int32_t>(kernels.size());
    return kernels.data();
  };
  def.allocate = [](void* instance, size_t bytes) -> void* {
    try {
      return Of(instance).Allocate(bytes);
    } catch (const Error&) {
      return nullptr;
    }
  };
  def.free = [](void* instance, void* memory) { Of(instance).Free(memory); };
  def.create_stream = [](void* instance, OndaStatus* status) -> void* {
    void* stream = nullptr;
    GuardStatus(status, [&] { stream = Of(instance).MakeStream(false).release(); });
    return stream;
  };
  def.destroy_stream = [](void*, void* stream) { delete &StreamAt(stream); };
  def.synchronize_stream = [](void* instance, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] { Of(instance).Synchronize(StreamAt(stream)); });
  };
  def.create_event = [](void* instance, OndaStatus* status) -> void* {
    void* event = nullptr;
    GuardStatus(status, [&] { event = Of(instance).MakeEvent(false).release(); });
    return event;
  };
  def.destroy_event = [](void*, void* event) { delete &EventAt(event); };
  def.record_event = [](void* instance, void* event, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] { Of(instance).Record(EventAt(event), StreamAt(stream)); });
  };
  def.wait_event = [](void* instance, void* stream, void* event, OndaStatus* status) {
    GuardStatus(status, [&] { Of(instance).Wait(StreamAt(stream), EventAt(event)); });
  };
  def.synchronize_event = [](void* instance, void* event, OndaStatus* status) {
    GuardStatus(status, [&] { Of(instance).Synchronize(EventAt(event)); });
  };
  def.copy = [](void* instance, void* to, const void* from, size_t bytes, OndaCopyKind kind, void* stream,
                OndaStatus* status) {
    GuardStatus(status, [&] { Of(instance).Copy(to, from, bytes, kind, StreamAt(stream)); });
  };
  def.fill_zero = [](void* instance, void* memory, size_t bytes, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] { Of(instance).Fill(memory, 0, bytes, StreamAt(stream)); });
  };
  return def;
}

}  // namespace

const OndaProviderDef* SimProvider() {
  static const OndaProviderDef def = MakeDef();
  return &def;
}

}  // namespace onda::cuda_sim
