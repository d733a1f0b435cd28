// The same numbers, bit by bit, whatever the threads do.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "tests/kernels/family_cases.h"
#include "tests/kernels/is_random.h"

namespace onda {
namespace {

bool Equal(const RuntimeValue& a, const RuntimeValue& b) {
  if (a.kind != b.kind || a.dtype != b.dtype || a.dims != b.dims) return false;
  if (a.elements || b.elements) {
    if (!a.elements || !b.elements || a.elements->size() != b.elements->size()) return false;
    for (size_t i = 0; i < a.elements->size(); ++i)
      if (!Equal((*a.elements)[i], (*b.elements)[i])) return false;
    return true;
  }
  if (a.dtype != DType::kString) return a.bytes() == 0 || std::memcmp(a.data, b.data, a.bytes()) == 0;
  for (int64_t i = 0; i < a.count(); ++i)
    if (static_cast<std::string*>(a.data)[i] != static_cast<std::string*>(b.data)[i]) return false;
  return true;
}

bool Equal(const std::vector<RuntimeValue>& a, const std::vector<RuntimeValue>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (!Equal(a[i], b[i])) return false;
  return true;
}

// Runs of one model that must agree: on 1 and 3 threads, or on 1, 2, 3 and 8, `runs` of each; with a stop token some,
// which cuts loops at other places.
void ExpectSame(const Case& test, bool deterministic, int runs, bool many = false) {
  static ThreadPool one(1), two(2), three(3), eight(8);
  LoadOptions options;
  options.deterministic = deterministic;
  const InferenceSession session(ModelOfCase(test), options);
  if (IsRandom(session.graph())) return;
  InferenceSession::RunArguments arguments;
  arguments.feeds = FeedsOfCase(session, test);
  arguments.pool = std::make_shared<BlockPool>();
  arguments.threads = &one;
  const std::vector<RuntimeValue> expected = session.Run(arguments);
  for (ThreadPool* threads : {&one, &three, &two, &eight}) {
    if (!many && threads == &two) break;
    arguments.threads = threads;
    StopToken stop;
    for (int i = 0; i < runs; ++i) {
      arguments.stop = i % 2 ? &stop : nullptr;
      ASSERT_TRUE(Equal(session.Run(arguments), expected))
          << test.graph << " on " << threads->threads() << " threads" << (arguments.stop ? ", in pieces" : "");
    }
  }
}

// Wide enough to be split, with reductions over everything and products of every kind.
const Case kLarge[] = {
    {"(float[300,700] a, float[700,130] b) => (float[300,130] y) { y = MatMul(a, b) }"},
    {"(float[1,4096] a, float[4096,900] b) => (float[1,900] y) { y = MatMul(a, b) }"},
    {"(float[2,24,40,40] x, float[32,24,3,3] w) => (float[2,32,38,38] y) { y = Conv(x, w) }"},
    {"(float[1,64,40,40] x, float[64,1,5,5] w) => (float[1,64,36,36] y) { y = Conv<group = 64>(x, w) }"},
    {"(float[1,24,20,20] x, float[24,16,4,4] w) => (float[1,16,23,23] y) { y = ConvTranspose(x, w) }"},
    {"(float[1000,1000] x) => (float y) { y = ReduceSum<keepdims = 0>(x) }"},
    {"(float[3,400000] x) => (float[3,1] y) <int64[1] a = {1}> { y = ReduceMean(x, a) }"},
    {"(float[400000,3] x) => (float[1,3] y) <int64[1] a = {0}> { y = ReduceL2(x, a) }"},
    {"(float[40,9000] x) => (float[40,9000] y) { y = Softmax(x) }"},
    {"(float[70,3001] x, float[3001] s, float[3001] b) => (float[70,3001] y) { y = LayerNormalization(x, s, b) }"},
    {"(float[2,32,57,33] x, float[32] s, float[32] b) => (float[2,32,57,33] y) { y = InstanceNormalization(x, s, b) }"},
    {"(float[100003] x) => (float[100003] y) { a = Erf(x) b = Tanh(a) c = Exp(b) d = Sin(c) y = Sigmoid(d) }"},
    {"(float[1,8,200,64] q, float[1,8,200,64] k, float[1,8,200,64] v) => (float[1,8,200,64] y) { y = Attention(q, k, "
     "v) "
     "}"},
    {"(uint8[200,300] a, uint8[300,70] b) => (int32[200,70] y) { y = MatMulInteger(a, b) }"},
    {"(float[50,4,64] x, float[1,256,64] w, float[1,256,64] r) => (float[50,1,4,64] y) "
     "{ y, h, c = LSTM<hidden_size = 64>(x, w, r) }",
     -0.2, 0.2},
    {"(float[50,1,48] x, float[2,192,48] w, float[2,192,64] r) => (float[50,2,1,64] y) "
     "{ y, h = GRU<hidden_size = 64, direction = \"bidirectional\">(x, w, r) }",
     -0.2, 0.2},
    {"(float[1,16,90,90] x) => (float[1,16,200,200] y) <float[4] s = {1, 1, 2.2222222, 2.2222222}> "
     "{ y = Resize<mode = \"linear\">(x, , s) }"},
    {"(float[100000] x, int64[100000] i, float[100000] u) => (float[100000] y) "
     "{ y = ScatterElements<reduction = \"add\">(x, i, u) }",
     0, 100},
};

TEST(Determinism, EveryCaseOnAnyNumberOfThreads) {
  for (const FamilyCase& c : AllFamilyCases()) {
    SCOPED_TRACE(std::string(c.family) + " " + std::to_string(c.index));
    ExpectSame(*c.test, true, 2);
  }
}

TEST(Determinism, LargeCases) {
  for (const Case& test : kLarge) ExpectSame(test, true, 2, true);
}

TEST(Determinism, AThousandRuns) {
  const Case test{
      "(float[1,8,20,20] x, float[16,8,3,3] w) => (float y) { c = Conv(x, w) r = Relu(c) s = Softmax(r) y = "
      "ReduceMean<keepdims = 0>(s) }"};
  ExpectSame(test, true, 250, true);
}

// Without the option too, as far as is known; what depends on the threads is to be listed here.
TEST(Determinism, DefaultModeAsWell) {
  for (const Case& test : kLarge) ExpectSame(test, false, 2);
  for (const FamilyCase& c : AllFamilyCases()) {
    SCOPED_TRACE(std::string(c.family) + " " + std::to_string(c.index));
    ExpectSame(*c.test, false, 1);
  }
}

}  // namespace
}  // namespace onda
