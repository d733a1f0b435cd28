// Threaded strided copies.
#include "kernels/concat/copies.h"

namespace onda::concat {
namespace {

class Concat {
 public:
  explicit Concat(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    WithConcatCopies(params_, args, [&](const StridedCopy& copy, const TensorView&) { copy.Run(args); });
  }

 private:
  Params params_;
};

class Split {
 public:
  explicit Split(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    WithSplitCopies(params_, args, [&](const StridedCopy& copy, const TensorView&) { copy.Run(args); });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Concat>("Concat"),
    MakeKernel<Split>("Split"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::concat
