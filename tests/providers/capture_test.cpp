// Replays of captured work give what the steps give.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/providers/drawn_graph.h"
#include "tests/providers/late_device.h"

namespace onda {
namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

std::shared_ptr<const ProviderInstance> Late(uint64_t seed, int share, const std::string& label, Options more = {}) {
  more.insert(more.end(), {{"seed", std::to_string(seed)}, {"share", std::to_string(share)}});
  return std::make_shared<const ProviderInstance>(LateDevice(), label, more);
}

// Sum of "replayed N times" over all spans.
int64_t Replays(const InferenceSession& session) {
  const std::string text = session.PrintPlans();
  int64_t total = 0;
  for (size_t at = text.find("replayed "); at != std::string::npos; at = text.find("replayed ", at + 1))
    total += std::stoll(text.substr(at + 9));
  return total;
}

TEST(Capture, IsMadeAtTheSecondRunAndReplayedFromTheThird) {
  const Model model = DrawnGraph(7, 20);
  const InferenceSession host(model, PlainReferences());
  LoadOptions options = PlainReferences();
  options.devices = {Late(7, 1000, "late")};
  const InferenceSession session(model, options);
  for (uint64_t run = 1; run <= 6; ++run) {
    EXPECT_EQ(RunDrawn(session, 3, run), RunDrawn(host, 3, run));  // other data every time
    EXPECT_EQ(Replays(session) > 0, run > 2) << session.PrintPlans();
  }
  options.capture = false;
  const InferenceSession without(model, options);
  for (uint64_t run = 1; run <= 4; ++run) EXPECT_EQ(RunDrawn(without, 3, run), RunDrawn(host, 3, run));
  EXPECT_EQ(Replays(without), 0);
}

// The device refuses events in a capture: what runs on two streams is captured on one.
TEST(Capture, BranchesWhereEventsCannotBeCaptured) {
  const Model model = GraphModel(
      "(float[3,4] a) => (float[3,4] z) { p1 = Softmax(a) p2 = Neg(p1) p3 = Softmax(p2) p4 = Neg(p3) "
      "p5 = Softmax(p4) q1 = Neg(a) q2 = Softmax(q1) q3 = Neg(q2) q4 = Softmax(q3) q5 = Neg(q4) z = Sub(p5, q5) }");
  const InferenceSession host(model, PlainReferences());
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    LoadOptions options = PlainReferences();
    options.devices = {std::make_shared<const ProviderInstance>(
        LateDeviceWithCosts(), "late", Options{{"seed", std::to_string(seed)}, {"share", "1000"}})};
    const InferenceSession session(model, options);
    for (uint64_t run = 1; run <= 5; ++run) {
      const auto result = [&](const InferenceSession& of) {
        const RuntimeValue z = RunFeeds(of, {{"a", Floats({3, 4}, run)}})[0];
        return std::string(static_cast<const char*>(z.data), z.bytes());
      };
      EXPECT_EQ(result(session), result(host));
    }
    EXPECT_NE(session.PrintPlans().find("side stream 1 runs"), std::string::npos) << session.PrintPlans();
    EXPECT_EQ(Replays(session), 3) << session.PrintPlans();
  }
}

TEST(Capture, InputsAreStillChecked) {
  LoadOptions options = PlainReferences();
  options.devices = {Late(7, 1000, "late")};
  const InferenceSession session(DrawnGraph(7, 20), options);
  for (uint64_t run = 1; run <= 3; ++run) RunDrawn(session, 3, run);
  EXPECT_THROW(RunFeeds(session, {{"x", Floats({3, 4}, 1)}, {"y", Floats({2, 4}, 2)}}), Error);
  EXPECT_THROW(RunFeeds(session, {{"x", Floats({3, 4}, 1)}}), Error);
}

