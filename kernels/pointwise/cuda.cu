// onda.Pointwise: the program becomes a kernel of its own (cuda_source.cu), compiled for a device when a plan is
// made that launches it there.
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/device/broadcast.h"
#include "kernels/device/vector.h"
#include "kernels/pointwise/cuda_source.h"
#include "providers/cuda/device.h"

namespace onda::pointwise {
namespace {

using namespace cuda;

std::vector<DType> InputTypes(const NodeView& node) {
  std::vector<DType> types;
  for (int i = 0; i < node.input_count(); ++i) types.push_back(node.input(i).type());
  return types;
}

class Cuda {
 public:
  static constexpr bool kInPlace = true;

  explicit Cuda(const NodeView& node)
      : inputs_(node.input_count()), source_(SourceOf({node.attributes(), node.input_count()}, InputTypes(node))) {}

  static std::string Rejects(const NodeView& node) {
    return RejectsSource({node.attributes(), node.input_count()}, InputTypes(node));
  }

  void Prepare(const LaunchArgs& args) const { FunctionOn(StreamOf(args).device()); }

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const int64_t n = y.count();
    if (n == 0) return;
    std::array<std::span<const int64_t>, kMaxInputs> shapes;
    std::vector<TensorView> inputs;
    for (int i = 0; i < inputs_; ++i) {
      shapes[static_cast<size_t>(i)] = args.input(i).shape();
      inputs.push_back(args.input(i));
    }
    const cuda::Strides<kMaxInputs> strides = BroadcastStrides<kMaxInputs>(y.shape(), shapes);
    const bool vectors = VectorsTake(args, strides);
    const int64_t threads = vectors ? n / kSourceVector : n;
    LaunchFunction<InList<uint8_t>, Out<uint8_t>, int64_t, cuda::Strides<kMaxInputs>, bool>(
        StreamOf(args), {.grid = {BlocksFor(threads, kSourceThreads)}, .block = {kSourceThreads}},
        FunctionOn(StreamOf(args).device()), inputs, y, n, strides, vectors);
  }

 private:
  // Whether every operand that moves along the innermost dimension can be read by vectors, and the result written so.
  bool VectorsTake(const LaunchArgs& args, const cuda::Strides<kMaxInputs>& s) const {
    auto aligned = [](const TensorView& t) { return reinterpret_cast<uintptr_t>(t.data) % 16 == 0; };
    if (s.dims[0].divisor % kSourceVector != 0 || !aligned(args.output(0))) return false;
    for (int k = 0; k < inputs_; ++k) {
      if (s.stride[0][k] == 0) continue;
      if (!aligned(args.input(k))) return false;
      for (int d = 1; d < s.rank; ++d)
        if (s.stride[d][k] % kSourceVector != 0) return false;
    }
    return true;
  }

  const void* FunctionOn(Device& device) const {
    const std::lock_guard lock(mutex_);
    for (const Compiled& c : compiled_)
      if (c.device == &device) return c.function;
    Compiled made{&device, device.Compile(source_, "onda.Pointwise"), nullptr};
    made.function = made.module->Function("Pointwise");
    compiled_.push_back(std::move(made));
    return compiled_.back().function;
  }

  struct Compiled {
    Device* device;
    std::unique_ptr<Module> module;
    const void* function;
  };
  int inputs_;
  std::string source_;
  mutable std::mutex mutex_;
  mutable std::vector<Compiled> compiled_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cuda>("Pointwise", "onda")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::pointwise
