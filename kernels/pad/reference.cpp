#include "kernels/pad/pad.h"
#include "kernels/simd/elements.h"

namespace onda::pad {
namespace {

class Reference {
 public:
  explicit Reference(const NodeView& node) : mode_(ModeOf(node.attributes())) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &value = args.input(2), &y = args.output(0);
    const Pads pads(args);
    const int64_t count = y.count();
    for (int64_t at = 0; at < count; ++at) {
      int64_t rest = at, from = 0, stride = 1;
      for (int k = y.rank; k-- > 0; rest /= y.dim(k), stride *= x.dim(k)) {
        const int64_t i = pads.Of(x, k).Source(mode_, rest % y.dim(k));
        from = i < 0 || from < 0 ? -1 : from + i * stride;
      }
      if (from >= 0) {
        CopyElement(y.type(), x.data, from, y.data, at);
      } else {
        FillRun(y.type(), value.data, 0, y.data, at, 1);
      }
    }
  }

 private:
  Mode mode_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("Pad")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::pad
