// Gives memory back that nobody has used for a while.
#ifndef ONDA_CORE_RUNTIME_IDLE_TRIMMER_H_
#define ONDA_CORE_RUNTIME_IDLE_TRIMMER_H_

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "core/runtime/memory_budget.h"

namespace onda {

// A thread that trims the pools of a budget, from its construction to its destruction. Blocks go back after between
// one and one and a half times the idle time.
class IdleTrimmer {
 public:
  // Throws std::system_error where no thread can be had.
  IdleTrimmer(std::shared_ptr<MemoryBudget> budget, std::chrono::duration<double> idle);
  ~IdleTrimmer();
  IdleTrimmer(const IdleTrimmer&) = delete;
  IdleTrimmer& operator=(const IdleTrimmer&) = delete;

 private:
  const std::shared_ptr<MemoryBudget> budget_;
  const std::chrono::steady_clock::duration idle_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool end_ = false;
  std::thread thread_;
};

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_IDLE_TRIMMER_H_
