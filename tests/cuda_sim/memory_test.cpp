// Memory of the CUDA provider under the engine, counted: weights, what is given back, what steady runs take, captures
// that are dropped.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "onda/model.h"
#include "onda/onda.h"
#include "onnx.pb.h"
#include "tests/cuda_sim/float_values.h"
#include "tests/cuda_sim/watched_provider.h"

namespace onda::cuda_sim {
namespace {

const char kHeader[] = "<ir_version: 10, opset_import: [\"\" : 23]> ";
constexpr uint64_t kWeightBytes = uint64_t{256} * 256 * 4;

// Two readers of the weights, and one in a body.
std::string Shared() {
  std::string list = "1";
  for (int i = 1; i < 256 * 256; ++i) list += i % 257 == 0 ? ",1" : ",0";
  return "shared (float[N,256] x, bool take) => (float[N,256] y) <float[256,256] w = {" + list +
         "}> { a = MatMul(x, w) b = Relu(a) c = MatMul(b, w) y = If(take) <then_branch = yes () => (float[N,256] r) { "
         "r = MatMul(c, w) }, else_branch = no () => (float[N,256] r) { r = Relu(c) }> }";
}

const char kChain[] =
    "chain (float[N,64] x) => (float[N,64] y) { a = Softmax(x) b = Softmax(a) c = Add(b, x) y = Softmax(c) }";

struct OnDevice {
  explicit OnDevice(const std::string& graph, std::map<std::string, std::string> cuda = {},
                    Env::Options env_options = Quiet())
      : env(std::move(env_options)) {
    Check(Api().RegisterProvider(env.get(), "cuda", WatchedProvider()));
    const Model model = Model::FromText(kHeader + graph);
    cuda.insert({{"seed", "3"}, {"plan_cache", "none"}});
    SessionOptions options;
    options.AppendExecutionProvider("cuda", cuda);
    host = std::make_unique<Session>(env, model, SessionOptions());
    device = std::make_unique<Session>(env, model, options);
  }
  static Env::Options Quiet() {
    Env::Options options;
    options.log_level = LoggingLevel::kError;
    return options;
  }
  uint64_t Used() const {
    for (const ProviderMemory& m : device->GetProviderMemory())
      if (m.provider == "cuda") return m.used;
    return 0;
  }
  void ExpectSame(const Value& actual, const std::vector<Session::NamedValue>& feeds) const {
    const std::vector<float> a = actual.ToVector<float>(), e = host->Run(feeds)[0].ToVector<float>();
    ASSERT_EQ(a.size(), e.size());
    for (size_t k = 0; k < e.size(); ++k) ASSERT_NEAR(a[k], e[k], 1e-4) << k;
  }

