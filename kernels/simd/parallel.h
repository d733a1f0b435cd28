// The threads that a function-level kernel may use, without knowing who owns them.
#ifndef ONDA_KERNELS_SIMD_PARALLEL_H_
#define ONDA_KERNELS_SIMD_PARALLEL_H_

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace onda {

// Work of fewer multiplications is not worth waking a thread for.
inline constexpr int64_t kMinParallelWork = int64_t{1} << 19;

struct Parallel {
  void* self = nullptr;
  // Calls body(arg, begin, end) over disjoint ranges that cover [0, n) and returns when all are done. NULL: one thread.
  // Throws where the run is to end early; ranges may be missing then.
  void (*run)(void* self, int64_t n, void (*body)(void* arg, int64_t begin, int64_t end), void* arg) = nullptr;
  bool (*stop)(void* self) = nullptr;  // whether the run is to end early; NULL: never
  int threads = 1;

  bool stop_requested() const { return stop != nullptr && stop(self); }

  // Calls fn(begin, end) over ranges that cover [0, n).
  template <class Fn>
  void ForRange(int64_t n, Fn&& fn) const {
    if (n <= 0) return;
    if (run == nullptr) {
      fn(int64_t{0}, n);
      return;
    }
    auto body = [](void* arg, int64_t begin, int64_t end) {
      (*static_cast<std::remove_reference_t<Fn>*>(arg))(begin, end);
    };
    run(self, n, body, &fn);
  }

  // Calls fn(worker, task) once for every task in [0, tasks). At most `workers` calls are under way at a time and their
  // worker numbers, all below `workers`, differ: scratch memory may be indexed by them.
  template <class Fn>
  void ForTasks(int workers, int64_t tasks, Fn&& fn) const {
    if (tasks < workers) workers = static_cast<int>(tasks);
    std::atomic<int64_t> next{0};
    ForRange(workers, [&](int64_t begin, int64_t end) {
      for (int64_t w = begin; w < end; ++w)
        for (int64_t t; (t = next.fetch_add(1, std::memory_order_relaxed)) < tasks && !stop_requested();)
          fn(static_cast<int>(w), t);
    });
  }
};

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_PARALLEL_H_
