#include "tests/providers/late_launch.h"

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/ir/op_def.h"
#include "kernels/op_table.h"
#include "tests/providers/late_world.h"

namespace onda::late {
namespace {

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
    [](void*) -> int32_t { return std::chrono::steady_clock::now() > TheWorld().deadline; },
    [](void*, int32_t, int32_t, const int64_t*, OndaTensorView*, OndaStatus* status) -> int32_t {
      status->code = static_cast<int32_t>(ErrorCode::kInternal);
      return 1;
    },
    [](void*, const void*, void*, size_t, OndaStatus*) -> int32_t { return 1; },
};

std::string Numbered(const WrappedKernel& kernel, const char* what, int i) {
  return kernel.name + ", " + what + " " + std::to_string(i);
}

}  // namespace

void NoteOutputs(RaceCheck& races, const WrappedKernel& kernel, const OndaLaunch& launch, RaceCheck::Actor actor) {
  for (int i = 0; i < launch.output_count; ++i) {
    const TensorView& view = static_cast<const TensorView&>(launch.outputs[i]);
    if (view.data) races.Write(actor, view.data, view.bytes(), Numbered(kernel, "output", i));
  }
}

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
      if (result.code && host != &kInline) throw Error(static_cast<ErrorCode>(result.code), result.message);
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

std::vector<size_t> KernelIndices(std::string_view domain, std::string_view op, bool reference) {
  const size_t count = CpuKernels(domain, op).size();
  std::vector<size_t> indices;
  for (size_t i = reference ? count - ReferenceKernels(domain, op).size() : 0; i < count; ++i) indices.push_back(i);
  return indices;
}

const OndaKernelDef& RegionDef() {
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

}  // namespace onda::late