TEST(Capture, MixesShapesAndDevices) {
  int64_t replays = 0;
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE(seed);
    const Model model = DrawnGraph(seed, 40);
    const InferenceSession host(model, PlainReferences());
    LoadOptions options = PlainReferences();
    options.devices = {Late(seed, 800, "late:0", {{"regions", seed % 2 ? "1" : "0"}}), Late(seed + 50, 900, "late:1")};
    const InferenceSession session(model, options);
    for (uint64_t run = 0; run < 12; ++run) {
      const int64_t rows = 2 + static_cast<int64_t>(run % 3);
      EXPECT_EQ(RunDrawn(session, rows, run), RunDrawn(host, rows, run));
    }
    replays += Replays(session);
  }
  EXPECT_GT(replays, 100);
}

TEST(Capture, RunsAtOnceHaveExecutablesOfTheirOwn) {
  const Model model = DrawnGraph(3, 30);
  const InferenceSession host(model, PlainReferences());
  LoadOptions options = PlainReferences();
  options.devices = {Late(3, 1000, "late")};
  const InferenceSession session(model, options);
  std::vector<std::thread> threads;
  std::vector<int> wrong(6);
  for (size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      for (uint64_t run = 0; run < 10; ++run)
        wrong[t] += RunDrawn(session, 3, 100 * t + run) != RunDrawn(host, 3, 100 * t + run);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(wrong.size()));
  EXPECT_GT(Replays(session), 10);
}

// Data-dependent shapes and reads end a span; a value that a launch reads on the host is part of what a plan is for.
TEST(Capture, WhatIsReadOnTheHostIsNotFrozen) {
  const Model model = GraphModel(
      "(float[N,4] x, int64[1] k) => (float[M,4] v, float[P,4] w) <float zero = {0}> "
      "{ a = Neg(x) b = Relu(a) v, i = TopK<axis = 0>(b, k) c = Neg(b) d = Tanh(c) e = Sigmoid(d) w = Add(e, d) }");
  const InferenceSession host(model, PlainReferences());
  LoadOptions options = PlainReferences();
  options.devices = {Late(1, 1000, "late")};
  const InferenceSession session(model, options);
  for (uint64_t run = 0; run < 9; ++run) {
    auto k = Tensor::Int64s(std::vector<int64_t>{1 + static_cast<int64_t>(run % 3)});
    const auto feeds = [&] {
      return std::vector<std::pair<std::string, RuntimeValue>>{{"x", Floats({5, 4}, run)},
                                                               {"k", RuntimeValue::FromTensor(k)}};
    };
    const std::vector<RuntimeValue> actual = RunFeeds(session, feeds()), expected = RunFeeds(host, feeds());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(actual[i].dims, expected[i].dims);
      EXPECT_EQ(std::memcmp(actual[i].data, expected[i].data, expected[i].bytes()), 0);
    }
  }
  EXPECT_GT(Replays(session), 0) << session.PrintPlans();
}

// Any call may fail once, those of capture included: the run fails or goes on step by step, and later runs are right.
TEST(Capture, EveryCallMayFailOnce) {
  const Model model = DrawnGraph(11, 12);
  const InferenceSession host(model, PlainReferences());
  const std::vector<std::string> expected = RunDrawn(host, 3, 1);
  bool failed = true;
  int64_t failures = 0;
  for (int64_t n = 1; failed && n < 2000; ++n) {
    failed = false;
    LoadOptions options = PlainReferences();
    options.devices = {Late(11, 1000, "late", {{"fail_at", std::to_string(n)}})};
    try {
      const InferenceSession session(model, options);
      for (int run = 0; run < 5; ++run) {
        try {
          EXPECT_EQ(RunDrawn(session, 3, 1), expected);
        } catch (const Error&) {
          failed = true;
        }
      }
      failed = failed || session.PrintPlans().find("not captured: ") != std::string::npos;
    } catch (const Error&) {
      failed = true;
    }
    failures += failed;
  }
  EXPECT_FALSE(failed);
  EXPECT_GT(failures, 40);
}

}  // namespace
}  // namespace onda
