#include "tests/cuda_sim/kernel_run.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "tests/cuda_sim/launch_bounds.h"
#include "tests/cuda_sim/shared_memory.h"
#include "tests/cuda_sim/symbols.h"

namespace onda::cuda_sim {
namespace {

thread_local KernelRun* current = nullptr;

constexpr size_t kParameterBytes = 4096;
// Of a block: what variables may have, and all of it, which the device asks for with every launch.
constexpr uint32_t kMaxStaticShared = 48 * 1024, kMaxShared = 227 * 1024;

std::string Triple(uint3 v) {
  return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
}
const char* NameOf(cuda::Access access) {
  return access == cuda::Access::kRead ? "In" : access == cuda::Access::kWrite ? "Out" : "InOut";
}

}  // namespace

KernelLaunch::KernelLaunch(const cuda::LaunchConfig& c, const cuda::KernelCall& call)
    : config(c),
      function(call.function),
      invoke(call.invoke),
      name(Symbols::Program().NameOf(call.function)),
      touches(call.touches.begin(), call.touches.end()) {
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    values.emplace_back(call.sizes[i] / sizeof(std::max_align_t) + 1);
    std::memcpy(values.back().data(), call.arguments[i], call.sizes[i]);
  }
  for (auto& value : values) arguments.push_back(value.data());
}

std::string RefuseLaunch(const KernelLaunch& launch) {
  const auto& [grid, block, shared] = launch.config;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
    return "a grid of " + Triple({grid.x, grid.y, grid.z}) + " blocks";
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > 1024 || block.x > 1024 || block.y > 1024 || block.z > 64)
    return "a block of " + Triple({block.x, block.y, block.z}) + " threads";
  if (threads > MostThreads(launch.function))
    return "a block of " + std::to_string(threads) + " threads, more than its __launch_bounds__(" +
           std::to_string(MostThreads(launch.function)) + ")";
  if (shared > kMaxShared) return std::to_string(shared) + " bytes of shared memory";
  size_t parameters = 0;
  for (const auto& value : launch.values) parameters += value.size() * sizeof(std::max_align_t);
  if (parameters > kParameterBytes) return std::to_string(parameters) + " bytes of parameters";
  return "";
}

KernelRun* KernelRun::Current() { return current; }

KernelRun::KernelRun(const KernelLaunch& launch, Context context) : launch_(launch), context_(std::move(context)) {
  const auto& block = launch.config.block;
  thread_count_ = block.x * block.y * block.z;
  threads_.resize(thread_count_);
  warps_.resize((thread_count_ + 31) / 32);
  for (uint32_t i = 0; i < thread_count_; ++i) {
    threads_[i].run = this;
    threads_[i].number = i;
    threads_[i].index = {i % block.x, i / block.x % block.y, i / block.x / block.y};
  }
  actor_.oracle = this;
}

void* KernelRun::dynamic_shared() const { return SharedMemory::Get().dynamic().base; }

std::string KernelRun::Run() {
  BeginInterval();
  actor_.launch_first = actor_.interval;
  for (const cuda::Touch& t : launch_.touches) {
    if (!t.buffer.data || t.buffer.bytes == 0) continue;
    if (!context_.memory->Live(t.buffer.data, t.buffer.bytes))
      return "kernel " + launch_.name + ": parameter " + std::to_string(t.parameter) +
             " is not live device memory when the kernel runs: " + context_.memory->Describe(t.buffer.data);
    if (t.access != cuda::Access::kWrite) continue;
    // What is only written holds nothing yet, unless it is an input at the same time.
    const char *begin = static_cast<const char*>(t.buffer.data), *end = begin + t.buffer.bytes;
    const bool alias = std::any_of(launch_.touches.begin(), launch_.touches.end(), [&](const cuda::Touch& o) {
      const char* other = static_cast<const char*>(o.buffer.data);
      return o.access != cuda::Access::kWrite && other && other < end && other + o.buffer.bytes > begin;
    });
    if (!alias) context_.memory->MarkFresh(begin, t.buffer.bytes);
  }
  SharedMemory::Get().SetDynamicBytes(launch_.config.shared_bytes);
  const auto& grid = launch_.config.grid;
  const uint64_t count = uint64_t{grid.x} * grid.y * grid.z;
  // Blocks in an order that the seed chooses: i * step + start modulo a count that step has no divisor with.
  uint64_t step = 1, start = 0;
  if (count > 1) {
    start = (*context_.random)() % count;
    do step = 1 + (*context_.random)() % (count - 1 ? count - 1 : 1);
    while (std::gcd(step, count) != 1);
  }
  for (uint64_t i = 0, at = start; i < count && failure_.empty(); ++i, at = (at + step) % count)
    RunBlock(static_cast<uint32_t>(at));
  return failure_.empty() ? RefuseSharedMemory() : failure_;
}

