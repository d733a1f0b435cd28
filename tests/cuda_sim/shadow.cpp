#include "tests/cuda_sim/shadow.h"

#include <atomic>

namespace onda::cuda_sim {
namespace {

std::atomic<uint64_t> intervals{0};

Stamp Own(const Actor& actor, Mode mode) {
  return (actor.interval << kIntervalShift) | (static_cast<Stamp>(actor.thread) << kThreadShift) |
         (static_cast<Stamp>(actor.clock & 65535) << kClockShift) | (mode == Mode::kAtomic ? kAtomicFlag : 0);
}

// Whether the earlier access may still be going on as far as the order of things tells.
bool Unordered(Stamp stamp, Actor& actor, Mode mode, bool shared) {
  if (stamp == 0) return false;
  const uint64_t interval = IntervalOf(stamp);
  const bool atomic = mode == Mode::kAtomic && (stamp & kAtomicFlag);
  if (interval >= actor.block_first) {
    if ((stamp & kManyBlocks) && !atomic && !actor.acquired) return true;
    if (interval != actor.interval || atomic) return false;
    if (stamp & kManyThreads) return true;
    const uint32_t thread = ThreadOf(stamp);
    if (thread == actor.thread) return false;
    return !(actor.seen && thread / 32 == actor.thread / 32 && actor.seen[thread % 32] >= ClockOf(stamp));
  }
  if (shared) return false;  // another block's memory, that this block does not see
  if (interval >= actor.launch_first) return !atomic && !actor.oracle->BlockIsOver(interval);
  if (interval >= actor.over_first && interval <= actor.over_last) return false;
  uint64_t first, last;
  if (!actor.oracle->WorkIsOver(interval, &first, &last)) return true;
  actor.over_first = first;
  actor.over_last = last;
  return false;
}

Fault CheckCell(Cell& cell, Actor& actor, Mode mode, bool shared) {
  const bool stale = shared && IntervalOf(cell.writer) < actor.block_first;
  if (mode != Mode::kWrite && shared && (cell.writer == 0 || stale)) return {FaultKind::kUninitialised, 0, false};
  if (Unordered(cell.writer, actor, mode, shared)) return {FaultKind::kRace, cell.writer, true};
  const Stamp own = Own(actor, mode);
  if (mode == Mode::kRead) {
    const uint64_t before = IntervalOf(cell.reader);
    if (before == actor.interval && cell.reader != 0) {
      if (ThreadOf(cell.reader) != actor.thread) cell.reader |= kManyThreads;
    } else {
      const bool other_block = before >= actor.launch_first && before < actor.block_first;
      cell.reader =
          own |
          ((other_block || (before >= actor.block_first && (cell.reader & kManyBlocks))) && !shared ? kManyBlocks : 0);
    }
    return {};
  }
  if (Unordered(cell.reader, actor, mode, shared)) return {FaultKind::kRace, cell.reader, false};
  Stamp flags = 0;
  if (mode == Mode::kAtomic && (cell.writer & kAtomicFlag)) {
    const uint64_t before = IntervalOf(cell.writer);
    if (before == actor.interval) {
      flags = cell.writer & (kManyThreads | kManyBlocks);
      if (ThreadOf(cell.writer) != actor.thread) flags |= kManyThreads;
    } else if (before >= actor.launch_first && !shared) {
      flags = before < actor.block_first ? kManyBlocks : (cell.writer & kManyBlocks);
    }
  }
  cell.writer = own | flags;
  cell.reader = 0;
  return {};
}

Fault CheckWord(const Region& region, Actor& actor, size_t word, Mode mode) {
  Cell& cell = region.words[word];
  const bool shared = region.state == nullptr;
  if (cell.writer != kSplit) return CheckCell(cell, actor, mode, shared);
  Cell* bytes = region.single + 4 * word;
  for (int i = 0; i < 4; ++i) {
    const Fault fault = CheckCell(bytes[i], actor, mode, shared);
    if (fault.kind != FaultKind::kNone) return fault;
  }
  if (mode != Mode::kRead) cell = bytes[0];
  return {};
}

Fault CheckByte(const Region& region, Actor& actor, size_t offset, Mode mode) {
  Cell& cell = region.words[offset / 4];
  Cell* bytes = region.single + offset / 4 * 4;
  if (cell.writer != kSplit) {
    for (int i = 0; i < 4; ++i) bytes[i] = cell;
    cell = {kSplit, 0};
  }
  return CheckCell(region.single[offset], actor, mode, region.state == nullptr);
}

}  // namespace

uint64_t NewInterval() { return ++intervals; }
uint64_t LastInterval() { return intervals; }

Fault CheckAccess(const Region& region, Actor& actor, const void* p, size_t n, Mode mode) {
  const size_t offset = static_cast<size_t>(static_cast<const char*>(p) - region.base);
  if (n > region.bytes - offset) return {FaultKind::kOutOfBounds};
  if (region.state) {
    uint8_t* state = region.state + offset;
    for (size_t i = 0; i < n; ++i) {
      if (state[i] == kForbidden) return {FaultKind::kOutOfBounds};
      if (state[i] == kFreed) return {FaultKind::kFreed};
      if (state[i] == kFresh && mode != Mode::kWrite) return {FaultKind::kUninitialised};
    }
    if (mode == Mode::kWrite)
      for (size_t i = 0; i < n; ++i) state[i] = kWritten;
  } else {
    for (size_t i = 0; i < n; ++i)
      if (!region.allowed[offset + i]) return {FaultKind::kOutOfBounds};
  }
  size_t i = 0;
  while (i < n) {
    Fault fault;
    if ((offset + i) % 4 == 0 && n - i >= 4) {
      fault = CheckWord(region, actor, (offset + i) / 4, mode);
      i += 4;
    } else {
      fault = CheckByte(region, actor, offset + i, mode);
      i += 1;
    }
    if (fault.kind != FaultKind::kNone) return fault;
  }
  return {};
}

}  // namespace onda::cuda_sim
