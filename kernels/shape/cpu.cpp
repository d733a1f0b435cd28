// Expand and Transpose as threaded strided copies.
#include "kernels/shape/copies.h"

namespace onda::shape {
namespace {

class Expand {
 public:
  explicit Expand(const NodeView&) {}
  void Launch(const LaunchArgs& args) const { ExpandCopy(args).copy.Run(args); }
};

class Transpose {
 public:
  explicit Transpose(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const { TransposeCopy(params_, args).copy.Run(args); }

 private:
  TransposeParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Expand>("Expand"),
    MakeKernel<Transpose>("Transpose"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::shape
