#include "core/api/async_queue.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "providers/cpu/thread_pool.h"

namespace onda {

AsyncQueue::~AsyncQueue() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->end = true;
  }
  state_->wake.notify_all();
  for (std::thread& t : threads_) t.get_id() == std::this_thread::get_id() ? t.detach() : t.join();
}

void AsyncQueue::Add(std::function<void()> task) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->idle <= state_->tasks.size() && threads_.size() < static_cast<size_t>(std::max(2, UsableCpus()))) {
      try {
        threads_.emplace_back([state = state_] { Work(state); });
      } catch (const std::system_error&) {
        if (threads_.empty()) throw;
      }
    }
    state_->tasks.push_back(std::move(task));
  }
  state_->wake.notify_one();
}

void AsyncQueue::Work(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    ++state->idle;
    state->wake.wait(lock, [&] { return state->end || !state->tasks.empty(); });
    --state->idle;
    if (state->tasks.empty()) return;
    std::function<void()> task = std::move(state->tasks.front());
    state->tasks.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

}  // namespace onda
