#include "tests/cuda_sim/sim_device.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tests/cuda_sim/captured.h"
#include "tests/cuda_sim/compile_source.h"
#include "tests/cuda_sim/device_memory.h"
#include "tests/cuda_sim/host_watch.h"
#include "tests/cuda_sim/sim_handles.h"
#include "tests/cuda_sim/sim_plan.h"
#include "tests/cuda_sim/work_runner.h"

namespace onda::cuda_sim {
namespace {

using cuda::Buffer;

// Captures that this thread has begun: memory calls are refused meanwhile.
thread_local int captures_of_thread = 0;

class SimDevice : public cuda::Device {
 public:
  SimDevice(const SimOptions& options, std::shared_ptr<World> world)
      : world_(std::move(world)), plan_microseconds_(options.plan_microseconds) {
    memory_.set_limit(options.memory);
    properties_ = {.name = "simulated H100",
                   .uuid = "GPU-simulated",
                   .compute_major = 9,
                   .compute_minor = 0,
                   .multiprocessors = 132,
                   .memory = options.memory,
                   .l2_cache = size_t{50} << 20,
                   .shared_per_block = 227 * 1024,
                   .shared_per_multiprocessor = 228 * 1024,
                   .threads_per_multiprocessor = 2048,
                   .driver_version = 13000,
                   .runtime_version = 13000,
                   .cublas_version = 130100,
                   .cudnn_version = 91900};
  }
  ~SimDevice() override { world_->Drain(); }

  World& world() { return *world_; }

  const cuda::Properties& properties() const override { return properties_; }
  bool lost() const override { return world_->failed(); }

  void* Allocate(size_t bytes) override {
    const std::lock_guard lock(world_->mutex());
    NotInCapture("an allocation");
    void* p = memory_.Allocate(bytes);
    if (!p)
      throw Error(ErrorCode::kOutOfMemory, "no " + std::to_string(bytes) + " bytes of device memory are left (" +
                                               std::to_string(memory_.free_bytes()) + " are)");
    return p;
  }
  void Free(void* memory) override {
    const std::lock_guard lock(world_->mutex());
    if (!memory) return;
    NotInCapture("a free");
    if (!memory_.Free(memory)) Refuse("free of memory that is not allocated: " + memory_.Describe(memory));
  }
  void* AllocateHost(size_t bytes) override { return HostWatch::Get().AllocatePinned(bytes); }
  void FreeHost(void* memory) override {
    if (!memory) return;
    const std::string against = HostWatch::Get().FreePinned(memory);
    if (!against.empty()) Refuse(against);
  }
  bool IsPinned(const void* host) override { return HostWatch::Get().IsPinned(host); }
  size_t FreeBytes() override {
    const std::lock_guard lock(world_->mutex());
    return memory_.free_bytes();
  }

  std::unique_ptr<cuda::Stream> MakeStream(bool) override {
    return std::make_unique<SimStream>(*this, world_->AddStream());
  }
  std::unique_ptr<cuda::Stream> WrapStream(void* native) override {
    return std::make_unique<SimStream>(*this, static_cast<SimStream*>(native)->state);
  }
  void* NativeStream(cuda::Stream& stream) override { return &Of(stream); }
  void Synchronize(cuda::Stream& stream) override {
    NoCaptureOf(stream, "the host waits for a stream");
    world_->Synchronize(*Of(stream).state);
  }
  bool IsDone(cuda::Stream& stream) override {
    NoCaptureOf(stream, "the host asks about a stream");
    return world_->IsDone(*Of(stream).state);
  }

  std::unique_ptr<cuda::Event> MakeEvent(bool timed) override { return std::make_unique<SimEvent>(timed); }

  void Record(cuda::Event& event, cuda::Stream& stream) override {
    const std::lock_guard lock(world_->mutex());
    SimEvent& e = static_cast<SimEvent&>(event);
    SimStream& s = Of(stream);
    e.captured = s.capture != nullptr;
    if (!s.capture) {
      world_->Record(*s.state, e.state);
      return;
    }
    e.capture = s.capture;
    e.captured_state = std::make_shared<EventState>();
    const uint32_t slot = s.capture->slots.at(&s);
    e.captured_state->clock = s.capture->clocks[slot];
    Op op(Op::Kind::kRecord, "event");
    op.event = e.captured_state;
    Give(s, std::move(op));
  }

