// Steps of a plan that may run at the same time.
#ifndef ONDA_CORE_PLAN_BRANCHES_H_
#define ONDA_CORE_PLAN_BRANCHES_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

namespace onda {

// Steps [begin, end) fall into chains that do not depend on each other; what comes before is done, what comes behind
// waits for all. In a chain steps run in order.
struct BranchGroup {
  int32_t begin = 0;
  int32_t end = 0;
  std::vector<std::vector<int32_t>> chains;
};

// predecessors[i]: the steps, all before i, that must have run before step i. Groups are in order and disjoint.
std::vector<BranchGroup> FindBranches(const std::vector<std::vector<int32_t>>& predecessors);

// Finds out whether the chains of a group gain from running at once: kernels that fill the threads by themselves do
// not. The first runs try both ways in turn. Safe from any thread.
class BranchTrial {
 public:
  // Which way the next run goes.
  bool NextParallel();
  void Took(bool parallel, std::chrono::nanoseconds time);

 private:
  static constexpr int kTries = 4;  // of each way, after one that counts for nothing
  std::atomic<int> runs_{0};
  std::atomic<int64_t> best_[2] = {INT64_MAX, INT64_MAX};  // by way
};

}  // namespace onda

#endif  // ONDA_CORE_PLAN_BRANCHES_H_
