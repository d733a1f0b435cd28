// Runs that callers do not wait for.
#ifndef ONDA_CORE_API_ASYNC_QUEUE_H_
#define ONDA_CORE_API_ASYNC_QUEUE_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace onda {

// Tasks in the order in which they came, as many at once as there are processors; threads are started when they are
// needed first. The destructor waits for all tasks.
class AsyncQueue {
 public:
  AsyncQueue() = default;
  ~AsyncQueue();
  AsyncQueue(const AsyncQueue&) = delete;
  AsyncQueue& operator=(const AsyncQueue&) = delete;
  // task must not throw, and may add others.
  void Add(std::function<void()> task);

 private:
  // Outlives the queue where a task drops the last reference to it.
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<void()>> tasks;
    size_t idle = 0;
    bool end = false;
  };
  static void Work(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_ = std::make_shared<State>();
  std::vector<std::thread> threads_;  // guarded by the state's mutex
};

}  // namespace onda

#endif  // ONDA_CORE_API_ASYNC_QUEUE_H_
