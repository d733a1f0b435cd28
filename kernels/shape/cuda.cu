// Expand and Transpose as strided copies.
#include "kernels/device/strided_copy.h"
#include "kernels/shape/copies.h"

namespace onda::shape {
namespace {

class Expand {
 public:
  explicit Expand(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const {
    cuda::MoveStrided(args, ExpandCopy(args).copy, args.input(0), args.output(0));
  }
};

class Transpose {
 public:
  explicit Transpose(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const {
    cuda::MoveStrided(args, TransposeCopy(params_, args).copy, args.input(0), args.output(0));
  }

 private:
  TransposeParams params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Expand>("Expand"), MakeKernel<Transpose>("Transpose")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::shape
