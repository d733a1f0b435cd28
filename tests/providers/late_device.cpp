#include "tests/providers/late_device.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/ir/op_def.h"
#include "kernels/op_table.h"
#include "tests/providers/late_launch.h"
#include "tests/providers/late_region.h"
#include "tests/providers/late_replay.h"
#include "tests/providers/late_world.h"
#include "tests/providers/wrapped_kernel.h"

namespace onda {
namespace {

constexpr size_t kAlignment = 256;

using namespace late;

std::string CopyText(OndaCopyKind kind, size_t bytes) {
  const char* names[] = {"", "to the device", "to the host", "within the device", "between devices"};
  return std::string("copy ") + names[kind] + " of " + std::to_string(bytes) + " bytes";
}

int64_t ParseOption(const char* key, const char* value) {
  char* end = nullptr;
  const int64_t parsed = std::strtoll(value, &end, 10);
  if (*value == 0 || *end != 0)
    throw Error(ErrorCode::kInvalidArgument, std::string("option '") + key + "' takes an integer, not '" + value + "'");
  return parsed;
}

void SetOption(Device& device, const std::string& key, const char* text) {
  if (key == "only") {
    device.only = "," + std::string(text) + ",";
    return;
  }
  const int64_t value = ParseOption(key.c_str(), text);
  if (key == "seed") {
    device.seed = static_cast<uint64_t>(value);
  } else if (key == "share") {
    device.share = value;
  } else if (key == "cpu_kernels") {
    device.cpu_kernels = value != 0;
  } else if (key == "regions") {
    device.regions = value != 0;
  } else if (key == "fail_at") {
    device.fail_at = value;
  } else if (key == "drop_wait") {
    device.drop_wait = value;
  } else if (key == "drop_record") {
    device.drop_record = value;
  } else if (key == "drop_sync") {
    device.drop_sync = value;
  } else {
    throw Error(ErrorCode::kInvalidArgument, "unknown option '" + key + "'");
  }
}

void AddInstances(OndaProviderDef& def) {
  def.create = [](const char* const* keys, const char* const* values, int32_t count, OndaStatus* status) -> void* {
    std::unique_ptr<Device> device;
    GuardStatus(status, [&] {
      device = std::make_unique<Device>();
      for (int32_t i = 0; i < count; ++i) SetOption(*device, keys[i], values[i]);
      for (const OpDef* op : AllOps()) {
        const std::string name(op->name);
        const uint64_t draw = std::hash<std::string>()(name + std::to_string(device->seed)) % 1000;
        if (draw >= static_cast<uint64_t>(device->share)) continue;
        if (!device->only.empty() && device->only.find("," + name + ",") == std::string::npos) continue;
        for (const size_t i : KernelIndices(op->domain, op->name, !device->cpu_kernels))
          device->defs.push_back(WrapKernel(op->domain, op->name, i, false, Launch));
      }
      for (const OndaKernelDef& d : device->defs) device->table.push_back(&d);
      World& world = TheWorld();
      const std::lock_guard lock(world.mutex);
      world.random.seed(device->seed);
      world.races.Forget(device->face, kRegionBytes);
      world.devices.push_back(device.get());
      device->number = static_cast<int64_t>(world.devices.size());
    });
    return status->code ? nullptr : device.release();
  };
  def.destroy = [](void* instance) {
    {
      World& world = TheWorld();
      const std::lock_guard lock(world.mutex);
      const Device& device = *Of(instance);
      std::erase(world.devices, &device);
      const auto streams = std::ranges::count_if(world.streams, [&](Stream* s) { return s->device == &device; });
      if (!device.used.empty() || streams > 0 || device.events > 0)
        world.races.Report("device " + std::to_string(device.number) + " is destroyed with " +
                           std::to_string(device.used.size()) + " blocks, " + std::to_string(streams) +
                           " streams and " + std::to_string(device.events) + " events that were not given back");
      if (world.devices.empty()) world.races.Reset();
    }
    delete Of(instance);
  };
  def.kernels = [](void* instance, int32_t* count) -> const OndaKernelDef* const* {
    *count = static_cast<int32_t>(Of(instance)->table.size());
    return Of(instance)->table.data();
  };
}

void AddMemory(OndaProviderDef& def) {
  def.allocate = [](void* instance, size_t bytes) -> void* {
    const std::lock_guard lock(TheWorld().mutex);
    Device& d = *Of(instance);
    if (++d.calls == d.fail_at) return nullptr;
    const size_t need = (std::max<size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
    size_t offset = 0;
    for (const auto& [at, size] : d.used) {
      if (at - offset >= need + kAlignment) break;
      offset = at + size;
    }
    if (offset + need > kRegionBytes) return nullptr;
    OndaStatus status{};
    GuardStatus(&status, [&] {
      TheWorld().races.Forget(d.face + offset, need);
      d.used[offset] = need;
    });
    if (status.code) return nullptr;
    std::memset(d.real + offset, 0xcd, need);
    return d.face + offset;
  };
  def.free = [](void* instance, void* memory) {
    const std::lock_guard lock(TheWorld().mutex);
    Device& d = *Of(instance);
    const auto it = d.used.find(static_cast<size_t>(static_cast<char*>(memory) - d.face));
    OndaStatus ignored{};  // where memory runs out the check knows less
    GuardStatus(&ignored, [&] {
      TheWorld().races.Write(RaceCheck::kHost, memory, it->second, "free");
      TheWorld().races.Forget(memory, it->second);
    });
    std::memset(d.real + it->first, 0xdd, it->second);
    d.used.erase(it);
  };
}

void AddStreams(OndaProviderDef& def) {
  def.create_stream = [](void* instance, OndaStatus* status) -> void* {
    std::unique_ptr<Stream> stream;
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Device& device = *Of(instance);
      device.Count("create_stream");
      const std::string name =
          "stream " + std::to_string(++device.stream_number) + " of device " + std::to_string(device.number);
      stream.reset(new Stream{&device, TheWorld().races.AddStream(name), {}, nullptr});
      TheWorld().streams.push_back(stream.get());
    });
    return status->code ? nullptr : stream.release();
  };
  def.destroy_stream = [](void*, void* stream) {
    const std::lock_guard lock(TheWorld().mutex);
    std::erase(TheWorld().streams, static_cast<Stream*>(stream));
    delete static_cast<Stream*>(stream);
  };
  def.synchronize_stream = [](void* instance, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] {
      World& world = TheWorld();
      const std::lock_guard lock(world.mutex);
      if (static_cast<Stream*>(stream)->recording) Spoil(*static_cast<Stream*>(stream), "waiting for the stream");
      // Memory is given back after it: left out is only what it means.
      Device& device = *Of(instance);
      if (++device.syncs != device.drop_sync)
        world.races.Join(RaceCheck::kHost, world.races.At(static_cast<Stream*>(stream)->actor));
      if (!world.RunUntil([&] { return static_cast<Stream*>(stream)->queue.empty(); }))
        throw Error(ErrorCode::kInternal, "a stream waits for an event that is never reached");
    });
  };
}

