#include "core/plan/branches.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "tests/kernels/family_cases.h"

namespace onda {
namespace {

using Steps = std::vector<std::vector<int32_t>>;

TEST(Branches, AChainHasNone) { EXPECT_TRUE(FindBranches({{}, {0}, {1}, {2}}).empty()); }

TEST(Branches, BetweenForkAndJoin) {
  // 0 -> 1 -> 3 -> 5, 0 -> 2 -> 4 -> 5
  const std::vector<BranchGroup> groups = FindBranches({{}, {0}, {0}, {1}, {2}, {3, 4}});
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].begin, 1);
  EXPECT_EQ(groups[0].end, 5);
  EXPECT_EQ(groups[0].chains, (Steps{{1, 3}, {2, 4}}));
}

TEST(Branches, BesideAShortcut) {
  // The shortcut 0 -> 6 passes by everything; inside, 1 forks to 2 and 3, which 4 joins.
  const std::vector<BranchGroup> groups = FindBranches({{}, {0}, {1}, {1}, {2, 3}, {4}, {5, 0}});
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].chains, (Steps{{2}, {3}}));
}

TEST(Branches, FromTheInputsToTheOutputs) {
  const std::vector<BranchGroup> groups = FindBranches({{}, {}, {0}, {1}});
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].chains, (Steps{{0, 2}, {1, 3}}));
}

TEST(Branches, TrialKeepsTheFasterWay) {
  for (bool faster : {false, true}) {
    BranchTrial trial;
    for (int i = 0; i < 20; ++i) {
      const bool parallel = trial.NextParallel();
      trial.Took(parallel, std::chrono::nanoseconds(parallel == faster ? 100 : 200));
    }
    EXPECT_EQ(trial.NextParallel(), faster);
  }
}

std::vector<RuntimeValue> RunIt(const InferenceSession& session, const Case& test, ThreadPool& threads) {
  InferenceSession::RunArguments arguments;
  arguments.feeds = FeedsOfCase(session, test);
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  return session.Run(arguments);
}

// Branches of several lengths, with values that more than one of them reads and steps that work in place.
const Case kInception{
    "(float[1,16,20,20] x, float[8,16,1,1] w1, float[8,16,3,3] w3, float[8,8,5,5] w5) => (float[1,40,20,20] y, float "
    "z) "
    "{ r = Relu(x) a = Conv(r, w1) a1 = Relu(a) a2 = Sigmoid(a1)"
    "  b = Conv<pads = [1,1,1,1]>(r, w3) b1 = Tanh(b)"
    "  c = Conv(r, w1) c1 = Relu(c) d = Conv<pads = [2,2,2,2]>(c1, w5) d1 = Exp(d) d2 = Neg(d1)"
    "  m = MaxPool<kernel_shape = [3,3], pads = [1,1,1,1]>(r)"
    "  y = Concat<axis = 1>(a2, b1, d2, m) s = Sin(y) z = ReduceMean<keepdims = 0>(s) }"};

TEST(Branches, GiveWhatOneNodeAfterTheOtherGives) {
  ThreadPool one(1), four(4);
  LoadOptions options;
  options.deterministic = true;
  const InferenceSession plain(ModelOfCase(kInception), options);
  options.inter_op_threads = 3;
  const InferenceSession branched(ModelOfCase(kInception), options);
  const std::vector<RuntimeValue> expected = RunIt(plain, kInception, one);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        const std::vector<RuntimeValue> actual = RunIt(branched, kInception, four);
        for (size_t o = 0; o < expected.size(); ++o)
          wrong += std::memcmp(actual[o].data, expected[o].data, expected[o].bytes()) != 0;
      }
    });
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_NE(branched.PrintPlans().find("at once"), std::string::npos);
}

TEST(Branches, AFailureInOneEndsTheRun) {
  ThreadPool four(4);
  LoadOptions options;
  options.inter_op_threads = 0;
  const InferenceSession session(
      ModelOfCase(
          Case{"(float[4] x, int64[1] i) => (float[4] y, float[1] z) { a = Sin(x) y = Cos(a) b = Exp(x) z = Gather(b, "
               "i) }"}),
      options);
  for (int round = 0; round < 10; ++round) {
    InferenceSession::RunArguments arguments;
    arguments.feeds = {{"x", RuntimeValue::FromTensor(Tensor::Make(DType::kFloat, {4}))},
                       {"i", RuntimeValue::FromTensor(Tensor::Int64s(std::vector<int64_t>{9}))}};
    arguments.threads = &four;
    arguments.pool = std::make_shared<BlockPool>();
    EXPECT_THROW(session.Run(arguments), Error);
  }
}

}  // namespace
}  // namespace onda
