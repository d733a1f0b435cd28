#include "tests/providers/late_device.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "core/ir/op_def.h"
#include "kernels/op_table.h"
#include "tests/providers/late_capture.h"
#include "tests/providers/late_region.h"
#include "tests/providers/race_check.h"
#include "tests/providers/wrapped_kernel.h"

namespace onda {
namespace {

// Pages come when they are touched.
constexpr size_t kRegionBytes = size_t{1} << 32;
constexpr size_t kAlignment = 256;

struct Event {
  uint64_t asked = 0;      // times it was recorded
  uint64_t reached = 0;    // the last of those that has happened
  RaceCheck::Clock clock;  // of the last of those that were asked for
};

struct Device;

struct Stream {
  Device* device;
  RaceCheck::Actor actor;
  struct Item {
    std::function<void()> run;  // empty for a wait
    Event* event = nullptr;     // waited for
    uint64_t generation = 0;
  };
  std::deque<Item> queue;
  std::unique_ptr<LateCapture> recording;  // between begin_capture and end_capture
  bool may_go_on() const {
    return !queue.empty() && (!queue.front().event || queue.front().event->reached >= queue.front().generation);
  }
};

// All devices of the process share a lock and the order of things, since events cross instances.
struct World {
  std::recursive_mutex mutex;
  std::vector<Stream*> streams;
  std::mt19937_64 random;
  RaceCheck races;
  int64_t devices = 0;  // that exist

  // Runs items until done() holds. False where nothing can go on.
  template <class Done>
  bool RunUntil(Done done) {
    while (!done()) {
      std::vector<Stream*> ready;
      for (Stream* s : streams)
        if (s->may_go_on()) ready.push_back(s);
      if (ready.empty()) return false;
      Stream* s = ready[random() % ready.size()];
      Stream::Item item = std::move(s->queue.front());
      s->queue.pop_front();
      if (item.run) item.run();
    }
    return true;
  }
};

World& TheWorld() {
  static World world;
  return world;
}

struct Device {
  uint64_t seed = 0;
  int64_t share = 1000;
  std::string only;  // ",A,B,"; "" for all
  bool cpu_kernels = false;
  int64_t fail_at = 0;
  bool regions = false;
  std::atomic<int64_t> calls{0};
  // Steps that are left out, and how many of each there were so far.
  int64_t drop_wait = 0, drop_record = 0, drop_sync = 0, waits = 0, records = 0, syncs = 0;
  std::atomic<int64_t> events{0};  // that exist
  int64_t number = 0;              // counted from 1 among those that exist
  int64_t stream_number = 0;       // of the last one made
  char* face = nullptr;            // the addresses that are handed out: no access
  char* real = nullptr;            // the same bytes, for the device itself
  std::map<size_t, size_t> used;   // offset -> bytes
  std::vector<OndaKernelDef> defs;
  std::vector<const OndaKernelDef*> table;

  Device() {
    const int fd = memfd_create("late_device", 0);
    const bool made = fd >= 0 && ftruncate(fd, kRegionBytes) == 0;
    if (made) real = Map(fd, PROT_READ | PROT_WRITE);
    if (made) face = Map(fd, PROT_NONE);
    if (fd >= 0) close(fd);
    if (real && face) return;
    Unmap();
    throw Error(ErrorCode::kOutOfMemory, "no memory for the device");
  }
  ~Device() { Unmap(); }

  static char* Map(int fd, int protection) {
    void* mapped = mmap(nullptr, kRegionBytes, protection, MAP_SHARED, fd, 0);
    return mapped == MAP_FAILED ? nullptr : static_cast<char*>(mapped);
  }
  void Unmap() {
    if (real) munmap(real, kRegionBytes);
    if (face) munmap(face, kRegionBytes);
  }