std::string KernelRun::RefuseSharedMemory() const {
  const size_t fixed = SharedMemory::Get().BytesOf(variables_), dynamic = launch_.config.shared_bytes;
  if (fixed > kMaxStaticShared)
    return "kernel " + launch_.name + ": variables of " + std::to_string(fixed) + " bytes in shared memory";
  if (fixed + dynamic > kMaxShared)
    return "kernel " + launch_.name + " cannot be launched with " + std::to_string(dynamic) +
           " bytes of shared memory beside variables of " + std::to_string(fixed);
  return "";
}

void KernelRun::BeginInterval() {
  actor_.interval = NewInterval();
  for (Warp& w : warps_) std::memset(w.seen, 0, sizeof(w.seen));
}

void KernelRun::RunBlock(uint32_t number) {
  const auto& grid = launch_.config.grid;
  block_ = {number % grid.x, number / grid.x % grid.y, number / grid.x / grid.y};
  BeginInterval();
  actor_.block_first = actor_.interval;
  actor_.acquired = false;
  acquired_.clear();
  fenced_ = false;
  blocks_.emplace_back(actor_.interval, block_);
  at_barrier_ = done_ = 0;
  ready_.resize(thread_count_);
  for (uint32_t i = 0; i < thread_count_; ++i) {
    threads_[i].state = State::kNew;
    threads_[i].clock = 1;
    threads_[i].fenced = false;
    ready_[i] = i;
  }
  // Warps in any order, lanes of a warp up or down.
  std::vector<uint32_t> order(warps_.size());
  std::iota(order.begin(), order.end(), 0);
  auto mix = [&] {
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[(*context_.random)() % i]);
  };
  auto in_order = [&] {
    ready_.clear();
    mix();
    const bool down = (*context_.random)() & 1;
    for (uint32_t w : order)
      for (uint32_t l = 0; l < 32; ++l) {
        const uint32_t t = 32 * w + (down ? 31 - l : l);
        if (t < thread_count_ && threads_[t].state != State::kDone) ready_.push_back(t);
      }
  };
  in_order();
  size_t next = 0;
  while (failure_.empty()) {
    if (next == ready_.size()) {
      if (done_ == thread_count_) break;
      if (at_barrier_ + done_ == thread_count_) {
        ReleaseBarrier();
        if (!failure_.empty()) break;
        in_order();
        next = 0;
        continue;
      }
      failure_ = "kernel " + launch_.name + ", block " + Triple(block_) +
                 ": threads wait for each other for ever: " + DescribeStuck();
      break;
    }
    RunThread(threads_[ready_[next++]]);
    if (next > 4096) {
      ready_.erase(ready_.begin(), ready_.begin() + static_cast<int64_t>(next));
      next = 0;
    }
  }
  for (Thread& t : threads_)
    if (t.fiber) spare_.push_back(std::move(t.fiber));
}

void KernelRun::Entry(void* argument) {
  Thread& thread = *static_cast<Thread*>(argument);
  thread.run->launch_.invoke(thread.run->launch_.function, thread.run->launch_.arguments.data());
  thread.run->Suspend(State::kDone);
}

void KernelRun::RunThread(Thread& thread) {
  thread_ = &thread;
  actor_.thread = thread.number;
  actor_.clock = thread.clock;
  actor_.seen = warps_[thread.number / 32].seen[thread.number % 32];
  if (thread.state == State::kNew) {
    if (spare_.empty()) spare_.push_back(std::make_unique<Fiber>());
    thread.fiber = std::move(spare_.back());
    spare_.pop_back();
    thread.fiber->Start(Entry, &thread);
  }
  thread.state = State::kReady;
  // Hooks look only at device code: not at the simulator's own, which may share inline functions with it.
  busy_ = false;
  current = this;
  thread.fiber->Resume();
  current = nullptr;
  if (thread.state == State::kDone && failure_.empty()) {
    ++done_;
    spare_.push_back(std::move(thread.fiber));
  }
}

