// Counts what a run takes from the heap once its shapes were seen: nothing, where shapes are static and outputs bound.
//
//   steady_state          the networks below and the cases of every family; exit code 1 where something was allocated
//   steady_state --all    also those that may allocate, with their counts
//
// malloc and its kin are replaced for the whole process, the library included.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "kernels/case.h"
#include "onda/float_formats.h"
#include "onda/model.h"

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace {
std::atomic<int64_t> allocations{0};
}

extern "C" {
void* malloc(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, size_t alignment, size_t size) {
  *out = memalign(alignment, size);
  return *out ? 0 : ENOMEM;
}
void free(void* memory) { __libc_free(memory); }
}

namespace onda {

#define ONDA_OPS(family)         \
  namespace family {             \
  std::span<const Case> Cases(); \
  }
#include "kernels/ops.inc"
#undef ONDA_OPS

namespace {

Model ModelOf(const std::string& graph) {
  return Model::FromText(
      "<ir_version: 14, opset_import: [\"\" : 28, \"ai.onnx.ml\" : 5, \"ai.onnx.preview\" : 1, "
      "\"ai.onnx.preview.training\" : 1, \"com.microsoft\" : 1, \"onda\" : 1]> steady " +
      graph);
}

// "float[2,3] w = {...}" with small numbers.
std::string Weight(const std::string& name, const std::vector<int>& dims) {
  std::string shape, elements;
  int count = 1;
  for (int d : dims) {
    shape += (shape.empty() ? "" : ",") + std::to_string(d);
    count *= d;
  }
  for (int i = 0; i < count; ++i) elements += (i ? "," : "") + std::to_string((i * 37 % 19 - 9) / 32.0);
  return "float[" + shape + "] " + name + " = {" + elements + "}, ";
}

// Convolutions, pools, products, attention by hand, normalisation, copies and views.
std::string Network() {
  return "(float[1,8,20,20] x, float[6,32] t, int64[5] ids) => (float[1,10] y, float[6,32] z, float[5,32] e) <" +
         Weight("w", {16, 8, 3, 3}) + Weight("b", {16}) + Weight("v", {16, 16, 1, 1}) + Weight("d", {16, 1, 3, 3}) +
         Weight("f", {400, 10}) + Weight("q", {32, 32}) + Weight("k", {32, 32}) + Weight("scale", {32}) +
         Weight("bias", {32}) + Weight("table", {100, 32}) +
         "float two = {2}, int64[2] flat = {1, -1}, int64[1] zero = {0}, int64[1] four = {4}, int64[1] one = {1}, "
         "int64[1] last = {36}> {"
         "a = Conv<pads = [1,1,1,1]>(x, w, b)  r = Relu(a)  c = Conv(r, v)  g = Sigmoid(c)"
         "h = Conv<pads = [1,1,1,1], group = 16>(g, d)  m = MaxPool<kernel_shape = [2,2], strides = [2,2]>(h)"
         "p = AveragePool<kernel_shape = [2,2], strides = [2,2]>(m)"
         "o = Reshape(p, flat)  y0 = Gemm(o, f)  y = Softmax<axis = 1>(y0)"
         "tq = MatMul(t, q)  tk = MatMul(t, k)  kt = Transpose<perm = [1,0]>(tk)"
         "s = MatMul(tq, kt)  s2 = Div(s, two)  pr = Softmax(s2)"
         "n0 = MatMul(pr, t)  n1 = Add(n0, t)  n2 = LayerNormalization(n1, scale, bias)"
         "n3 = Erf(n2)  n4 = ReduceMean<keepdims = 1>(n3, one)  n5 = Sub(n3, n4)  n6 = Tanh(n5)"
         "l = Slice(n6, zero, four, one)  cat = Concat<axis = 1>(l, n6)  z = Slice(cat, four, last, one)"
         "e0 = Gather(table, ids)  e = Mul(e0, two) }";
}

void Fill(Value& value, const Case& test, std::mt19937_64& random) {
  const DType dtype = value.GetTypeInfo().GetElementType();
  const size_t count = value.GetTypeInfo().GetElementCount();
  std::uniform_real_distribution<double> uniform(test.low, test.high);
  for (size_t i = 0; i < count; ++i) {
    if (dtype == DType::kString) {
      value.SetString(i, std::to_string(random() % 7));
    } else if (dtype == DType::kBool) {
      value.GetTensorMutableData<bool>()[i] = random() & 1;
    } else if (IsComplex(dtype)) {
      return;
    } else {
      StoreDouble(dtype, value.GetTensorMutableRawData(), static_cast<int64_t>(i), uniform(random));
    }
  }
}

// A model with its inputs and outputs bound.
struct Bound {
  Session session;
  IoBinding binding;
  RunOptions options;