void AddEvents(OndaProviderDef& def) {
  def.create_event = [](void* instance, OndaStatus* status) -> void* {
    Event* event = nullptr;
    GuardStatus(status, [&] {
      Of(instance)->Count("create_event");
      event = new Event;
      ++Of(instance)->events;
    });
    return event;
  };
  def.destroy_event = [](void* instance, void* event) {
    --Of(instance)->events;
    delete static_cast<Event*>(event);
  };
  def.record_event = [](void* instance, void* event, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Device& device = *Of(instance);
      device.Count("record_event");
      if (++device.records == device.drop_record) return;
      if (static_cast<Stream*>(stream)->recording) Spoil(*static_cast<Stream*>(stream), "recording an event");
      Event* e = static_cast<Event*>(event);
      const uint64_t generation = e->asked + 1;
      RaceCheck& races = TheWorld().races;
      races.Queue(static_cast<Stream*>(stream)->actor);
      RaceCheck::Clock clock = races.At(static_cast<Stream*>(stream)->actor);
      static_cast<Stream*>(stream)->queue.push_back({[e, generation] { e->reached = generation; }, nullptr, 0});
      e->asked = generation;  // all is in place: nothing above has half happened where memory ran out
      e->clock = std::move(clock);
    });
  };
  def.wait_event = [](void* instance, void* stream, void* event, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Device& device = *Of(instance);
      device.Count("wait_event");
      if (++device.waits == device.drop_wait) return;
      if (static_cast<Stream*>(stream)->recording) Spoil(*static_cast<Stream*>(stream), "waiting for an event");
      Event* e = static_cast<Event*>(event);
      TheWorld().races.Join(static_cast<Stream*>(stream)->actor, e->clock);
      static_cast<Stream*>(stream)->queue.push_back({nullptr, e, e->asked});
    });
  };
  def.synchronize_event = [](void* instance, void* event, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Device& device = *Of(instance);
      if (++device.syncs == device.drop_sync) return;
      Event* e = static_cast<Event*>(event);
      TheWorld().races.Join(RaceCheck::kHost, e->clock);
      const uint64_t generation = e->asked;
      if (!TheWorld().RunUntil([&] { return e->reached >= generation; }))
        throw Error(ErrorCode::kInternal, "an event is never reached");
    });
  };
}

