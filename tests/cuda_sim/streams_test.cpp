// Streams of the CUDA provider under the engine: copies beside launches, streams of the caller's, times by events. What
// is out of order is a race to the simulator, which a run then reports.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "onda/dlpack.h"
#include "onda/model.h"
#include "onda/onda.h"
#include "providers/cuda/device.h"
#include "tests/cuda_sim/float_values.h"
#include "tests/cuda_sim/watched_provider.h"

namespace onda::cuda_sim {
namespace {

const char kHeader[] = "<ir_version: 10, opset_import: [\"\" : 21]> ";

// y is made early; b is read late.
const char kBranches[] =
    "branches (float[N,1024] a, float[N,1024] b) => (float[N,1024] y, float[N,1024] z) <float[1] one = {1.0}> "
    "{ y = Softmax(a) q = Softmax(y) r = Softmax(q) s = Add(r, b) z = Softmax(s) }";

struct Sessions {
  explicit Sessions(const std::string& graph, uint64_t seed, std::map<std::string, std::string> cuda = {}) {
    Check(Api().RegisterProvider(env.get(), "cuda", WatchedProvider()));
    const Model model = Model::FromText(kHeader + graph);
    cuda.insert({{"seed", std::to_string(seed)}, {"plan_cache", "none"}});
    SessionOptions options;
    options.AppendExecutionProvider("cuda", cuda);
    host = std::make_unique<Session>(env, model, SessionOptions());
    device = std::make_unique<Session>(env, model, options);
  }
  void ExpectSame(const std::vector<Value>& actual, const std::vector<Session::NamedValue>& feeds) const {
    const std::vector<Value> expected = host->Run(feeds);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      const std::vector<float> a = actual[i].ToVector<float>(), e = expected[i].ToVector<float>();
      ASSERT_EQ(a.size(), e.size());
      for (size_t k = 0; k < e.size(); ++k) ASSERT_NEAR(a[k], e[k], 1e-5) << i << ", " << k;
    }
  }

  Env env{LoggingLevel::kError};
  std::unique_ptr<Session> host, device;
};

std::vector<Session::NamedValue> Feeds(int64_t n, int run) {
  return {{"a", Floats({n, 1024}, run)}, {"b", Floats({n, 1024}, run + 7)}};
}

size_t Find(const std::string& text, const std::string& part) {
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part << "\n" << text;
  return at;
}

TEST(CudaStreams, LargeCopiesRunBesideLaunches) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    const Sessions s(kBranches, seed);
    for (int run = 0; run < 4; ++run) s.ExpectSame(s.device->Run(Feeds(257, run)), Feeds(257, run));
    const std::string plan = s.device->PrintPlans();
    const size_t first = Find(plan, "cuda runs Softmax"), last = Find(plan, "cuda runs Add");
    EXPECT_LT(Find(plan, "cuda's upload stream copies MemcpyToDevice 'MemcpyToDevice_b'"), first) << plan;
    // The sum waits for b, and nothing before it.
    EXPECT_GT(plan.rfind("cuda waits for event", last), first) << plan;
    EXPECT_LT(Find(plan, "cuda's download stream copies MemcpyToHost 'MemcpyToHost_y'"), last) << plan;
    EXPECT_GT(Find(plan, "cuda's download stream copies MemcpyToHost 'MemcpyToHost_z'"), last) << plan;
    EXPECT_NE(plan.find(" launches, replayed"), std::string::npos) << plan;
  }
}

TEST(CudaStreams, SmallCopiesDoNotSplitWhatIsCaptured) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    const Sessions s(kBranches, seed);
    for (int run = 0; run < 4; ++run) s.ExpectSame(s.device->Run(Feeds(3, run)), Feeds(3, run));
    const std::string plan = s.device->PrintPlans();
    EXPECT_LT(Find(plan, "cuda waits for event"), Find(plan, "cuda runs Softmax")) << plan;
    EXPECT_NE(plan.find(": 5 launches, replayed 2 times"), std::string::npos) << plan;
  }
}

// Two towers of four launches, which meet in the last. The second takes the place of a: after its first launch.
const char kTowers[] =
    "towers (float[N,64] a) => (float[N,64] z) "
    "{ p1 = Softmax(a) p2 = LogSoftmax(p1) p3 = Softmax(p2) p4 = LogSoftmax(p3) "
    "q1 = LogSoftmax(a) q2 = Softmax(q1) q3 = LogSoftmax(q2) q4 = Softmax(q3) z = Mul(p4, q4) }";

