// What a new shape costs, and that a known one costs nothing.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tests/kernels/family_cases.h"
#include "tests/sanitized.h"

namespace onda {
namespace {

double CpuMilliseconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

RuntimeValue Zeros(std::vector<int64_t> dims) {
  return RuntimeValue::FromTensor(Tensor::Make(DType::kFloat, std::move(dims)));
}

size_t Plans(const InferenceSession& session) {
  const std::string text = session.PrintPlans();
  size_t count = 0;
  for (size_t at = text.find("\nnodes "); at != std::string::npos; at = text.find("\nnodes ", at + 1)) ++count;
  return count;
}

// Five hundred nodes: products, softmaxes, sums and sines by turns.
std::string FiveHundredNodes() {
  std::string text = "(float[N,8] x, float[8,8] w) => (float[N,8] y) { v0 = Relu(x) ";
  for (int i = 0; i < 498; ++i) {
    const std::string from = "v" + std::to_string(i), to = "v" + std::to_string(i + 1);
    switch (i % 4) {
      case 0:
        text += to + " = MatMul(" + from + ", w) ";
        break;
      case 1:
        text += to + " = Softmax(" + from + ") ";
        break;
      case 2:
        text += to + " = Add(" + from + ", x) ";
        break;
      default:
        text += to + " = Sin(" + from + ") ";
    }
  }
  return text + "y = Tanh(v498) }";
}

TEST(PlanCache, ANewShapeCostsABindOfAMillisecond) {
  LoadOptions options;
  options.fuse = false;  // sums and sines would become one
  const InferenceSession session(ModelOfCase(Case{FiveHundredNodes()}), options);
  ASSERT_GE(session.graph().nodes().size(), 500u);
  ThreadPool one(1);
  InferenceSession::RunArguments arguments;
  arguments.threads = &one;
  arguments.pool = std::make_shared<BlockPool>();
  const auto run = [&](int64_t n) {
    arguments.feeds = {{"x", Zeros({n, 8})}, {"w", Zeros({8, 8})}};
    const double before = CpuMilliseconds();
    session.Run(arguments);
    return CpuMilliseconds() - before;
  };
  run(1);
  double bind = 1e9;
  for (int64_t n = 2; n < 30; ++n) {
    const double first = run(n);
    bind = std::min(bind, first - std::min(run(n), run(n)));
  }
  std::printf("a bind of 500 nodes takes %.2f ms\n", bind);
#if ONDA_SANITIZED
  EXPECT_LT(bind, 100);
#else
  EXPECT_LT(bind, 2);  // 1 ms on the machine of the figures; slower ones should pass as well
#endif
}

TEST(PlanCache, AlternatingShapesAreBoundOnce) {
  const InferenceSession session(
      ModelOfCase(Case{"(float[N,M] x, int64[2] s) => (float[A,B] y) { a = Exp(x) b = Reshape(a, s) y = Sin(b) }"}),
      {});
  ThreadPool one(1);
  InferenceSession::RunArguments arguments;
  arguments.threads = &one;
  arguments.pool = std::make_shared<BlockPool>();
  for (int i = 0; i < 60; ++i) {
    const int64_t n = 2 + i % 3;  // [1,128] is not [128,1], and contents that fix shapes count
    const std::vector<int64_t> shape = i % 2 ? std::vector<int64_t>{6 * n, 1} : std::vector<int64_t>{1, 6 * n};
    arguments.feeds = {{"x", Zeros({6, n})}, {"s", RuntimeValue::FromTensor(Tensor::Int64s(shape))}};
    EXPECT_EQ(session.Run(arguments)[0].dims, shape);
  }
  EXPECT_EQ(Plans(session), 6u);
}

TEST(PlanCache, IsBounded) {
  const InferenceSession session(ModelOfCase(Case{"(float[N] x) => (float[N] y) { y = Exp(x) }"}), {});
  ThreadPool one(1);
  InferenceSession::RunArguments arguments;
  arguments.threads = &one;
  arguments.pool = std::make_shared<BlockPool>();
  for (int64_t n = 1; n <= 200; ++n) {
    arguments.feeds = {{"x", Zeros({n})}};
    session.Run(arguments);
  }
  EXPECT_EQ(Plans(session), 64u);
}

TEST(PlanCache, ALoopsConditionMustBeBool) {
  try {
    const InferenceSession session(
        ModelOfCase(Case{"(float x, int64 n) => (float y) { y = Loop(n, , x) <body = b (int64 i, bool go, float v) => "
                         "(int64 more, float w) { more = Identity(i) w = Neg(v) }> }"}),
        {});
    ADD_FAILURE() << "the model was taken";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("condition"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("Loop"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace onda
