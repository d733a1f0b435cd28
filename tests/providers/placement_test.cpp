// Graphs over several providers give what the host alone gives.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/session.h"
#include "core/text/parse.h"
#include "kernels/case.h"
#include "kernels/op_table.h"
#include "onda/float_formats.h"
#include "tests/providers/late_device.h"

namespace onda {

#define ONDA_OPS(family)         \
  namespace family {             \
  std::span<const Case> Cases(); \
  }
#include "kernels/ops.inc"
#undef ONDA_OPS

namespace {

Model ModelOf(const std::string& graph) {
  return ParseModel(
      "<ir_version: 14, opset_import: [\"\" : 28, \"ai.onnx.ml\" : 5, \"ai.onnx.preview\" : 1, "
      "\"ai.onnx.preview.training\" : 1, \"com.microsoft\" : 1]> placed " +
      graph);
}

std::shared_ptr<const ProviderInstance> Late(uint64_t seed, int share, const std::string& label, int64_t fail_at = 0) {
  return std::make_shared<const ProviderInstance>(
      LateDevice(), label,
      std::vector<std::pair<std::string, std::string>>{
          {"seed", std::to_string(seed)}, {"share", std::to_string(share)}, {"fail_at", std::to_string(fail_at)}});
}

LoadOptions Plain() {
  LoadOptions options;
  options.reference_kernels = true;
  options.fuse = false;
  options.place.by_cost = false;
  return options;
}

std::vector<std::pair<std::string, RuntimeValue>> Feeds(const InferenceSession& session, const Case& test) {
  std::mt19937_64 random(99);
  std::uniform_real_distribution<double> uniform(test.low, test.high);
  std::vector<std::pair<std::string, RuntimeValue>> feeds;
  for (const PortInfo& port : session.inputs()) {
    if (port.fact.constant) continue;
    std::vector<int64_t> dims;
    for (const Dim& d : *port.fact.shape) dims.push_back(d.known() ? d.value() : 3);
    auto tensor = Tensor::Make(port.fact.dtype, dims);
    for (int64_t i = 0; i < tensor->count(); ++i) {
      if (port.fact.dtype == DType::kString) {
        tensor->mutable_as<std::string>()[i] = std::to_string(random() % 7);
      } else if (port.fact.dtype == DType::kBool) {
        tensor->mutable_as<uint8_t>()[i] = random() & 1;
      } else {
        StoreDouble(port.fact.dtype, tensor->mutable_data(), i, uniform(random));
      }
    }
    feeds.emplace_back(port.name, RuntimeValue::FromTensor(tensor));
  }
  return feeds;
}

std::vector<RuntimeValue> RunOn(const InferenceSession& session,
                                std::vector<std::pair<std::string, RuntimeValue>> feeds) {
  static ThreadPool threads(1);
  InferenceSession::RunArguments arguments;
  arguments.feeds = std::move(feeds);
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  return session.Run(std::move(arguments));
}

void ExpectEqual(const RuntimeValue& a, const RuntimeValue& b) {
  ASSERT_EQ(a.kind, b.kind);
  ASSERT_EQ(a.dtype, b.dtype);
  ASSERT_EQ(a.dims, b.dims);
  if (a.elements) {
    ASSERT_EQ(a.elements->size(), b.elements->size());
    for (size_t i = 0; i < a.elements->size(); ++i) ExpectEqual((*a.elements)[i], (*b.elements)[i]);
  } else if (a.dtype == DType::kString) {
    for (int64_t i = 0; i < a.count(); ++i)
      ASSERT_EQ(static_cast<std::string*>(a.data)[i], static_cast<std::string*>(b.data)[i]);
  } else if (a.bytes()) {
    ASSERT_EQ(std::memcmp(a.data, b.data, a.bytes()), 0);
  }
}

bool IsRandom(const Graph& graph) {
  for (const Node& node : graph.nodes())
    if (node.op->flags & kOpRandom) return true;
  return false;
}

// The seed of this run, printed so that a failure repeats: ONDA_TEST_SEED, or one that changes daily.
uint64_t BaseSeed() {
  const char* given = std::getenv("ONDA_TEST_SEED");
  return given ? std::strtoull(given, nullptr, 10) : static_cast<uint64_t>(time(nullptr)) / 86400;
}

TEST(Placement, EveryCaseOverThreeProvidersEqualsTheHost) {
  const uint64_t base = BaseSeed();
  std::printf("ONDA_TEST_SEED=%llu\n", static_cast<unsigned long long>(base));
  std::vector<Case> cases;
#define ONDA_OPS(family) cases.insert(cases.end(), family::Cases().begin(), family::Cases().end());
#include "kernels/ops.inc"
#undef ONDA_OPS
  int64_t on_device = 0, copies = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(cases[i].graph);
    const uint64_t seed = base * 1000003 + i;
    const Model model = ModelOf(cases[i].graph);
    const InferenceSession host(model, Plain());
    if (IsRandom(host.graph())) continue;
    LoadOptions options = Plain();
    options.devices = {Late(seed, 600, "late:0"), Late(seed + 1, 700, "late:1")};
    const InferenceSession placed(model, options);
    for (const PlacementEntry& entry : placed.Placement()) {
      on_device += entry.provider.starts_with("late");
      copies += entry.op.starts_with("Memcpy");
    }
    const std::vector<RuntimeValue> expected = RunOn(host, Feeds(host, cases[i]));
    const std::vector<RuntimeValue> actual = RunOn(placed, Feeds(host, cases[i]));
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t k = 0; k < expected.size(); ++k) ExpectEqual(actual[k], expected[k]);
  }
  EXPECT_GT(on_device, 100);
  EXPECT_GT(copies, 100);
}

constexpr char kBranches[] =
    "(float[2,3] x, float[2,3] y) => (float[2,3] z, float[2,3] w) "
    "{ a = Add(x, y) b = Mul(a, x) c = Sub(a, y) d = Exp(b) e = Neg(c) f = Add(d, e) z = Mul(f, a) w = Sub(d, c) }";

TEST(Placement, CopiesStandOnlyWhereDataMustCross) {
  const Model model = ModelOf(kBranches);
  LoadOptions options = Plain();
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
  const Model model = ModelOf(
      "(float[N,6] x) => (float[N,2,3] y) <int64[1] two = {2}, int64[1] three = {3}, int64[1] zero = {0}> "
      "{ s = Shape(x) n = Gather(s, zero) shape = Concat<axis = 0>(n, two, three) t = Relu(x) y = Reshape(t, shape) }");
  LoadOptions options = Plain();
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

TEST(Placement, EveryProviderCallMayFailOnce) {
  const Model model = ModelOf(kBranches);
  const InferenceSession host(model, Plain());
  const Case test{kBranches};
  const std::vector<RuntimeValue> expected = RunOn(host, Feeds(host, test));
  bool failed = true;
  int64_t failures = 0;
  for (int64_t n = 1; failed && n < 1000; ++n) {
    failed = false;
    LoadOptions options = Plain();
    options.devices = {Late(5, 500, "late:0", n), Late(6, 1000, "late:1", n)};
    try {
      const InferenceSession session(model, options);
      for (int run = 0; run < 3; ++run) {
        try {
          const std::vector<RuntimeValue> actual = RunOn(session, Feeds(host, test));
          for (size_t k = 0; k < expected.size(); ++k) ExpectEqual(actual[k], expected[k]);
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
  EXPECT_GT(failures, 20);
}

}  // namespace
}  // namespace onda
