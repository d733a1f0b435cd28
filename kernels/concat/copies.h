// Concat and Split as strided copies: as many runs as there are outer indices, each of the part's extent.
#ifndef ONDA_KERNELS_CONCAT_COPIES_H_
#define ONDA_KERNELS_CONCAT_COPIES_H_

#include "kernels/concat/concat.h"
#include "kernels/simd/strided_copy.h"

namespace onda::concat {

// A part as (outer, extent x inner).
struct Part {
  int64_t dims[2], strides[2];
  Part(const TensorView& x, int axis)
      : dims{x.count(0, axis), x.count(axis, x.rank)}, strides{x.count(axis, x.rank), 1} {}
};

// fn(copy, input) with the copy of each input to its place in the output.
template <class Fn>
void WithConcatCopies(const Params& params, const LaunchArgs& args, Fn&& fn) {
  const TensorView& y = args.output(0);
  const int axis = params.AxisOf(y);
  const int64_t whole[2] = {y.count(axis, y.rank), 1};
  int64_t start = 0;
  for (int k = 0; k < args.input_count(); ++k) {
    const TensorView& x = args.input(k);
    const Part part(x, axis);
    fn(StridedCopy{y.type(), part.dims, x.data, 0, part.strides, y.data, start, whole}, x);
    start += part.dims[1];
  }
}

// fn(copy, output) with the copy to each output that is wanted from its place in the input.
template <class Fn>
void WithSplitCopies(const Params& params, const LaunchArgs& args, Fn&& fn) {
  const TensorView& x = args.input(0);
  const int axis = params.AxisOf(x);
  const int64_t whole[2] = {x.count(axis, x.rank), 1}, inner = x.count(axis + 1, x.rank);
  int64_t start = 0;
  for (int k = 0; k < args.output_count(); ++k) {
    const TensorView& y = args.output(k);
    if (y.data != nullptr) {
      const Part part(y, axis);
      fn(StridedCopy{x.type(), part.dims, x.data, start, whole, y.data, 0, part.strides}, y);
    }
    start += y.dim(axis) * inner;
  }
}

}  // namespace onda::concat

#endif  // ONDA_KERNELS_CONCAT_COPIES_H_