size_t Count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(CudaStreams, BranchesRunBesideEachOther) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const Sessions s(kTowers, seed);
    const ProviderCounts& counts = CountAgain();
    for (int run = 0; run < 4; ++run) {
      const std::vector<Session::NamedValue> feeds = {{"a", Floats({64, 64}, run)}};
      s.ExpectSame(s.device->Run(feeds), feeds);
    }
    EXPECT_EQ(counts.streams, 4) << "for computing, uploads, downloads, and a branch";
    const std::string plan = s.device->PrintPlans();
    EXPECT_EQ(Count(plan, "cuda's side stream 1 runs"), 3u) << plan;
    EXPECT_EQ(Count(plan, "cuda's side stream 1 waits"), 1u) << plan;
    EXPECT_EQ(Count(plan, "side stream 2"), 0u) << plan;
    // All of it is one graph.
    EXPECT_EQ(Count(plan, "captured:"), 1u) << plan;
    EXPECT_NE(plan.find("replayed 2 times"), std::string::npos) << plan;
  }
}

TEST(CudaStreams, BranchesInAStreamOfTheCallers) {
  const Sessions s(kTowers, 3);
  void* const instance = CountAgain().instance;
  OndaStatus status{};
  void* const handle = WatchedProvider()->create_stream(instance, &status);
  ASSERT_EQ(status.code, 0) << status.message;
  {
    cuda::Stream& own = *static_cast<cuda::StreamHandle*>(handle)->stream;
    RunOptions options;
    options.SetStream("cuda", own.device().NativeStream(own));
    for (int run = 0; run < 4; ++run) {
      const std::vector<Session::NamedValue> feeds = {{"a", Floats({64, 64}, run)}};
      s.ExpectSame(s.device->Run(feeds, {}, &options), feeds);
    }
  }
  WatchedProvider()->destroy_stream(instance, handle);
}

TEST(CudaStreams, NoSideStreamWhereItDoesNotPay) {
  const char chain[] =
      "chain (float[N,64] a) => (float[N,64] z) { b = Softmax(a) c = LogSoftmax(b) d = Softmax(c) e = "
      "LogSoftmax(d) f = Softmax(e) z = LogSoftmax(f) }";
  const char small[] = "small (float[N,64] a) => (float[N,64] z) { p = Softmax(a) q = LogSoftmax(a) z = Add(p, q) }";
  for (const char* graph : {chain, small}) {
    const Sessions s(graph, 1);
    const std::vector<Session::NamedValue> feeds = {{"a", Floats({3, 64}, 0)}};
    s.ExpectSame(s.device->Run(feeds), feeds);
    EXPECT_EQ(Count(s.device->PrintPlans(), "side stream"), 0u) << s.device->PrintPlans();
  }
}

TEST(CudaStreams, BoundHostMemoryThatIsNotPinned) {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const Sessions s(kBranches, seed);
    const Value y = Value::CreateTensor<float>(std::vector<int64_t>{257, 1024});
    const Value z = Value::CreateTensor<float>(std::vector<int64_t>{257, 1024});
    for (int run = 0; run < 4; ++run) {
      IoBinding binding(*s.device);
      for (const auto& [name, value] : Feeds(257, run)) binding.BindInput(name.c_str(), value);
      binding.BindOutput("y", y);
      binding.BindOutput("z", z);
      s.device->Run(RunOptions(), binding);
      s.ExpectSame({y, z}, Feeds(257, run));
    }
  }
}

TEST(CudaStreams, AHostStepInTheMiddle) {
  // The string operator stays on the host; what it reads is downloaded, while later launches go on.
  const char graph[] =
      "middle (float[N,1024] a) => (float[N,1024] z, bool[N,1024] w) "
      "{ p = Softmax(a) t = Cast<to = 8>(p) u = Cast<to = 1>(t) q = Softmax(p) r = Add(q, u) z = Softmax(r) w = "
      "Greater(z, q) }";
  for (uint64_t seed = 0; seed < 3; ++seed) {
    const Sessions s(graph, seed);
    for (int run = 0; run < 3; ++run) {
      const std::vector<Session::NamedValue> feeds = {{"a", Floats({2, 1024}, run)}};
      const std::vector<Value> actual = s.device->Run(feeds), expected = s.host->Run(feeds);
      const std::vector<float> x = actual[0].ToVector<float>(), e = expected[0].ToVector<float>();
      for (size_t k = 0; k < e.size(); ++k) ASSERT_NEAR(x[k], e[k], 1e-5);
    }
  }
}