  void Wait(cuda::Stream& stream, cuda::Event& event) override {
    const std::lock_guard lock(world_->mutex());
    SimEvent& e = static_cast<SimEvent&>(event);
    SimStream& s = Of(stream);
    if (!e.captured) {
      if (s.capture) {
        s.capture->broken = "a captured stream waits for an event that was not recorded in the capture";
        Refuse(s.capture->broken);
      }
      world_->Wait(*s.state, e.state);
      return;
    }
    const std::shared_ptr<Capture> capture = e.capture.lock();
    if (!capture) Refuse("a stream waits for an event that was recorded in a capture that has ended");
    if (s.capture && s.capture != capture) Refuse("a stream waits for an event of another capture");
    if (!s.capture) {
      s.capture = capture;
      capture->slots[&s] = static_cast<uint32_t>(capture->clocks.size());
      capture->clocks.emplace_back();
      ++capture->graph->slots;
    }
    capture->clocks[capture->slots.at(&s)].Join(e.captured_state->clock);
    Op op(Op::Kind::kWait, "wait");
    op.event = e.captured_state;
    Give(s, std::move(op));
  }

  void Synchronize(cuda::Event& event) override {
    NoCaptureOf(event);
    world_->Synchronize(*static_cast<SimEvent&>(event).state);
  }
  bool IsDone(cuda::Event& event) override {
    NoCaptureOf(event);
    return world_->IsDone(*static_cast<SimEvent&>(event).state);
  }
  float Milliseconds(cuda::Event& begin, cuda::Event& end) override {
    const SimEvent &b = static_cast<SimEvent&>(begin), &e = static_cast<SimEvent&>(end);
    if (!b.timed || !e.timed) Refuse("the time of an event that was made without one");
    if (b.state->asked == 0 || b.state->reached < b.state->asked || e.state->asked == 0 ||
        e.state->reached < e.state->asked)
      Refuse("the time between events that were not reached");
    return static_cast<float>(e.state->time - b.state->time) * 1e-3f;
  }

  void Copy(void* to, const void* from, size_t bytes, OndaCopyKind kind, cuda::Stream& stream) override {
    const std::lock_guard lock(world_->mutex());
    CheckCopy(to, from, bytes, kind);
    Op op(Op::Kind::kCopy, "a copy of " + std::to_string(bytes) + " bytes");
    op.to = to;
    op.from = from;
    op.bytes = bytes;
    op.copy = kind;
    Give(Of(stream), std::move(op));
  }

  void Fill(void* memory, uint8_t value, size_t bytes, cuda::Stream& stream) override {
    const std::lock_guard lock(world_->mutex());
    if (bytes && !memory_.Live(memory, bytes)) Refuse("a fill of what is not device memory");
    Op op(Op::Kind::kFill, "a fill of " + std::to_string(bytes) + " bytes");
    op.to = memory;
    op.value = value;
    op.bytes = bytes;
    Give(Of(stream), std::move(op));
  }

  void LaunchKernel(cuda::Stream& stream, const cuda::LaunchConfig& config, const cuda::KernelCall& call) override {
    const std::lock_guard lock(world_->mutex());
    auto launch = std::make_shared<KernelLaunch>(config, call);
    const std::string against = RefuseLaunch(*launch);
    if (!against.empty()) Refuse("kernel " + launch->name + " cannot be launched with " + against);
    for (const cuda::Touch& t : launch->touches)
      if (t.buffer.data && t.buffer.bytes && !memory_.Live(t.buffer.data, t.buffer.bytes))
        Refuse("kernel " + launch->name + ": parameter " + std::to_string(t.parameter) + " is not device memory");
    Op op(Op::Kind::kKernel, "kernel " + launch->name);
    op.kernel = std::move(launch);
    Give(Of(stream), std::move(op));
  }

  void BeginCapture(cuda::Stream& stream) override {
    const std::lock_guard lock(world_->mutex());
    SimStream& s = Of(stream);
    if (s.capture) Refuse("the stream is being captured already");
    s.capture = std::make_shared<Capture>();
    s.capture->origin = &s;
    s.capture->thread = std::this_thread::get_id();
    s.capture->slots[&s] = 0;
    s.capture->clocks.emplace_back();
    ++captures_of_thread;
  }

  std::unique_ptr<cuda::Graph> EndCapture(cuda::Stream& stream) override {
    const std::lock_guard lock(world_->mutex());
    SimStream& s = Of(stream);
    if (!s.capture || s.capture->origin != &s || s.capture->outer) Refuse("the capture was not begun on this stream");
    const std::shared_ptr<Capture> capture = s.capture;
    if (capture->thread != std::this_thread::get_id()) Refuse("the capture was begun by another thread");
    --captures_of_thread;
    const Clock& own = capture->clocks[0];
    std::string broken = capture->broken;
    for (const auto& [key, slot] : capture->slots) {
      const uint32_t end = slot < capture->clocks[slot].at.size() ? capture->clocks[slot].at[slot] : 0;
      if (slot != 0 && !own.Covers(slot, end) && broken.empty())
        broken = "a stream that joined the capture was not joined again before its end";
      static_cast<SimStream*>(const_cast<void*>(key))->capture = nullptr;
    }
    if (!broken.empty()) Refuse("the capture cannot be ended: " + broken);
    auto graph = std::make_unique<SimGraph>(std::move(*capture->graph));
    return graph;
  }

