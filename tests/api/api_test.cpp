// The public C++ interface, as a program would use it.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "onda/model.h"

namespace {

using onda::Value;

onda::Model Text(const std::string& graph) {
  return onda::Model::FromText("<ir_version: 10, opset_import: [\"\" : 21], producer_name: \"test\"> " + graph);
}

const char kAffine[] =
    "affine (float[N,3] x, float[3] b) => (float[N,3] y, float[N,3] z) { a = Mul(x, x) y = Add(a, b) z = Sub(y, x) }";

// What fn throws; "" where it throws nothing.
template <class Fn>
std::string Thrown(Fn&& fn) {
  try {
    fn();
  } catch (const onda::Error& e) {
    return e.what();
  }
  return "";
}

void ExpectIn(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text;
}

TEST(Api, RunsAndDescribesAModel) {
  onda::Env env;
  const onda::Session session(env, Text(kAffine));
  EXPECT_EQ(session.GetInputNames(), (std::vector<std::string>{"x", "b"}));
  EXPECT_EQ(session.GetOutputNames(), (std::vector<std::string>{"y", "z"}));
  EXPECT_EQ(session.GetInputTypeInfo(0).GetShape(), (std::vector<int64_t>{-1, 3}));
  EXPECT_EQ(session.GetInputTypeInfo(0).GetSymbolicDimensions(), (std::vector<std::string>{"N", ""}));
  EXPECT_EQ(session.GetModelMetadata().producer_name, "test");
  EXPECT_EQ(session.GetModelMetadata().opset, 21);
  const Value x = Value::FromVector<float>({1, 2, 3, 4, 5, 6}, {2, 3}), b = Value::FromVector<float>({10, 20, 30});
  const auto all = session.Run({{"x", x}, {"b", b}});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].ToVector<float>(), (std::vector<float>{11, 24, 39, 26, 45, 66}));
  EXPECT_EQ(all[1].ToVector<float>(), (std::vector<float>{10, 22, 36, 22, 40, 60}));
  const auto second = session.Run({{"x", x}, {"b", b}}, {"z"});
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].ToVector<float>(), all[1].ToVector<float>());
  EXPECT_EQ(session.RunAsync({{"x", x}, {"b", b}}).get()[0].ToVector<float>(), all[0].ToVector<float>());
}

TEST(Api, NamesWhatIsWrongWithAFeed) {
  onda::Env env;
  const onda::Session session(env, Text(kAffine));
  const Value x = Value::FromVector<float>({1, 2, 3}, {1, 3}), b = Value::FromVector<float>({1, 2, 3});
  ExpectIn(Thrown([&] { session.Run({{"x", x}}); }), {"'b'", "missing", "float[3]"});
  ExpectIn(Thrown([&] { session.Run({{"x", x}, {"b", b}, {"c", b}}); }), {"no input 'c'", "'x'", "'b'"});
  ExpectIn(Thrown([&] { session.Run({{"x", x}, {"b", b}, {"b", b}}); }), {"'b'", "twice"});
  ExpectIn(Thrown([&] { session.Run({{"x", b}, {"b", b}}); }), {"'x'", "float[N, 3]", "float[3]", "rank"});
  ExpectIn(Thrown([&] {
             session.Run({{"x", x}, {"b", Value::FromVector<float>({1, 2})}});
           }),
           {"'b'", "float[3]", "float[2]", "dimension 0"});
  ExpectIn(Thrown([&] {
             session.Run({{"x", x}, {"b", Value::FromVector<double>({1, 2, 3})}});
           }),
           {"'b'", "float[3]", "double[3]", "type"});
  ExpectIn(Thrown([&] { session.Run({{"x", x}, {"b", b}}, {"w"}); }), {"no output 'w'", "'y'", "'z'"});
}

