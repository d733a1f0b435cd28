// Limits, trimming and sharing of memory.
#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "core/runtime/block_pool.h"
#include "core/runtime/idle_trimmer.h"
#include "onda/model.h"
#include "tests/sanitized.h"
#if ONDA_SANITIZED
#include <sanitizer/allocator_interface.h>
#endif

namespace onda {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

Model Text(const std::string& graph) { return Model::FromText("<ir_version: 10, opset_import: [\"\" : 21]> " + graph); }

template <class Fn>
std::string Thrown(Fn&& fn) {
  try {
    fn();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kOutOfMemory);
    return e.what();
  }
  return "";
}

Value Zeros(int64_t n) { return Value::CreateTensor<float>(std::vector<int64_t>{n}); }

TEST(BlockPool, KeepsBlocksUntilTheyAreWanted) {
  auto pool = std::make_shared<BlockPool>(10 * kMiB);
  void* first = nullptr;
  {
    const auto block = pool->Allocate(kMiB);
    first = block.get();
    EXPECT_EQ(pool->bytes_in_use(), kMiB);
  }
  EXPECT_EQ(pool->bytes_in_use(), 0u);
  EXPECT_EQ(pool->bytes_kept(), kMiB);
  EXPECT_EQ(pool->Allocate(kMiB).get(), first);
  pool->Trim();
  EXPECT_EQ(pool->bytes_kept(), 0u);
  EXPECT_EQ(pool->peak_bytes(), kMiB);
}

TEST(BlockPool, GivesKeptBlocksBackBeforeTheLimit) {
  auto pool = std::make_shared<BlockPool>(4 * kMiB);
  pool->Allocate(3 * kMiB);
  const auto large = pool->Allocate(4 * kMiB);  // the kept block has to go
  EXPECT_EQ(pool->bytes_kept(), 0u);
  EXPECT_NE(Thrown([&] { pool->Allocate(1); }), "");
  EXPECT_EQ(pool->bytes_in_use(), 4 * kMiB);
}

TEST(BlockPool, BlocksOutliveTheirPool) {
  std::shared_ptr<void> block;
  {
    auto pool = std::make_shared<BlockPool>();
    block = pool->Allocate(100);
  }
  static_cast<char*>(block.get())[99] = 1;
}

TEST(MemoryBudget, HoldsForAllPoolsTogether) {
  auto budget = std::make_shared<MemoryBudget>(8 * kMiB);
  auto a = BlockPool::Make(0, budget), b = BlockPool::Make(2 * kMiB, budget);
  auto block = a->Allocate(6 * kMiB);
  EXPECT_NE(Thrown([&] { b->Allocate(3 * kMiB); }).find("2097152"), std::string::npos);  // its own limit
  const auto small = b->Allocate(2 * kMiB);
  EXPECT_NE(Thrown([&] { a->Allocate(kMiB); }).find("environment"), std::string::npos);
  block = nullptr;
  EXPECT_EQ(budget->used(), 8 * kMiB);  // kept
  const auto other = a->Allocate(4 * kMiB);
  EXPECT_EQ(budget->used(), 6 * kMiB);
  EXPECT_EQ(budget->peak(), 8 * kMiB);
}

TEST(MemoryBudget, OnePoolsKeptBlocksMakeRoomForAnother) {
  auto budget = std::make_shared<MemoryBudget>(4 * kMiB);
  auto a = BlockPool::Make(0, budget), b = BlockPool::Make(0, budget);
  a->Allocate(3 * kMiB);
  EXPECT_EQ(Thrown([&] { b->Allocate(4 * kMiB); }), "");
}