void KernelRun::Suspend(State state) {
  thread_->state = state;
  thread_->fiber->Suspend();
}

int KernelRun::AtBarrier(BarrierKind kind, int predicate, int site) {
  busy_ = true;
  thread_->site = site * 4 + static_cast<int>(kind);
  thread_->predicate = predicate;
  barrier_kind_ = kind;
  ++at_barrier_;
  Suspend(State::kAtBarrier);
  busy_ = false;
  return barrier_result_;
}

void KernelRun::ReleaseBarrier() {
  const Thread *first = nullptr, *gone = nullptr;
  int count = 0;
  for (const Thread& t : threads_) {
    if (t.state == State::kDone) {
      if (!gone) gone = &t;
      continue;
    }
    if (!first) first = &t;
    count += t.predicate != 0;
    if (t.site != first->site) {
      failure_ = "kernel " + launch_.name + ", block " + Triple(block_) +
                 ": a diverged barrier: " + DescribeThread(first->number) + " and " + DescribeThread(t.number) +
                 " wait at different barriers";
      return;
    }
  }
  if (gone && first) {
    failure_ = "kernel " + launch_.name + ", block " + Triple(block_) +
               ": a diverged barrier: " + DescribeThread(first->number) + " waits at a barrier, " +
               DescribeThread(gone->number) + " has returned";
    return;
  }
  const int all = static_cast<int>(thread_count_);
  barrier_result_ = barrier_kind_ == BarrierKind::kCount ? count
                    : barrier_kind_ == BarrierKind::kAnd ? count == all
                                                         : count != 0;
  at_barrier_ = 0;
  for (Thread& t : threads_) {
    t.state = State::kReady;
    t.clock = 1;
  }
  BeginInterval();
}

void KernelRun::Access(const void* p, size_t n, Mode mode, const void* pc) {
  if (busy_) return;
  Fault fault;
  const SharedMemory& shared = SharedMemory::Get();
  if (context_.memory->Holds(p)) {
    const char* at = static_cast<const char*>(p);
    bool declared = false, any = false;
    for (const cuda::Touch& t : launch_.touches) {
      const char* begin = static_cast<const char*>(t.buffer.data);
      if (at < begin || at >= begin + t.buffer.bytes) continue;
      any = true;
      if (at + n > begin + t.buffer.bytes) continue;
      if (mode != Mode::kRead && t.access == cuda::Access::kRead) continue;
      declared = true;
      break;
    }
    fault = CheckAccess(context_.memory->region(), actor_, p, n, mode);
    if (fault.kind == FaultKind::kNone && !declared)
      fault.kind = any ? FaultKind::kNotDeclared : FaultKind::kOutOfBounds;
  } else if (shared.fixed().Holds(p)) {
    shared.Note(p, variables_);
    fault = CheckAccess(shared.fixed(), actor_, p, n, mode);
  } else if (shared.dynamic().Holds(p)) {
    fault = CheckAccess(shared.dynamic(), actor_, p, n, mode);
  } else {
    if (thread_->fiber->Holds(p)) return;
    if (mode == Mode::kRead) {
      if (Symbols::Program().InImage(p)) return;
      const void* const* arguments = launch_.arguments.data();
      if (p >= arguments && p < arguments + launch_.arguments.size()) return;
      for (const auto& value : launch_.values)
        if (p >= value.data() && p < value.data() + value.size()) return;
    }
    busy_ = true;
    Fail(std::string(mode == Mode::kRead ? "reads" : "writes") + " host memory", pc);
  }
  if (fault.kind == FaultKind::kNone) return;
  busy_ = true;
  const std::string act = mode == Mode::kRead ? "reads " : mode == Mode::kWrite ? "writes " : "updates ";
  const std::string what = act + std::to_string(n) + " bytes at " + DescribePlace(p);
  switch (fault.kind) {
    case FaultKind::kOutOfBounds:
      Fail("out of bounds: " + what, pc);
    case FaultKind::kNotDeclared:
      Fail("not declared, or past the end: " + what, pc);
    case FaultKind::kFreed:
      Fail("use after free: " + what, pc);
    case FaultKind::kUninitialised:
      Fail("uninitialised: " + what, pc);
    default:
      Fail("race: " + what + ", which " + DescribeStamp(fault), pc);
  }
}

void KernelRun::AtFence() {
  thread_->fenced = true;
  fenced_ = true;
}

