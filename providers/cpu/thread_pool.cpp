#include "providers/cpu/thread_pool.h"

#include <immintrin.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <system_error>

#include "onda/types.h"

namespace onda {

// On the stack of its caller. Ranges are taken by a counter, so that a slow thread takes fewer of them.
struct ThreadPool::Loop {
  Body body;
  void* arg;
  int64_t n;
  int64_t step;
  int64_t ranges;
  std::atomic<int64_t> next{0};
  std::atomic<int> helpers{0};  // workers that may still touch this object; raised under the pool's mutex
  Loop* previous = nullptr;     // in the list of loops that have ranges to give away
  Loop* following = nullptr;
  bool listed = false;
};

namespace {

// CPUs that a cgroup (version 2, then 1) grants, rounded up; 0 where there is no limit.
int CpuQuota() {
  long long quota = -1, period = -1;
  if (std::FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    if (std::fscanf(f, "%lld %lld", &quota, &period) != 2) quota = -1;  // "max": no limit
    std::fclose(f);
  } else if (std::FILE* q = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r")) {
    if (std::fscanf(q, "%lld", &quota) != 1) quota = -1;
    std::fclose(q);
    if (std::FILE* p = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r")) {
      if (std::fscanf(p, "%lld", &period) != 1) period = -1;
      std::fclose(p);
    }
  }
  return quota > 0 && period > 0 ? static_cast<int>((quota + period - 1) / period) : 0;
}

}  // namespace

int UsableCpus() {
  cpu_set_t set;
  int cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
                                                          : static_cast<int>(std::thread::hardware_concurrency());
  const int quota = CpuQuota();
  if (quota > 0) cpus = std::min(cpus, quota);
  return std::max(cpus, 1);
}

// Delegates, so that the destructor ends the threads that are there where a later one cannot be started.
ThreadPool::ThreadPool(int threads) : ThreadPool(nullptr, nullptr, threads) {
  workers_.reserve(static_cast<size_t>(threads_ - 1));
  try {
    for (int i = 1; i < threads_; ++i) workers_.emplace_back([this] { Work(); });
  } catch (const std::system_error& e) {
    throw Error(ErrorCode::kOutOfMemory, std::string("cannot start a thread: ") + e.what());
  }
}

ThreadPool::ThreadPool(Parallel parallel, void* user, int threads)
    : threads_(threads > 0 ? threads : UsableCpus()), parallel_(parallel), user_(user) {}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& t : workers_) t.join();
}

// Runs ranges until none is left.
void ThreadPool::RunSome(Loop& loop) {
  for (int64_t r; (r = loop.next.fetch_add(1, std::memory_order_relaxed)) < loop.ranges;) {
    const int64_t begin = r * loop.step;
    loop.body(loop.arg, begin, std::min(begin + loop.step, loop.n));
  }
}

void ThreadPool::List(Loop& loop) {
  loop.previous = last_;
  (last_ ? last_->following : first_) = &loop;
  last_ = &loop;
  loop.listed = true;
  pending_.fetch_add(1, std::memory_order_release);
}

void ThreadPool::Unlist(Loop& loop) {
  if (!loop.listed) return;
  (loop.previous ? loop.previous->following : first_) = loop.following;
  (loop.following ? loop.following->previous : last_) = loop.previous;
  loop.listed = false;
  pending_.fetch_sub(1, std::memory_order_release);
}

bool ThreadPool::Help() {
  Loop* loop = nullptr;
  {
    const std::lock_guard lock(mutex_);
    for (loop = first_; loop && loop->next.load(std::memory_order_relaxed) >= loop->ranges;) loop = loop->following;
    if (!loop) return false;
    loop->helpers.fetch_add(1, std::memory_order_relaxed);
  }
  RunSome(*loop);
  {
    const std::lock_guard lock(mutex_);
    Unlist(*loop);
  }
  loop->helpers.fetch_sub(1, std::memory_order_release);  // the loop may be gone from here on
  return true;
}

void ThreadPool::ParallelFor(int64_t n, int64_t grain, Body body, void* arg, Waiting waiting) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const int64_t most = static_cast<int64_t>(threads()) * 4;
  const int64_t step = std::max(grain, (n + most - 1) / most);
  if (n <= step || (workers_.empty() && !parallel_)) {
    body(arg, 0, n);
    return;
  }
  if (parallel_) {
    struct Ranges {
      Body body;
      void* arg;
      int64_t n, step;
    } ranges{body, arg, n, step};
    parallel_(
        user_, (n + step - 1) / step,
        [](void* p, int64_t i) {
          const Ranges& r = *static_cast<const Ranges*>(p);
          r.body(r.arg, i * r.step, std::min((i + 1) * r.step, r.n));
        },
        &ranges);
    return;
  }
  Loop loop;
  loop.body = body;
  loop.arg = arg;
  loop.n = n;
  loop.step = step;
  loop.ranges = (n + step - 1) / step;
  {
    std::lock_guard lock(mutex_);
    List(loop);
  }
  if (loop.ranges > 2) {
    wake_.notify_all();
  } else {
    wake_.notify_one();
  }
  RunSome(loop);
  {
    std::lock_guard lock(mutex_);
    Unlist(loop);
  }
  // Only ranges that run at this moment are left: their ends are near.
  for (int spin = 0; loop.helpers.load(std::memory_order_acquire) > 0; ++spin) {
    if (waiting == Waiting::kHelps && pending_.load(std::memory_order_acquire) > 0 && Help()) continue;
    if (spin < 2000) {
      _mm_pause();
    } else {
      sched_yield();
    }
  }
}

void ThreadPool::Work() {
  using Clock = std::chrono::steady_clock;
  constexpr auto kPatience = std::chrono::microseconds(50);
  for (;;) {
    const auto since = Clock::now();
    while (pending_.load(std::memory_order_acquire) == 0 && Clock::now() - since < kPatience) _mm_pause();
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || first_; });
      if (stop_) return;
      while (first_ && first_->next.load(std::memory_order_relaxed) >= first_->ranges) Unlist(*first_);
    }
    Help();
  }
}

}  // namespace onda
