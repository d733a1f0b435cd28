// A custom operator whose library brings a kernel for a device: the node goes there, its values stay in the device's
// memory, and without the device the host's kernel runs it.
#include "onda/custom_op.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/custom/custom_ops.h"
#include "core/session.h"
#include "core/text/parse.h"
#include "onda/make_provider.h"

namespace onda {
namespace {

// A synchronous device on the heap, without kernels of its own.
class Bare {
 public:
  explicit Bare(ProviderOptions&) {}
  static std::span<const OndaKernelDef* const> kernels() { return {}; }
  static void* Allocate(size_t bytes) { return std::aligned_alloc(256, (bytes + 255) / 256 * 256); }
  static void Free(void* memory) { std::free(memory); }
  static void Copy(void* to, const void* from, size_t bytes, OndaCopyKind, NoStream) { std::memcpy(to, from, bytes); }
  static void FillZero(void* memory, size_t bytes, NoStream) { std::memset(memory, 0, bytes); }
};
constexpr OndaProviderDef kBare = MakeProvider<Bare>("bare");

// y = x + step: 1 on the host, 100 on the device, so that the result tells who ran.
template <int kStep>
struct Step {
  explicit Step(const NodeView&) {}
  void Launch(const LaunchArgs& args) const {
    for (int64_t i = 0; i < args.output(0).count(); ++i)
      args.output(0).as<float>()[i] = args.input(0).as<float>()[i] + kStep;
  }
};
struct StepOp {
  static constexpr const char* kDomain = "mine";
  static constexpr const char* kName = "Step";
  static constexpr OndaCustomParameter kInputs[] = {{"x", kOndaSingle, 0, TypeBits(DType::kFloat), "T"}};
  static constexpr OndaCustomParameter kOutputs[] = {{"y", kOndaSingle, 0, TypeBits(DType::kFloat), "T"}};
  static void Infer(const Inference& c) { c.SetOutput(0, c.dtype(0), {c.dim(0, 0)}); }
  static constexpr OndaKernelDef kOnHost = MakeKernel<Step<1>>(kName, kDomain);
  static constexpr OndaKernelDef kOnDevice = MakeKernel<Step<100>>(kName, kDomain);
  static constexpr OndaCustomKernel kKernels[] = {{"bare", &kOnDevice}, {"cpu", &kOnHost}};
};
constexpr OndaCustomOpDef kStep = MakeCustomOp<StepOp>();
constexpr const OndaCustomOpDef* kOps[] = {&kStep};
constexpr OndaCustomOpLibrary kLibrary = {sizeof(OndaCustomOpLibrary), kOndaCustomOpAbi, kOps, 1, 0};

struct Outcome {
  std::string places;  // operator@provider of every node, in order
  std::vector<float> y;
};

Outcome RunTwoSteps(bool with_device) {
  const auto ops = std::make_shared<CustomOps>();
  ops->Add(&kLibrary, "the test");
  LoadOptions options;
  options.custom_ops = ops;
  options.place.by_cost = false;
  if (with_device)
    options.devices = {std::make_shared<const ProviderInstance>(
        &kBare, "bare", std::vector<std::pair<std::string, std::string>>{}, ops->KernelsFor("bare"))};
  const InferenceSession session(ParseModel("<ir_version: 10, opset_import: [\"\" : 21, \"mine\" : 1]> "
                                            "g (float[N] x) => (float[N] y) { m = mine.Step(x) y = mine.Step(m) }"),
                                 options);
  Outcome outcome;
  for (const PlacementEntry& entry : session.Placement()) outcome.places += entry.op + "@" + entry.provider + " ";
  ThreadPool threads(1);
  auto x = Tensor::Make(DType::kFloat, {2});
  x->mutable_as<float>()[0] = 1, x->mutable_as<float>()[1] = 2;
  InferenceSession::RunArguments arguments;
  arguments.feeds = {{"x", RuntimeValue::FromTensor(x)}};
  arguments.threads = &threads;
  arguments.pool = std::make_shared<BlockPool>();
  const RuntimeValue y = session.Run(std::move(arguments)).at(0);
  outcome.y.assign(static_cast<const float*>(y.data), static_cast<const float*>(y.data) + y.count());
  return outcome;
}

TEST(CustomOpOnDevice, RunsWhereItsLibraryHasAKernel) {
  const Outcome outcome = RunTwoSteps(true);
  EXPECT_EQ(outcome.places, "MemcpyToDevice@bare Step@bare Step@bare MemcpyToHost@bare ");
  EXPECT_EQ(outcome.y, (std::vector<float>{201, 202}));
}

TEST(CustomOpOnDevice, RunsOnTheHostWithoutTheDevice) {
  const Outcome outcome = RunTwoSteps(false);
  EXPECT_EQ(outcome.places, "Step@cpu Step@cpu ");
  EXPECT_EQ(outcome.y, (std::vector<float>{3, 4}));
}

}  // namespace
}  // namespace onda