void KernelRun::AtAtomic(void* p, size_t bytes, const void* pc) {
  Access(p, bytes, Mode::kAtomic, pc);
  if (!context_.memory->Holds(p)) return;
  busy_ = true;
  Released& released = released_[p];
  // A block that has fenced publishes what it did; one that updates the same word learns what was published before.
  for (const auto& [block, last] : released.last_interval)
    if (block != actor_.block_first) actor_.acquired = true;
  if (std::find(acquired_.begin(), acquired_.end(), &released) == acquired_.end()) acquired_.push_back(&released);
  if (fenced_) released.last_interval[actor_.block_first] = actor_.interval;
  busy_ = false;
}

bool KernelRun::BlockIsOver(uint64_t interval) {
  auto block =
      std::upper_bound(blocks_.begin(), blocks_.end(), interval, [](uint64_t i, const auto& b) { return i < b.first; });
  if (block == blocks_.begin()) return false;
  --block;
  for (const Released* released : acquired_) {
    const auto it = released->last_interval.find(block->first);
    if (it != released->last_interval.end() && interval <= it->second) return true;
  }
  return false;
}

void KernelRun::Fail(const std::string& what, const void* pc) {
  busy_ = true;
  failure_ =
      "kernel " + launch_.name + ", block " + Triple(block_) + ", " + DescribeThread(thread_->number) + ": " + what;
  if (pc) {
    const std::string line = Symbols::LineOf(pc);
    if (!line.empty()) failure_ += " [" + line + "]";
  }
  thread_->state = State::kDone;
  thread_->fiber->Suspend();
  __builtin_unreachable();
}

std::string KernelRun::DescribeThread(uint32_t thread) const { return "thread " + Triple(threads_[thread].index); }

std::string KernelRun::DescribePlace(const void* p) const {
  if (!context_.memory->Holds(p)) return SharedMemory::Get().Describe(p);
  std::string text = context_.memory->Describe(p);
  // The parameter that it belongs to, or is nearest to.
  const cuda::Touch* nearest = nullptr;
  int64_t distance = 4096;
  const char* at = static_cast<const char*>(p);
  for (const cuda::Touch& t : launch_.touches) {
    const char *begin = static_cast<const char*>(t.buffer.data), *end = begin + t.buffer.bytes;
    if (!begin) continue;
    const int64_t d = at < begin ? begin - at : at >= end ? at - end + 1 : 0;
    if (d < distance) {
      distance = d;
      nearest = &t;
    }
  }
  if (nearest)
    text += " (parameter " + std::to_string(nearest->parameter) + ", " + NameOf(nearest->access) + " of " +
            std::to_string(nearest->buffer.bytes) + " bytes, byte " +
            std::to_string(at - static_cast<const char*>(nearest->buffer.data)) + ")";
  return text;
}

std::string KernelRun::DescribeStamp(const Fault& fault) const {
  const uint64_t interval = IntervalOf(fault.other);
  const std::string act = fault.other_wrote ? " wrote" : " read";
  if (interval < actor_.launch_first) return context_.describe_work(interval) + act + " without an order between them";
  std::string who =
      (fault.other & kManyThreads) ? "several threads" : "thread number " + std::to_string(ThreadOf(fault.other));
  if (interval < actor_.block_first) {
    auto block = std::upper_bound(blocks_.begin(), blocks_.end(), interval,
                                  [](uint64_t i, const auto& b) { return i < b.first; });
    if (block != blocks_.begin()) who += " of block " + Triple(std::prev(block)->second);
    return who + act + " without an order between the blocks";
  }
  if (fault.other & kManyBlocks) return "other blocks" + act + " without an order between the blocks";
  return who + " of the same block" + act + " since the last barrier";
}

std::string KernelRun::DescribeStuck() const {
  std::string text;
  int shown = 0;
  for (const Thread& t : threads_) {
    if (t.state != State::kAtBarrier && t.state != State::kInCollective) continue;
    if (++shown > 4) return text + ", ...";
    char mask[16];
    std::snprintf(mask, sizeof(mask), "%08x", t.mask);
    text += (text.empty() ? "" : ", ") + DescribeThread(t.number) +
            (t.state == State::kAtBarrier ? " at a barrier" : std::string(" in a warp operation of mask ") + mask);
  }
  return text;
}

}  // namespace onda::cuda_sim
