// The CUDA provider under the engine, through the public interface, on simulated devices: where nodes run, what is
// copied, what is captured, and what is left after errors.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "onda/model.h"
#include "onda/onda.h"
#include "tests/cuda_sim/float_values.h"
#include "tests/cuda_sim/sim_provider.h"

namespace onda {
namespace {

using cuda_sim::Floats;

const char kHeader[] = "<ir_version: 10, opset_import: [\"\" : 21, \"com.microsoft\" : 1]> ";

struct Sessions {
  explicit Sessions(const std::string& graph, std::map<std::string, std::string> cuda = {}) {
    Check(Api().RegisterProvider(env.get(), "cuda", cuda_sim::SimProvider()));
    const Model model = Model::FromText(kHeader + graph);
    cuda.insert({{"seed", "3"}, {"plan_cache", "none"}});
    SessionOptions options;
    options.AppendExecutionProvider("cuda", cuda);
    host = std::make_unique<Session>(env, model, SessionOptions());
    device = std::make_unique<Session>(env, model, options);
  }
  // Operators of the copies, and of what the host runs besides views.
  std::vector<std::string> Copies() const {
    std::vector<std::string> found;
    for (const NodePlacement& p : device->Placement())
      if (p.op.starts_with("Memcpy")) found.push_back(p.op);
    return found;
  }
  std::vector<std::string> OnHost() const {
    std::vector<std::string> found;
    for (const NodePlacement& p : device->Placement())
      if (p.provider == "cpu") found.push_back(p.op);
    return found;
  }
  int64_t Replays() const {
    const std::string text = device->PrintPlans();
    int64_t total = 0;
    for (size_t at = text.find("replayed "); at != std::string::npos; at = text.find("replayed ", at + 1))
      total += std::stoll(text.substr(at + 9));
    return total;
  }
  void ExpectSame(const std::vector<Session::NamedValue>& feeds) const {
    const std::vector<Value> expected = host->Run(feeds), actual = device->Run(feeds);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      ASSERT_EQ(actual[i].GetTensorTypeAndShapeInfo().GetShape(), expected[i].GetTensorTypeAndShapeInfo().GetShape());
      const std::vector<float> a = actual[i].ToVector<float>(), e = expected[i].ToVector<float>();
      for (size_t k = 0; k < e.size(); ++k) ASSERT_NEAR(a[k], e[k], 1e-4 + 1e-4 * std::abs(e[k])) << i << ", " << k;
    }
  }

