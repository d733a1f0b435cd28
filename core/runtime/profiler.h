// A trace of loading and running in the JSON format of chrome://tracing and Perfetto.
#ifndef ONDA_CORE_RUNTIME_PROFILER_H_
#define ONDA_CORE_RUNTIME_PROFILER_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/runtime/executor.h"

namespace onda {

// Safe from any number of threads. Events beyond kMaxEvents are counted and dropped.
class Profiler {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr size_t kMaxEvents = 2'000'000;

  // The trace goes to PREFIX_DATE_TIME.json, or PREFIX_DATE_TIME_N.json where that is there already.
  explicit Profiler(std::string prefix);

  // Something that has just ended. arguments: members of a JSON object, or "".
  void Add(std::string_view category, std::string_view name, Clock::time_point begin, std::string arguments = "");
  // The names of the provider instances, by index.
  void SetProviders(std::vector<std::string> labels);
  // What is told of a run that is traced; `then` is told as well, may be null, and outlives the observer.
  NodeObserver Observe(const NodeObserver* then);

  // Writes what was collected, once; the name of the file. Later events are dropped. Throws kInvalidArgument where the
  // file cannot be written.
  const std::string& Finish();
  bool active() const { return active_; }

 private:
  struct Event {
    std::string category, name, arguments;
    double begin, duration;  // microseconds since start_
    int thread;
  };
  std::string Text() const;
  void AddNode(const Node& node, std::span<const OndaTensorView> inputs, std::span<const OndaTensorView> outputs,
               double milliseconds);
  std::string ProviderOf(const Node& node) const;

  const Clock::time_point start_ = Clock::now();
  std::string path_;
  std::atomic<bool> active_{true};
  std::mutex mutex_;  // of what follows
  bool written_ = false;
  std::vector<std::string> providers_;
  std::vector<Event> events_;
  std::map<std::thread::id, int> threads_;
  size_t dropped_ = 0;
};

}  // namespace onda

#endif  // ONDA_CORE_RUNTIME_PROFILER_H_
