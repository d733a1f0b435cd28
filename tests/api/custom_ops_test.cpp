// Operators that a program registers itself.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "onda/custom_op.h"
#include "onda/model.h"
#include "onda/onda.h"

namespace onda {
namespace {

// Repeats x `count` times behind each other and adds the optional bias: x (n), count (1) -> y (n * count).
struct RepeatOp {
  static constexpr const char* kDomain = "mine";
  static constexpr const char* kName = "Repeat";
  static constexpr uint64_t kTypes = TypeBits(DType::kFloat, DType::kInt64);
  static constexpr OndaCustomParameter kInputs[] = {{"x", kOndaSingle, 0, kTypes, "T"},
                                                    {"count", kOndaSingle, 1, TypeBits(DType::kInt64), nullptr},
                                                    {"bias", kOndaOptional, 0, kTypes, "T"}};
  static constexpr OndaCustomParameter kOutputs[] = {{"y", kOndaSingle, 0, kTypes, "T"}};
  static constexpr OndaCustomAttribute kAttributes[] = {{"scale", kOndaInt, 0}};

  static void Infer(const Inference& c) {
    if (c.has_rank(0) && c.rank(0) != 1) c.Reject("x must have one dimension");
    const Inference::Elements count = c.Content(1);
    if (!c.has_rank(0) || !count.known()) return c.SetOutput(0, c.dtype(0), {c.Unknown()});
    c.SetOutput(0, c.dtype(0), {c.dim(0, 0) * count.values[0]});
  }
  struct Kernel {
    explicit Kernel(const NodeView& node) : scale(node.attributes().Int("scale", 1)) {}
    void Launch(const LaunchArgs& args) const {
      if (args.input(0).type() == DType::kFloat) return Run<float>(args);
      Run<int64_t>(args);
    }
    template <class T>
    void Run(const LaunchArgs& args) const {
      const int64_t n = args.input(0).count();
      const T bias = args.has_input(2) ? *args.input(2).as<T>() : T{0};
      for (int64_t i = 0; i < args.output(0).count(); ++i)
        args.output(0).as<T>()[i] = args.input(0).as<T>()[i % n] * static_cast<T>(scale) + bias;
    }
    int64_t scale;
  };
  static constexpr OndaKernelDef kKernel = MakeKernel<Kernel>(kName, kDomain);
  static constexpr OndaCustomKernel kKernels[] = {{"cpu", &kKernel}};
};

// The elements above zero; only running tells how many.
struct PositiveOp {
  static constexpr const char* kDomain = "mine";
  static constexpr const char* kName = "Positive";
  static constexpr OndaCustomParameter kInputs[] = {{"x", kOndaVariadic, 0, TypeBits(DType::kFloat), "T"}};
  static constexpr OndaCustomParameter kOutputs[] = {{"y", kOndaSingle, 0, TypeBits(DType::kFloat), "T"}};
  struct Kernel {
    explicit Kernel(const NodeView&) {}
    void Launch(const LaunchArgs& args) const {
      std::vector<float> kept;
      for (int i = 0; i < args.input_count(); ++i)
        for (int64_t k = 0; k < args.input(i).count(); ++k)
          if (args.input(i).as<float>()[k] > 0) kept.push_back(args.input(i).as<float>()[k]);
      const int64_t dims[] = {static_cast<int64_t>(kept.size())};
      const TensorView y = args.AllocateOutput(0, dims);
      std::copy(kept.begin(), kept.end(), y.as<float>());
    }
  };
  static constexpr OndaKernelDef kKernel = MakeKernel<Kernel>(kName, kDomain);
  static constexpr OndaCustomKernel kKernels[] = {{"cpu", &kKernel}};
};

constexpr OndaCustomOpDef kRepeat = MakeCustomOp<RepeatOp>(), kPositive = MakeCustomOp<PositiveOp>();
constexpr const OndaCustomOpDef* kOps[] = {&kRepeat, &kPositive};
constexpr OndaCustomOpLibrary kLibrary = {sizeof(OndaCustomOpLibrary), kOndaCustomOpAbi, kOps, 2, 0};

Session SessionOf(const std::string& graph, const OndaCustomOpLibrary* library = &kLibrary) {
  SessionOptions options;
  if (library) options.Add(library);
  return Session(Env(LoggingLevel::kFatal),
                 Model::FromText("<ir_version: 10, opset_import: [\"\" : 21, \"mine\" : 1]> g " + graph), options);
}

template <class Fn>
std::string MessageOf(Fn&& fn) {
  try {
    fn();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

#define EXPECT_REFUSED(fn, part)                                 \
  do {                                                           \
    const std::string message = MessageOf([&] { fn; });          \
    EXPECT_NE(message.find(part), std::string::npos) << message; \
  } while (false)

TEST(CustomOps, RunAndInferWithSymbols) {
  const Session session = SessionOf(
      "(float[n] x) => (float[m] y, float[k] z) <int64[1] three = {3}> "
      "{ y = mine.Repeat<scale = 2>(x, three) z = mine.Positive(x, y) }");
  EXPECT_EQ(session.GetOutputTypeInfo(0).GetSymbolicDimensions()[0], "3*n");
  for (int64_t n : {2, 4}) {
    std::vector<float> x;
    for (int64_t i = 0; i < n; ++i) x.push_back(static_cast<float>(i % 2 ? -i : i + 1));
    const std::vector<Value> outputs = session.Run({{"x", Value::FromVector(x, {n})}});
    const std::vector<float> y = outputs[0].ToVector<float>(), z = outputs[1].ToVector<float>();
    ASSERT_EQ(y.size(), 3 * x.size());
    for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(y[i], 2 * x[i % x.size()]);
    EXPECT_EQ(z.size(), static_cast<size_t>(n / 2 * 4));
  }
}

TEST(CustomOps, OfAnEnvironmentServeAllItsSessions) {
  Env env(LoggingLevel::kFatal);
  env.Add(&kLibrary);
  const Model model = Model::FromText(
      "<ir_version: 10, opset_import: [\"\" : 21, \"mine\" : 1]> g (float[n] x, int64[1] count, float bias) => "
      "(float[m] y) "
      "{ y = mine.Repeat(x, count, bias) }");
  for (int run = 0; run < 2; ++run) {
    const Session session(env, model);
    const std::vector<Value> y = session.Run({{"x", Value::FromVector(std::vector<float>{1, 2}, {2})},
                                              {"count", Value::FromVector(std::vector<int64_t>{2 + run}, {1})},
                                              {"bias", Value::FromVector(std::vector<float>{0.5f}, {})}});
    EXPECT_EQ(y[0].ToVector<float>().size(), static_cast<size_t>(4 + 2 * run));
    EXPECT_EQ(y[0].ToVector<float>()[3], 2.5f);
  }
  SessionOptions again;
  again.Add(&kLibrary);
  EXPECT_REFUSED(Session(env, model, again), "custom operator 'mine.Repeat' of the application is registered already");
}

TEST(CustomOps, WrongNodesAreRefusedByName) {
  const std::string head = "(float[n] x, int64[1] c, int64[n] i) => (float[m] y) { [the_node] y = ";
  EXPECT_REFUSED(SessionOf(head + "mine.Repeat(x) }"), "takes 2 to 3 inputs, given 1");
  EXPECT_REFUSED(SessionOf(head + "mine.Repeat(x) }"), "'the_node'");
  EXPECT_REFUSED(SessionOf(head + "mine.Repeat(x, c, x, x) }"), "takes 2 to 3 inputs, given 4");
  EXPECT_REFUSED(SessionOf(head + "mine.Repeat<skale = 2>(x, c) }"), "unknown attribute 'skale'; known are 'scale'");
  EXPECT_REFUSED(SessionOf(head + "mine.Repeat<scale = 2.5>(x, c) }"), "attribute 'scale' must be an int");
  EXPECT_REFUSED(SessionOf(head + "mine.Repeat(x, c, i) }"),
                 "input 2 (bias) is of type int64 but input 0 (x) of float; both must have the same type T");
  EXPECT_REFUSED(SessionOf(head + "mine.Repeat(x, x) }"), "input 1 (count) is of type float, which is none of int64");
  EXPECT_REFUSED(SessionOf(head + "mine.Other(x) }"), "no such operator");
  EXPECT_REFUSED(SessionOf(head + "mine.Repeat(x, c) }", nullptr), "no such operator");
}

TEST(CustomOps, WrongTablesAreRefused) {
  const auto add = [](const OndaCustomOpDef& def) {
    const OndaCustomOpDef* ops[] = {&def};
    const OndaCustomOpLibrary library = {sizeof(library), kOndaCustomOpAbi, ops, 1, 0};
    SessionOptions().Add(&library);
  };
  add(kRepeat);
  OndaCustomOpDef def = kRepeat;
  def.domain = "ai.onnx.ml";
  EXPECT_REFUSED(add(def), "operator 'ai.onnx.ml.Repeat': the domain is not for custom operators");
  def = kRepeat;
  def.kernel_count = 0;
  EXPECT_REFUSED(add(def), "operator 'mine.Repeat': has no kernel");
  def = kRepeat;
  def.name = "Other";
  EXPECT_REFUSED(add(def), "kernel 0 is for another operator");
  def = kRepeat;
  def.size = 8;
  EXPECT_REFUSED(add(def), "built for another version of Onda");
  const OndaCustomOpDef* twice[] = {&kRepeat, &kRepeat};
  const OndaCustomOpLibrary library = {sizeof(library), kOndaCustomOpAbi, twice, 2, 0};
  EXPECT_REFUSED(SessionOptions().Add(&library), "operator 'mine.Repeat' is there twice");
  SessionOptions options;
  options.Add(&kLibrary);
  EXPECT_REFUSED(options.Add(&kLibrary), "is registered already, by the application");
  EXPECT_REFUSED(options.RegisterCustomOpsLibrary("/nowhere/ops.so"), "cannot be loaded");
}

}  // namespace
}  // namespace onda
