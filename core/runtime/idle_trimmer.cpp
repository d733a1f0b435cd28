#include "core/runtime/idle_trimmer.h"

#include <utility>

namespace onda {

IdleTrimmer::IdleTrimmer(std::shared_ptr<MemoryBudget> budget, std::chrono::duration<double> idle)
    : budget_(std::move(budget)), idle_(std::chrono::duration_cast<std::chrono::steady_clock::duration>(idle)) {
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, idle_ / 2, [this] { return end_; })) {
      lock.unlock();
      budget_->TrimIdle(std::chrono::steady_clock::now() - idle_);
      lock.lock();
    }
  });
}

IdleTrimmer::~IdleTrimmer() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

}  // namespace onda