TEST(Api, SymbolsAgreeAcrossInputs) {
  onda::Env env;
  const onda::Session session(env, Text("g (float[N] a, float[N] b) => (float[N] y) { y = Add(a, b) }"));
  ExpectIn(Thrown([&] {
             session.Run({{"a", Value::FromVector<float>({1, 2})}, {"b", Value::FromVector<float>({1, 2, 3})}});
           }),
           {"'b'", "'N'", "2", "'a'"});
}

TEST(Api, ResultsBelongToTheCaller) {
  onda::Env env;
  const onda::Session session(env,
                              Text("g (float[2] x) => (float[2] same, float[2] c, float[2] d) <float[2] k = {1, 2}> "
                                   "{ same = Identity(x) c = Identity(k) d = Identity(k) }"));
  Value x = Value::FromVector<float>({5, 6});
  auto r = session.Run({{"x", x}});
  for (Value& v : r) v.GetTensorMutableData<float>()[0] = -1;
  EXPECT_EQ(x.ToVector<float>(), (std::vector<float>{5, 6}));
  EXPECT_EQ(session.Run({{"x", x}})[1].ToVector<float>(), (std::vector<float>{1, 2}));
  EXPECT_EQ(r[2].ToVector<float>()[1], 2);
}

TEST(Api, BoundOutputsAreWrittenInPlace) {
  onda::Env env;
  onda::Session session(env, Text(kAffine));
  onda::IoBinding binding(session);
  Value x = Value::FromVector<float>({1, 2, 3}, {1, 3});
  std::vector<float> memory(3);
  const int64_t shape[] = {1, 3};
  Value y = Value::CreateTensor<float>(onda::MemoryInfo::CreateCpu(), memory.data(), memory.size(), shape, 2);
  binding.BindInput("x", x);
  binding.BindInput("b", Value::FromVector<float>({1, 1, 1}));
  binding.BindOutput("y", y);
  session.Run(onda::RunOptions(), binding);
  EXPECT_EQ(memory, (std::vector<float>{2, 5, 10}));
  x.GetTensorMutableData<float>()[0] = 3;  // read when it runs
  session.Run(onda::RunOptions(), binding);
  EXPECT_EQ(memory, (std::vector<float>{10, 5, 10}));
}

TEST(Api, ExtraOutputsGiveIntermediateValues) {
  onda::Env env;
  onda::SessionOptions options;
  options.AddOutput("a");
  const onda::Session session(env, Text(kAffine), options);
  EXPECT_EQ(session.GetOutputCount(), 2u);
  const Value x = Value::FromVector<float>({1, 2, 3}, {1, 3}), b = Value::FromVector<float>({1, 1, 1});
  EXPECT_EQ(session.Run({{"x", x}, {"b", b}}, {"a"})[0].ToVector<float>(), (std::vector<float>{1, 4, 9}));
  ExpectIn(Thrown([&] {
             onda::SessionOptions wrong;
             wrong.AddOutput("nothing");
             onda::Session(env, Text(kAffine), wrong);
           }),
           {"'nothing'"});
}

TEST(Api, StringsSequencesAndOptionals) {
  onda::Env env;
  const onda::Session session(
      env, Text("g (string[2] s, seq(float[2]) q) => (string[2] t, float[2] first) <int64 zero = {0}> "
                "{ t = Identity(s) first = SequenceAt(q, zero) }"));
  const auto r = session.Run({{"s", Value::FromVector<std::string>({"a", "longer than the small string buffer"})},
                              {"q", Value::CreateSequence({Value::FromVector<float>({7, 8})})}});
  EXPECT_EQ(r[0].ToVector<std::string>()[1], "longer than the small string buffer");
  EXPECT_EQ(r[1].ToVector<float>(), (std::vector<float>{7, 8}));
}

const char kEndless[] =
    "g (float x) => (float y) <bool on = {1}> { y = Loop(, on, x) <body = b (int64 i, bool go, float v) => "
    "(bool more, float w) { more = Identity(go) w = Neg(v) }> }";

