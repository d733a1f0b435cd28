// Providers written as classes, and tables of older plug-ins.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/session.h"
#include "core/text/parse.h"
#include "onda/make_provider.h"

namespace onda {
namespace {

class Negate {
 public:
  explicit Negate(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return node.input(0).type() == DType::kFloat ? "" : "only float"; }
  void Launch(const LaunchArgs& args) const {
    for (int64_t i = 0; i < args.output(0).count(); ++i) args.output(0).as<float>()[i] = -args.input(0).as<float>()[i];
  }
};

constexpr OndaKernelDef kNegate = MakeKernel<Negate>("Neg");
constexpr const OndaKernelDef* kKernels[] = {&kNegate};

// A synchronous device on the heap.
class Plain {
 public:
  static constexpr OndaOptionDef kOptions[] = {{"capacity", "bytes that may be allocated", "1000000"}};
  explicit Plain(ProviderOptions& options) : left_(options.Int("capacity", 1000000)) {}
  static std::span<const OndaKernelDef* const> kernels() { return kKernels; }
  void* Allocate(size_t bytes) const {
    return static_cast<int64_t>(bytes) > left_ ? nullptr : std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  }
  static void Free(void* memory) { std::free(memory); }
  static void Copy(void* to, const void* from, size_t bytes, OndaCopyKind, NoStream) { std::memcpy(to, from, bytes); }
  static void FillZero(void* memory, size_t bytes, NoStream) { std::memset(memory, 0, bytes); }

 private:
  int64_t left_;
};

constexpr OndaProviderDef kPlain = MakeProvider<Plain>("plain");

using Options = std::vector<std::pair<std::string, std::string>>;

// -x for x = {1, -2, 3} with Neg on the device.
std::vector<float> RunNeg(const OndaProviderDef* def, const Options& given = {}) {
  const Model model =
      ParseModel("<ir_version: 10, opset_import: [\"\" : 21]> g (float[N] x) => (float[N] y) { y = Neg(x) }");
  LoadOptions options;
  options.place.by_cost = false;
  options.devices = {std::make_shared<const ProviderInstance>(def, "plain", given)};
  const InferenceSession session(model, options);
  EXPECT_EQ(session.Placement()[1].provider, "plain");
  ThreadPool threads(1);
  InferenceSession::RunArguments arguments;
  auto x = Tensor::Make(DType::kFloat, {3});
  x->mutable_as<float>()[0] = 1, x->mutable_as<float>()[1] = -2, x->mutable_as<float>()[2] = 3;
  arguments.feeds = {{"x", RuntimeValue::FromTensor(x)}};
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  const RuntimeValue y = session.Run(std::move(arguments)).at(0);
  return {static_cast<const float*>(y.data), static_cast<const float*>(y.data) + y.count()};
}

std::string MessageOf(const std::function<void()>& fn) {
  try {
    fn();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(ProviderClass, RunsNodes) { EXPECT_EQ(RunNeg(&kPlain, {{"capacity", "5000"}}), (std::vector<float>{-1, 2, -3})); }

TEST(ProviderClass, ReadsItsOptionsAndRefusesOthers) {
  EXPECT_EQ(MessageOf([] {
              RunNeg(&kPlain, {{"capasity", "7"}});
            }),
            "plain: unknown option 'capasity'; known are capacity");
  EXPECT_EQ(MessageOf([] {
              RunNeg(&kPlain, {{"capacity", "many"}});
            }),
            "plain: option 'capacity' takes an integer, not 'many'");
  EXPECT_NE(MessageOf([] { RunNeg(&kPlain, {{"capacity", "1"}}); }), "");
}

// A plug-in that was built before the optional functions came has a shorter table; what lies behind it is not looked
// at.
TEST(ProviderClass, ShorterTablesOfOlderPluginsWork) {
  struct Older {
    alignas(OndaProviderDef) char bytes[offsetof(OndaProviderDef, options)];
    char behind[sizeof(OndaProviderDef)];
  } older;
  OndaProviderDef def = kPlain;
  def.size = sizeof(older.bytes);
  std::memcpy(older.bytes, &def, sizeof(older.bytes));
  std::memset(older.behind, 0x5a, sizeof(older.behind));
  EXPECT_EQ(RunNeg(reinterpret_cast<const OndaProviderDef*>(older.bytes)), (std::vector<float>{-1, 2, -3}));
}

TEST(ProviderClass, TablesThatLackAFunctionAreRefused) {
  OndaProviderDef def = kPlain;
  def.copy = nullptr;
  EXPECT_EQ(MessageOf([&] { RunNeg(&def); }),
            "execution provider 'plain' lacks a function that every provider must have");
  def = kPlain;
  def.size = 100;
  EXPECT_EQ(MessageOf([&] { RunNeg(&def); }), "execution provider 'plain' was built for another version of Onda");
}

}  // namespace
}  // namespace onda
