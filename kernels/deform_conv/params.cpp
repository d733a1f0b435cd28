#include "kernels/deform_conv/deform_conv.h"

namespace onda::deform_conv {

void CheckInputs(const Params& params, TensorViews inputs) {
  const TensorView &x = inputs[kX], &w = inputs[kW], &offset = inputs[kOffset], &b = inputs[kB], &mask = inputs[kMask];
  bool fits = x.rank >= 3 && x.rank - 2 <= kMaxAxes && w.rank == x.rank && offset.rank == x.rank;
  if (fits) {
    params.Check(static_cast<size_t>(x.rank) - 2);
    const int64_t taps = w.count(2, w.rank);
    fits = w.dim(1) * params.group == x.dim(1) && w.dim(0) % params.group == 0 && x.dim(1) % params.offset_group == 0 &&
           offset.dim(0) == x.dim(0) && offset.dim(1) == params.offset_group * taps * (x.rank - 2) &&
           (!b.present() || b.count() == w.dim(0)) &&
           (!mask.present() ||
            (mask.rank == x.rank && mask.dim(0) == x.dim(0) && mask.dim(1) == params.offset_group * taps));
  }
  for (int i = 2; i < x.rank && fits && mask.present(); ++i) fits = mask.dim(i) == offset.dim(i);
  if (!fits) throw Error(ErrorCode::kInvalidArgument, "the shapes of X, W, offset, B and mask do not fit");
}

void CheckOutput(const LaunchArgs& args) {
  const TensorView &x = args.input(kX), &w = args.input(kW), &offset = args.input(kOffset), &y = args.output(0);
  bool fits = y.rank == x.rank && y.dim(0) == x.dim(0) && y.dim(1) == w.dim(0);
  for (int i = 2; i < x.rank && fits; ++i) fits = y.dim(i) == offset.dim(i);
  if (!fits) throw Error(ErrorCode::kInvalidArgument, "the shape of the output does not fit the inputs");
}

}  // namespace onda::deform_conv