void AddCopies(OndaProviderDef& def) {
  def.copy = [](void* instance, void* to, const void* from, size_t bytes, OndaCopyKind kind, void* stream,
                OndaStatus* status) {
    GuardStatus(status, [&] {
      World& world = TheWorld();
      const std::lock_guard lock(world.mutex);
      Of(instance)->Count("copy");
      if (const auto& recording = static_cast<Stream*>(stream)->recording) {
        recording->items.push_back({nullptr, kind, bytes, to, from, nullptr});
        return;
      }
      const RaceCheck::Actor actor = static_cast<Stream*>(stream)->actor;
      world.races.Queue(actor);
      world.races.Read(actor, from, bytes, CopyText(kind, bytes));
      world.races.Write(actor, to, bytes, CopyText(kind, bytes));
      static_cast<Stream*>(stream)->queue.push_back(
          {[to, from, bytes] { std::memcpy(RealOfAny(to), RealOfAny(from), bytes); }, nullptr, 0});
    });
  };
  def.fill_zero = [](void* instance, void* memory, size_t bytes, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Of(instance)->Count("fill_zero");
      if (const auto& recording = static_cast<Stream*>(stream)->recording) {
        recording->items.push_back({nullptr, -1, bytes, memory, nullptr, nullptr});
        return;
      }
      const RaceCheck::Actor actor = static_cast<Stream*>(stream)->actor;
      TheWorld().races.Queue(actor);
      TheWorld().races.Write(actor, memory, bytes, "fill_zero");
      static_cast<Stream*>(stream)->queue.push_back(
          {[memory, bytes] { std::memset(RealOfAny(memory), 0, bytes); }, nullptr, 0});
    });
  };
}

void AddRegions(OndaProviderDef& def) {
  def.claim_regions = [](void* instance, const OndaRegionView* region, void (*add)(void*, const OndaClaim*), void* sink,
                         OndaStatus* status) {
    GuardStatus(status, [&] {
      Claims claims(add, sink);
      if (Of(instance)->regions) ClaimSome(RegionView(*region), Of(instance)->seed, claims);
    });
  };
  def.compile_region = [](void* instance, const OndaRegionView* region, void** kernel,
                          OndaStatus* status) -> const OndaKernelDef* {
    GuardStatus(status, [&] {
      Of(instance)->Count("compile_region");
      const CompiledRegion compiled = CompileLateRegion(RegionView(*region));
      *kernel = new WrappedKernel{compiled.def, compiled.kernel, "Region '" + std::string(region->name) + "'"};
    });
    return status->code ? nullptr : &RegionDef();
  };
}

OndaProviderDef MakeDef() {
  OndaProviderDef def{};
  def.size = sizeof(def);
  def.abi = kOndaProviderAbi;
  def.name = "late";
  AddInstances(def);
  AddMemory(def);
  AddStreams(def);
  AddEvents(def);
  AddCopies(def);
  AddCapture(def);
  AddRegions(def);
  def.dlpack_device = [](void*, int32_t* number) -> int32_t {
    constexpr int32_t kDlExtension = 12;
    *number = 0;
    return kDlExtension;
  };
  return def;
}

}  // namespace

const OndaProviderDef* LateDevice() {
  static const OndaProviderDef def = MakeDef();
  return &def;
}

const OndaProviderDef* LateDeviceWithCosts() {
  static const OndaProviderDef def = [] {
    OndaProviderDef costly = *LateDevice();
    costly.launch_microseconds = 2;
    costly.copy_microseconds = 5;
    costly.copy_gigabytes_per_second = 20;
    return costly;
  }();
  return &def;
}

std::vector<std::byte> ReadLate(const void* memory, size_t bytes) {
  World& world = TheWorld();
  const std::lock_guard lock(world.mutex);
  world.RunUntil([&] { return std::ranges::all_of(world.streams, [](Stream* s) { return s->queue.empty(); }); });
  const std::byte* real = static_cast<const std::byte*>(RealOfAny(memory));
  return {real, real + bytes};
}

void RestartLateDevices(uint64_t seed) {
  const std::lock_guard lock(TheWorld().mutex);
  TheWorld().random.seed(seed);
  TheWorld().races.Forget(nullptr, SIZE_MAX);
}

void SetLateDeadline(std::chrono::steady_clock::time_point deadline) {
  const std::lock_guard lock(TheWorld().mutex);
  TheWorld().deadline = deadline;
}

std::vector<std::string> TakeRaces() {
  const std::lock_guard lock(TheWorld().mutex);
  return TheWorld().races.TakeReports();
}

}  // namespace onda
