// What the engine hands on (states of loops, branches, sequences) lies where it is used, and copies are few.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/kernels/family_cases.h"
#include "tests/providers/late_device.h"
#include "tests/providers/placed.h"

namespace onda {
namespace {

// Runs the graph over the devices, which must give what the host alone gives; returns where its nodes are.
// fed: float vectors for some inputs, instead of random values.
std::vector<PlacementEntry> PlaceOver(const std::string& graph,
                                      std::vector<std::shared_ptr<const ProviderInstance>> devices,
                                      const std::map<std::string, std::vector<float>>& fed = {}) {
  SCOPED_TRACE(graph);
  const Model model = ModelOfCase({graph});
  const Case test{graph};
  const InferenceSession host(model, PlainOptions());
  LoadOptions options = PlainOptions();
  options.devices = std::move(devices);
  const InferenceSession placed(model, options);
  auto feeds = FeedsOfCase(host, test);
  for (auto& [name, value] : feeds)
    if (const auto at = fed.find(name); at != fed.end()) std::ranges::copy(at->second, static_cast<float*>(value.data));
  const std::vector<RuntimeValue> expected = RunOn(host, feeds);
  for (int run = 0; run < 3; ++run) EXPECT_EQ(Difference(RunOn(placed, feeds), expected), "");
  EXPECT_EQ(RaceText(), "");
  for (const PlacementEntry& entry : placed.Placement()) EXPECT_NE(entry.reason, "") << entry.node << " " << entry.op;
  return placed.Placement();
}

std::vector<PlacementEntry> PlaceOverOne(const std::string& graph) {
  return PlaceOver(graph, {Late(7, 1000, "late:0")});
}

int Count(const std::vector<PlacementEntry>& entries, const std::string& op, const std::string& inside = "") {
  return static_cast<int>(std::count_if(entries.begin(), entries.end(), [&](const PlacementEntry& entry) {
    return entry.op.starts_with(op) && entry.node.find(inside) != std::string::npos;
  }));
}

std::string PlaceOf(const std::vector<PlacementEntry>& entries, const std::string& op) {
  for (const PlacementEntry& entry : entries)
    if (entry.op == op) return entry.provider;
  return "nowhere";
}

TEST(Carried, ALoopsStateStaysOnTheDevice) {
  const auto entries = PlaceOverOne(
      "(float[3] x, float[3] d) => (float[3] y, float[N,3] s) <int64 n = {4}, bool on = {1}> { y, s = Loop(n, on, x) "
      "<body = b (int64 i, bool go, float[3] v) => (bool more, float[3] w, float[3] out) { more = Identity(go) w = "
      "Add(v, d) out = Mul(w, v) }> }");
  EXPECT_EQ(PlaceOf(entries, "Add"), "late:0");
  EXPECT_EQ(Count(entries, "Memcpy", ".body/"), 0);
  EXPECT_EQ(Count(entries, "MemcpyToDevice"), 2);  // x and d, before the loop
  EXPECT_EQ(Count(entries, "MemcpyToHost"), 2);    // y and s, behind it
}

TEST(Carried, AConstantThatALoopBeginsWithIsCopiedToTheDevice) {
  const auto entries = PlaceOverOne(
      "(float[3] x) => (float[3] y) <int64 n = {4}, bool on = {1}, float[3] zero = {0, 0, 0}> { y = Loop(n, on, zero) "
      "<body = b (int64 i, bool go, float[3] v) => (bool more, float[3] w) { more = Identity(go) w = Add(v, x) }> }");
  EXPECT_EQ(Count(entries, "Memcpy", ".body/"), 0);
  EXPECT_EQ(Count(entries, "MemcpyToDevice"), 2);
}

TEST(Carried, AConditionIsComputedWhereItIsRead) {
  const auto entries = PlaceOverOne(
      "(float[3] x) => (float[3] y) <int64 n = {9}, bool on = {1}, int64 five = {5}> { y = Loop(n, on, x) <body = b "
      "(int64 i, bool go, float[3] v) => (bool more, float[3] w) { more = Less(i, five) w = Add(v, v) }> }");
  EXPECT_EQ(PlaceOf(entries, "Less"), "cpu");
  EXPECT_EQ(Count(entries, "Memcpy", ".body/"), 0);
}

TEST(Carried, AScanSlicesAndStacksOnTheDevice) {
  const auto entries = PlaceOverOne(
      "(float[2] h, float[5,2] x) => (float[2] y, float[5,2] s) { a = Neg(x) y, s = Scan <num_scan_inputs = 1, body = "
      "b (float[2] u, float[2] t) => (float[2] next, float[2] out) { next = Add(u, t) out = Mul(u, t) }> (h, a) }");
  EXPECT_EQ(Count(entries, "Memcpy", ".body/"), 0);
  EXPECT_EQ(Count(entries, "MemcpyToDevice"), 2);
  EXPECT_EQ(Count(entries, "MemcpyToHost"), 2);
}

TEST(Carried, ABranchGivesItsResultOnTheDevice) {
  const auto entries = PlaceOverOne(
      "(bool c, float[3] x) => (float[3] y) { a = Abs(x) r = If(c) <then_branch = t () => (float[3] p) { p = Neg(a) }, "
      "else_branch = e () => (float[3] q) { q = Identity(a) }> y = Exp(r) }");
  EXPECT_EQ(Count(entries, "Memcpy", "_branch/"), 0);
  EXPECT_EQ(Count(entries, "MemcpyToDevice"), 1);
  EXPECT_EQ(Count(entries, "MemcpyToHost"), 1);
}

TEST(Carried, SequencesAndOptionalsHoldWhatLiesOnTheDevice) {
  const auto entries = PlaceOverOne(
      "(float[2,3] a, float[4,3] b) => (float[N,3] y, int64 n) <int64 zero = {0}> { p = Neg(a) q = Abs(b) s = "
      "SequenceConstruct(p, q) t = SequenceInsert(s, q, zero) c = ConcatFromSequence<axis = 0>(t) m = SequenceAt(t, "
      "zero) o = Optional(m) e = OptionalGetElement(o) f = Exp(e) n = SequenceLength(t) y = Concat<axis = 0>(c, f) }");
  EXPECT_EQ(PlaceOf(entries, "Concat"), "late:0");
  EXPECT_EQ(Count(entries, "MemcpyToDevice"), 2);
  EXPECT_EQ(Count(entries, "MemcpyToHost"), 1);
}

TEST(Carried, ASequenceThatLeavesTheDeviceIsCopiedWhole) {
  const std::string graph =
      "(float[2,3] a, float[4,3] b) => (seq(float) s) { p = Neg(a) q = Abs(b) s = SequenceConstruct(p, q) }";
  PlaceOverOne(graph);
  PlaceOverOne(
      "(float[6,3] a) => (seq(float) s, float[N,3] y) { p = Neg(a) s = SplitToSequence<axis = 0>(p) t = "
      "SequenceErase(s) "
      "c = ConcatFromSequence<axis = 0>(t) y = Exp(c) }");
}

TEST(Carried, TwoInstancesShareAStateByPeerCopies) {
  const auto entries = PlaceOver(
      "(float[3] x, float[3] d) => (float[3] y) <int64 n = {4}, bool on = {1}> { y = Loop(n, on, x) <body = b (int64 "
      "i, "
      "bool go, float[3] v) => (bool more, float[3] w) { more = Identity(go) u = Add(v, d) w = Mul(u, v) }> }",
      {Late(1, 1000, "late:0", {{"only", "Add"}}), Late(2, 1000, "late:1", {{"only", "Mul"}})});
  EXPECT_EQ(PlaceOf(entries, "Add"), "late:0");
  EXPECT_EQ(PlaceOf(entries, "Mul"), "late:1");
  EXPECT_GT(Count(entries, "MemcpyPeer", ".body/"), 0);
  EXPECT_EQ(Count(entries, "MemcpyToHost", ".body/"), 0);
}

// A loop in a loop that captures the outer state, and a branch on the counter, over one and over two devices.
constexpr char kNested[] =
    "(float[3] x, float[3] d) => (float[3] y, float[N,3] s) <int64 n = {3}, int64 m = {2}, bool on = {1}, int64 one = "
    "{1}> { y, s = Loop(n, on, x) <body = b (int64 i, bool go, float[3] v) => (bool more, float[3] w, float[3] out) { "
    "more = Identity(go) inner = Loop(m, on, d) <body = c (int64 j, bool run, float[3] u) => (bool again, float[3] t) "
    "{ "
    "again = Identity(run) p = Mul(u, v) t = Add(p, d) }> early = Less(i, one) w = If(early) <then_branch = g () => "
    "(float[3] q) { q = Tanh(inner) }, else_branch = h () => (float[3] r) { r = Sub(inner, v) }> out = Abs(w) }> }";

TEST(Carried, LoopsAndBranchesNest) {
  const auto entries = PlaceOverOne(kNested);
  EXPECT_EQ(Count(entries, "Memcpy", ".body/"), 0);
  PlaceOver(kNested,
            {Late(1, 1000, "late:0", {{"only", "Add,Tanh,Abs"}}), Late(2, 1000, "late:1", {{"only", "Mul,Sub"}})});
  PlaceOver(kNested, {Late(1, 1000, "late:0", {{"only", "Mul,Sub"}})});
  PlaceOver(kNested, {Late(1, 1000, "late:0", {{"only", "Abs,Tanh"}}),
                      Late(2, 1000, "other", {{"only", "Add,Less"}}, LateDeviceWithCosts())});
}

TEST(Carried, BetweenTwoProvidersDataGoesThroughTheHost) {
  const auto entries = PlaceOver(
      "(float[3] x, float[3] d) => (float[3] y, seq(float) s) { a = Add(x, d) y = Mul(a, d) s = SequenceConstruct(a, "
      "y) }",
      {Late(1, 1000, "late:0", {{"only", "Add"}}), Late(2, 1000, "other", {{"only", "Mul"}}, LateDeviceWithCosts())});
  EXPECT_EQ(Count(entries, "MemcpyPeer"), 0);
  EXPECT_EQ(PlaceOf(entries, "Mul"), "other");
}

TEST(Carried, ViewsOfAValueAreCopiedOnce) {
  const auto entries = PlaceOver(
      "(float[2,3] x) => (float[6] y, float[2,3] z) <int64[1] flat = {6}> { a = Neg(x) r = Reshape(a, flat) y = Exp(r) "
      "z = "
      "Exp(a) }",
      {Late(1, 1000, "late:0", {{"only", "Exp"}})});
  EXPECT_EQ(PlaceOf(entries, "Neg"), "cpu");
  EXPECT_EQ(Count(entries, "MemcpyToDevice"), 1);
  EXPECT_EQ(Count(entries, "MemcpyToHost"), 2);
}

// The shape of a view is read on the host wherever it was computed.
TEST(Carried, AShapeComputedOnADeviceIsCopiedToTheHost) {
  const auto entries = PlaceOver(
      "(float[2,3] x, float[2] extents) => (float[M,N] y, int64[2] shape) { shape = Cast<to = 7>(extents) a = Neg(x) r "
      "= "
      "Reshape(a, shape) y = Exp(r) }",
      {Late(1, 1000, "late:0", {{"only", "Cast,Neg,Exp"}})}, {{"extents", {3, 2}}});
  EXPECT_EQ(PlaceOf(entries, "Cast"), "late:0");
}

TEST(Carried, StringsStayOnTheHost) {
  const auto entries = PlaceOverOne(
      "(string[2] a, float[2] x) => (string[2] y, float[2] z) <int64 zero = {0}> { s = SequenceConstruct(a, a) y = "
      "SequenceAt(s, zero) z = Neg(x) }");
  EXPECT_EQ(Count(entries, "MemcpyToDevice"), 1);
}

}  // namespace
}  // namespace onda