  bool Owns(const void* p) const { return p >= face && p < face + kRegionBytes; }
  void* Real(const void* p) const {
    return Owns(p) ? real + (static_cast<const char*>(p) - face) : const_cast<void*>(p);
  }
  // Throws where this call is the one that is to fail.
  void Count(const char* what) {
    if (++calls == fail_at) throw Error(ErrorCode::kRuntime, std::string("planted failure of ") + what);
  }
};

// An address of any device, where its bytes are.
void* RealOfAny(const void* p) {
  for (Stream* s : TheWorld().streams)
    if (s->device->Owns(p)) return s->device->Real(p);
  return const_cast<void*>(p);
}

Device* Of(void* instance) { return static_cast<Device*>(instance); }

// The stream records and cannot record that.
[[noreturn]] void Spoil(Stream& stream, const std::string& what) {
  stream.recording->spoilt = what;
  throw Error(ErrorCode::kNotImplemented, what + " cannot be captured");
}

// A launch whose views are copies, with host inputs by value: a device reads them when it is asked, not later.
struct Queued {
  std::deque<std::vector<int64_t>> dims;
  std::deque<std::vector<char>> contents;
  std::vector<OndaTensorView> inputs, outputs;
  std::vector<char> workspace;
};

const OndaHost kInline = {
    sizeof(OndaHost),
    [](void*, int64_t n, int64_t, void (*body)(void*, int64_t, int64_t), void* arg) { body(arg, 0, n); },
    [](void*) -> int32_t { return 1; },
    [](void*) -> int32_t { return 0; },
    [](void*, int32_t, int32_t, const int64_t*, OndaTensorView*, OndaStatus* status) -> int32_t {
      status->code = static_cast<int32_t>(ErrorCode::kInternal);
      return 1;
    },
    [](void*, const void*, void*, size_t, OndaStatus*) -> int32_t { return 1; },
};

std::string Numbered(const WrappedKernel& kernel, const char* what, int i) {
  return kernel.name + ", " + what + " " + std::to_string(i);
}

void NoteOutputs(RaceCheck& races, const WrappedKernel& kernel, const OndaLaunch& launch, RaceCheck::Actor actor) {
  for (int i = 0; i < launch.output_count; ++i) {
    const TensorView& view = static_cast<const TensorView&>(launch.outputs[i]);
    if (view.data) races.Write(actor, view.data, view.bytes(), Numbered(kernel, "output", i));
  }
}

// What a launch touches. Of a device's inputs those in host memory are read when the host asks for the launch.
void NoteLaunch(RaceCheck& races, const WrappedKernel& kernel, const OndaLaunch& launch, RaceCheck::Actor actor,
                const Device* device) {
  for (int i = 0; i < launch.input_count; ++i) {
    const TensorView& view = static_cast<const TensorView&>(launch.inputs[i]);
    const RaceCheck::Actor reader = !device || device->Owns(view.data) ? actor : RaceCheck::kHost;
    if (view.data) races.Read(reader, view.data, view.bytes(), Numbered(kernel, "input", i));
  }
  if (launch.workspace) {
    // As the engine asked for it: of device memory kernels see shapes alone.
    std::vector<OndaTensorView> views(launch.inputs, launch.inputs + launch.input_count);
    views.insert(views.end(), launch.outputs, launch.outputs + launch.output_count);
    for (OndaTensorView& view : views)
      if (device && device->Owns(view.data)) view.data = nullptr;
    const size_t bytes = kernel.inner->workspace(kernel.kernel, views.data(), launch.input_count,
                                                 views.data() + launch.input_count, launch.output_count);
    races.Write(actor, launch.workspace, bytes, kernel.name + ", workspace");
  }
  NoteOutputs(races, kernel, launch, actor);
}

void Launch(const void* opaque, const OndaLaunch* launch, OndaStatus* status) {
  GuardStatus(status, [&] {
    const WrappedKernel& kernel = *static_cast<const WrappedKernel*>(opaque);
    World& world = TheWorld();
    const std::lock_guard lock(world.mutex);
    Stream& stream = *static_cast<Stream*>(launch->stream);
    Device& device = *stream.device;
    device.Count("a launch");
    if (stream.recording) {
      const auto recorded =
          std::make_shared<const RecordedLaunch>(*launch, [&](const void* p) { return device.Owns(p); });
      if (recorded->allocates()) Spoil(stream, "a launch that allocates");
      stream.recording->items.push_back({opaque, 0, 0, nullptr, nullptr, recorded});
      return;
    }
    auto queued = std::make_shared<Queued>();
    bool allocates = false;
    world.races.Queue(stream.actor);
    NoteLaunch(world.races, kernel, *launch, stream.actor, &device);
    auto copy_view = [&](const OndaTensorView& from, bool input) {
      OndaTensorView view = from;
      if (from.dims) queued->dims.emplace_back(from.dims, from.dims + from.rank);
      if (from.dims) view.dims = queued->dims.back().data();
      if (!input && from.dtype && !from.data) allocates = true;
      if (input && from.data && !device.Owns(from.data)) {
        if (RealOfAny(from.data) != from.data)
          throw Error(ErrorCode::kInternal,
                      kernel.name + " is given memory of another device: " + std::to_string(queued->inputs.size()));
        const size_t bytes = static_cast<const TensorView&>(from).bytes();
        queued->contents.emplace_back(static_cast<const char*>(from.data), static_cast<const char*>(from.data) + bytes);
        view.data = queued->contents.back().data();
      }
      return view;
    };
    for (int i = 0; i < launch->input_count; ++i) queued->inputs.push_back(copy_view(launch->inputs[i], true));
    for (int i = 0; i < launch->output_count; ++i) queued->outputs.push_back(copy_view(launch->outputs[i], false));

    const OndaLaunch asked = *launch;
    auto run = [queued, asked, &kernel, &device](const OndaHost* host, void* host_state) {
      for (OndaTensorView& v : queued->inputs) v.data = device.Real(v.data);
      for (OndaTensorView& v : queued->outputs) v.data = v.data ? device.Real(v.data) : nullptr;
      OndaLaunch inner = asked;
      inner.inputs = queued->inputs.data();
      inner.outputs = queued->outputs.data();
      inner.workspace = asked.workspace ? device.Real(asked.workspace) : nullptr;
      inner.host = host;
      inner.host_state = host_state;
      OndaStatus result{};
      kernel.Launch(inner, &result);
      if (result.code) {
        int32_t* word = static_cast<int32_t*>(device.Real(asked.status));
        word[0] = asked.node;
        word[1] = kOndaBadContent;
      }
    };
    if (!allocates) {
      stream.queue.push_back({[run] { run(&kInline, nullptr); }, nullptr, 0});
      return;
    }
    // The shape depends on the data: everything before has to be done, then the engine gives memory.
    world.RunUntil([&] { return stream.queue.empty(); });
    struct Relay {
      const OndaLaunch* launch;
      Device* device;
    } relay{launch, &device};
    static const OndaHost kRelay = {sizeof(OndaHost),
                                    kInline.parallel_for,
                                    kInline.thread_count,
                                    kInline.stop_requested,
                                    [](void* state, int32_t index, int32_t rank, const int64_t* dims,
                                       OndaTensorView* out, OndaStatus* failure) -> int32_t {
                                      const Relay& r = *static_cast<Relay*>(state);
                                      const int32_t failed = r.launch->host->allocate_output(
                                          r.launch->host_state, index, rank, dims, out, failure);
                                      if (!failed) out->data = r.device->Real(out->data);
                                      return failed;
                                    },
                                    kInline.read_back};
    run(&kRelay, &relay);
    NoteOutputs(world.races, kernel, *launch, stream.actor);
    world.races.Join(RaceCheck::kHost, world.races.At(stream.actor));
  });
}

// Of an operator's CpuKernels: those of ReferenceKernels, or all.
std::vector<size_t> KernelIndices(std::string_view domain, std::string_view op, bool reference) {
  const size_t count = CpuKernels(domain, op).size();
  std::vector<size_t> indices;
  for (size_t i = reference ? count - ReferenceKernels(domain, op).size() : 0; i < count; ++i) indices.push_back(i);
  return indices;
}

// The host's own kernels run at once.
void LaunchOnHost(const void* opaque, const OndaLaunch* launch, OndaStatus* status) {
  const WrappedKernel& kernel = *static_cast<const WrappedKernel*>(opaque);
  {
    const std::lock_guard lock(TheWorld().mutex);
    NoteLaunch(TheWorld().races, kernel, *launch, RaceCheck::kHost, nullptr);
  }
  kernel.Launch(*launch, status);
  const std::lock_guard lock(TheWorld().mutex);
  NoteOutputs(TheWorld().races, kernel, *launch, RaceCheck::kHost);
}

// A table of the host's kernels with each behind LaunchOnHost.
class HostTable {
 public:
  explicit HostTable(bool reference) {
    for (const OpDef* op : AllOps()) {
      std::vector<const OndaKernelDef*>& list = table_[{op->domain, op->name}];
      for (const size_t i : KernelIndices(op->domain, op->name, reference))
        list.push_back(&defs_.emplace_back(WrapKernel(op->domain, op->name, i, true, LaunchOnHost)));
    }
  }
  std::span<const OndaKernelDef* const> Find(std::string_view domain, std::string_view op) const {
    const auto it = table_.find({domain, op});
    if (it == table_.end()) return {};
    return it->second;
  }

