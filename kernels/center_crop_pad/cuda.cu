// CenterCropPad: a thread per element of the result.
#include <algorithm>

#include "kernels/device/padded_copy.h"

namespace onda::center_crop_pad {
namespace {

class Cuda {
 public:
  explicit Cuda(const NodeView&) {}
  static std::string Rejects(const NodeView& node) { return cuda::RejectsPadded(node); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    cuda::PaddedAxes axes;
    for (int k = x.rank; k-- > 0;) {
      const int64_t in = x.dim(k), out = y.dim(k), common = std::min(in, out);
      axes.Add(in, out, (out - common) / 2, (in - common) / 2, common);
    }
    cuda::LaunchPadded(args, axes, TensorView{}, cuda::Padding::kConstant);
  }
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Cuda>("CenterCropPad")};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::center_crop_pad
