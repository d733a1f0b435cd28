// A run that is told to stop ends within 20 ms, in the middle of whatever kernel it is in.
#include <gtest/gtest.h>
#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/runtime/kernel_loop.h"
#include "onda/float_formats.h"
#include "tests/kernels/family_cases.h"
#include "tests/sanitized.h"

namespace onda {
namespace {

// Of every family an operator or two that take at least a tenth of a second of one processor.
const Case kLong[] = {
    {"(float[3000,3000] a, float[3000,3000] b) => (float[3000,3000] y) { y = MatMul(a, b) }"},
    {"(double[900,900] a, double[900,900] b) => (double[900,900] y) { y = MatMul(a, b) }"},
    {"(uint8[3000,3000] a, uint8[3000,3000] b) => (int32[3000,3000] y) { y = MatMulInteger(a, b) }"},
    {"(float[2000,4096] a, uint8[2048,256,8] b, float[524288] s) => (float[2000,2048] y) "
     "{ y = com.microsoft.MatMulNBits<K = 4096, N = 2048, bits = 4, block_size = 16>(a, b, s) }",
     0, 1},
    {"(int32[2100,900] a, int32[900,1200] b) => (int32[2100,1200] y) { y = MatMul(a, b) }", -9, 9},
    {"(int64[30,100000] a, int64[100000,150] b) => (int64[30,150] y) { y = MatMul(a, b) }", -9, 9},
    {"(int32[2100,900] a, int32[900,1200] b) => (int32[2100,1200] y) { y = Gemm(a, b) }", -9, 9},
    {"(double[4,64,300,300] x, double[64] s, double[64] b) => (double[4,64,300,300] y) "
     "{ y = InstanceNormalization(x, s, b) }"},
    {"(double[4,2000000] x, double[2000000] s) => (double[4,2000000] y) { y = LayerNormalization(x, s) }"},
    {"(double[100,16,64] x, double[1,1024,64] w, double[1,1024,256] r) => (double[100,1,16,256] y) "
     "{ y, h, c = LSTM<hidden_size = 256>(x, w, r) }",
     -0.1, 0.1},
    {"(float[2,256,120,120] x, float[256,256,3,3] w) => (float[2,256,118,118] y) { y = Conv(x, w) }"},
    {"(float[2,512,200,200] x, float[512,1,7,7] w) => (float[2,512,194,194] y) { y = Conv<group = 512>(x, w) }"},
    {"(float[1,256,96,96] x, float[256,256,5,5] w) => (float[1,256,100,100] y) { y = ConvTranspose(x, w) }"},
    {"(uint8[1,256,120,120] x, uint8[256,256,3,3] w) => (int32[1,256,118,118] y) { y = ConvInteger(x, w) }"},
    {"(float[1,64,160,160] x, float[64,64,3,3] w, float[1,18,158,158] o) => (float[1,64,158,158] y) "
     "{ y = DeformConv(x, w, o) }"},
    {"(int8[700,700] a, int8[700,700] b) => (int8[700,700] y) { y = Einsum<equation = \"ij,jk\">(a, b) }", -9, 9},
    {"(float[8000000] x) => (float[4000000] v, int64[4000000] i) <int64[1] k = {4000000}> { v, i = TopK(x, k) }"},
    {"(double[64,200000] x) => (double[64,90000] v, int64[64,90000] i) <int64[1] k = {90000}> "
     "{ v, i = TopK(x, k) }"},
    {"(int64[3000000] x) => (int64[n] y) { y = Unique(x) }", 0, 1e9},
    {"(float[40000000] x) => (int64[1,n] y) { y = NonZero(x) }"},
    {"(float[30000000] x, bool[30000000] c) => (float[n] y) { y = Compress(x, c) }"},
    {"(int64[500000] x) => (float[500000,100] y) <int64 d = {100}, float[2] v = {0, 1}> { y = OneHot(x, d, v) }", 0,
     99},
    {"(float[1,16,500,500] x) => (float[1,16,1900,1900] y) <float[4] s = {1, 1, 3.8, 3.8}> "
     "{ y = Resize<mode = \"cubic\">(x, , s) }"},
    {"(float[1,8,500,500] x, float[1,1500,1500,2] g) => (float[1,8,1500,1500] y) { y = GridSample<mode = \"cubic\">(x, "
     "g) }",
     -1, 1},
    {"(float[1500,16,64] x, float[1,1024,64] w, float[1,1024,256] r) => (float[1500,1,16,256] y) "
     "{ y, h, c = LSTM<hidden_size = 256>(x, w, r) }",
     -0.1, 0.1},
    {"(float[1500,16,64] x, float[1,768,64] w, float[1,768,256] r) => (float[1500,1,16,256] y) "
     "{ y, h = GRU<hidden_size = 256>(x, w, r) }",
     -0.1, 0.1},
    {"(float[6000,16,64] x, float[1,256,64] w, float[1,256,256] r) => (float[6000,1,16,256] y) "
     "{ y, h = RNN<hidden_size = 256>(x, w, r) }",
     -0.1, 0.1},
    {"(float[1,16,2048,64] q, float[1,16,2048,64] k, float[1,16,2048,64] v) => (float[1,16,2048,64] y) "
     "{ y = Attention(q, k, v) }"},
    {"(float[60000000] x) => (float[60000000] y) { y = Erf(x) }"},
    {"(double[8000000] x, double[8000000] z) => (double[8000000] y) { y = Pow(x, z) }", 1, 2},
    {"(int64[30000000] x, int64[30000000] z) => (int64[30000000] y) { y = Mod(x, z) }", 1, 1000},
    {"(float[40000000] x) => (float16[40000000] y) { a = Cast<to = 10>(x) b = Sin(a) y = Cos(b) }"},
    {"(int64[1500000] x) => (int64[1500000] y) { t = Cast<to = 8>(x) y = Cast<to = 7>(t) }", 0, 1e9},
    {"(float[2000,20000] x) => (float[2000,20000] y) { y = Softmax(x) }"},
    {"(float[200,200000] x) => (float[200,200000] y) { y = LogSoftmax(x) }"},
    {"(float[20000,2000] x, float[2000] s) => (float[20000,2000] y) { a = LayerNormalization(x, s) "
     "y = LayerNormalization(a, s) }"},
    {"(float[1,40000000] x) => (float[1,40000000] y) <int64 a = {1}> { b = CumSum(x, a) y = CumSum(b, a) }"},
    {"(float[60000000] x) => (float y) { a = Exp(x) y = ReduceLogSumExp<keepdims = 0>(a) }"},
    {"(double[20000000] x) => (double y) { y = ReduceProd<keepdims = 0>(x) }", 0.9, 1},
    {"(float[8,64,300,300] x) => (float[8,64,292,292] y) { y = MaxPool<kernel_shape = [9,9]>(x) }"},
    {"(float[4,64,400,400] x) => (float[4,64,400,400] y) { y = AveragePool<kernel_shape = [9,9], pads = [4,4,4,4]>(x) "
     "}"},
    {"(float[8,64,300,300] x) => (float[8,64,300,300] y) { y = LRN<size = 31>(x) }"},
    {"(float[700,300,200] x) => (float[200,700,300] y) { a = Transpose<perm = [2,0,1]>(x) b = Transpose<perm = "
     "[1,2,0]>(a) "
     "y = Transpose<perm = [2,0,1]>(b) }"},
    {"(int4[5001,5001] x) => (int4[5001,5001] y) { y = Transpose<perm = [1,0]>(x) }"},
    {"(float[6000,6000] x) => (float[6400,6400] y) <int64[4] p = {200,200,200,200}> { y = Pad<mode = \"reflect\">(x, "
     "p) }"},
    {"(float[1000,1000] x, int64[60000] i) => (float[60000,1000] y) { y = Gather(x, i) }", 0, 999},
    {"(float[5000,5000] x, int64[5000,5000] i) => (float[5000,5000] y) { y = GatherElements(x, i) }", 0, 4999},
    {"(float[3000000] x, int64[10000000] i, float[10000000] u) => (float[3000000] y) "
     "{ y = ScatterElements<reduction = \"mul\">(x, i, u) }",
     0, 999999},
    {"(float[3000000] x, int64[10000000,1] i, float[10000000] u) => (float[3000000] y) "
     "{ y = ScatterND<reduction = \"add\">(x, i, u) }",
     0, 999999},
    {"(float[1100,1100] x, float[1100,1100] z) => (float y) { y = Det(x) }"},
    {"(double[1300,1300] x) => (double y) { y = Det(x) }"},
    {"(float[1,1048573,1] x) => (float[1,1048573,2] y) { y = DFT(x) }"},
    {"(float[64,65536,1] x) => (float[64,65536,2] y) { y = DFT(x) }"},
    {"(float[4,300000,1] x, float[1024] w) => (float[4,n,513,2] y) <int64 s = {64}> { y = STFT(x, s, w) }"},
    {"(float[1,4000,4] b, float[1,20,4000] s) => (int64[n,3] y) <int64 m = {4000}, float i = {0.9}> "
     "{ y = NonMaxSuppression(b, s, m, i) }",
     0, 1},
    {"(float[1,64,100,100] x, float[300,4] r, int64[300] i) => (float[300,64,14,14] y) "
     "{ y = RoiAlign<output_height = 14, output_width = 14, sampling_ratio = 4>(x, r, i) }",
     0, 0.9},
    {"(float[2000,20000] x, int64[2000] t) => (float y) { y = SoftmaxCrossEntropyLoss(x, t) }", 0, 9},
    {"(float[6000000,3] x, int64[6000000] t) => (float[6000000] y) "
     "{ y = NegativeLogLikelihoodLoss<reduction = \"none\">(x, t) }",
     0, 2.9},
    {"(float r, int64 t, float[9000000] x, float[9000000] g, float[9000000] v, float[9000000] h) => "
     "(float[9000000] nx, float[9000000] nv, float[9000000] nh) "
     "{ nx, nv, nh = ai.onnx.preview.training.Adam(r, t, x, g, v, h) }",
     0.1, 1},
    {"() => (float[30000000] y) { y = RandomNormal<shape = [30000000], seed = 3.0>() }"},
    {"(float[20,10000] x) => (int32[20,200000] y) { y = Multinomial<sample_size = 200000, seed = 1.0>(x) }"},
    {"(float[20000000] x) => (float[20000000] y) <float r = {0.5}, bool t = {1}> { y = Dropout<seed = 1>(x, r, t) }"},
    {"(float[20000000] x) => (float[20000000] y) { y = Bernoulli<seed = 1.0>(x) }", 0, 1},
    {"(float[20000000,1] x) => (float[20000000,1] y) { y = ai.onnx.ml.Normalizer<norm = \"L2\">(x) }"},
    {"(float[30000000] x) => (float[30000000] y) { y = ai.onnx.ml.Binarizer(x) }"},
    {"(int64[10000000] x) => (int64[10000000] y) "
     "{ y = ai.onnx.ml.LabelEncoder<keys_int64s = [1, 2, 3], values_int64s = [4, 5, 6]>(x) }",
     0, 9},
    {"(int64[1500000] x) => (bool[1500000] y) { t = Cast<to = 8>(x) "
     "y = RegexFullMatch<pattern = \"(1|2|3)*[0-9]+7.*\">(t) }",
     0, 1e9},
    {"(int64[1000000] x) => (string[1000000] y) { t = Cast<to = 8>(x) y = StringConcat(t, t) }", 0, 1e9},
    {"(int64[1000000] x) => (int64[1000000] n) { t = Cast<to = 8>(x) y, n = StringSplit<delimiter = \"1\">(t) }", 0,
     1e9},
    {"(int64[1000000] x) => (string[1000000] y) { t = Cast<to = 8>(x) "
     "y = StringNormalizer<case_change_action = \"UPPER\">(t) }",
     0, 1e9},
    {"(int64[300,30000] x) => (float[300,7] y) { y = TfIdfVectorizer<mode = \"TF\", min_gram_length = 1, "
     "max_gram_length = 2, max_skip_count = 5, ngram_counts = [0, 4], ngram_indexes = [0, 1, 2, 3, 4, 5, 6], "
     "pool_int64s = [2, 3, 5, 4, 5, 6, 7, 8, 6, 7]>(x) }",
     0, 9},
    {"(float[60000000] x, float s, uint8 z) => (uint8[60000000] y) { q = QuantizeLinear(x, s, z) d = "
     "DequantizeLinear(q, s, z) "
     "y = QuantizeLinear(d, s, z) }",
     1, 9},
    {"(float[40000000] x) => (uint8[40000000] y, float s, uint8 z) { e = Exp(x) y, s, z = DynamicQuantizeLinear(e) }"},
    {"(float[1,1600,90000] x) => (float[1,64,304,304] y) <int64[2] i = {304, 304}, int64[2] b = {5, 5}> "
     "{ y = Col2Im(x, i, b) }"},
    {"(float[4,64,250,250] x, float[64] s, float[64] b, float[64] m, float[64] v) => (float[4,64,250,250] y) "
     "{ a = BatchNormalization(x, s, b, m, v) c = Sin(a) d = Cos(c) y = BatchNormalization(d, s, b, m, v) }",
     0.1, 1},
    {"(float[6000,6000] x) => (float[6000,6000] y) { a = Trilu(x) b = Sin(a) y = Trilu<upper = 0>(b) }"},
    {"(float[4000,4000] x) => (float[4000,16000] y) { a = Sin(x) y = Concat<axis = 1>(a, a, a, x) }"},
    {"(float[4000,4000] x) => (float[8000,8000] y) <int64[2] r = {2, 2}> { a = Cos(x) y = Tile(a, r) }"},
    {"(float[1,3,1,1] x) => (float[20,3,900,900] y) <int64[4] r = {20, 3, 900, 900}> { a = Expand(x, r) y = Tan(a) }"},
};

double CpuSeconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Reproducible numbers in [low, high], quickly.
RuntimeValue Filled(const Fact& fact, const Case& test) {
  auto tensor = Tensor::Make(fact.dtype, fact.static_dims());
  uint64_t state = 88172645463325252u;
  auto next = [&] {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return test.low + (test.high - test.low) * static_cast<double>(state >> 40) / (1 << 24);
  };
  const int64_t count = tensor->count();
  if (fact.dtype == DType::kFloat) {
    const std::span<float> to = tensor->mutable_as<float>();
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(next());
  } else if (fact.dtype == DType::kBool) {
    for (int64_t i = 0; i < count; ++i) tensor->mutable_as<uint8_t>()[i] = next() > (test.low + test.high) / 2;
  } else if (fact.dtype != DType::kString) {
    for (int64_t i = 0; i < count; ++i) StoreDouble(fact.dtype, tensor->mutable_data(), i, next());
  }
  return RuntimeValue::FromTensor(tensor);
}

// Processor time between the request and the end of the run, in milliseconds; -1 where it ended by itself. Processor
// time, since other processes are no concern of a kernel's.
double MillisecondsToStop(const Case& test) {
  const InferenceSession session(ModelOfCase(test), {});
  ThreadPool one(1);
  StopToken stop;
  InferenceSession::RunArguments arguments;
  for (const PortInfo& port : session.inputs())
    if (!port.fact.constant) arguments.feeds.emplace_back(port.name, Filled(port.fact, test));
  arguments.threads = &one;
  arguments.pool = std::make_shared<BlockPool>();
  arguments.stop = &stop;
  std::atomic<bool> begun{false};
  bool cancelled = false;
  double ended = 0;
  std::string failure;
  std::thread runner([&] {
    begun = true;
    try {
      session.Run(arguments);
    } catch (const Error& e) {
      cancelled = e.code() == ErrorCode::kCancelled;
      if (!cancelled) failure = e.what();
    }
    ended = CpuSeconds(CLOCK_THREAD_CPUTIME_ID);
    while (!stop.requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  while (!begun) std::this_thread::yield();
  clockid_t clock;
  pthread_getcpuclockid(runner.native_handle(), &clock);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (CpuSeconds(clock) < 0.03 && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double asked = CpuSeconds(clock);
  stop.RequestStop();
  runner.join();
  EXPECT_EQ(failure, "") << test.graph;
  return cancelled ? std::max(0.0, 1000 * (ended - asked)) : -1;
}

// Under a sanitizer one item of plain code takes up to half a second: what a kernel does between two questions is not
// timed, only that it asks.
constexpr double kSlowestMilliseconds = ONDA_SANITIZED ? 2000 : 20;

TEST(Stop, KernelsEndInTheMiddle) {
  double worst = 0;
  for (const Case& test : kLong) {
    double took = 0;
    try {
      took = MillisecondsToStop(test);
      // Neighbours that take the caches away slow a kernel down: twice more before that counts.
      for (int again = 0; again < 2 && (took < 0 || took > kSlowestMilliseconds); ++again)
        took = MillisecondsToStop(test);
    } catch (const Error& e) {
      ADD_FAILURE() << test.graph << ": " << e.what();
      continue;
    }
    EXPECT_GE(took, 0) << test.graph << " ended before it was told to: the case is too small";
    EXPECT_LE(took, kSlowestMilliseconds) << test.graph;
    worst = std::max(worst, took);
  }
  std::printf("%zu long kernels, the slowest stopped after %.1f ms\n", std::size(kLong), worst);
}

TEST(Stop, StaysOnceSeen) {
  std::atomic<bool> flag{true};
  StopToken stop;
  stop.SetExternal(&flag);
  EXPECT_TRUE(stop.requested());
  flag = false;
  EXPECT_TRUE(stop.requested());
}

TEST(Stop, LoopsVisitEachItemOnceInPieces) {
  ThreadPool pool(3);
  StopToken stop;
  for (bool fixed : {false, true}) {
    for (int64_t n : {1, 7, 1000, 100001}) {
      std::vector<std::atomic<int>> visits(static_cast<size_t>(n));
      RunKernelLoop(
          pool, &stop, fixed, n, 3,
          [](void* arg, int64_t begin, int64_t end) {
            auto& v = *static_cast<std::vector<std::atomic<int>>*>(arg);
            for (int64_t i = begin; i < end; ++i) ++v[static_cast<size_t>(i)];
          },
          &visits);
      EXPECT_TRUE(std::all_of(visits.begin(), visits.end(), [](const auto& v) { return v == 1; })) << n;
    }
  }
}

}  // namespace
}  // namespace onda