  bool IsCapturing(cuda::Stream& stream) override { return Of(stream).capture != nullptr; }
  cuda::CapturedNode LastCaptured(cuda::Stream& stream) override {
    if (!Of(stream).capture) Refuse("the stream is not being captured");
    return Of(stream).last;
  }

  std::unique_ptr<cuda::GraphExecutable> Instantiate(const cuda::Graph& graph) override {
    const std::lock_guard lock(world_->mutex());
    auto executable = std::make_unique<SimExecutable>();
    executable->graph = WithOwnEvents(static_cast<const SimGraph&>(graph));
    for (uint32_t i = 0; i < executable->graph.slots; ++i) executable->streams.push_back(world_->AddStream());
    return executable;
  }

  bool Update(cuda::GraphExecutable& executable, const cuda::Graph& graph) override {
    const std::lock_guard lock(world_->mutex());
    SimExecutable& e = static_cast<SimExecutable&>(executable);
    const SimGraph& g = static_cast<const SimGraph&>(graph);
    if (g.slots != e.graph.slots || !SameShape(e.graph.ops, g.ops)) return false;
    e.graph = WithOwnEvents(g);
    return true;
  }

  void PatchCopy(cuda::GraphExecutable& executable, cuda::CapturedNode node, void* to, const void* from, size_t bytes,
                 OndaCopyKind kind) override {
    const std::lock_guard lock(world_->mutex());
    SimExecutable& e = static_cast<SimExecutable&>(executable);
    if (node >= e.graph.ops.size() || e.graph.ops[node].kind != Op::Kind::kCopy) Refuse("the node is not a copy");
    Op& op = e.graph.ops[node];
    CheckCopy(to, from, bytes, kind);
    if (kind != op.copy || bytes != op.bytes) Refuse("a patched copy changes its kind or length");
    op.to = to;
    op.from = from;
  }

  void Upload(cuda::GraphExecutable&, cuda::Stream&) override {}

  void LaunchGraph(cuda::GraphExecutable& executable, cuda::Stream& stream) override {
    const std::lock_guard lock(world_->mutex());
    SimStream& s = Of(stream);
    if (s.capture) Refuse("a graph is launched during a capture");
    SimExecutable& e = static_cast<SimExecutable&>(executable);
    auto begin = std::make_shared<EventState>();
    world_->Record(*s.state, begin);
    for (const auto& branch : e.streams) world_->Wait(*branch, begin);
    for (const auto& [condition, value] : e.graph.conditions)
      world_->Enqueue(*e.streams[0], "a condition's default", [this, c = condition, v = value] {
        work_.SetCondition(c, v);
        return std::string();
      });
    if (!e.graph.conditions.empty()) {  // before everything else
      auto ready = std::make_shared<EventState>();
      world_->Record(*e.streams[0], ready);
      for (const auto& branch : e.streams) world_->Wait(*branch, ready);
    }
    for (const Op& op : e.graph.ops) work_.Enqueue(*e.streams[op.slot], op);
    for (const auto& branch : e.streams) {
      auto end = std::make_shared<EventState>();
      world_->Record(*branch, end);
      world_->Wait(*s.state, end);
    }
  }

  cuda::Condition MakeCondition(cuda::Stream& capturing, bool initial) override {
    const std::lock_guard lock(world_->mutex());
    SimStream& s = Of(capturing);
    if (!s.capture) Refuse("a condition is made outside of a capture");
    Capture* top = s.capture.get();
    while (top->outer) top = top->outer;
    const uint64_t condition = ++condition_count_;
    top->graph->conditions[condition] = initial;
    return condition;
  }

  void BeginBody(cuda::Stream& capturing, cuda::Condition condition, cuda::ConditionKind kind,
                 cuda::Stream& body) override {
    const std::lock_guard lock(world_->mutex());
    SimStream &s = Of(capturing), &b = Of(body);
    if (!s.capture) Refuse("a condition's body is begun outside of a capture");
    if (b.capture) Refuse("the stream for a condition's body is being captured already");
    b.capture = std::make_shared<Capture>();
    b.capture->origin = &b;
    b.capture->thread = std::this_thread::get_id();
    b.capture->slots[&b] = 0;
    b.capture->clocks.emplace_back();
    b.capture->outer = s.capture.get();
    b.capture->outer_slot = s.capture->slots.at(&s);
    b.capture->condition = condition;
    b.capture->kind = kind;
  }

