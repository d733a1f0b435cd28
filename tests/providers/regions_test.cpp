// Regions that providers claim and compile give what their nodes give one by one.
#include <gtest/gtest.h>

#include <string>

#include "onda/make_provider.h"
#include "tests/providers/drawn_graph.h"
#include "tests/providers/late_device.h"

namespace onda {
namespace {

std::shared_ptr<const ProviderInstance> Claiming(uint64_t seed, int share, const std::string& label) {
  return std::make_shared<const ProviderInstance>(
      LateDevice(), label,
      std::vector<std::pair<std::string, std::string>>{
          {"seed", std::to_string(seed)}, {"share", std::to_string(share)}, {"regions", "1"}});
}

int CountOf(const InferenceSession& session, const std::string& op) {
  int count = 0;
  for (const PlacementEntry& entry : session.Placement()) count += entry.op == op;
  return count;
}

TEST(Regions, DrawnGraphsOverTwoDevicesEqualTheHost) {
  int regions = 0, refused = 0, peers = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    const Model model = DrawnGraph(seed, 40);
    const InferenceSession host(model, PlainReferences());
    LoadOptions options = PlainReferences();
    options.devices = {Claiming(seed, 900, "late:0"), Claiming(seed + 100, 1000, "late:1")};
    const InferenceSession placed(model, options);
    regions += CountOf(placed, "Region");
    peers += CountOf(placed, "MemcpyPeer");
    for (const PlacementEntry& entry : placed.Placement()) {
      refused += entry.reason.find("is not granted") != std::string::npos;
      EXPECT_TRUE(entry.op != "Region" || entry.reason.find(" claims ") != std::string::npos) << entry.reason;
    }
    for (const int64_t rows : {3, 5, 3}) EXPECT_EQ(RunDrawn(placed, rows, seed), RunDrawn(host, rows, seed));
  }
  EXPECT_GT(regions, 100);
  EXPECT_GT(refused, 100);
  EXPECT_GT(peers, 30);
}

// One that claims what the test tells it to, on a device of the heap.
class Told {
 public:
  static inline std::vector<std::vector<int32_t>> claims;
  static inline double microseconds = 0;
  static inline bool compiles = true;

  explicit Told(ProviderOptions&) {}
  static std::span<const OndaKernelDef* const> kernels() { return {}; }
  static void* Allocate(size_t bytes) { return std::aligned_alloc(256, (bytes + 255) / 256 * 256); }
  static void Free(void* memory) { std::free(memory); }
  static void Copy(void* to, const void* from, size_t bytes, OndaCopyKind, NoStream) { std::memcpy(to, from, bytes); }
  static void FillZero(void* memory, size_t bytes, NoStream) { std::memset(memory, 0, bytes); }
  static void Claim(const RegionView& region, Claims& sink) {
    if (region.stage() == kOndaStageCanonical)
      for (const std::vector<int32_t>& nodes : claims) sink.Add(nodes, microseconds, "told");
  }
  static CompiledRegion Compile(const RegionView&) {
    if (!compiles) throw Error(ErrorCode::kNotImplemented, "no such machine");
    return {&kDouble, new Double};
  }

 private:
  struct Double {
    void Launch(const LaunchArgs& args) const {
      for (int64_t i = 0; i < args.output(0).count(); ++i)
        args.output(0).as<float>()[i] = 2 * args.input(0).as<float>()[i];
    }
  };
  static constexpr OndaKernelDef kDouble = MakeKernel<Double>("Region", "onda");
};

constexpr OndaProviderDef kTold = MakeProvider<Told>("told");

// v0 to v3 in a chain, and v4 beside it.
constexpr char kChain[] =
    "(float[N,4] x) => (float[N,4] z) { a = Neg(x) b = Relu(a) c = Neg(b) d = Tanh(a) z = Add(c, d) }";

std::string ReasonOf(const InferenceSession& session, const std::string& op) {
  for (const PlacementEntry& entry : session.Placement())
    if (entry.op == op) return entry.reason;
  return "no such node";
}

InferenceSession ToldSession(std::vector<std::vector<int32_t>> claims, const OndaProviderDef& def = kTold,
                             double microseconds = 0) {
  Told::claims = std::move(claims);
  Told::microseconds = microseconds;
  LoadOptions options = PlainReferences();
  options.place.by_cost = true;
  options.devices = {
      std::make_shared<const ProviderInstance>(&def, "told", std::vector<std::pair<std::string, std::string>>{})};
  return InferenceSession(GraphModel(kChain), options);
}

TEST(Regions, AreOneNodeWithAReason) {
  const InferenceSession session = ToldSession({{0, 1}});
  EXPECT_EQ(CountOf(session, "Region"), 1);
  EXPECT_EQ(CountOf(session, "Relu"), 0);
  EXPECT_EQ(ReasonOf(session, "Region"), "told claims 2 nodes (Neg, Relu): told");
  const std::vector<RuntimeValue> result = RunFeeds(session, {{"x", Floats({2, 4}, 1)}});
  EXPECT_EQ(result[0].dims, (std::vector<int64_t>{2, 4}));
}

TEST(Regions, WhatIsNotConvexIsRefused) {
  // From b and d to z: c is between.
  const InferenceSession session = ToldSession({{0, 1, 4}});
  EXPECT_EQ(CountOf(session, "Region"), 0);
  EXPECT_EQ(ReasonOf(session, "Relu"),
            "told: has no kernel for it; told's claim of 3 nodes is not granted: a path leaves it and comes back");
}

TEST(Regions, TwoThatReadEachOtherAreNotBothGranted) {
  LoadOptions options = PlainReferences();
  options.devices = {
      std::make_shared<const ProviderInstance>(&kTold, "told", std::vector<std::pair<std::string, std::string>>{})};
  const Model model = GraphModel(
      "(float[N,4] x, float[N,4] y) => (float[N,4] p, float[N,4] q) "
      "{ a = Neg(x) b = Relu(y) p = Tanh(a) q = Sigmoid(b) }");
  Told::claims = {{0, 2}, {1, 3}};
  EXPECT_EQ(CountOf(InferenceSession(model, options), "Region"), 2);
  Told::claims = {{0, 3}, {1, 2}};  // each convex alone; p reads a, q reads b
  EXPECT_EQ(CountOf(InferenceSession(model, options), "Region"), 1);
}

TEST(Regions, CostsDecide) {
  OndaProviderDef costly = kTold;
  costly.launch_microseconds = 5;
  costly.copy_microseconds = 10;
  const InferenceSession dear = ToldSession({{0, 1, 2, 3, 4}}, costly, 1);
  EXPECT_EQ(CountOf(dear, "Region"), 0);
  EXPECT_NE(ReasonOf(dear, "Relu").find("us with copies and launches, apart 1 us"), std::string::npos)
      << ReasonOf(dear, "Relu");
  costly.launch_microseconds = 1e-6;
  costly.copy_microseconds = 1e-6;
  const InferenceSession cheap = ToldSession({{0, 1, 2, 3, 4}}, costly, 1e-6);
  EXPECT_EQ(CountOf(cheap, "Region"), 1);
}

TEST(Regions, ProvidersThatClaimWrongly) {
  EXPECT_THROW(ToldSession({{0, 99}}), Error);
  Told::compiles = false;
  try {
    ToldSession({{0, 1}});
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotImplemented);
    EXPECT_NE(std::string(e.what()).find("(Region, onda): told: no such machine"), std::string::npos) << e.what();
  }
  Told::compiles = true;
}

}  // namespace
}  // namespace onda
