// The threads that a function-level kernel may use, without knowing who owns them.
#ifndef ONDA_KERNELS_SIMD_PARALLEL_H_
#define ONDA_KERNELS_SIMD_PARALLEL_H_

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace onda {

struct Parallel {
  void* self = nullptr;
  // Calls body(arg, begin, end) over disjoint ranges that cover [0, n) and returns when all are done. NULL: one thread.
  void (*run)(void* self, int64_t n, void (*body)(void* arg, int64_t begin, int64_t end), void* arg) = nullptr;
  int threads = 1;

  // Calls fn(begin, end) over ranges that cover [0, n).
  template <class Fn>
  void ForRange(int64_t n, Fn&& fn) const {
    if (n <= 0) return;
    if (run == nullptr || threads <= 1 || n == 1) {
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
    if (workers <= 1) {
      for (int64_t t = 0; t < tasks; ++t) fn(0, t);
      return;
    }
    std::atomic<int64_t> next{0};
    ForRange(workers, [&](int64_t begin, int64_t end) {
      for (int64_t w = begin; w < end; ++w)
        for (int64_t t; (t = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) fn(static_cast<int>(w), t);
    });
  }
};

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_PARALLEL_H_
