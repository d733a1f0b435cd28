// Pad: a thread per element of the result.
#include "kernels/device/padded_copy.h"
#include "kernels/pad/pad.h"

namespace onda::pad {
namespace {

class Cuda {
 public:
  explicit Cuda(const NodeView& node) : mode_(ModeOf(node.attributes())) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsPadded(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Pads pads(args);
    cuda::PaddedAxes axes;
    for (int k = x.rank; k-- > 0;) {
      const AxisPad pad = pads.Of(x, k);
      axes.Add(x.dim(k), y.dim(k), pad.before, pad.crop, pad.extent);
    }
    cuda::LaunchPadded(args, axes, args.input(2), PaddingOf(mode_));
  }

 private:
  static cuda::Padding PaddingOf(Mode mode) {
    return mode == Mode::kReflect ? cuda::Padding::kReflect
           : mode == Mode::kEdge  ? cuda::Padding::kEdge
           : mode == Mode::kWrap  ? cuda::Padding::kWrap
                                  : cuda::Padding::kConstant;
  }
  Mode mode_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cuda>("Pad")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::pad
