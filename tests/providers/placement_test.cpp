// Graphs over several providers give what the host alone gives.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/ir/op_def.h"
#include "tests/kernels/family_cases.h"
#include "tests/kernels/is_random.h"
#include "tests/providers/placed.h"

namespace onda {
namespace {

// The seed of this run, printed so that a failure repeats: ONDA_TEST_SEED, or one that changes daily.
uint64_t BaseSeed() {
  const char* given = std::getenv("ONDA_TEST_SEED");
  return given ? std::strtoull(given, nullptr, 10) : static_cast<uint64_t>(time(nullptr)) / 86400;
}

TEST(Placement, EveryCaseOverThreeProvidersEqualsTheHost) {
  const uint64_t base = BaseSeed();
  std::printf("ONDA_TEST_SEED=%llu\n", static_cast<unsigned long long>(base));
  int64_t on_device = 0, copies = 0;
  uint64_t seed = base * 1000003;
  for (const FamilyCase& family_case : AllFamilyCases()) {
    const Case& test = *family_case.test;
    SCOPED_TRACE(test.graph);
    ++seed;
    const Model model = ModelOfCase(test);
    const InferenceSession host(model, PlainOptions());
    if (IsRandom(host.graph())) continue;
    LoadOptions options = PlainOptions();
    options.devices = {Late(seed, 600, "late:0"), Late(seed + 1, 700, "late:1")};
    const InferenceSession placed(model, options);
    for (const PlacementEntry& entry : placed.Placement()) {
      on_device += entry.provider.starts_with("late");
      copies += entry.op.starts_with("Memcpy");
    }
    ASSERT_EQ(Difference(RunOn(placed, FeedsOfCase(placed, test)), RunOn(host, FeedsOfCase(host, test))), "");
    ASSERT_EQ(RaceText(), "");
  }
  EXPECT_GT(on_device, 100);
  EXPECT_GT(copies, 100);
}

constexpr char kBranches[] =
    "(float[2,3] x, float[2,3] y) => (float[2,3] z, float[2,3] w) "
    "{ a = Add(x, y) b = Mul(a, x) c = Sub(a, y) d = Exp(b) e = Neg(c) f = Add(d, e) z = Mul(f, a) w = Sub(d, c) }";

TEST(Placement, CopiesStandOnlyWhereDataMustCross) {
  const Model model = ModelOfCase({kBranches});
  LoadOptions options = PlainOptions();
  options.devices = {Late(1, 1000, "late:0")};
  const InferenceSession session(model, options);
  int to_device = 0, to_host = 0;
  for (const PlacementEntry& entry : session.Placement()) {
    to_device += entry.op == "MemcpyToDevice";
    to_host += entry.op == "MemcpyToHost";
    if (entry.op.starts_with("Memcpy")) {
      EXPECT_FALSE(entry.reason.empty());
    } else {
      EXPECT_EQ(entry.provider, "late:0");
    }
  }
  EXPECT_EQ(to_device, 2);  // x and y
  EXPECT_EQ(to_host, 2);    // z and w
}

TEST(Placement, ShapeArithmeticStaysOnTheHost) {
  const Model model =
      ModelOfCase({"(float[N,6] x) => (float[N,2,3] y) <int64[1] two = {2}, int64[1] three = {3}, int64[1] zero = {0}> "
                   "{ s = Shape(x) n = Gather(s, zero) shape = Concat<axis = 0>(n, two, three) t = Relu(x) y = "
                   "Reshape(t, shape) }"});
  LoadOptions options = PlainOptions();
  options.devices = {Late(1, 1000, "late:0")};
  const InferenceSession session(model, options);
  for (const PlacementEntry& entry : session.Placement()) {
    if (entry.op == "Relu") {
      EXPECT_EQ(entry.provider, "late:0");
    } else if (!entry.op.starts_with("Memcpy") && entry.op != "Reshape") {
      EXPECT_EQ(entry.provider, "cpu") << entry.op;
    }
  }
}

// A host kernel may write over its input, but not while that is still being copied.
TEST(Placement, InPlaceOnTheHostWaitsForNoCopy) {
  const Case test{"(float[64] x) => (float[64] y, float[64] z) { a = Abs(x) y = Exp(a) z = Neg(a) }"};
  const Model model = ModelOfCase(test);
  LoadOptions options = PlainOptions();
  const InferenceSession host(model, options);
  options.devices = {Late(1, 1000, "late:0", {{"only", "Exp"}})};
  const InferenceSession session(model, options);
  EXPECT_EQ(Difference(RunOn(session, FeedsOfCase(session, test)), RunOn(host, FeedsOfCase(host, test))), "");
  EXPECT_EQ(RaceText(), "");
}

class FailingCalls : public testing::TestWithParam<const char*> {};

TEST_P(FailingCalls, EachMayFailOnce) {
  const Case test{GetParam()};
  const Model model = ModelOfCase(test);
  const InferenceSession host(model, PlainOptions());
  const std::vector<RuntimeValue> expected = RunOn(host, FeedsOfCase(host, test));
  bool failed = true;
  int64_t failures = 0;
  for (int64_t n = 1; failed && n < 1000; ++n) {
    failed = false;
    LoadOptions options = PlainOptions();
    const std::string nth = std::to_string(n);
    options.devices = {Late(5, 500, "late:0", {{"fail_at", nth}}), Late(6, 1000, "late:1", {{"fail_at", nth}})};
    try {
      const InferenceSession session(model, options);
      for (int run = 0; run < 3; ++run) {
        try {
          EXPECT_EQ(Difference(RunOn(session, FeedsOfCase(host, test)), expected), "");
        } catch (const Error& e) {  // the session goes on after it
          failed = true;
          EXPECT_NE(std::string(e.what()), "");
        }
      }
    } catch (const Error&) {
      failed = true;
    }
    failures += failed;
  }
  EXPECT_FALSE(failed);
  EXPECT_GE(failures, 15);
  EXPECT_EQ(RaceText(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Placement, FailingCalls,
    testing::Values(
        kBranches,
        "(float[3] x, float[3] d) => (float[3] y, float[N,3] s) <int64 n = {4}, bool on = {1}> { y, s = "
        "Loop(n, on, x) <body = b (int64 i, bool go, float[3] v) => (bool more, float[3] w, float[3] out) { "
        "more = Identity(go) w = Add(v, d) out = Mul(w, v) }> }",
        "(float[6,3] a) => (seq(float) s, float[N,3] y) { p = Neg(a) s = SplitToSequence<axis = 0>(p) t = "
        "SequenceErase(s) c = ConcatFromSequence<axis = 0>(t) y = Exp(c) }"));

}  // namespace
}  // namespace onda
