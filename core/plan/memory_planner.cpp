#include "core/plan/memory_planner.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

namespace onda {
namespace {

constexpr size_t kAlignment = 64;

size_t Align(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

using Order = std::vector<int32_t>;

// Places buffers one after the other, each into the tightest gap among those placed before that live at the same time.
// Quadratic in the number of buffers.
class Placement {
 public:
  explicit Placement(const std::vector<BufferLifetime>& buffers) : buffers_(&buffers), offsets_(buffers.size()) {}

  void Add(const Order& order) {
    for (int32_t id : order) {
      const BufferLifetime& b = (*buffers_)[id];
      const size_t need = Align(b.bytes);
      size_t best_offset = SIZE_MAX, best_gap = SIZE_MAX, end = 0;
      for (int32_t other_id : placed_) {
        const BufferLifetime& o = (*buffers_)[other_id];
        if (!o.Meets(b)) continue;
        const size_t offset = offsets_[other_id];
        if (offset > end && offset - end >= need && offset - end < best_gap) {
          best_gap = offset - end;
          best_offset = end;
        }
        end = std::max(end, offset + Align(o.bytes));
      }
      offsets_[id] = best_offset == SIZE_MAX ? end : best_offset;
      if (offsets_[id] + need > total_) {
        total_ = offsets_[id] + need;
        highest_ = id;
      }
      placed_.insert(std::upper_bound(placed_.begin(), placed_.end(), id,
                                      [&](int32_t x, int32_t y) { return offsets_[x] < offsets_[y]; }),
                     id);
    }
  }
  size_t total() const { return total_; }
  int32_t highest() const { return highest_; }  // the buffer that ends last
  size_t offset(int32_t id) const { return offsets_[id]; }

 private:
  const std::vector<BufferLifetime>* buffers_;
  std::vector<size_t> offsets_;
  std::vector<int32_t> placed_;  // by offset
  size_t total_ = 0;
  int32_t highest_ = -1;
};

// Small buffers find room between the large ones: the search for an order is over those that matter.
size_t PlaceBySize(std::vector<BufferLifetime>& buffers) {
  const size_t bound = LargestLiveSet(buffers).bytes;
  Order large, small;
  for (int32_t id = 0; id < static_cast<int32_t>(buffers.size()); ++id)
    (buffers[id].bytes > bound / 256 ? large : small).push_back(id);
  const auto by_size = [&](int32_t a, int32_t b) { return buffers[a].bytes > buffers[b].bytes; };
  std::stable_sort(large.begin(), large.end(), by_size);
  std::stable_sort(small.begin(), small.end(), by_size);

  Placement best(buffers);
  best.Add(large);
  const size_t good = bound + bound / 64;
  const auto try_order = [&](const Order& order) {
    Placement next(buffers);
    next.Add(order);
    const int32_t highest = next.highest();
    if (next.total() < best.total()) best = std::move(next);
    return highest;
  };
  // Then whatever ends highest goes first, again and again.
  constexpr size_t kMostSteps = 200000;  // of all tries: keeps binding short
  size_t tries = std::min<size_t>(64, kMostSteps / (large.size() * large.size() + 1));
  const auto area = [&](int32_t id) {
    return static_cast<double>(buffers[id].bytes) * (buffers[id].last - buffers[id].first + 1);
  };
  Order orders[3] = {large, large, large};
  std::stable_sort(orders[1].begin(), orders[1].end(), [&](int32_t a, int32_t b) { return area(a) > area(b); });
  std::stable_sort(orders[2].begin(), orders[2].end(),
                   [&](int32_t a, int32_t b) { return buffers[a].first < buffers[b].first; });
  for (Order& order : orders) {
    for (size_t t = 0; t < tries / 3 && best.total() > good; ++t) {
      const int32_t highest = try_order(order);
      const auto it = std::find(order.begin(), order.end(), highest);
      if (it == order.begin()) break;
      std::rotate(order.begin(), it, it + 1);
    }
  }
  best.Add(small);
  for (int32_t id = 0; id < static_cast<int32_t>(buffers.size()); ++id) buffers[id].offset = best.offset(id);
  return best.total();
}

// What is used by one stream of a group lives as long as the group's steps.
void StretchGroups(std::vector<BufferLifetime>& buffers) {
  std::map<int32_t, std::pair<int32_t, int32_t>> spans;
  for (const BufferLifetime& b : buffers) {
    if (b.group < 0) continue;
    auto& [first, last] = spans.try_emplace(b.group, b.first, b.last).first->second;
    first = std::min(first, b.first), last = std::max(last, b.last);
  }
  for (BufferLifetime& b : buffers)
    if (b.group >= 0) std::tie(b.first, b.last) = spans[b.group];
}

// In the order of time, with a list of free ranges: for plans too long for the other.
size_t PlaceByTime(std::vector<BufferLifetime>& buffers) {
  StretchGroups(buffers);
  std::vector<int32_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return buffers[a].first < buffers[b].first; });
  std::multimap<int32_t, int32_t> live;  // by last step
  std::map<size_t, size_t> free;         // offset -> bytes, merged
  size_t total = 0;
  for (int32_t id : order) {
    BufferLifetime& b = buffers[id];
    while (!live.empty() && live.begin()->first < b.first) {
      const BufferLifetime& dead = buffers[live.begin()->second];
      live.erase(live.begin());
      if (dead.bytes == 0) continue;
      auto it = free.emplace(dead.offset, Align(dead.bytes)).first;
      if (auto next = std::next(it); next != free.end() && it->first + it->second == next->first) {
        it->second += next->second;
        free.erase(next);
      }
      if (it != free.begin())
        if (auto previous = std::prev(it); previous->first + previous->second == it->first) {
          previous->second += it->second;
          free.erase(it);
        }
    }
    const size_t need = Align(b.bytes);
    auto best = free.end();
    for (auto it = free.begin(); it != free.end(); ++it)
      if (it->second >= need && (best == free.end() || it->second < best->second)) best = it;
    if (need == 0) {
      b.offset = 0;
    } else if (best != free.end()) {
      b.offset = best->first;
      const size_t rest = best->second - need;
      free.erase(best);
      if (rest) free.emplace(b.offset + need, rest);
    } else {
      b.offset = total;
      total += need;
    }
    live.emplace(b.last, id);
  }
  return total;
}

}  // namespace

LivePeak LargestLiveSet(const std::vector<BufferLifetime>& buffers) {
  std::vector<std::pair<int32_t, int64_t>>
      changes;  // by step: bytes that come, and those that go after the step before
  for (const BufferLifetime& b : buffers) {
    if (b.bytes == 0) continue;
    changes.emplace_back(b.first, static_cast<int64_t>(Align(b.bytes)));
    changes.emplace_back(b.last + 1, -static_cast<int64_t>(Align(b.bytes)));
  }
  std::sort(changes.begin(), changes.end());  // at one step, what goes before what comes
  LivePeak peak;
  int64_t live = 0;
  for (const auto& [step, bytes] : changes) {
    live += bytes;
    if (live > static_cast<int64_t>(peak.bytes)) peak = {static_cast<size_t>(live), step};
  }
  return peak;
}

size_t PlanMemory(std::vector<BufferLifetime>& buffers) {
  return buffers.size() <= 3000 ? PlaceBySize(buffers) : PlaceByTime(buffers);
}

}  // namespace onda
