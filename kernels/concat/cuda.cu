// A kernel for each part.
#include "kernels/concat/copies.h"
#include "kernels/device/strided_copy.h"

namespace onda::concat {
namespace {

class Concat {
 public:
  explicit Concat(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const {
    WithConcatCopies(params_, args, [&](const StridedCopy& copy, const TensorView& x) {
      cuda::MoveStrided(args, copy, x, args.output(0), args.input_count() > 1);
    });
  }

 private:
  Params params_;
};

class Split {
 public:
  explicit Split(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const {
    WithSplitCopies(params_, args, [&](const StridedCopy& copy, const TensorView& y) {
      cuda::MoveStrided(args, copy, args.input(0), y);
    });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Concat>("Concat"), MakeKernel<Split>("Split")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::concat