  void EndBody(cuda::Stream& body) override {
    const std::lock_guard lock(world_->mutex());
    SimStream& b = Of(body);
    if (!b.capture || !b.capture->outer) Refuse("no body is being captured on this stream");
    const std::shared_ptr<Capture> capture = std::exchange(b.capture, nullptr);
    Op op(Op::Kind::kCondition, "a condition");
    op.slot = capture->outer_slot;
    op.condition = capture->condition;
    op.condition_kind = capture->kind;
    op.body = std::move(capture->graph->ops);
    for (const Op& inner : op.body) {
      const bool allowed = inner.kind == Op::Kind::kKernel || inner.kind == Op::Kind::kFill ||
                           inner.kind == Op::Kind::kCondition ||
                           (inner.kind == Op::Kind::kCopy && inner.copy == kOndaDeviceToDevice);
      if (!allowed) Refuse("a condition's body has " + inner.name);
    }
    Append(*capture->outer, std::move(op));
  }

  std::unique_ptr<cuda::Module> Compile(const std::string& source, const std::string& name) override {
    return CompileSource(source, name);
  }
  std::unique_ptr<cuda::Module> LoadModule(const std::string& binary) override { return LoadCompiled(binary); }

  std::unique_ptr<cuda::LibraryPlan> MakePlan(const cuda::LibraryOp& op, int most, size_t workspace) override {
    const std::lock_guard lock(world_->mutex());
    return DrawPlan(op, most, workspace, plan_microseconds_, world_->random());
  }
  std::unique_ptr<cuda::LibraryPlan> RestorePlan(const cuda::LibraryOp& op, const std::string& blob) override {
    return PlanOfBlob(op, blob);
  }
  void Execute(cuda::Stream& stream, cuda::LibraryPlan& plan, int variant, std::span<const Buffer> operands,
               Buffer workspace) override {
    const std::lock_guard lock(world_->mutex());
    Give(Of(stream), LibraryWork(static_cast<SimPlan&>(plan), variant, operands, workspace, *world_, memory_, work_));
  }

  void PushRange(const char*) override {}
  void PopRange() override {}

 private:
  static SimStream& Of(cuda::Stream& stream) { return static_cast<SimStream&>(stream); }

  static void NotInCapture(const char* what) {
    if (captures_of_thread > 0) Refuse(std::string(what) + " during a capture by this thread");
  }
  void NoCaptureOf(cuda::Stream& stream, const std::string& what) {
    if (!Of(stream).capture) return;
    Of(stream).capture->broken = what + " that is being captured";
    Refuse(what + " that is being captured");
  }
  void NoCaptureOf(cuda::Event& event) {
    if (static_cast<SimEvent&>(event).captured) Refuse("the host waits for an event that was recorded in a capture");
  }

  void CheckCopy(const void* to, const void* from, size_t bytes, OndaCopyKind kind) {
    if (bytes == 0) return;
    const bool to_device = kind != kOndaDeviceToHost, from_device = kind != kOndaHostToDevice;
    const bool peer = kind == kOndaPeerToPeer;
    if (to_device && !memory_.Live(to, bytes)) Refuse("a copy to what is not device memory");
    if (from_device && !peer && !memory_.Live(from, bytes)) Refuse("a copy from what is not device memory");
    if ((!to_device && memory_.Holds(to)) || (!from_device && memory_.Holds(from)))
      Refuse("a copy of the wrong kind: the host's side is device memory");
  }

  // Runs an operation of the stream, or keeps it.
  void Give(SimStream& stream, Op op) {
    if (!stream.capture) {
      work_.Enqueue(*stream.state, op);
      return;
    }
    op.slot = stream.capture->slots.at(&stream);
    stream.last = stream.capture->graph->ops.size();
    Append(*stream.capture, std::move(op));
  }
  static void Append(Capture& capture, Op op) {
    Clock& clock = capture.clocks[op.slot];
    if (clock.at.size() <= op.slot) clock.at.resize(op.slot + 1);
    // A record is known to who waits for it.
    if (op.kind != Op::Kind::kRecord) ++clock.at[op.slot];
    capture.graph->ops.push_back(std::move(op));
  }

  std::shared_ptr<World> world_;
  std::vector<unsigned> plan_microseconds_;
  DeviceMemory memory_;
  WorkRunner work_{*world_, memory_};
  cuda::Properties properties_;
  uint64_t condition_count_ = 0;
};

}  // namespace

std::unique_ptr<cuda::Device> MakeSimDevice(const SimOptions& options, std::shared_ptr<World> world) {
  if (!world) world = std::make_shared<World>(options.seed);
  return std::make_unique<SimDevice>(options, std::move(world));
}

World& WorldOf(cuda::Device& device) { return static_cast<SimDevice&>(device).world(); }

}  // namespace onda::cuda_sim