 private:
  std::deque<OndaKernelDef> defs_;
  std::map<std::pair<std::string_view, std::string_view>, std::vector<const OndaKernelDef*>> table_;
};

std::string CopyText(OndaCopyKind kind, size_t bytes) {
  const char* names[] = {"", "to the device", "to the host", "within the device", "between devices"};
  return std::string("copy ") + names[kind] + " of " + std::to_string(bytes) + " bytes";
}

// Launches of regions go through the queue as those of kernels do.
const OndaKernelDef& LateRegionDef() {
  static const OndaKernelDef def = [] {
    OndaKernelDef region = WrapKernel("", "Add", 0, false, Launch);
    region.flags = 0;
    region.domain = "onda";
    region.op = "Region";
    region.rejects = nullptr;
    region.create = nullptr;
    return region;
  }();
  return def;
}

// An executable is what was captured; a replay makes the same requests again.
void AddCapture(OndaProviderDef& def) {
  def.begin_capture = [](void* instance, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Of(instance)->Count("begin_capture");
      static_cast<Stream*>(stream)->recording = std::make_unique<LateCapture>();
    });
  };
  def.end_capture = [](void* instance, void* stream, OndaStatus* status) -> void* {
    LateCapture* capture = nullptr;
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      const std::unique_ptr<LateCapture> recorded = std::move(static_cast<Stream*>(stream)->recording);
      Of(instance)->Count("end_capture");
      if (!recorded->spoilt.empty()) throw Error(ErrorCode::kNotImplemented, "spoilt by " + recorded->spoilt);
      capture = new LateCapture(*recorded);
    });
    return capture;
  };
  def.destroy_capture = [](void*, void* capture) { delete static_cast<LateCapture*>(capture); };
  def.instantiate = [](void* instance, void* capture, OndaStatus* status) -> void* {
    LateCapture* executable = nullptr;
    GuardStatus(status, [&] {
      Of(instance)->Count("instantiate");
      executable = new LateCapture(*static_cast<LateCapture*>(capture));
    });
    return executable;
  };
  def.update_executable = [](void*, void* executable, void* capture, OndaStatus*) -> int32_t {
    LateCapture& old = *static_cast<LateCapture*>(executable);
    const LateCapture& changed = *static_cast<LateCapture*>(capture);
    if (!old.SameWork(changed)) return 1;
    old = changed;
    return 0;
  };
  def.update_copy = [](void*, void* executable, int32_t index, void* to, const void* from, OndaStatus* status) {
    GuardStatus(status, [&] {
      LateCapture::Item& copy = static_cast<LateCapture*>(executable)->Copy(index);
      copy.to = to;
      copy.from = from;
    });
  };
  def.launch_executable = [](void* instance, void* executable, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] { Of(instance)->Count("launch_executable"); });
    for (const LateCapture::Item& item : static_cast<LateCapture*>(executable)->items) {
      if (status->code) return;
      if (item.launch) {
        const OndaLaunch launch = item.launch->On(stream);
        Launch(item.kernel, &launch, status);
      } else if (item.kind > 0) {
        LateDevice()->copy(instance, item.to, item.from, item.bytes, static_cast<OndaCopyKind>(item.kind), stream,
                           status);
      } else {
        LateDevice()->fill_zero(instance, item.to, item.bytes, stream, status);
      }
    }
  };
  def.destroy_executable = [](void*, void* executable) { delete static_cast<LateCapture*>(executable); };
}

