// Walks operands that broadcast to one shape. Dimensions along which all operands move alike are merged first, so that
// most shapes end as one or two loops.
#ifndef ONDA_KERNELS_SIMD_BROADCAST_H_
#define ONDA_KERNELS_SIMD_BROADCAST_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "onda/provider.h"

namespace onda {

// Each operand is a dense row-major tensor whose dimensions, aligned at the last one, are 1 or those of the output.
// Along the innermost merged dimension an operand moves by 1 element or stays (step 0).
template <int kOperands>
class BroadcastPlan {
 public:
  static constexpr int kMaxRank = 64;
  using Offsets = std::array<int64_t, kOperands>;

  BroadcastPlan(std::span<const int64_t> out, const std::array<std::span<const int64_t>, kOperands>& operands) {
    if (out.size() > kMaxRank) throw Error(ErrorCode::kResourceLimit, "broadcasting supports at most 64 dimensions");
    for (const auto& shape : operands)
      if (shape.size() > out.size())
        throw Error(ErrorCode::kInternal, "an operand has more dimensions than the result");
    Offsets extent;  // elements of the operand inside the dimensions seen so far
    extent.fill(1);
    std::array<bool, kOperands> moves{};
    for (size_t i = 0; i < out.size(); ++i) {
      const int64_t dim = out[out.size() - 1 - i];
      count_ *= dim;
      if (dim == 1) continue;
      std::array<bool, kOperands> now{};
      for (int k = 0; k < kOperands; ++k) {
        const auto& shape = operands[k];
        const int64_t own = i < shape.size() ? shape[shape.size() - 1 - i] : 1;
        if (own != 1 && own != dim) throw Error(ErrorCode::kInternal, "shapes do not broadcast");
        now[k] = own != 1;
      }
      if (rank_ > 0 && now == moves) {
        dims_[rank_ - 1] *= dim;
      } else {
        for (int k = 0; k < kOperands; ++k) strides_[rank_][k] = now[k] ? extent[k] : 0;
        dims_[rank_++] = dim;
        moves = now;
      }
      for (int k = 0; k < kOperands; ++k)
        if (now[k]) extent[k] *= dim;
    }
    if (rank_ == 0) {  // one element: any step serves
      strides_[0].fill(1);
      dims_[0] = 1;
      rank_ = 1;
    }
  }

  // Elements of the output.
  int64_t count() const { return count_; }
  // Merged dimensions; 1 where no operand needs broadcasting.
  int rank() const { return rank_; }
  // Length of the innermost merged dimension.
  int64_t inner() const { return dims_[0]; }
  int64_t step(int operand) const { return strides_[0][operand]; }

  // fn(begin, offsets, n) for runs of the innermost dimension that cover output elements [begin, end) in order: n
  // elements from output element `begin`; operand k starts at element offsets[k] and moves by step(k).
  template <class Fn>
  void ForEachRun(int64_t begin, int64_t end, Fn&& fn) const {
    if (begin >= end) return;
    int64_t index[kMaxRank];
    Offsets at{};
    int64_t rest = begin;
    for (int d = 0; d < rank_; ++d) {
      index[d] = rest % dims_[d];
      rest /= dims_[d];
      for (int k = 0; k < kOperands; ++k) at[k] += index[d] * strides_[d][k];
    }
    while (true) {
      const int64_t n = std::min(dims_[0] - index[0], end - begin);
      fn(begin, at, n);
      begin += n;
      if (begin >= end) return;
      for (int k = 0; k < kOperands; ++k) at[k] -= index[0] * strides_[0][k];
      index[0] = 0;
      for (int d = 1; d < rank_; ++d) {
        for (int k = 0; k < kOperands; ++k) at[k] += strides_[d][k];
        if (++index[d] < dims_[d]) break;
        for (int k = 0; k < kOperands; ++k) at[k] -= dims_[d] * strides_[d][k];
        index[d] = 0;
      }
    }
  }

 private:
  int64_t count_ = 1;
  int rank_ = 0;
  int64_t dims_[kMaxRank];  // innermost first
  Offsets strides_[kMaxRank];
};

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_BROADCAST_H_
