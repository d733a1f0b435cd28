// What providers may offer beside running nodes, through the public interface.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "onda/make_provider.h"
#include "onda/model.h"
#include "onda/onda.h"

namespace onda {
namespace {

// A device of the heap that notes what it is asked for.
class Noting {
 public:
  struct Notes {
    std::vector<std::string> ranges;  // "+" name where one begins, "-" where it ends
    std::vector<void*> streams;       // of the caller's, that were wrapped
    std::vector<void*> launched_on;
    int64_t host_blocks = 0, freed_host_blocks = 0, trims = 0;
    uint64_t limit = 0;
  };
  static Notes& notes() {
    static Notes notes;
    return notes;
  }
  struct Event;
  // Told apart by what it stands for.
  struct Stream {
    explicit Stream(Noting&) {}
    static void Synchronize() {}
    void Record(Event&) {}
    void Wait(Event&) {}
    void* native = nullptr;
  };
  struct Event {
    explicit Event(Noting&) {}
    static void Synchronize() {}
  };
  static constexpr OndaOptionDef kOptions[] = {{"device_id", "which device", "0"}, {"quiet", "says nothing", ""}};

  explicit Noting(ProviderOptions& options) : device_(options.Int("device_id", 0)) {
    if (device_ > 1) throw Error(ErrorCode::kNotFound, "found 2 devices, needed device " + std::to_string(device_));
  }
  static std::span<const OndaKernelDef* const> kernels();
  static void* Allocate(size_t bytes) { return std::aligned_alloc(256, (bytes + 255) / 256 * 256); }
  static void Free(void* memory) { std::free(memory); }
  static void Copy(void* to, const void* from, size_t bytes, OndaCopyKind, Stream&) { std::memcpy(to, from, bytes); }
  static void FillZero(void* memory, size_t bytes, Stream&) { std::memset(memory, 0, bytes); }
  static void* AllocateHost(size_t bytes) {
    ++notes().host_blocks;
    return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  }
  static void FreeHost(void* memory) {
    ++notes().freed_host_blocks;
    std::free(memory);
  }
  void Memory(OndaMemoryInfo& info) const {
    info.total = 1000;
    info.free = 900 - static_cast<uint64_t>(device_);
    info.used = 7;
  }
  static void SetMemoryLimit(uint64_t bytes) { notes().limit = bytes; }
  static void Trim() { ++notes().trims; }
  static void Describe(Noting* instance, const auto& write) {
    if (!instance) write("devices", "2 of the heap");
  }

 private:
  int64_t device_;
};

struct Negate {
  explicit Negate(const NodeView&) {}
  void Launch(const LaunchArgs& args) const {
    Noting::notes().launched_on.push_back(static_cast<Noting::Stream*>(args.stream())->native);
    for (int64_t i = 0; i < args.output(0).count(); ++i) args.output(0).as<float>()[i] = -args.input(0).as<float>()[i];
  }
};
constexpr OndaKernelDef kNegate = MakeKernel<Negate>("Neg");
constexpr const OndaKernelDef* kKernels[] = {&kNegate};
std::span<const OndaKernelDef* const> Noting::kernels() { return kKernels; }

const OndaProviderDef& Table() {
  static const OndaProviderDef table = [] {
    OndaProviderDef def = MakeProvider<Noting>("noting");
    def.push_range = [](void*, const char* name) { Noting::notes().ranges.push_back(std::string("+") + name); };
    def.pop_range = [](void*) { Noting::notes().ranges.emplace_back("-"); };
    def.wrap_stream = [](void* instance, void* native, OndaStatus*) -> void* {
      Noting::notes().streams.push_back(native);
      auto* stream = new Noting::Stream(*static_cast<Noting*>(instance));
      stream->native = native;
      return stream;
    };
    return def;
  }();
  return table;
}

Env NotingEnv() {
  Env env(LoggingLevel::kFatal);
  Check(Api().RegisterProvider(env.get(), "noting", &Table()));
  return env;
}

Model NegModel() {
  return Model::FromText(
      "<ir_version: 10, opset_import: [\"\" : 21]> g (float[N] x) => (float[N] y) { [first] a = Neg(x) [second] y = "
      "Neg(a) }");
}

std::vector<Session::NamedValue> Feeds() {
  std::vector<Session::NamedValue> feeds;
  feeds.emplace_back("x", Value::FromVector(std::vector<float>{1, 2}, {2}));
  return feeds;
}

TEST(ProviderServices, AreDescribed) {
  const std::vector<Env::ProviderLine> lines = NotingEnv().DescribeExecutionProvider("noting");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].section + " " + lines[0].what + " " + lines[0].text, "option device_id which device (0)");
  EXPECT_EQ(lines[1].text, "says nothing");
  EXPECT_EQ(lines[2].section + " " + lines[2].what + " " + lines[2].text, "machine devices 2 of the heap");
  EXPECT_THROW(NotingEnv().DescribeExecutionProvider("other"), Error);
}