TEST(MemoryBudget, IdleMemoryGoesBack) {
  auto budget = std::make_shared<MemoryBudget>();
  auto pool = BlockPool::Make(0, budget);
  const IdleTrimmer trimmer(budget, std::chrono::milliseconds(100));
  pool->Allocate(kMiB);
  EXPECT_EQ(budget->used(), kMiB);
  for (int i = 0; i < 100 && budget->used(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(budget->used(), 0u);
}

const char kChain[] =
    "g (float[N] x) => (float[N] y) { [first] a = Exp(x) [second] b = Concat<axis = 0>(a, a) "
    "[third] c = Sin(b) [fourth] y = ReduceMax<keepdims = 1>(c) }";

TEST(Memory, LimitsNameTheNodeAndTheSessionGoesOn) {
  for (bool of_env : {false, true}) {
    Env::Options env_options;
    if (of_env) env_options.memory_limit = 8 * kMiB;
    Env env(env_options);
    SessionOptions options;
    if (!of_env) options.SetMemoryLimit(8 * kMiB);
    const Session session(env, Text(kChain), options);
    const auto run = [&](int64_t n) { session.Run({{"x", Zeros(n)}}); };
    const std::string error = Thrown([&] { run(4 << 20); });
    EXPECT_NE(error.find("node 'second'"), std::string::npos) << error;
    EXPECT_NE(error.find(std::to_string(8 * kMiB)), std::string::npos) << error;
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(Thrown([&] { run(1000); }), "");
      EXPECT_NE(Thrown([&] { run(4 << 20); }), "");
    }
    EXPECT_LE(env.GetMemoryUse().peak, 8 * kMiB);
    EXPECT_EQ(session.GetMemoryUse().in_use, 0u);
  }
}

TEST(Memory, EnvironmentTrimsAllSessions) {
  Env env;
  const Session one(env, Text(kChain)), two(env, Text(kChain));
  one.Run({{"x", Zeros(1 << 18)}});
  two.Run({{"x", Zeros(1 << 18)}});
  EXPECT_GE(env.GetMemoryUse().used, 4 * kMiB);
  env.Trim();
  EXPECT_EQ(env.GetMemoryUse().used, 0u);
  EXPECT_GE(env.GetMemoryUse().peak, 4 * kMiB);
}

// Heap in use, large blocks included.
size_t HeapBytes() {
#if ONDA_SANITIZED
  return __sanitizer_get_current_allocated_bytes();
#else
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

TEST(Memory, SessionsShareWeightsOnRequest) {
  // 4 MiB of weights, folded and packed.
  const std::string graph =
      "g (float[1,1024] x) => (float[1,1024] y) <int64[2] s = {1024, 1024}> "
      "{ w = ConstantOfShape<value = float[1] {0.001}>(s) t = Transpose<perm = [1,0]>(w) y = MatMul(x, t) }";
  for (bool share : {false, true}) {
    Env env;
    SessionOptions options;
    options.SetShareConstants(share);
    const Session first(env, Text(graph), options);
    const size_t before = HeapBytes();
    const Session second(env, Text(graph), options);
    const size_t added = HeapBytes() - before;
    if (share) {
      EXPECT_LT(added, kMiB);
    } else {
      EXPECT_GT(added, 4 * kMiB);
    }
    const Value x = Value::FromVector(std::vector<float>(1024, 1.0f), {1, 1024});
    EXPECT_EQ(first.Run({{"x", x}})[0].ToVector<float>(), second.Run({{"x", x}})[0].ToVector<float>());
  }
}

TEST(Memory, OtherWeightsAreNotTakenForEqualOnes) {
  Env env;
  SessionOptions options;
  options.SetShareConstants();
  const auto model = [](const char* w) {
    return Text("g (float[1,2] x) => (float[1,2] y) <float[2,2] w = {" + std::string(w) + "}> { y = MatMul(x, w) }");
  };
  const Session one(env, model("1, 2, 3, 4"), options), two(env, model("1, 2, 3, 5"), options);
  const Value x = Value::FromVector<float>({1, 1}, {1, 2});
  EXPECT_EQ(one.Run({{"x", x}})[0].ToVector<float>(), (std::vector<float>{4, 6}));
  EXPECT_EQ(two.Run({{"x", x}})[0].ToVector<float>(), (std::vector<float>{4, 7}));
}

}  // namespace
}  // namespace onda