TEST(CudaStreams, AStreamOfTheCallers) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    const Sessions s(kBranches, seed);
    void* const instance = CountAgain().instance;
    OndaStatus status{};
    void* const handle = WatchedProvider()->create_stream(instance, &status);
    ASSERT_EQ(status.code, 0) << status.message;
    {
      cuda::Stream& own = *static_cast<cuda::StreamHandle*>(handle)->stream;
      cuda::Device& device = own.device();
      RunOptions options;
      options.SetStream("cuda", device.NativeStream(own));
      const MemoryInfo memory("cuda", 0);
      const int64_t shape[] = {3, 1024};
      Value a = s.device->CreateTensor(memory, DType::kFloat, shape);
      IoBinding binding(*s.device);
      binding.BindInput("a", a);
      binding.BindOutput("y", MemoryInfo());
      binding.BindOutput("z", MemoryInfo());
      for (int run = 0; run < 5; ++run) {
        const auto feeds = Feeds(3, run);
        binding.BindInput("b", feeds[1].second);
        // The caller's own work is ahead of the run's, nobody waits for it.
        void* const pinned = device.AllocateHost(a.GetTensorSizeInBytes());
        std::memcpy(pinned, feeds[0].second.GetTensorRawData(), a.GetTensorSizeInBytes());
        device.Copy(a.GetTensorMutableRawData(), pinned, a.GetTensorSizeInBytes(), kOndaHostToDevice, own);
        s.device->Run(options, binding);
        s.ExpectSame(binding.GetOutputValues(), feeds);
        device.FreeHost(pinned);
      }
      EXPECT_NE(s.device->PrintPlans().find("replayed 3 times"), std::string::npos) << s.device->PrintPlans();
    }
    WatchedProvider()->destroy_stream(instance, handle);
  }
}

TEST(CudaStreams, RunsAreTimedByEvents) {
  const Sessions s(kBranches, 1);
  RunOptions options;
  EXPECT_LT(options.GetDeviceMilliseconds("cuda"), 0);
  s.device->Run(Feeds(3, 0), {}, &options);
  EXPECT_LT(options.GetDeviceMilliseconds("cuda"), 0) << "nobody asked";
  options.SetDeviceTiming();
  for (int run = 0; run < 4; ++run) {
    s.device->Run(Feeds(3, run), {}, &options);
    // The simulator's clock ticks in microseconds, once for each piece of work.
    EXPECT_GE(options.GetDeviceMilliseconds("cuda"), 0.005);
    EXPECT_LT(options.GetDeviceMilliseconds("cuda"), 1);
  }
  EXPECT_LT(options.GetDeviceMilliseconds("cpu"), 0);
  s.host->Run(Feeds(3, 0), {}, &options);
  EXPECT_LT(options.GetDeviceMilliseconds("cuda"), 0) << "of a session without it";
}

TEST(CudaStreams, DlpackTensorsInDeviceMemory) {
  const Sessions s(kBranches, 2);
  const MemoryInfo memory("cuda", 0);
  const int64_t shape[] = {3, 1024};
  const auto feeds = Feeds(3, 1);
  Value a = s.device->CreateTensor(memory, DType::kFloat, shape);
  s.device->CopyTensor(feeds[0].second, a);
  DlpackManagedTensor* const managed = ToDlpack(a, s.device.get());
  EXPECT_EQ(managed->tensor.device.type, 2);
  EXPECT_EQ(managed->tensor.device.number, 0);
  EXPECT_EQ(managed->tensor.data, a.GetTensorRawData());
  a = Value();
  DlpackManagedTensor elsewhere = *managed;
  elsewhere.tensor.device.number = 3;
  try {
    FromDlpack(&elsewhere, s.device.get());
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("CUDA device 3; the session has cuda (CUDA device 0)"), std::string::npos)
        << e.what();
  }
  IoBinding binding(*s.device);
  binding.BindInput("a", FromDlpack(managed, s.device.get()));
  binding.BindInput("b", feeds[1].second);
  binding.BindOutput("y", memory);
  binding.BindOutput("z", memory);
  const ProviderCounts& counts = CountAgain();
  s.device->Run(RunOptions(), binding);
  EXPECT_EQ(counts.uploaded, 3u * 1024 * 4) << "b alone";
  EXPECT_EQ(counts.downloaded, 2 * sizeof(int32_t)) << "the status word alone";
  std::vector<Value> results;
  for (const Value& value : binding.GetOutputValues()) {
    const Value back = FromDlpack(ToDlpack(value, s.device.get()), s.device.get());
    EXPECT_EQ(back.GetTensorRawData(), value.GetTensorRawData());
    results.push_back(Value::CreateTensor<float>(shape));
    s.device->CopyTensor(back, results.back());
  }
  s.ExpectSame(results, feeds);
}

}  // namespace
}  // namespace onda::cuda_sim
