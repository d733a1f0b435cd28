// Slice, Tile, DepthToSpace and SpaceToDepth as strided copies.
#ifndef ONDA_KERNELS_SLICE_COPIES_H_
#define ONDA_KERNELS_SLICE_COPIES_H_

#include "kernels/simd/strided_copy.h"
#include "kernels/slice/slice.h"
#include "onda/float_formats.h"

namespace onda::slice {

// fn(copy) with the copy that the launch asks for.
template <class Fn>
void WithSliceCopy(const LaunchArgs& args, Fn&& fn) {
  const TensorView &x = args.input(0), &y = args.output(0), &starts = args.input(1), &ends = args.input(2);
  const TensorView &axes = args.input(3), &steps = args.input(4);
  Strides from(x.shape());
  const Strides to(y.shape());
  int64_t offset = 0;
  for (int64_t i = 0; i < starts.count(); ++i) {
    int64_t axis = axes.present() ? LoadInt64(axes.type(), axes.data, i) : i;
    if (axis < 0) axis += x.rank;
    const Range r =
        RangeOf(LoadInt64(starts.type(), starts.data, i), LoadInt64(ends.type(), ends.data, i),
                steps.present() ? LoadInt64(steps.type(), steps.data, i) : 1, x.dim(static_cast<int>(axis)));
    if (r.count == 0) return;
    offset += r.first * from.at[axis];
    from.at[axis] = r.count == 1 ? 0 : from.at[axis] * r.step;  // the step may be huge
  }
  fn(StridedCopy{y.type(), y.shape(), x.data, offset, from, y.data, 0, to});
}

// Each dimension as (repeats, size), where it is repeated at all.
template <class Fn>
void WithTileCopy(const LaunchArgs& args, Fn&& fn) {
  const TensorView &x = args.input(0), &y = args.output(0);
  if (y.count() == 0) return;
  const Strides in(x.shape()), out(y.shape());
  int64_t dims[2 * kMaxMoveRank], from[2 * kMaxMoveRank], to[2 * kMaxMoveRank];
  size_t n = 0;
  for (int i = 0; i < x.rank; ++i) {
    if (y.dim(i) != x.dim(i)) {
      dims[n] = y.dim(i) / x.dim(i);
      from[n] = 0;
      to[n++] = out.at[i] * x.dim(i);
    }
    dims[n] = x.dim(i);
    from[n] = in.at[i];
    to[n++] = out.at[i];
  }
  fn(StridedCopy{y.type(), {dims, n}, x.data, 0, {from, n}, y.data, 0, {to, n}});
}

// Between depth [N, C, H, W] of the blocked side and (C / b^2, H * b, W * b) of the other.
template <class Fn>
void WithBlockCopy(const BlockParams& p, bool to_space, const LaunchArgs& args, Fn&& fn) {
  const TensorView &deep = to_space ? args.input(0) : args.output(0), &wide = to_space ? args.output(0) : args.input(0);
  const int64_t b = p.blocksize, c = wide.dim(1), h = deep.dim(2), w = deep.dim(3), plane = h * w;
  // Indices: n, channel of the wide side, h, row of the block, w, column of the block.
  const int64_t dims[6] = {deep.dim(0), c, h, b, w, b};
  const int64_t channel = p.column_row_depth ? plane * b * b : plane,
                row = p.column_row_depth ? plane * b : plane * b * c;
  const int64_t column = p.column_row_depth ? plane : plane * c;
  const int64_t deep_strides[6] = {c * b * b * plane, channel, w, row, 1, column};
  const int64_t wide_strides[6] = {c * b * b * plane, b * b * plane, b * w * b, w * b, b, 1};
  if (to_space) {
    fn(StridedCopy{deep.type(), dims, deep.data, 0, deep_strides, wide.data, 0, wide_strides});
  } else {
    fn(StridedCopy{deep.type(), dims, wide.data, 0, wide_strides, deep.data, 0, deep_strides});
  }
}

}  // namespace onda::slice

#endif  // ONDA_KERNELS_SLICE_COPIES_H_
