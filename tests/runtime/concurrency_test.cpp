// One session, many callers.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "onda/model.h"

namespace onda {
namespace {

Model Text(const std::string& graph) { return Model::FromText("<ir_version: 10, opset_import: [\"\" : 21]> " + graph); }

Value Filled(int64_t n, float value) {
  return Value::FromVector(std::vector<float>(static_cast<size_t>(n), value), {n});
}

// A kernel's loop is run by the caller's executor; inside of it another thread runs the same session to its end, which
// would wait for ever for a lock that the first run held.
TEST(Concurrency, NoLockIsHeldWhileKernelsRun) {
  std::atomic<int> depth{0};
  std::function<void()> other;
  Env::Options options;
  options.threads = 2;
  options.parallel = [&](int64_t n, const std::function<void(int64_t)>& body) {
    if (depth.fetch_add(1) == 0) std::thread(other).join();
    for (int64_t i = 0; i < n; ++i) body(i);
  };
  const Session session(Env(options), Text("g (float[N] x) => (float[N] y) { y = Exp(x) }"));
  float inner = 0;
  other = [&] { inner = session.Run({{"x", Filled(1 << 20, 1)}})[0].ToVector<float>()[5]; };
  const float outer = session.Run({{"x", Filled(1 << 20, 0)}})[0].ToVector<float>()[5];
  EXPECT_EQ(outer, 1.0f);
  EXPECT_NEAR(inner, 2.71828f, 1e-4);
  EXPECT_GE(depth, 2);
}

// Sixteen callers with shapes of their own, new and known ones; some give up, some ask for too much memory.
TEST(Concurrency, SixteenCallersOfAllKinds) {
  Env::Options env_options;
  env_options.threads = 3;
  Env env(env_options);
  SessionOptions options;
  options.SetMemoryLimit(size_t{64} << 20).SetInterOpNumThreads(2);
  const Session session(
      env,
      Text("g (float[N] x) => (float[M] y, float z) { a = Relu(x) b = Neg(x) c = Concat<axis = 0>(a, b) y = Abs(c) "
           "z = ReduceMax<keepdims = 0>(y) }"),
      options);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 16; ++t)
    callers.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        const int64_t n = 1 + (t * 7 + i) % 90 * 500;
        const float value = static_cast<float>(t + 1);
        RunOptions run;
        const bool stopped = i % 8 == 3, greedy = i % 16 == 6;
        if (stopped) run.SetTerminate();
        try {
          const auto r = session.Run({{"x", Filled(greedy ? 12 << 20 : n, value)}}, {}, &run);
          wrong += stopped || greedy || r[1].ToVector<float>()[0] != value ||
                   r[0].ToVector<float>()[static_cast<size_t>(2 * n - 1)] != value;
        } catch (const Error& e) {
          const bool expected =
              (stopped && e.code() == ErrorCode::kCancelled) || (greedy && e.code() == ErrorCode::kOutOfMemory);
          wrong += !expected;
        }
      }
    });
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(session.GetMemoryUse().in_use, 0u);
  EXPECT_LE(session.GetMemoryUse().peak, size_t{64} << 20);
}

}  // namespace
}  // namespace onda