TEST(ProviderServices, RangesAreNamed) {
  Noting::notes() = {};
  SessionOptions options;
  options.AppendExecutionProvider("noting").Set("profiling_ranges", "1");
  const Session session(NotingEnv(), NegModel(), options);
  session.Run(Feeds());
  const std::vector<std::string> expected = {
      "+noting: g", "+node 'first' (Neg, ai.onnx opset 21)", "-", "+node 'second' (Neg, ai.onnx opset 21)", "-", "-"};
  EXPECT_EQ(Noting::notes().ranges, expected);
}

TEST(ProviderServices, NodesAreToldWithTheirProvider) {
  SessionOptions options;
  options.AppendExecutionProvider("noting");
  const Session session(NotingEnv(), NegModel(), options);
  std::string told;
  RunOptions run;
  run.OnNode([&](const NodeEvent& e) { told += std::string(e.op) + "@" + std::string(e.provider) + " "; });
  session.Run(Feeds(), {}, &run);
  EXPECT_EQ(told, "Neg@noting Neg@noting ");
}

TEST(ProviderServices, StreamsOfTheCallers) {
  Noting::notes() = {};
  SessionOptions options;
  options.AppendExecutionProvider("noting");
  const Session session(NotingEnv(), NegModel(), options);
  int native = 0;
  RunOptions run;
  run.SetStream("noting", &native);
  session.Run(Feeds(), {}, &run);
  EXPECT_EQ(Noting::notes().streams, std::vector<void*>{&native});
  EXPECT_EQ(Noting::notes().launched_on, (std::vector<void*>{&native, &native}));
  run.SetStream("noting", nullptr);
  session.Run(Feeds(), {}, &run);
  EXPECT_EQ(Noting::notes().launched_on, (std::vector<void*>{&native, &native, nullptr, nullptr}));
  run.SetStream("elsewhere", &native);
  EXPECT_THROW(session.Run(Feeds(), {}, &run), Error);
}

TEST(ProviderServices, MemoryIsToldLimitedAndTrimmed) {
  Noting::notes() = {};
  {
    SessionOptions options;
    options.AppendExecutionProvider("noting", {{"device_id", "0"}});
    options.AppendExecutionProvider("noting", {{"device_id", "1"}});
    options.SetMemoryLimit(1 << 20);
    Session session(NotingEnv(), NegModel(), options);
    EXPECT_EQ(Noting::notes().limit, uint64_t{1} << 20);
    const std::vector<ProviderMemory> memory = session.GetProviderMemory();
    ASSERT_EQ(memory.size(), 2u);
    EXPECT_EQ(memory[1].provider, "noting:1");
    EXPECT_EQ(memory[1].total, 1000u);
    EXPECT_EQ(memory[1].free, 899u);
    EXPECT_EQ(memory[0].used, 7u);
    // Results that are copied from a device lie in memory that its copies reach best.
    const std::vector<Value> results = session.Run(Feeds());
    EXPECT_EQ(results[0].ToVector<float>(), (std::vector<float>{1, 2}));
    EXPECT_EQ(Noting::notes().host_blocks, 1);
    session.Trim();
    EXPECT_EQ(Noting::notes().trims, 2);
  }
  EXPECT_EQ(Noting::notes().freed_host_blocks, 1);
}

TEST(ProviderServices, WhatWasFoundAndNeeded) {
  SessionOptions options;
  options.AppendExecutionProvider("noting", {{"device_id", "5"}});
  try {
    const Session session(NotingEnv(), NegModel(), options);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "noting: found 2 devices, needed device 5");
  }
}

}  // namespace
}  // namespace onda
