// ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp and
// ReduceSumSquare. Inputs: data, axes (optional).
#ifndef ONDA_KERNELS_REDUCE_REDUCE_H_
#define ONDA_KERNELS_REDUCE_REDUCE_H_

#include "onda/provider.h"

namespace onda::reduce {

enum class Kind { kSum, kMean, kMax, kMin, kProd, kL1, kL2, kLogSum, kLogSumExp, kSumSquare };

struct Params {
  bool keepdims;
  bool noop_with_empty_axes;  // no axes: nothing is reduced, where the default is to reduce all
  explicit Params(const Attributes& a)
      : keepdims(a.Int("keepdims", 1) != 0), noop_with_empty_axes(a.Int("noop_with_empty_axes", 0) != 0) {}
};

inline constexpr int kMaxRank = 64;

// The input's shape as alternating groups of kept and reduced dimensions; dimensions of extent 1 are dropped.
struct Groups {
  int count = 0;
  int64_t extent[kMaxRank];
  int64_t stride[kMaxRank];  // in elements
  bool reduced[kMaxRank];
  int64_t kept_total = 1, reduced_total = 1;

  // axes may be absent. Entries are in range.
  Groups(const Params& p, const TensorView& x, const TensorView& axes) {
    if (x.rank > kMaxRank) throw Error(ErrorCode::kResourceLimit, "rank above 64");
    const int64_t axis_count = axes.present() ? axes.count() : 0;
    uint64_t mask = axis_count == 0 && !p.noop_with_empty_axes ? ~uint64_t{0} : 0;
    for (int64_t i = 0; i < axis_count; ++i) {
      int64_t axis = axes.as<int64_t>()[i];
      if (axis < 0) axis += x.rank;
      if (axis < 0 || axis >= x.rank) throw Error(ErrorCode::kRuntime, "an axis is out of range");
      mask |= uint64_t{1} << axis;
    }
    for (int i = 0; i < x.rank; ++i) {
      const bool r = mask >> i & 1;
      (r ? reduced_total : kept_total) *= x.dim(i);
      if (x.dim(i) == 1) continue;
      if (count > 0 && reduced[count - 1] == r) {
        extent[count - 1] *= x.dim(i);
      } else {
        extent[count] = x.dim(i);
        reduced[count++] = r;
      }
    }
    int64_t s = 1;
    for (int i = count; i-- > 0; s *= extent[i]) stride[i] = s;
  }

  // Offset of the index-th combination of those of the groups [0, last) whose `reduced` is r, in row-major order.
  int64_t Offset(int64_t index, bool r, int last) const {
    int64_t offset = 0;
    for (int i = last; i-- > 0;) {
      if (reduced[i] != r) continue;
      offset += index % extent[i] * stride[i];
      index /= extent[i];
    }
    return offset;
  }
};

}  // namespace onda::reduce

#endif  // ONDA_KERNELS_REDUCE_REDUCE_H_
