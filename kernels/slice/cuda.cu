// Slice, Tile, DepthToSpace and SpaceToDepth as strided copies.
#include "kernels/device/strided_copy.h"
#include "kernels/slice/copies.h"

namespace onda::slice {
namespace {

// Runs the copy of a launch.
struct Move {
  const LaunchArgs& args;
  void operator()(const StridedCopy& copy) const { cuda::MoveStrided(args, copy, args.input(0), args.output(0)); }
};

class Slice {
 public:
  explicit Slice(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const { WithSliceCopy(args, Move{args}); }
};

class Tile {
 public:
  explicit Tile(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const { WithTileCopy(args, Move{args}); }
};

template <bool kToSpace>
class Blocks {
 public:
  explicit Blocks(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsMove(node); }
  void Launch(const LaunchArgs& args) const { WithBlockCopy(params_, kToSpace, args, Move{args}); }

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

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::slice
