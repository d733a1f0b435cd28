#include "core/plan/memory_planner.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace onda {
namespace {

constexpr size_t kAlignment = 64;

size_t Align(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Quadratic in the number of buffers, close to the optimum.
size_t PlaceBySize(std::vector<BufferLifetime>& buffers) {
  std::vector<int32_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return buffers[a].bytes > buffers[b].bytes; });
  size_t total = 0;
  std::vector<int32_t> placed;  // by offset
  for (int32_t id : order) {
    BufferLifetime& b = buffers[id];
    const size_t need = Align(b.bytes);
    size_t best_offset = SIZE_MAX, best_gap = SIZE_MAX, end = 0;
    for (int32_t other_id : placed) {
      const BufferLifetime& o = buffers[other_id];
      if (o.last < b.first || b.last < o.first) continue;
      if (o.offset > end && o.offset - end >= need && o.offset - end < best_gap) {
        best_gap = o.offset - end;
        best_offset = end;
      }
      end = std::max(end, o.offset + Align(o.bytes));
    }
    b.offset = best_offset == SIZE_MAX ? end : best_offset;
    total = std::max(total, b.offset + need);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), id,
                                   [&](int32_t x, int32_t y) { return buffers[x].offset < buffers[y].offset; }),
                  id);
  }
  return total;
}

// In the order of time, with a list of free ranges: for plans too long for the other.
size_t PlaceByTime(std::vector<BufferLifetime>& buffers) {
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

size_t PlanMemory(std::vector<BufferLifetime>& buffers) {
  return buffers.size() <= 3000 ? PlaceBySize(buffers) : PlaceByTime(buffers);
}

}  // namespace onda