  Env env;
  std::unique_ptr<Session> host, device;
};

TEST(CudaMemory, ConstantsAreCopiedOnce) {
  const ProviderCounts& counts = CountAgain();
  const OnDevice s(Shared());
  EXPECT_GE(counts.uploaded, kWeightBytes);
  EXPECT_LT(counts.uploaded, kWeightBytes + 1024) << "the same constant for three readers";
  const uint64_t before = counts.uploaded;
  for (int run = 0; run < 4; ++run) {
    const std::vector<Session::NamedValue> feeds = {{"x", Floats({2, 256}, run)},
                                                    {"take", Value::Scalar(run % 2 == 0)}};
    s.ExpectSame(s.device->Run(feeds)[0], feeds);
  }
  // Of each run the input, and nothing of the control flow, which is decided on the host.
  EXPECT_EQ(counts.uploaded - before, 4u * 2 * 256 * 4);
}

// 96 MiB of weights in the model's file: on their way to the device a few pieces of them are in pinned memory, and what
// else the host takes is not of their size.
TEST(CudaMemory, WeightsPassThroughLittleHostMemory) {
  constexpr int64_t kLayers = 24, kWidth = 1024;
  constexpr size_t kLayerBytes = kWidth * kWidth * 4, kPieces = size_t{4} * (4 << 20);
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("onda_weights_" + std::to_string(getpid()) + ".onnx");
  {
    wire::Model model;
    model.set_ir_version(10);
    model.add_opset_import()->set_version(21);
    wire::Graph& graph = *model.mutable_graph();
    graph.set_name("weights");
    const auto add_value = [](wire::ValueInfo& value, const char* name) {
      value.set_name(name);
      wire::Type::Tensor& type = *value.mutable_type()->mutable_tensor_type();
      type.set_elem_type(static_cast<int32_t>(DType::kFloat));
      for (int64_t n : {int64_t{1}, kWidth}) type.mutable_shape()->add_dim()->set_dim_value(n);
    };
    add_value(*graph.add_input(), "v0");
    add_value(*graph.add_output(), ("v" + std::to_string(kLayers)).c_str());
    for (int64_t i = 0; i < kLayers; ++i) {
      std::string bytes(kLayerBytes, '\x38');
      bytes[0] = static_cast<char>(i);
      wire::Tensor& weights = *graph.add_initializer();
      weights.set_name("w" + std::to_string(i));
      weights.set_data_type(static_cast<int32_t>(DType::kFloat));
      weights.add_dims(kWidth);
      weights.add_dims(kWidth);
      weights.set_raw_data(std::move(bytes));
      wire::Node& node = *graph.add_node();
      node.set_op_type("MatMul");
      node.add_input("v" + std::to_string(i));
      node.add_input("w" + std::to_string(i));
      node.add_output("v" + std::to_string(i + 1));
    }
    std::ofstream file(path, std::ios::binary);
    ASSERT_TRUE(model.SerializeToOstream(&file));
  }
  malloc_trim(0);
  Env env(OnDevice::Quiet());
  Check(Api().RegisterProvider(env.get(), "cuda", WatchedProvider()));
  SessionOptions options;
  options.AppendExecutionProvider("cuda", {{"plan_cache", "none"}});
  ProviderCounts& counts = CountAgain();
  counts.measures_host = true;
  const struct mallinfo2 before = mallinfo2();
  const Session session(env, path.string(), options);
  std::filesystem::remove(path);
  EXPECT_GE(counts.uploaded, kLayers * kLayerBytes);
  EXPECT_LT(counts.uploaded, kLayers * kLayerBytes + 4096);
  EXPECT_GT(counts.most_pinned, 0u);
  EXPECT_LE(counts.most_pinned, kPieces);
  EXPECT_LT(counts.most_heap - before.uordblks - before.hblkhd, size_t{4} << 20);
  counts.measures_host = false;
}

// Simulated plans take 250 KiB at most; before there is one, a node would have to ask for 32 MiB.
TEST(CudaMemory, NodesTakeTheWorkspacesOfTheirPlans) {
  const char* const graphs[] = {
      "conv (float[1,4,9,9] x, float[6,4,3,3] w, float[6] b) => (float[1,6,7,7] y) { y = Conv(x, w, b) }",
      "transpose (float[1,4,5,5] x, float[4,6,3,3] w) => (float[1,6,7,7] y) { y = ConvTranspose(x, w) }",
      "lstm (float[3,2,5] x, float[1,16,5] w, float[1,16,4] r) => (float[3,1,2,4] y) { y = LSTM<hidden_size = 4>(x, w, "
      "r) }",
      "deform (float[1,4,6,6] x, float[3,4,3,3] w, float[1,18,4,4] o) => (float[1,3,4,4] y) { y = DeformConv(x, w, o) "
      "}",
      "attention (float16[1,2,64,16] q, float16[1,2,64,16] k, float16[1,2,64,16] v, bool[64,64] m) => "
      "(float16[1,2,64,16] y) { y = Attention(q, k, v, m) }",
  };
  for (const char* graph : graphs) {
    for (const char* seed : {"1", "2", "3"}) {
      const OnDevice s(graph, {{"seed", seed}});
      std::vector<Session::NamedValue> feeds;
      const std::string text(graph);
      for (size_t i = 0; i < s.device->GetInputCount(); ++i) {
        const auto info = s.device->GetInputTypeInfo(i).GetTensorTypeAndShapeInfo();
        feeds.emplace_back(s.device->GetInputName(i),
                           s.host->CreateTensor(MemoryInfo(), info.GetElementType(), info.GetShape()));
        std::memset(feeds.back().second.GetTensorMutableRawData(), 0, feeds.back().second.GetTensorSizeInBytes());
      }
      const ProviderCounts& counts = CountAgain();
      for (int run = 0; run < 3; ++run) s.device->Run(feeds);
      EXPECT_GT(counts.allocations, 0);
      const std::string plan = s.device->PrintPlans();
      for (size_t at = plan.find("workspace of "); at != std::string::npos; at = plan.find("workspace of ", at + 1))
        EXPECT_LT(std::stoull(plan.substr(at + 13)), uint64_t{512} << 10) << plan;
      EXPECT_LT(s.Used(), uint64_t{2} << 20) << graph;
    }
  }
}

TEST(CudaMemory, TrimLeavesTheWeights) {
  OnDevice s(Shared());
  const uint64_t fresh = s.Used();
  EXPECT_GE(fresh, kWeightBytes);
  for (int run = 0; run < 4; ++run) {
    s.device->Run({{"x", Floats({100, 256}, run)}, {"take", Value::Scalar(true)}});
    EXPECT_GT(s.Used(), fresh);
  }
  s.device->Trim();
  EXPECT_GE(s.Used(), kWeightBytes);
  EXPECT_LE(s.Used(), fresh);
  EXPECT_LT(fresh, kWeightBytes + 1024);
  const std::vector<Session::NamedValue> feeds = {{"x", Floats({100, 256})}, {"take", Value::Scalar(true)}};
  for (int run = 0; run < 3; ++run) s.ExpectSame(s.device->Run(feeds)[0], feeds);
}

TEST(CudaMemory, WhatNobodyUsesGoesBack) {
  Env::Options options = OnDevice::Quiet();
  options.memory_idle_seconds = 0.05;
  const OnDevice s(kChain, {}, std::move(options));
  s.device->Run({{"x", Floats({1000, 64})}});
  constexpr uint64_t kLanes = 4096;  // status words stay
  for (int i = 0; i < 200 && s.Used() > kLanes; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(25));
  EXPECT_LE(s.Used(), kLanes);
  const std::vector<Session::NamedValue> feeds = {{"x", Floats({1000, 64}, 2)}};
  s.ExpectSame(s.device->Run(feeds)[0], feeds);
}

TEST(CudaMemory, ALimitThatIsHitAgainAndAgain) {
  const OnDevice s(kChain, {{"memory_limit", "400000"}});
  for (int round = 0; round < 6; ++round) {
    const std::vector<Session::NamedValue> feeds = {{"x", Floats({100, 64}, round)}};
    s.ExpectSame(s.device->Run(feeds)[0], feeds);
    try {
      s.device->Run({{"x", Floats({4000 + round % 2, 64})}});
      ADD_FAILURE() << "the limit was exceeded";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kOutOfMemory) << e.what();
    }
    EXPECT_LE(s.Used(), 400000u);
  }
  EXPECT_NE(s.device->PrintPlans().find("replayed 4 times"), std::string::npos) << s.device->PrintPlans();
}

TEST(CudaMemory, SteadyRunsTakeNothing) {
  const OnDevice s(kChain);
  const Value y = Value::CreateTensor<float>(std::vector<int64_t>{600, 64});  // large enough to be staged
  IoBinding binding(*s.device);
  binding.BindOutput("y", y);
  for (int run = 0; run < 4; ++run) {
    binding.BindInput("x", Floats({600, 64}, run));
    s.device->Run(RunOptions(), binding);
  }
  const RunOptions options;
  const ProviderCounts& counts = CountAgain();
  for (int run = 0; run < 5; ++run) {
    const Value x = Floats({600, 64}, run);
    binding.BindInput("x", x);
    {
      const CountHeap heap;
      s.device->Run(options, binding);
    }
    s.ExpectSame(y, {{"x", x}});
  }
  EXPECT_EQ(counts.allocations, 0);
  EXPECT_EQ(counts.heap, 0);
}

TEST(CudaMemory, CapturesOfManyAddressesAreDropped) {
  constexpr int kPlaces = 9;
  const int64_t shape[] = {3, 64};
  const ProviderCounts& counts = CountAgain();
  const int64_t before = counts.executables;
  {
    const OnDevice s(kChain);
    const MemoryInfo memory("cuda", 0);
    std::vector<Value> x, y;
    for (int i = 0; i < kPlaces; ++i) {
      x.push_back(s.device->CreateTensor(memory, DType::kFloat, shape));
      y.push_back(s.device->CreateTensor(memory, DType::kFloat, shape));
    }
    int64_t most = 0;
    for (int run = 0; run < 4 * kPlaces; ++run) {
      const int i = run < 2 * kPlaces ? run % kPlaces : run % 2;  // at last a few places, which are replayed
      const Value given = Floats({3, 64}, run);
      s.device->CopyTensor(given, x[static_cast<size_t>(i)]);
      IoBinding binding(*s.device);
      binding.BindInput("x", x[static_cast<size_t>(i)]);
      binding.BindOutput("y", y[static_cast<size_t>(i)]);
      s.device->Run(RunOptions(), binding);
      Value back = Value::CreateTensor<float>(shape);
      s.device->CopyTensor(y[static_cast<size_t>(i)], back);
      s.ExpectSame(back, {{"x", given}});
      most = std::max(most, counts.executables - before);
    }
    EXPECT_GT(most, 1);
    EXPECT_LE(most, 4);
    EXPECT_EQ(counts.launched, 4 * kPlaces - 1) << "all but the first run";
    // Each of the others is captured anew while there are more places than executables, the last two once at most.
    EXPECT_LE(counts.captures, 2 * kPlaces + 2);
    EXPECT_GE(counts.captures, kPlaces);
  }
  EXPECT_EQ(counts.executables, before) << "all are destroyed with their session";
}

TEST(CudaMemory, PlansOfManyShapesAreDroppedWithTheirCaptures) {
  constexpr int kShapes = 80;  // more than plans are kept
  const ProviderCounts& counts = CountAgain();
  const int64_t before = counts.executables;
  const OnDevice s(kChain);
  for (int n = 1; n <= kShapes; ++n)
    for (int run = 0; run < 3; ++run) s.device->Run({{"x", Floats({n, 64}, run)}});
  EXPECT_LE(counts.executables - before, 64);
  EXPECT_GT(counts.executables - before, 32);
  for (const int n : {1, kShapes, 2}) {
    const std::vector<Session::NamedValue> feeds = {{"x", Floats({n, 64}, n)}};
    s.ExpectSame(s.device->Run(feeds)[0], feeds);
  }
}

}  // namespace
}  // namespace onda::cuda_sim
