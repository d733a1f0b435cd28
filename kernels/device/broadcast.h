// Strides of operands that broadcast to one shape, made on the host.
#ifndef ONDA_KERNELS_DEVICE_BROADCAST_H_
#define ONDA_KERNELS_DEVICE_BROADCAST_H_

#include <array>
#include <span>
#include <string>

#include "kernels/device/index.h"
#include "onda/types.h"

namespace onda::cuda {

// Dimensions along which all operands move alike are merged. Shapes are aligned at their last dimension; an operand's
// dimension is 1 or the output's. Throws kNotImplemented where more than kMaxMergedRank dimensions are left or the
// output has 2^31 elements or more.
template <int kOperands>
Strides<kOperands> BroadcastStrides(std::span<const int64_t> out,
                                    const std::array<std::span<const int64_t>, kOperands>& operands) {
  Strides<kOperands> result{};
  std::array<int64_t, kOperands> extent;
  extent.fill(1);
  std::array<bool, kOperands> moves{};
  int64_t lengths[kMaxMergedRank] = {1};
  int64_t total = 1;
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t dim = out[out.size() - 1 - i];
    if (dim == 1) continue;
    total *= dim;
    if (total >= int64_t{1} << 31)
      throw Error(ErrorCode::kNotImplemented, "broadcasting to 2^31 or more elements on CUDA");
    std::array<bool, kOperands> now{};
    for (int k = 0; k < kOperands; ++k) {
      const auto& shape = operands[k];
      now[k] = i < shape.size() && shape[shape.size() - 1 - i] != 1;
    }
    if (result.rank > 0 && now == moves) {
      lengths[result.rank - 1] *= dim;
    } else {
      if (result.rank == kMaxMergedRank)
        throw Error(ErrorCode::kNotImplemented,
                    "broadcasting over more than " + std::to_string(kMaxMergedRank) + " dimensions on CUDA");
      for (int k = 0; k < kOperands; ++k) result.stride[result.rank][k] = now[k] ? extent[k] : 0;
      lengths[result.rank++] = dim;
      moves = now;
    }
    for (int k = 0; k < kOperands; ++k)
      if (now[k]) extent[k] *= dim;
  }
  if (result.rank == 0) result.rank = 1;  // one element
  for (int d = 0; d < result.rank; ++d) result.dims[d] = Divider(lengths[d]);
  return result;
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_BROADCAST_H_
