#include "providers/cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace onda {
namespace {

struct Counts {
  ThreadPool* pool;
  std::vector<std::atomic<int>> visits;
  explicit Counts(ThreadPool* p, size_t n) : pool(p), visits(n) {}
};

void Visit(void* arg, int64_t begin, int64_t end) {
  Counts& counts = *static_cast<Counts*>(arg);
  for (int64_t i = begin; i < end; ++i) ++counts.visits[i];
}

TEST(ThreadPool, VisitsEachItemOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t n : {0, 1, 7, 1000}) {
      for (int64_t grain : {1, 3, 5000}) {
        Counts counts(&pool, static_cast<size_t>(n));
        pool.ParallelFor(n, grain, Visit, &counts);
        for (const auto& v : counts.visits) EXPECT_EQ(v, 1);
      }
    }
  }
}

TEST(ThreadPool, LoopsMayNestAndCallersMayBeMany) {
  ThreadPool pool(3);
  Counts counts(&pool, 400);
  const auto outer = [](void* arg, int64_t begin, int64_t end) {
    Counts& c = *static_cast<Counts*>(arg);
    for (int64_t i = begin; i < end; ++i) c.pool->ParallelFor(100, 1, Visit, &c);
  };
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) callers.emplace_back([&] { pool.ParallelFor(10, 1, outer, &counts); });
  for (std::thread& t : callers) t.join();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(counts.visits[i], 40);
  for (int i = 100; i < 400; ++i) EXPECT_EQ(counts.visits[i], 0);
}

TEST(ThreadPool, UsesAtLeastOneProcessor) { EXPECT_GE(UsableCpus(), 1); }

}  // namespace
}  // namespace onda