TEST(Api, EndlessLoopsStopAtTheDeadlineWithFlatMemory) {
  onda::Env env;
  const onda::Session session(env, Text(kEndless));
  onda::RunOptions options;
  options.SetTimeout(0.2);
  const auto start = std::chrono::steady_clock::now();
  ExpectIn(Thrown([&] { session.Run({{"x", Value::Scalar(1.0f)}}, {}, &options); }), {"terminated"});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
  EXPECT_LT(session.GetMemoryUse().peak, size_t{1} << 20);
}

TEST(Api, TerminateEndsARunFromAnotherThread) {
  onda::Env env;
  const onda::Session session(env, Text(kEndless));
  onda::RunOptions options;
  std::string thrown;
  std::thread runner([&] { thrown = Thrown([&] { session.Run({{"x", Value::Scalar(1.0f)}}, {}, &options); }); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  options.SetTerminate();
  runner.join();
  ExpectIn(thrown, {"terminated"});
}

TEST(Api, LoadingCanBeCancelled) {
  onda::Env env;
  onda::SessionOptions options;
  options.CancelLoading();
  try {
    onda::Session(env, Text(kAffine), options);
    ADD_FAILURE() << "the session was made";
  } catch (const onda::Error& e) {
    EXPECT_EQ(e.code(), onda::ErrorCode::kCancelled);
  }
}

TEST(Api, UnknownOptionsAndProvidersAreErrors) {
  onda::Env env;
  onda::SessionOptions options;
  ExpectIn(Thrown([&] { options.Set("intra_op_threads", "2"); }), {"'intra_op_threads'", "intra_op_num_threads"});
  ExpectIn(Thrown([&] { options.SetIntraOpNumThreads(-1); }), {"intra_op_num_threads", "-1"});
  options.AppendExecutionProvider("cuda");
  ExpectIn(Thrown([&] { onda::Session(env, Text(kAffine), options); }), {"'cuda'", "cpu"});
  options.Set("allow_missing_providers", "1");
  EXPECT_EQ(Thrown([&] { onda::Session(env, Text(kAffine), options); }), "");
}

TEST(Api, ManyThreadsRunOneSession) {
  onda::Env env;
  const onda::Session session(env, Text(kAffine));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const int64_t n = 1 + (t + i) % 5;  // several shapes at once
        const auto y = session.Run({{"x", Value::FromVector(std::vector<float>(n * 3, static_cast<float>(t)), {n, 3})},
                                    {"b", Value::FromVector<float>({0, 1, 2})}})[0];
        if (y.ToVector<float>()[3 * n - 1] != static_cast<float>(t * t + 2)) ++wrong;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Api, TheCallersExecutorRunsTheLoops) {
  std::atomic<int64_t> calls{0};
  onda::Env::Options options;
  options.threads = 4;
  options.parallel = [&](int64_t n, const std::function<void(int64_t)>& body) {
    calls += n;
    for (int64_t i = n - 1; i >= 0; --i) body(i);
  };
  onda::Env env(options);
  const onda::Session session(env, Text("g (float[1000,1000] x) => (float[1000,1000] y) { y = Exp(x) }"));
  const auto y = session.Run({{"x", Value::CreateTensor<float>(std::vector<int64_t>{1000, 1000})}});
  EXPECT_EQ(y[0].ToVector<float>()[999999], 1.0f);
  EXPECT_GT(calls, 1);
}

TEST(Api, MemoryLimitIsAnErrorAfterWhichTheSessionWorks) {
  onda::Env env;
  onda::SessionOptions options;
  options.SetMemoryLimit(1 << 20);
  const onda::Session session(env, Text("g (float[N] x) => (float[N] y) { a = Exp(x) y = Log(a) }"), options);
  const auto run = [&](int64_t n) { session.Run({{"x", Value::CreateTensor<float>(std::vector<int64_t>{n})}}); };
  ExpectIn(Thrown([&] { run(1 << 20); }), {"limit"});
  EXPECT_EQ(Thrown([&] { run(1000); }), "");
}

}  // namespace
