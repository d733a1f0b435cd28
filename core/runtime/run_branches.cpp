#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>

#include "core/runtime/execution.h"

namespace onda {

// The chains of a group, taken one by one by several threads. After a failure no step begins any more.
struct Execution::Chains {
  Execution* execution;
  const Plan* plan;
  const BranchGroup* group;
  Lanes* lanes;
  std::atomic<size_t> next;
  std::atomic<bool> failed;
  std::exception_ptr error;

  void RunSome() {
    for (size_t c; (c = next.fetch_add(1, std::memory_order_relaxed)) < group->chains.size();) {
      try {
        for (int32_t s : group->chains[c]) {
          if (failed.load(std::memory_order_relaxed)) return;
          execution->Launch(*plan, plan->steps[static_cast<size_t>(s)], *lanes);
        }
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  }
};

void Execution::RunBranches(const Plan& plan, const BranchGroup& group, BranchTrial& trial, Lanes& lanes) {
  const int most = context_.inter_op_threads ? context_.inter_op_threads : context_.threads->threads();
  const bool parallel = most > 1 && context_.threads->threads() > 1 && !context_.observer && trial.NextParallel();
  const auto start = std::chrono::steady_clock::now();
  if (parallel) {
    Chains chains{this, &plan, &group, &lanes, {}, {}, {}};
    const int64_t runners = std::min<int64_t>(most, static_cast<int64_t>(group.chains.size()));
    context_.threads->ParallelFor(
        runners, 1,
        [](void* arg, int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) static_cast<Chains*>(arg)->RunSome();
        },
        &chains, ThreadPool::Waiting::kHelps);
    if (chains.error) std::rethrow_exception(chains.error);
  } else {
    for (int32_t s = group.begin; s < group.end; ++s) Launch(plan, plan.steps[static_cast<size_t>(s)], lanes);
  }
  trial.Took(parallel, std::chrono::steady_clock::now() - start);
}

}  // namespace onda
