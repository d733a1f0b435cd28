#include "tests/providers/race_check.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace onda {
namespace {

// One mistake in a plan can make very many pairs of accesses race.
constexpr size_t kMaxReports = 50;

}  // namespace

void RaceCheck::Reset() {
  names_ = {"the host"};
  clocks_ = {{1}};
  ranges_.clear();
}

RaceCheck::Actor RaceCheck::AddStream(std::string name) {
  // Both lists grow or neither, where memory runs out.
  Clock clock(names_.size() + 1);
  clocks_.reserve(clocks_.size() + 1);
  names_.push_back(std::move(name));
  clocks_.push_back(std::move(clock));
  return names_.size() - 1;
}

void RaceCheck::Queue(Actor stream) {
  Join(stream, clocks_[kHost]);
  ++clocks_[stream][stream];
}

void RaceCheck::Join(Actor actor, const Clock& clock) {
  Clock& own = clocks_[actor];
  if (own.size() < clock.size()) own.resize(clock.size());
  for (size_t i = 0; i < clock.size(); ++i) own[i] = std::max(own[i], clock[i]);
}

void RaceCheck::Read(Actor actor, const void* memory, size_t bytes, const std::string& what) {
  Note(actor, memory, bytes, what, false);
}

void RaceCheck::Write(Actor actor, const void* memory, size_t bytes, const std::string& what) {
  Note(actor, memory, bytes, what, true);
}

void RaceCheck::Note(Actor actor, const void* memory, size_t bytes, const std::string& what, bool is_write) {
  if (bytes == 0) return;
  if (actor == kHost) ++clocks_[kHost][kHost];
  const Access now{actor, clocks_[actor][actor], std::make_shared<const std::string>(what)};
  const uintptr_t begin = reinterpret_cast<uintptr_t>(memory), end = begin + bytes;
  SplitAt(begin);
  SplitAt(end);
  uintptr_t at = begin;
  for (auto it = ranges_.lower_bound(begin); at < end;) {
    if (it == ranges_.end() || it->first > at) {  // bytes that nobody has touched so far
      const uintptr_t next = it == ranges_.end() ? end : std::min(end, it->first);
      it = ranges_.emplace_hint(it, at, Range{next, {}, {}});
    }
    Range& range = it->second;
    Compare(range.write, now, true, is_write, at, range.end);
    if (is_write) {
      for (const Access& read : range.reads) Compare(read, now, false, true, at, range.end);
      range.write = now;
      range.reads.clear();
    } else {
      std::erase_if(range.reads, [&](const Access& read) { return read.actor == actor; });
      range.reads.push_back(now);
    }
    at = range.end;
    ++it;
  }
}

void RaceCheck::Forget(const void* memory, size_t bytes) {
  const uintptr_t begin = reinterpret_cast<uintptr_t>(memory), end = begin + bytes;
  SplitAt(begin);
  SplitAt(end);
  ranges_.erase(ranges_.lower_bound(begin), ranges_.lower_bound(end));
}

void RaceCheck::SplitAt(uintptr_t address) {
  auto it = ranges_.upper_bound(address);
  if (it == ranges_.begin()) return;
  --it;
  if (it->first == address || it->second.end <= address) return;
  Range upper = it->second;
  it->second.end = address;
  ranges_.emplace(address, std::move(upper));
}

void RaceCheck::Compare(const Access& before, const Access& now, bool before_writes, bool now_writes, uintptr_t begin,
                        uintptr_t end) {
  if (before.time == 0 || before.actor == now.actor) return;
  const Clock& known = clocks_[now.actor];
  if (before.actor < known.size() && known[before.actor] >= before.time) return;
  if (reports_.size() >= kMaxReports) return;
  char bytes[64];
  std::snprintf(bytes, sizeof(bytes), "bytes [0x%zx, 0x%zx)", static_cast<size_t>(begin), static_cast<size_t>(end));
  reports_.push_back(*now.what + " on " + names_[now.actor] + (now_writes ? " writes " : " reads ") + bytes + " that " +
                     *before.what + " on " + names_[before.actor] + (before_writes ? " writes" : " reads") +
                     ", and no event lies between them");
}

std::vector<std::string> RaceCheck::TakeReports() { return std::exchange(reports_, {}); }

}  // namespace onda
