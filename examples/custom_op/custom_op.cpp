// Two operators: Clamp, pointwise with an attribute, and Frames, which cuts a signal into overlapping windows and so
// has a shape to work out.
#include "onda/custom_op.h"

#include <algorithm>
#include <cstring>

namespace {

using onda::DType;

// y = min(max(x, -limit), limit); float or double.
struct Clamp {
  static constexpr const char* kDomain = "example";
  static constexpr const char* kName = "Clamp";
  static constexpr uint64_t kTypes = onda::TypeBits(DType::kFloat, DType::kDouble);
  static constexpr OndaCustomParameter kInputs[] = {{"x", kOndaSingle, 0, kTypes, "T"}};
  static constexpr OndaCustomParameter kOutputs[] = {{"y", kOndaSingle, 0, kTypes, "T"}};
  static constexpr OndaCustomAttribute kAttributes[] = {{"limit", kOndaFloat, 1}};

  static void Infer(const onda::Inference& c) {
    if (c.attributes().Float("limit", 0) <= 0) c.Reject("limit must be positive");
    if (c.has_rank(0)) return c.SetOutput(0, c.dtype(0), c.shape(0));
    c.SetOutputOfUnknownRank(0, c.dtype(0));
  }

  class Kernel {
   public:
    explicit Kernel(const onda::NodeView& node) : limit_(node.attributes().Float("limit", 0)) {}
    static constexpr bool kInPlace = true;
    void Launch(const onda::LaunchArgs& args) const {
      if (args.input(0).type() == DType::kFloat) return Run<float>(args);
      Run<double>(args);
    }

   private:
    template <class T>
    void Run(const onda::LaunchArgs& args) const {
      const T *x = args.input(0).as<T>(), limit = static_cast<T>(limit_);
      T* y = args.output(0).as<T>();
      args.ParallelFor(args.input(0).count(), 16384, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) y[i] = std::min(std::max(x[i], -limit), limit);
      });
    }
    float limit_;
  };
  static constexpr OndaKernelDef kKernel = onda::MakeKernel<Kernel>(kName, kDomain);
  static constexpr OndaCustomKernel kKernels[] = {{"cpu", &kKernel}};
};

// signal (length) and size -> frames (1 + (length - size) / step, size), each `step` after the one before.
struct Frames {
  static constexpr const char* kDomain = "example";
  static constexpr const char* kName = "Frames";
  static constexpr OndaCustomParameter kInputs[] = {
      {"signal", kOndaSingle, 0, onda::TypeBits(DType::kFloat), nullptr},
      {"size", kOndaSingle, 1, onda::TypeBits(DType::kInt64), nullptr}};  // fixes a shape: read on the host
  static constexpr OndaCustomParameter kOutputs[] = {
      {"frames", kOndaSingle, 0, onda::TypeBits(DType::kFloat), nullptr}};
  static constexpr OndaCustomAttribute kAttributes[] = {{"step", kOndaInt, 0}};

  static void Infer(const onda::Inference& c) {
    const int64_t step = c.attributes().Int("step", 1);
    if (step < 1) c.Reject("step must be at least 1");
    if (c.has_rank(0) && c.rank(0) != 1) c.Reject("signal must have one dimension");
    const auto size = c.Content(1);
    if (!c.has_rank(0) || !size.known()) return c.SetOutput(0, DType::kFloat, {c.Unknown(), c.Unknown()});
    if (size.values.size() != 1) c.Reject("size must have one element");
    const onda::SymbolicDim frames = FloorDiv(c.dim(0, 0) - size.values[0], step) + 1;
    if (frames.value() == 0) c.Reject("the signal is shorter than a frame");
    c.SetOutput(0, DType::kFloat, {frames, size.values[0]});
  }

  class Kernel {
   public:
    explicit Kernel(const onda::NodeView& node) : step_(node.attributes().Int("step", 1)) {}
    void Launch(const onda::LaunchArgs& args) const {
      const int64_t frames = args.output(0).dim(0), size = args.output(0).dim(1);
      for (int64_t f = 0; f < frames; ++f)
        std::memcpy(args.output(0).as<float>() + f * size, args.input(0).as<float>() + f * step_,
                    static_cast<size_t>(size) * sizeof(float));
    }

   private:
    int64_t step_;
  };
  static constexpr OndaKernelDef kKernel = onda::MakeKernel<Kernel>(kName, kDomain);
  static constexpr OndaCustomKernel kKernels[] = {{"cpu", &kKernel}};
};

constexpr OndaCustomOpDef kClamp = onda::MakeCustomOp<Clamp>(), kFrames = onda::MakeCustomOp<Frames>();
constexpr const OndaCustomOpDef* kOps[] = {&kClamp, &kFrames};
constexpr OndaCustomOpLibrary kLibrary = {sizeof(OndaCustomOpLibrary), kOndaCustomOpAbi, kOps, 2, 0};

}  // namespace

extern "C" __attribute__((visibility("default"))) const OndaCustomOpLibrary* OndaGetCustomOps(uint32_t abi) {
  return abi == kOndaCustomOpAbi ? &kLibrary : nullptr;
}
