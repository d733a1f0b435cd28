#include "tests/cuda_sim/work_runner.h"

#include <cstring>
#include <vector>

#include "tests/cuda_sim/host_watch.h"
#include "tests/cuda_sim/kernel_run.h"

namespace onda::cuda_sim {

void WorkRunner::Enqueue(StreamState& stream, const Op& op) {
  if (op.kind == Op::Kind::kRecord) return world_.Record(stream, op.event);
  if (op.kind == Op::Kind::kWait) return world_.Wait(stream, op.event);
  uint64_t pending[2] = {0, 0};
  if (op.kind == Op::Kind::kCopy && op.copy == kOndaHostToDevice)
    pending[0] = HostWatch::Get().BeginPending(op.from, op.bytes, false, op.name);
  if (op.kind == Op::Kind::kCopy && op.copy == kOndaDeviceToHost) {
    pending[1] = HostWatch::Get().BeginPending(op.to, op.bytes, true, op.name);
    if (!pending[1] && op.bytes) std::memset(op.to, 0xcb, op.bytes);  // nothing is there yet
  }
  world_.Enqueue(stream, op.name, [this, op, from = pending[0], to = pending[1]] {
    for (const uint64_t id : {from, to})
      if (id) HostWatch::Get().Open(id);
    memory_.Open();
    std::string report = Run(op);
    memory_.Close();
    for (const uint64_t id : {from, to})
      if (id) HostWatch::Get().EndPending(id);
    return report;
  });
}

std::string WorkRunner::Touch(const DeviceMemory& memory, Actor& actor, const void* p, size_t bytes, Mode mode,
                              const std::string& who) {
  const Fault fault = CheckAccess(memory.region(), actor, p, bytes, mode);
  const std::string where = memory.Describe(p) + ", " + std::to_string(bytes) + " bytes";
  switch (fault.kind) {
    case FaultKind::kNone:
      return "";
    case FaultKind::kRace:
      return "race: " + who + (mode == Mode::kRead ? " reads " : " writes ") + where + ", which " +
             world_.DescribeWork(IntervalOf(fault.other)) + (fault.other_wrote ? " wrote" : " read") +
             " without an order between them";
    case FaultKind::kUninitialised:
      return "uninitialised: " + who + " reads " + where;
    case FaultKind::kFreed:
      return "use after free: " + who + " touches " + where;
    default:
      return "out of bounds: " + who + " touches " + where;
  }
}

std::string WorkRunner::Run(const Op& op) {
  switch (op.kind) {
    case Op::Kind::kKernel:
      return RunKernel(*op.kernel);
    case Op::Kind::kCopy:
      return RunCopy(op);
    case Op::Kind::kFill: {
      if (op.bytes == 0) return "";
      Actor actor = world_.Touching();
      std::string report = Touch(actor, op.to, op.bytes, Mode::kWrite, op.name);
      if (report.empty()) std::memset(op.to, op.value, op.bytes);
      return report;
    }
    case Op::Kind::kLibrary:
      return op.library();
    case Op::Kind::kCondition:
      return RunCondition(op);
    default:
      return "";
  }
}

std::string WorkRunner::RunKernel(const KernelLaunch& launch) {
  KernelRun run(launch, {&memory_, &world_.random(),
                         [this](uint64_t i, uint64_t* f, uint64_t* l) { return world_.WorkIsOver(i, f, l); },
                         [this](uint64_t i) { return world_.DescribeWork(i); },
                         [this](uint64_t condition, unsigned value) { conditions_[condition] = value; }});
  return run.Run();
}

std::string WorkRunner::RunCopy(const Op& op) {
  if (op.bytes == 0) return "";
  Actor actor = world_.Touching();
  const bool within = op.copy == kOndaDeviceToDevice;
  std::string report;
  if (within) {
    // What was never written may be copied; it stays so.
    const Region& region = memory_.region();
    const size_t from = static_cast<size_t>(static_cast<const char*>(op.from) - region.base);
    const size_t to = static_cast<size_t>(static_cast<char*>(op.to) - region.base);
    std::vector<uint8_t> state(region.state + from, region.state + from + op.bytes);
    for (size_t i = 0; i < op.bytes; ++i)
      if (region.state[from + i] == kFresh) region.state[from + i] = kWritten;
    report = Touch(actor, op.from, op.bytes, Mode::kRead, op.name);
    std::memcpy(region.state + from, state.data(), op.bytes);
    if (report.empty()) report = Touch(actor, op.to, op.bytes, Mode::kWrite, op.name);
    if (report.empty()) {
      std::memmove(op.to, op.from, op.bytes);
      std::memcpy(region.state + to, state.data(), op.bytes);
    }
    return report;
  }
  if (op.copy == kOndaPeerToPeer) {
    DeviceMemory* peer = HostWatch::Get().DeviceOf(op.from);
    if (!peer) return op.name + " from what is not device memory";
    report = Touch(*peer, actor, op.from, op.bytes, Mode::kRead, op.name);
    if (report.empty()) report = Touch(actor, op.to, op.bytes, Mode::kWrite, op.name);
    peer->Open();
    if (report.empty()) std::memcpy(op.to, op.from, op.bytes);
    if (peer != &memory_) peer->Close();
    return report;
  }
  if (op.copy == kOndaDeviceToHost) report = Touch(actor, op.from, op.bytes, Mode::kRead, op.name);
  if (op.copy != kOndaDeviceToHost) report = Touch(actor, op.to, op.bytes, Mode::kWrite, op.name);
  if (report.empty()) std::memcpy(op.to, op.from, op.bytes);
  return report;
}

std::string WorkRunner::RunCondition(const Op& op) {
  for (int rounds = 0; conditions_[op.condition] != 0; ++rounds) {
    if (rounds == 100000) return "a condition's body never ends";
    for (const Op& inner : op.body) {
      const std::string report = Run(inner);
      if (!report.empty()) return report;
    }
    if (op.condition_kind == cuda::ConditionKind::kIf) break;
  }
  return "";
}

}  // namespace onda::cuda_sim
