// Threaded strided copies. The references of the other operators of this family move runs already.
#include "kernels/slice/copies.h"

namespace onda::slice {
namespace {

class Slice {
 public:
  explicit Slice(const NodeView&) {}
  void Launch(const LaunchArgs& args) const {
    WithSliceCopy(args, [&](const StridedCopy& copy) { copy.Run(args); });
  }
};

class Tile {
 public:
  explicit Tile(const NodeView&) {}
  void Launch(const LaunchArgs& args) const {
    WithTileCopy(args, [&](const StridedCopy& copy) { copy.Run(args); });
  }
};

template <bool kToSpace>
class Blocks {
 public:
  explicit Blocks(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    WithBlockCopy(params_, kToSpace, args, [&](const StridedCopy& copy) { copy.Run(args); });
  }

 private:
  BlockParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Slice>("Slice"),
    MakeKernel<Tile>("Tile"),
    MakeKernel<Blocks<true>>("DepthToSpace"),
    MakeKernel<Blocks<false>>("SpaceToDepth"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::slice
