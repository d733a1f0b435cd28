#include "kernels/concat/concat.h"
#include "kernels/simd/elements.h"

namespace onda::concat {
namespace {

// Part and whole have the same shape but for the axis; the part's elements lie in the whole from `start` on, counted
// along the axis. Calls fn(element of the part, element of the whole) for each.
template <class Fn>
void ForPart(const TensorView& part, const TensorView& whole, int axis, int64_t start, Fn&& fn) {
  const int64_t outer = part.count(0, axis), inner = part.count(axis, part.rank);
  const int64_t step = whole.count(axis, whole.rank), first = start * whole.count(axis + 1, whole.rank);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) fn(o * inner + i, o * step + first + i);
}

class Concat {
 public:
  explicit Concat(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    const int axis = params_.AxisOf(y);
    int64_t start = 0;
    for (int k = 0; k < args.input_count(); start += args.input(k++).dim(axis)) {
      const TensorView& x = args.input(k);
      ForPart(x, y, axis, start, [&](int64_t i, int64_t j) { CopyElement(y.type(), x.data, i, y.data, j); });
    }
  }

 private:
  Params params_;
};

class Split {
 public:
  explicit Split(const NodeView& node) : params_(node.attributes()) {}
  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int axis = params_.AxisOf(x);
    int64_t start = 0;
    for (int k = 0; k < args.output_count(); start += args.output(k++).dim(axis)) {
      const TensorView& y = args.output(k);
      if (y.data == nullptr) continue;
      ForPart(y, x, axis, start, [&](int64_t i, int64_t j) { CopyElement(x.type(), x.data, j, y.data, i); });
    }
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Concat>("Concat"),
    MakeKernel<Split>("Split"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::concat
