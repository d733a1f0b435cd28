// What picks or repeats parts of a tensor by position: Slice, Tile, Trilu, ReverseSequence, DepthToSpace, SpaceToDepth.
#ifndef ONDA_KERNELS_SLICE_SLICE_H_
#define ONDA_KERNELS_SLICE_SLICE_H_

#include <algorithm>

#include "onda/provider.h"

namespace onda::slice {

// The positions first, first + step, ... (`count` of them) of a dimension of `size`.
struct Range {
  int64_t first, step, count;
};

// start and end as Slice reads them: negative ones count from the end, then both are clamped. step is not 0.
inline Range RangeOf(int64_t start, int64_t end, int64_t step, int64_t size) {
  auto clamp = [&](int64_t i, int64_t low, int64_t high) {
    return std::clamp(i < 0 ? i + size : i, low, std::max(low, high));
  };
  if (step > 0) {
    const int64_t first = clamp(start, 0, size), last = clamp(end, 0, size);
    return {first, step, last > first ? (last - first - 1) / step + 1 : 0};
  }
  const int64_t first = clamp(start, 0, size - 1), last = clamp(end, -1, size - 1);
  if (size == 0 || last >= first) return {0, step, 0};
  // -step overflows for the lowest integer; the quotient is 0 then.
  return {first, step, step == INT64_MIN ? 1 : (first - last - 1) / -step + 1};
}

struct BlockParams {
  int64_t blocksize;
  bool column_row_depth;
  explicit BlockParams(const Attributes& a)
      : blocksize(a.Int("blocksize", 0)), column_row_depth(a.String("mode", "DCR") == "CRD") {}
};

struct ReverseParams {
  int time_axis, batch_axis;
  explicit ReverseParams(const Attributes& a)
      : time_axis(static_cast<int>(a.Int("time_axis", 0))), batch_axis(static_cast<int>(a.Int("batch_axis", 1))) {}
};

}  // namespace onda::slice

#endif  // ONDA_KERNELS_SLICE_SLICE_H_
