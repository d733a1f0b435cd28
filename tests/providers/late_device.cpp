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

namespace onda {
namespace {

constexpr size_t kRegionBytes = size_t{1} << 28;
constexpr size_t kAlignment = 256;

struct Event {
  uint64_t asked = 0;    // times it was recorded
  uint64_t reached = 0;  // the last of those that has happened
};

struct Device;

struct Stream {
  Device* device;
  struct Item {
    std::function<void()> run;  // empty for a wait
    Event* event = nullptr;     // waited for
    uint64_t generation = 0;
  };
  std::deque<Item> queue;
  bool may_go_on() const {
    return !queue.empty() && (!queue.front().event || queue.front().event->reached >= queue.front().generation);
  }
};

// All devices of the process share a lock and the order of things, since events cross instances.
struct World {
  std::recursive_mutex mutex;
  std::vector<Stream*> streams;
  std::mt19937_64 random;

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
  int64_t fail_at = 0;
  std::atomic<int64_t> calls{0};
  char* face = nullptr;           // the addresses that are handed out: no access
  char* real = nullptr;           // the same bytes, for the device itself
  std::map<size_t, size_t> used;  // offset -> bytes
  std::vector<OndaKernelDef> defs;
  std::vector<const OndaKernelDef*> table;

  Device() {
    const int fd = memfd_create("late_device", 0);
    if (fd < 0 || ftruncate(fd, kRegionBytes) != 0) throw Error(ErrorCode::kOutOfMemory, "no memory for the device");
    real = static_cast<char*>(mmap(nullptr, kRegionBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    face = static_cast<char*>(mmap(nullptr, kRegionBytes, PROT_NONE, MAP_SHARED, fd, 0));
    close(fd);
    if (real == MAP_FAILED || face == MAP_FAILED) throw Error(ErrorCode::kOutOfMemory, "no addresses for the device");
  }
  ~Device() {
    munmap(real, kRegionBytes);
    munmap(face, kRegionBytes);
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

struct Kernel {
  const OndaKernelDef* inner;
  void* kernel;
};

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

void Launch(const void* opaque, const OndaLaunch* launch, OndaStatus* status) {
  GuardStatus(status, [&] {
    const Kernel& kernel = *static_cast<const Kernel*>(opaque);
    World& world = TheWorld();
    const std::lock_guard lock(world.mutex);
    Stream& stream = *static_cast<Stream*>(launch->stream);
    Device& device = *stream.device;
    device.Count("a launch");
    auto queued = std::make_shared<Queued>();
    bool allocates = false;
    auto copy_view = [&](const OndaTensorView& from, bool input) {
      OndaTensorView view = from;
      if (from.dims) queued->dims.emplace_back(from.dims, from.dims + from.rank);
      if (from.dims) view.dims = queued->dims.back().data();
      if (!input && from.dtype && !from.data) allocates = true;
      if (input && from.data && !device.Owns(from.data)) {
        const size_t bytes = static_cast<const TensorView&>(from).bytes();
        queued->contents.emplace_back(static_cast<const char*>(from.data), static_cast<const char*>(from.data) + bytes);
        view.data = queued->contents.back().data();
      }
      return view;
    };
    for (int i = 0; i < launch->input_count; ++i) queued->inputs.push_back(copy_view(launch->inputs[i], true));
    for (int i = 0; i < launch->output_count; ++i) queued->outputs.push_back(copy_view(launch->outputs[i], false));

    const OndaLaunch asked = *launch;
    auto run = [queued, asked, kernel, &device](const OndaHost* host, void* host_state) {
      for (OndaTensorView& v : queued->inputs) v.data = device.Real(v.data);
      for (OndaTensorView& v : queued->outputs) v.data = v.data ? device.Real(v.data) : nullptr;
      OndaLaunch inner = asked;
      inner.inputs = queued->inputs.data();
      inner.outputs = queued->outputs.data();
      inner.workspace = asked.workspace ? device.Real(asked.workspace) : nullptr;
      inner.host = host;
      inner.host_state = host_state;
      OndaStatus result{};
      kernel.inner->launch(kernel.kernel, &inner, &result);
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
  });
}

bool TakesStrings(const OndaNodeView& node) {
  for (int i = 0; i < node.input_count; ++i)
    if (node.inputs[i].dtype == static_cast<int32_t>(DType::kString)) return true;
  for (int i = 0; i < node.output_count; ++i)
    if (node.outputs[i].dtype == static_cast<int32_t>(DType::kString)) return true;
  return false;
}

OndaKernelDef Wrap(const OndaKernelDef& inner) {
  OndaKernelDef def = inner;
  def.flags = 0;
  def.rejects = [](const OndaNodeView* node, char* reason, size_t size) -> int32_t {
    if (TakesStrings(*node)) {
      std::snprintf(reason, size, "no strings");
      return 1;
    }
    return ReferenceKernel(node->domain, node->op)->rejects(node, reason, size);
  };
  def.create = [](const OndaNodeView* node, OndaStatus* status) -> void* {
    const OndaKernelDef* inner_def = ReferenceKernel(node->domain, node->op);
    void* kernel = inner_def->create(node, status);
    return kernel ? new Kernel{inner_def, kernel} : nullptr;
  };
  def.destroy = [](void* kernel) {
    Kernel* k = static_cast<Kernel*>(kernel);
    k->inner->destroy(k->kernel);
    delete k;
  };
  def.workspace = [](const void* kernel, const OndaTensorView* inputs, int32_t input_count,
                     const OndaTensorView* outputs, int32_t output_count) {
    const Kernel& k = *static_cast<const Kernel*>(kernel);
    return k.inner->workspace(k.kernel, inputs, input_count, outputs, output_count);
  };
  def.launch = Launch;
  return def;
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
        const int64_t value = ParseOption(keys[i], values[i]);
        if (key == "seed") {
          device->seed = static_cast<uint64_t>(value);
        } else if (key == "share") {
          device->share = value;
        } else if (key == "fail_at") {
          device->fail_at = value;
        } else {
          throw Error(ErrorCode::kInvalidArgument, "unknown option '" + key + "'; known are seed, share, fail_at");
        }
      }
      for (const OpDef* op : AllOps()) {
        const std::string domain(op->domain), name(op->name);
        const OndaKernelDef* reference = ReferenceKernel(op->domain, op->name);
        const uint64_t draw = std::hash<std::string>()(name + std::to_string(device->seed)) % 1000;
        if (reference && draw < static_cast<uint64_t>(device->share)) device->defs.push_back(Wrap(*reference));
      }
      for (const OndaKernelDef& d : device->defs) device->table.push_back(&d);
      const std::lock_guard lock(TheWorld().mutex);
      TheWorld().random.seed(device->seed);
    });
    return status->code ? nullptr : device.release();
  };
  def.destroy = [](void* instance) { delete Of(instance); };
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
    std::memset(d.real + offset, 0xcd, need);
    return d.face + offset;
  };
  def.free = [](void* instance, void* memory) {
    const std::lock_guard lock(TheWorld().mutex);
    Device& d = *Of(instance);
    const auto it = d.used.find(static_cast<size_t>(static_cast<char*>(memory) - d.face));
    std::memset(d.real + it->first, 0xdd, it->second);
    d.used.erase(it);
  };
  def.create_stream = [](void* instance, OndaStatus* status) -> void* {
    Stream* stream = nullptr;
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Of(instance)->Count("create_stream");
      stream = new Stream{Of(instance), {}};
      TheWorld().streams.push_back(stream);
    });
    return stream;
  };
  def.destroy_stream = [](void*, void* stream) {
    const std::lock_guard lock(TheWorld().mutex);
    std::erase(TheWorld().streams, static_cast<Stream*>(stream));
    delete static_cast<Stream*>(stream);
  };
  def.synchronize_stream = [](void*, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      if (!TheWorld().RunUntil([&] { return static_cast<Stream*>(stream)->queue.empty(); }))
        throw Error(ErrorCode::kInternal, "a stream waits for an event that is never reached");
    });
  };
  def.create_event = [](void* instance, OndaStatus* status) -> void* {
    Event* event = nullptr;
    GuardStatus(status, [&] {
      Of(instance)->Count("create_event");
      event = new Event;
    });
    return event;
  };
  def.destroy_event = [](void*, void* event) { delete static_cast<Event*>(event); };
  def.record_event = [](void* instance, void* event, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Of(instance)->Count("record_event");
      Event* e = static_cast<Event*>(event);
      const uint64_t generation = ++e->asked;
      static_cast<Stream*>(stream)->queue.push_back({[e, generation] { e->reached = generation; }, nullptr, 0});
    });
  };
  def.wait_event = [](void* instance, void* stream, void* event, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Of(instance)->Count("wait_event");
      Event* e = static_cast<Event*>(event);
      static_cast<Stream*>(stream)->queue.push_back({nullptr, e, e->asked});
    });
  };
  def.synchronize_event = [](void*, void* event, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Event* e = static_cast<Event*>(event);
      const uint64_t generation = e->asked;
      if (!TheWorld().RunUntil([&] { return e->reached >= generation; }))
        throw Error(ErrorCode::kInternal, "an event is never reached");
    });
  };
  def.copy = [](void* instance, void* to, const void* from, size_t bytes, OndaCopyKind, void* stream,
                OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Of(instance)->Count("copy");
      static_cast<Stream*>(stream)->queue.push_back(
          {[to, from, bytes] { std::memcpy(RealOfAny(to), RealOfAny(from), bytes); }, nullptr, 0});
    });
  };
  def.fill_zero = [](void* instance, void* memory, size_t bytes, void* stream, OndaStatus* status) {
    GuardStatus(status, [&] {
      const std::lock_guard lock(TheWorld().mutex);
      Of(instance)->Count("fill_zero");
      static_cast<Stream*>(stream)->queue.push_back(
          {[memory, bytes] { std::memset(RealOfAny(memory), 0, bytes); }, nullptr, 0});
    });
  };
  return def;
}

}  // namespace

const OndaProviderDef* LateDevice() {
  static const OndaProviderDef def = MakeDef();
  return &def;
}

}  // namespace onda
