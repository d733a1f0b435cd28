// The CPU provider's threads.
#ifndef ONDA_PROVIDERS_CPU_THREAD_POOL_H_
#define ONDA_PROVIDERS_CPU_THREAD_POOL_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace onda {

// Runs loops on a fixed number of threads, the caller's included. Any number of callers may share a pool; a loop body
// may start another loop. An idle worker waits a few microseconds for more work and then sleeps.
class ThreadPool {
 public:
  // 0: as many as UsableCpus(). 1: no thread is started, loops run on the caller.
  explicit ThreadPool(int threads = 0);
  // Ranges run on the caller's threads: parallel(user, n, body, arg) calls body(arg, i) for each i in [0, n) and
  // returns when all are done. threads: how many ranges are worth making at once; 0 for UsableCpus().
  using Parallel = void (*)(void* user, int64_t n, void (*body)(void* arg, int64_t i), void* arg);
  ThreadPool(Parallel parallel, void* user, int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  using Body = void (*)(void* arg, int64_t begin, int64_t end);
  // Calls body over disjoint ranges that cover [0, n), of at least grain items but for the last. body must not throw.
  // Allocates nothing.
  enum class Waiting {
    kSpins,  // for ranges that other threads run at the end
    kHelps,  // with loops of others meanwhile: for long ranges that start loops themselves
  };
  void ParallelFor(int64_t n, int64_t grain, Body body, void* arg, Waiting waiting = Waiting::kSpins);

 private:
  struct Loop;
  void Work();
  static void RunSome(Loop& loop);
  // Runs ranges of some loop; false where none has any.
  bool Help();
  // With the mutex held.
  void List(Loop& loop);
  void Unlist(Loop& loop);

  int threads_ = 1;
  Parallel parallel_ = nullptr;
  void* user_ = nullptr;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Loop* first_ = nullptr;  // loops that have ranges to give away
  Loop* last_ = nullptr;
  std::atomic<int> pending_{0};  // loops that may still have ranges to give away
  bool stop_ = false;
};

// Processors that this process may use: its affinity mask, cut to the CPU quota of its control group.
int UsableCpus();

}  // namespace onda

#endif  // ONDA_PROVIDERS_CPU_THREAD_POOL_H_
