// How a run is told to end early.
#ifndef ONDA_CORE_RUNTIME_STOP_TOKEN_H_
#define ONDA_CORE_RUNTIME_STOP_TOKEN_H_

#include <atomic>
#include <chrono>
#include <optional>

namespace onda {

// Shared by the caller and the kernels. Once a stop was seen it stays, also where the caller takes it back.
class StopToken {
 public:
  void RequestStop() { stop_.store(true, std::memory_order_relaxed); }
  void Reset() { stop_.store(false, std::memory_order_relaxed); }
  // A flag of the caller's that is asked as well.
  void SetExternal(const std::atomic<bool>* flag) { external_ = flag; }
  void SetDeadline(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }
  bool requested() const {
    if (stop_.load(std::memory_order_relaxed)) return true;
    if (!(external_ && external_->load(std::memory_order_relaxed)) &&
        !(deadline_ && std::chrono::steady_clock::now() >= *deadline_))
      return false;
    stop_.store(true, std::memory_order_relaxed);
    return true;
  }

 private:
  mutable std::atomic<bool> stop_{false};
  const std::atomic<bool>* external_ = nullptr;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
};

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_STOP_TOKEN_H_