  Bound(const Session& s, const Case& test) : session(s), binding(session) {
    std::mt19937_64 random(5);
    std::vector<Session::NamedValue> feeds;
    for (size_t i = 0; i < session.GetInputCount(); ++i) {
      std::vector<int64_t> dims = session.GetInputTypeInfo(i).GetShape();
      for (int64_t& d : dims) d = d < 0 ? 3 : d;
      Value value = Value::CreateTensor(session.GetInputTypeInfo(i).GetElementType(), dims);
      Fill(value, test, random);
      feeds.emplace_back(session.GetInputName(i), value);
      binding.BindInput(feeds.back().first.c_str(), value);
    }
    const std::vector<Value> results = session.Run(feeds);
    for (size_t i = 0; i < results.size(); ++i) binding.BindOutput(session.GetOutputName(i).c_str(), results[i]);
  }
  void Run() { session.Run(options, binding); }
};

// Allocations of the runs of `callers` threads at once, after some that may allocate.
int64_t CountAllocations(const Session& session, const Case& test, int callers, int runs) {
  std::vector<std::unique_ptr<Bound>> bound;
  for (int i = 0; i < callers; ++i) bound.push_back(std::make_unique<Bound>(session, test));
  std::atomic<int> ready{0}, done{0};
  std::atomic<bool> go{false}, end{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i)
    threads.emplace_back([&, i] {
      for (int r = 0; r < 3 * runs; ++r) bound[i]->Run();
      ++ready;
      while (!go) std::this_thread::yield();
      for (int r = 0; r < runs; ++r) bound[i]->Run();
      ++done;
      while (!end) std::this_thread::yield();
    });
  while (ready < callers) std::this_thread::yield();
  const int64_t before = allocations;
  go = true;
  while (done < callers) std::this_thread::yield();
  const int64_t count = allocations - before;
  end = true;
  for (std::thread& t : threads) t.join();
  return count;
}

Env MakeEnv(int threads) {
  Env::Options options;
  options.threads = threads;
  options.log_level = LoggingLevel::kFatal;
  return Env(options);
}

// Operators that hold objects of the heap, or whose outputs' shapes only running gives.
bool MayAllocate(const std::string& graph) {
  for (const char* word : {"string",
                           "to = 8",
                           "seq(",
                           "Sequence",
                           "optional",
                           "Optional",
                           "If",
                           "Loop",
                           "Scan",
                           "NonZero",
                           "Unique",
                           "Compress",
                           "NonMaxSuppression",
                           "StringNormalizer",
                           "TfIdf",
                           "ImageDecoder",
                           "CategoryMapper",
                           "LabelEncoder",
                           "map(",
                           "body",
                           "SplitToSequence",
                           "RegexFullMatch"})
    if (graph.find(word) != std::string::npos) return true;
  return false;
}

int Main(bool all) {
  int failed = 0, counted = 0;
  for (const auto& [threads, callers] : {std::pair{1, 1}, {3, 1}, {1, 4}, {3, 4}}) {
    const Session session(MakeEnv(threads), ModelOf(Network()));
    // Requests grow with the callers that meet in a run, which a busy machine may put off to a later round.
    int64_t n = 0;
    for (int round = 0; round < 5; ++round)
      if (n = CountAllocations(session, Case{"", 0, 1}, callers, 50); n == 0) break;
    std::printf("network on %d threads, %d callers: %lld allocations in %d runs\n", threads, callers,
                static_cast<long long>(n), 50 * callers);
    failed += n != 0;
  }
  std::vector<Case> cases;
#define ONDA_OPS(family) cases.insert(cases.end(), family::Cases().begin(), family::Cases().end());
#include "kernels/ops.inc"
#undef ONDA_OPS
  const Env env = MakeEnv(2);
  for (const Case& test : cases) {
    if (!all && MayAllocate(test.graph)) continue;
    try {
      const int64_t n = CountAllocations(Session(env, ModelOf(test.graph)), test, 1, 4);
      ++counted;
      if (n == 0) continue;
      std::printf("%lld allocations in 4 runs: %s\n", static_cast<long long>(n), test.graph.c_str());
      failed += !MayAllocate(test.graph);
    } catch (const Error& e) {
      if (!MayAllocate(test.graph)) std::printf("not run: %s: %s\n", test.graph.c_str(), e.what());
    }
  }
  std::printf("%d cases counted, %d allocate\n", counted, failed);
  return failed != 0;
}

}  // namespace
}  // namespace onda

int main(int argc, char** argv) { return onda::Main(argc > 1 && std::strcmp(argv[1], "--all") == 0); }