int64_t ParseOption(const char* key, const char* value) {
  char* end = nullptr;
  const int64_t parsed = std::strtoll(value, &end, 10);
  if (*value == 0 || *end != 0)
    throw Error(ErrorCode::kInvalidArgument, std::string("option '") + key + "' takes an integer, not '" + value + "'");
  return parsed;
}

OndaProviderDef MakeDef() {
  OndaProviderDef def{};
  def.size = sizeof(def);
  def.abi = kOndaProviderAbi;
  def.name = "late";
  def.create = [](const char* const* keys, const char* const* values, int32_t count, OndaStatus* status) -> void* {
    std::unique_ptr<Device> device;
    GuardStatus(status, [&] {
      device = std::make_unique<Device>();
      for (int32_t i = 0; i < count; ++i) {
        const std::string key = keys[i];
        if (key == "only") {
          device->only = "," + std::string(values[i]) + ",";
          continue;
        }
        const int64_t value = ParseOption(keys[i], values[i]);
        if (key == "seed") {
          device->seed = static_cast<uint64_t>(value);
        } else if (key == "share") {
          device->share = value;
        } else if (key == "cpu_kernels") {
          device->cpu_kernels = value != 0;
        } else if (key == "regions") {
          device->regions = value != 0;
        } else if (key == "fail_at") {
          device->fail_at = value;
        } else if (key == "drop_wait") {
          device->drop_wait = value;
        } else if (key == "drop_record") {
          device->drop_record = value;
        } else if (key == "drop_sync") {
          device->drop_sync = value;
        } else {
          throw Error(ErrorCode::kInvalidArgument, "unknown option '" + key + "'");
        }
      }
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
      if (world.devices == 0) world.races.Reset();
      world.races.Forget(device->face, kRegionBytes);
      device->number = ++world.devices;
    });
    return status->code ? nullptr : device.release();
  };
  def.destroy = [](void* instance) {
    {
      World& world = TheWorld();
      const std::lock_guard lock(world.mutex);
      --world.devices;
      const Device& device = *Of(instance);
      const auto streams = std::ranges::count_if(world.streams, [&](Stream* s) { return s->device == &device; });
      if (!device.used.empty() || streams > 0 || device.events > 0)
        world.races.Report("device " + std::to_string(device.number) + " is destroyed with " +
                           std::to_string(device.used.size()) + " blocks, " + std::to_string(streams) +
                           " streams and " + std::to_string(device.events) + " events that were not given back");
    }
    delete Of(instance);
  };
  def.kernels = [](void* instance, int32_t* count) -> const OndaKernelDef* const* {
    *count = static_cast<int32_t>(Of(instance)->table.size());
    return Of(instance)->table.data();
  };
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
    d.used[offset] = need;
    TheWorld().races.Forget(d.face + offset, need);
    std::memset(d.real + offset, 0xcd, need);
    return d.face + offset;
  };
  def.free = [](void* instance, void* memory) {
    const std::lock_guard lock(TheWorld().mutex);
    Device& d = *Of(instance);
    const auto it = d.used.find(static_cast<size_t>(static_cast<char*>(memory) - d.face));
    TheWorld().races.Write(RaceCheck::kHost, memory, it->second, "free");
    TheWorld().races.Forget(memory, it->second);
    std::memset(d.real + it->first, 0xdd, it->second);
    d.used.erase(it);
  };
  def.create_stream = [](void* instance, OndaStatus* status) -> void* {
    Stream* stream = nullptr;
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Device& device = *Of(instance);
      device.Count("create_stream");
      const std::string name =
          "stream " + std::to_string(++device.stream_number) + " of device " + std::to_string(device.number);
      stream = new Stream{&device, TheWorld().races.AddStream(name), {}, nullptr};
      TheWorld().streams.push_back(stream);
    });
    return stream;
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
      const uint64_t generation = ++e->asked;
      RaceCheck& races = TheWorld().races;
      races.Queue(static_cast<Stream*>(stream)->actor);
      e->clock = races.At(static_cast<Stream*>(stream)->actor);
      static_cast<Stream*>(stream)->queue.push_back({[e, generation] { e->reached = generation; }, nullptr, 0});
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
  AddCapture(def);
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
    return status->code ? nullptr : &LateRegionDef();
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

