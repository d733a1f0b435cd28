// Expand and Transpose as strided copies.
#ifndef ONDA_KERNELS_SHAPE_COPIES_H_
#define ONDA_KERNELS_SHAPE_COPIES_H_

#include "kernels/shape/shape.h"
#include "kernels/simd/strided_copy.h"

namespace onda::shape {

struct MovedCopy {
  int64_t strides[kMaxMoveRank];
  Strides in, out;
  StridedCopy copy;

  explicit MovedCopy(const LaunchArgs& args)
      : in(args.input(0).shape()), out(args.output(0).shape()), copy{args.output(0).type(),
                                                                     args.output(0).shape(),
                                                                     args.input(0).data,
                                                                     0,
                                                                     strides,
                                                                     args.output(0).data,
                                                                     0,
                                                                     out} {}
  MovedCopy(const MovedCopy&) = delete;
};

struct ExpandCopy : MovedCopy {
  explicit ExpandCopy(const LaunchArgs& args) : MovedCopy(args) {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int lead = y.rank - x.rank;
    for (int i = 0; i < y.rank; ++i) strides[i] = i < lead || x.dim(i - lead) == 1 ? 0 : in.at[i - lead];
  }
};

struct TransposeCopy : MovedCopy {
  TransposeCopy(const TransposeParams& params, const LaunchArgs& args) : MovedCopy(args) {
    for (int i = 0; i < args.output(0).rank; ++i) strides[i] = in.at[params.SourceOf(i, args.output(0).rank)];
  }
};

}  // namespace onda::shape

#endif  // ONDA_KERNELS_SHAPE_COPIES_H_
