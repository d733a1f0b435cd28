#include "core/plan/branches.h"

#include <algorithm>
#include <numeric>

namespace onda {
namespace {

class Finder {
 public:
  explicit Finder(const std::vector<std::vector<int32_t>>& predecessors)
      : predecessors_(predecessors), root_(predecessors.size()), reach_(predecessors.size()) {}

  // Looks at steps [begin, end) alone: what enters and leaves the range does not matter inside of it. open: steps that
  // need nothing of the range count as following one ahead of it, and those that nothing needs as going on behind it.
  void Look(int32_t begin, int32_t end, bool open) {
    if (end - begin < 2) return;
    // reach_[i]: the last step of the range that reads what step i made.
    for (int32_t i = begin; i < end; ++i) reach_[i] = i;
    for (int32_t i = begin; i < end; ++i)
      for (int32_t p : predecessors_[i])
        if (p >= begin) reach_[p] = std::max(reach_[p], i);
    // A step that nothing passes by splits the range.
    int32_t first = begin, furthest = begin;
    for (int32_t i = begin; i < end && open; ++i)
      if (std::none_of(predecessors_[i].begin(), predecessors_[i].end(), [&](int32_t p) { return p >= begin; }))
        furthest = i;
    for (int32_t i = begin; i < end && open; ++i)
      if (reach_[i] == i) reach_[i] = end;
    std::vector<std::pair<int32_t, int32_t>> windows;
    for (int32_t i = begin; i < end; ++i) {
      if (furthest <= i) {
        windows.emplace_back(first, i);
        first = i + 1;
      }
      furthest = std::max(furthest, reach_[i]);
    }
    windows.emplace_back(first, end);
    for (const auto& [from, to] : windows) Split(from, to, end - begin, open);
  }

  std::vector<BranchGroup> groups;

 private:
  int32_t Find(int32_t i) {
    while (root_[i] != i) i = root_[i] = root_[root_[i]];
    return i;
  }

  // The connected parts of a window. Where there is only one, it is looked at by itself.
  void Split(int32_t begin, int32_t end, int32_t outer, bool open) {
    if (end - begin < 2) return;
    std::iota(root_.begin() + begin, root_.begin() + end, begin);
    for (int32_t i = begin; i < end; ++i)
      for (int32_t p : predecessors_[i])
        if (p >= begin) root_[Find(i)] = Find(p);
    BranchGroup group{begin, end, {}};
    std::vector<int32_t> chain_of(static_cast<size_t>(end - begin), -1);
    for (int32_t i = begin; i < end; ++i) {
      int32_t& chain = chain_of[static_cast<size_t>(Find(i) - begin)];
      if (chain < 0) {
        chain = static_cast<int32_t>(group.chains.size());
        group.chains.emplace_back();
      }
      group.chains[static_cast<size_t>(chain)].push_back(i);
    }
    if (group.chains.size() > 1) {
      groups.push_back(std::move(group));
    } else if (end - begin < outer) {
      Look(begin, end, true);
    } else if (open) {
      Look(begin, end, false);
    }
  }

  const std::vector<std::vector<int32_t>>& predecessors_;
  std::vector<int32_t> root_;
  std::vector<int32_t> reach_;
};

}  // namespace

std::vector<BranchGroup> FindBranches(const std::vector<std::vector<int32_t>>& predecessors) {
  Finder finder(predecessors);
  finder.Look(0, static_cast<int32_t>(predecessors.size()), true);
  return std::move(finder.groups);
}

bool BranchTrial::NextParallel() {
  const int run = runs_.load(std::memory_order_relaxed) <= 2 * kTries ? runs_.fetch_add(1, std::memory_order_relaxed)
                                                                      : 2 * kTries + 1;
  if (run <= 2 * kTries) return run % 2 == 1;
  return best_[1].load(std::memory_order_relaxed) < best_[0].load(std::memory_order_relaxed);
}

void BranchTrial::Took(bool parallel, std::chrono::nanoseconds time) {
  if (runs_.load(std::memory_order_relaxed) <= 1) return;  // the very first
  std::atomic<int64_t>& best = best_[parallel];
  int64_t before = best.load(std::memory_order_relaxed);
  while (time.count() < before && !best.compare_exchange_weak(before, time.count(), std::memory_order_relaxed)) {
  }
}

}  // namespace onda