std::span<const OndaKernelDef* const> WatchedCpuKernels(std::string_view domain, std::string_view op) {
  static const HostTable table(false);
  return table.Find(domain, op);
}

std::span<const OndaKernelDef* const> WatchedReferenceKernels(std::string_view domain, std::string_view op) {
  static const HostTable table(true);
  return table.Find(domain, op);
}

void NoteHostRead(const void* memory, size_t bytes, const std::string& what) {
  const std::lock_guard lock(TheWorld().mutex);
  TheWorld().races.Read(RaceCheck::kHost, memory, bytes, what);
}

void NoteHostWrite(const void* memory, size_t bytes, const std::string& what) {
  const std::lock_guard lock(TheWorld().mutex);
  TheWorld().races.Write(RaceCheck::kHost, memory, bytes, what);
}

std::vector<std::byte> ReadLate(const void* memory, size_t bytes) {
  World& world = TheWorld();
  const std::lock_guard lock(world.mutex);
  world.RunUntil([&] { return std::ranges::all_of(world.streams, [](Stream* s) { return s->queue.empty(); }); });
  const std::byte* real = static_cast<const std::byte*>(RealOfAny(memory));
  return {real, real + bytes};
}

std::vector<std::string> TakeRaces() {
  const std::lock_guard lock(TheWorld().mutex);
  return TheWorld().races.TakeReports();
}

}  // namespace onda