  Env env{LoggingLevel::kError};
  std::unique_ptr<Session> host, device;
};

// Several launches without a workspace, so that runs are small.
const char kChain[] =
    "chain (float[N,4] x) => (float[N,4] y) <float[4] w = {1, 2, 3, 4}> "
    "{ a = Mul(x, w) b = Softmax(a) c = Add(b, w) y = Softmax(c) }";

TEST(CudaProvider, NetworksAreCopiedAtTheirEndsOnly) {
  const std::vector<std::string> ends = {"MemcpyToDevice", "MemcpyToHost"};
  const Sessions cnn("cnn (float[N,3,8,8] x) => (float[N,5] y) <float[4,3,3,3] w = {" +
                     [] {
                       std::string list;
                       for (int i = 0; i < 108; ++i) list += (i ? "," : "") + std::to_string((i % 7 - 3) * 0.1);
                       return list;
                     }() +
                     "}, float[4] b = {0.1,0.2,0.3,0.4}, float[4,5] v = {1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2}> "
                     "{ axes = Constant<value_ints = [2,3]>() c = Conv<pads = [1,1,1,1]>(x, w, b) r = Relu(c) m = "
                     "ReduceMean<keepdims = 0>(r, axes) p = MatMul(m, v) "
                     "y = Softmax(p) }");
  EXPECT_EQ(cnn.Copies(), ends) << testing::PrintToString(cnn.OnHost());
  EXPECT_EQ(cnn.OnHost(), std::vector<std::string>());
  for (int run = 0; run < 4; ++run) cnn.ExpectSame({{"x", Floats({2, 3, 8, 8}, run)}});
  EXPECT_GT(cnn.Replays(), 0) << cnn.device->PrintPlans();

  // Heads are split by shapes that are computed: that arithmetic stays on the host, without copies.
  const Sessions encoder(
      "encoder (float[B,S,8] x) => (float[B,S,8] y) <float[8,8] w = {" +
      [] {
        std::string list;
        for (int i = 0; i < 64; ++i) list += (i ? "," : "") + std::to_string((i % 5 - 2) * 0.2);
        return list;
      }() +
      "}, float[8] g = {1,1,1,1,1,1,1,1}, float scale = {0.5}, int64[2] tail = {2, 4}, int64[1] eight = {8}> "
      "{ zero = Constant<value_ints = [0]>() two = Constant<value_ints = [2]>() shape = Shape(x) bs = Slice(shape, "
      "zero, two) heads = Concat<axis = 0>(bs, tail) whole = Concat<axis = 0>(bs, "
      "eight) "
      "q0 = MatMul(x, w) q1 = Reshape(q0, heads) q = Transpose<perm = [0,2,1,3]>(q1) "
      "k = Transpose<perm = [0,2,3,1]>(q1) s0 = MatMul(q, k) s1 = Mul(s0, scale) p = Softmax(s1) o0 = MatMul(p, q) "
      "o1 = Transpose<perm = [0,2,1,3]>(o0) o = Reshape(o1, whole) r = Add(o, x) y = LayerNormalization(r, g) "
      "}");
  EXPECT_EQ(encoder.Copies(), ends) << testing::PrintToString(encoder.OnHost());
  for (int run = 0; run < 4; ++run) encoder.ExpectSame({{"x", Floats({1 + run % 2, 5, 8}, run)}});
}

TEST(CudaProvider, ADecodersStateStaysWhereItIs) {
  // Logits and the grown state come back, the token and the old state go in.
  const Sessions decoder(
      "decoder (int64[1] token, float[P,4] past) => (float[1,3] logits, float[Q,4] state) "
      "<float[6,4] table = {1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8,9,1,2,3,4,5,6}, float[4,3] v = "
      "{1,2,3,4,5,6,7,8,9,1,2,3}> "
      "{ e = Gather(table, token) state = Concat<axis = 0>(past, e) t = Transpose<perm = [1,0]>(state) s = MatMul(e, "
      "t) "
      "p = Softmax(s) o = MatMul(p, state) logits = MatMul(o, v) }");
  EXPECT_EQ(decoder.Copies(),
            (std::vector<std::string>{"MemcpyToDevice", "MemcpyToDevice", "MemcpyToHost", "MemcpyToHost"}));
  EXPECT_EQ(decoder.OnHost(), std::vector<std::string>());
  for (int run = 0; run < 6; ++run)
    decoder.ExpectSame(
        {{"token", Value::FromVector(std::vector<int64_t>{run % 6})}, {"past", Floats({2 + run / 3, 4}, run)}});
}

TEST(CudaProvider, BodiesRunOnTheDevice) {
  const Sessions loop(
      "loop (float[N,4] x, bool take) => (float[N,4] y) <bool on = {1}, int64 trips = {3}, float[4] w = {1, 2, 3, 4}> "
      "{ a = Loop(trips, on, x) <body = body (int64 i, bool go, float[N,4] v) => (bool more, float[N,4] u) "
      "{ more = Identity(go) t = Mul(v, w) u = Tanh(t) }> "
      "y = If(take) <then_branch = yes () => (float[N,4] r) { r = Neg(a) }, "
      "else_branch = no () => (float[N,4] r) { r = Relu(a) }> }");
  for (const NodePlacement& p : loop.device->Placement()) {
    if (p.op == "Mul" || p.op == "Tanh" || p.op == "Neg" || p.op == "Relu") {
      EXPECT_EQ(p.provider, "cuda") << p.op;
    }
  }
  // Each branch brings its result to the host.
  EXPECT_EQ(loop.Copies(), (std::vector<std::string>{"MemcpyToDevice", "MemcpyToHost", "MemcpyToHost"}));
  for (int run = 0; run < 4; ++run)
    loop.ExpectSame({{"x", Floats({2, 4}, run)}, {"take", Value::Scalar<bool>(run % 2 == 0)}});
}

TEST(CudaProvider, ReplaysTakeOtherDataShapesAndAddresses) {
  const Sessions s(kChain);
  for (int run = 0; run < 24; ++run) s.ExpectSame({{"x", Floats({2 + run % 3, 4}, run)}});
  EXPECT_GT(s.Replays(), 12) << s.device->PrintPlans();
  // Memory of the caller's that is not pinned, other blocks each time.
  for (int run = 0; run < 6; ++run) {
    std::vector<std::vector<float>> ballast(static_cast<size_t>(run) + 1, std::vector<float>(1000));
    Value y = Value::CreateTensor<float>(std::vector<int64_t>{3, 4});
    IoBinding binding(*s.device);
    binding.BindInput("x", Floats({3, 4}, run));
    binding.BindOutput("y", y);
    s.device->Run(RunOptions(), binding);
    const std::vector<float> expected = s.host->Run({{"x", Floats({3, 4}, run)}})[0].ToVector<float>();
    const std::vector<float> actual = y.ToVector<float>();
    for (size_t k = 0; k < expected.size(); ++k) EXPECT_NEAR(actual[k], expected[k], 1e-5);
  }
  const Sessions without(kChain, {{"cuda_graphs", "0"}});
  for (int run = 0; run < 4; ++run) without.ExpectSame({{"x", Floats({2, 4}, run)}});
  EXPECT_EQ(without.Replays(), 0);
  EXPECT_NE(without.device->PrintPlans().find("cuda_graphs is 0"), std::string::npos);
}

TEST(CudaProvider, RunsAtOnce) {
  const Sessions s(kChain);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int run = 0; run < 12; ++run) {
        const Value x = Floats({2 + run % 2, 4}, 100 * t + run);
        const std::vector<float> expected = s.host->Run({{"x", x}})[0].ToVector<float>();
        const std::vector<float> actual = s.device->Run({{"x", x}})[0].ToVector<float>();
        for (size_t k = 0; k < expected.size(); ++k) wrong += std::abs(actual[k] - expected[k]) > 1e-5f;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(s.Replays(), 8);
}

std::string ErrorOf(const Session& session, const std::vector<Session::NamedValue>& feeds,
                    const RunOptions* options = nullptr) {
  try {
    session.Run(feeds, {}, options);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(CudaProvider, DataDependentErrorsInsideAReplay) {
  const Sessions s("pick (float[N,4] x, int64[K] i) => (float[K,4] y) { a = Relu(x) b = Gather(a, i) y = Neg(b) }");
  const auto feeds = [](int64_t index, int salt) {
    return std::vector<Session::NamedValue>{{"x", Floats({3, 4}, salt)},
                                            {"i", Value::FromVector(std::vector<int64_t>{0, index})}};
  };
  for (int run = 0; run < 4; ++run) s.ExpectSame(feeds(run % 3, run));
  const int64_t before = s.Replays();
  EXPECT_GT(before, 0) << s.device->PrintPlans();
  EXPECT_NE(ErrorOf(*s.device, feeds(7, 1)).find("index is out of range"), std::string::npos);
  EXPECT_GT(s.Replays(), before);
  for (int run = 0; run < 3; ++run) s.ExpectSame(feeds(run % 3, run));
}

TEST(CudaProvider, ACancelledRunLeavesTheSessionAsItWas) {
  const Sessions s(kChain);
  for (int run = 0; run < 3; ++run) s.ExpectSame({{"x", Floats({2, 4}, run)}});
  RunOptions stopped;
  stopped.SetTerminate();
  EXPECT_NE(ErrorOf(*s.device, {{"x", Floats({2, 4})}}, &stopped).find("terminated"), std::string::npos);
  for (int run = 0; run < 3; ++run) s.ExpectSame({{"x", Floats({2, 4}, run)}});
}

TEST(CudaProvider, OutOfMemoryIsAnErrorAfterWhichTheSessionWorks) {
  const Sessions s(kChain, {{"memory_limit", "1000000"}});
  s.ExpectSame({{"x", Floats({100, 4})}});
  const std::string error = ErrorOf(*s.device, {{"x", Floats({200000, 4})}});
  EXPECT_NE(error.find("no memory"), std::string::npos) << error;
  for (int run = 0; run < 4; ++run) s.ExpectSame({{"x", Floats({100, 4}, run)}});
  for (const ProviderMemory& m : s.device->GetProviderMemory()) {
    if (m.provider != "cuda") continue;
    EXPECT_EQ(m.total, 1000000u);
    EXPECT_LE(m.used, 1000000u);
    EXPECT_EQ(m.used + m.free, 1000000u);
  }
  // Weights that do not fit are an error of the session's making.
  EXPECT_THROW(Sessions(kChain, {{"memory_limit", "10"}}), Error);
}

TEST(CudaProvider, WeightsAreUploadedOnceAndNothingIsTakenLater) {
  const Sessions s("shared (float[N,512] x) => (float[N,512] y) <float[512,512] w = {" + [] {
    std::string list = "1";
    for (int i = 1; i < 512 * 512; ++i) list += ",0";
    return list;
  }() + "}> { w0 = Constant<value_floats = [1.0]>() a = MatMul(x, w) b = Relu(a) c = MatMul(b, w) y = Add(c, w0) }");
  const auto used = [&] {
    for (const ProviderMemory& m : s.device->GetProviderMemory())
      if (m.provider == "cuda") return m.used;
    return uint64_t{0};
  };
  for (int run = 0; run < 3; ++run) s.device->Run({{"x", Floats({4, 512}, run)}});
  const uint64_t settled = used();
  // One copy of the weights, one block of activations with the workspace of a product.
  EXPECT_LT(settled, (size_t{512} * 512 * 4) + (size_t{37} << 20));
  EXPECT_GT(settled, size_t{512} * 512 * 4);
  for (int run = 0; run < 5; ++run) s.device->Run({{"x", Floats({4, 512}, run)}});
  EXPECT_EQ(used(), settled);
}

TEST(CudaProvider, ValuesBoundInDeviceMemory) {
  const Sessions s(kChain);
  const MemoryInfo memory("cuda", 0);
  const int64_t shape[] = {3, 4};
  const Value x = s.device->CreateTensor(memory, DType::kFloat, shape),
              y = s.device->CreateTensor(memory, DType::kFloat, shape);
  Value back = Value::CreateTensor<float>(shape);
  for (int run = 0; run < 5; ++run) {
    Value to = x;
    s.device->CopyTensor(Floats({3, 4}, run), to);
    IoBinding binding(*s.device);
    binding.BindInput("x", x);
    binding.BindOutput("y", y);
    s.device->Run(RunOptions(), binding);
    s.device->CopyTensor(y, back);
    const std::vector<float> expected = s.host->Run({{"x", Floats({3, 4}, run)}})[0].ToVector<float>();
    const std::vector<float> actual = back.ToVector<float>();
    for (size_t k = 0; k < expected.size(); ++k) EXPECT_NEAR(actual[k], expected[k], 1e-5);
  }
}

TEST(CudaProvider, OptionsAreChecked) {
  const auto refused = [](std::map<std::string, std::string> options) {
    try {
      Sessions s(kChain, std::move(options));
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(refused({{"device", "0"}}).find("unknown option 'device'; known are device_id"), std::string::npos);
  EXPECT_NE(refused({{"device_id", "9"}}).find("no simulated device 9"), std::string::npos);
  EXPECT_NE(refused({{"tf32", "2"}}).find("'tf32' must be from 0 to 1"), std::string::npos);
  EXPECT_EQ(refused({{"tf32", "1"}}), "");
}

}  // namespace
}  // namespace onda
