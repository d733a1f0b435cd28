// Copies between tensors whose dimensions differ by what is put in front of them, behind them or cut off: Pad and
// CenterCropPad.
#ifndef ONDA_KERNELS_DEVICE_PADDED_COPY_H_
#define ONDA_KERNELS_DEVICE_PADDED_COPY_H_

#include <string>

#include "kernels/device/element.h"
#include "kernels/device/index.h"
#include "providers/cuda/device.h"

namespace onda::cuda {

// What stands where the input has nothing: a constant, or elements of it.
enum class Padding : int32_t { kConstant, kReflect, kEdge, kWrap };

inline constexpr int kPadThreads = 256;

// Dimensions of the output, innermost first. Those that stay as they are are merged with their neighbours of the kind.
struct PaddedAxes {
  int32_t rank = 0;
  bool constant = false;  // everything is padding
  int64_t count = 1;
  Divider out[kMaxMergedRank];
  int64_t length[kMaxMergedRank];
  bool plain[kMaxMergedRank];
  int64_t before[kMaxMergedRank], extent[kMaxMergedRank], stride[kMaxMergedRank];
  int64_t offset = 0;    // of the first element that is not cut off
  int64_t elements = 1;  // of the input, so far

  // The next dimension outwards: `before` output positions, then `extent` of the input's from `crop` on.
  void Add(int64_t in, int64_t out_length, int64_t begin, int64_t crop, int64_t kept) {
    const bool same = in == out_length && begin == 0 && crop == 0;
    count *= out_length;
    constant = constant || kept <= 0;
    if (same && rank > 0 && plain[rank - 1]) {
      length[rank - 1] *= in;
      extent[rank - 1] *= in;
    } else {
      if (rank == kMaxMergedRank)
        throw Error(ErrorCode::kNotImplemented, "padding along more than 8 groups of dimensions on CUDA");
      length[rank] = out_length;
      plain[rank] = same;
      before[rank] = begin;
      extent[rank] = kept;
      stride[rank] = elements;
      ++rank;
    }
    offset += crop * elements;
    elements *= in;
  }
};

template <class T>
__global__ void __launch_bounds__(kPadThreads)
    MovePadded(In<T> x, In<T> value, Out<T> y, int64_t n, PaddedAxes axes, Padding padding) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  uint32_t rest = static_cast<uint32_t>(i);
  int64_t from = axes.offset;
  bool inside = !axes.constant;
#pragma unroll
  for (int d = 0; d < kMaxMergedRank; ++d) {
    if (d == axes.rank) break;
    const uint32_t quotient = d == axes.rank - 1 ? 0 : axes.out[d].Quotient(rest);
    int64_t at = static_cast<int64_t>(rest - quotient * axes.out[d].divisor) - axes.before[d];
    rest = quotient;
    const int64_t extent = axes.extent[d];
    if (inside && (at < 0 || at >= extent)) {
      if (padding == Padding::kConstant) {
        inside = false;
      } else if (padding == Padding::kEdge) {
        at = at < 0 ? 0 : extent - 1;
      } else {
        const int64_t period = padding == Padding::kWrap ? extent : extent > 1 ? 2 * (extent - 1) : 1;
        at %= period;
        if (at < 0) at += period;
        if (at >= extent) at = period - at;
      }
    }
    from += at * axes.stride[d];
  }
  y[i] = inside ? x[from] : value ? value[0] : T{};
}

// value: one element, or absent for zero.
inline void LaunchPadded(const LaunchArgs& args, PaddedAxes& axes, const TensorView& value, Padding padding) {
  const TensorView &x = args.input(0), &y = args.output(0);
  const int64_t n = axes.count;
  if (n >= int64_t{1} << 31) throw Error(ErrorCode::kNotImplemented, "padding to 2^31 elements or more on CUDA");
  for (int d = 0; d < axes.rank; ++d) axes.out[d] = Divider(axes.length[d] > 0 ? axes.length[d] : 1);
  WithSize(x.type(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    Launch(args, {.grid = {BlocksFor(n, kPadThreads)}, .block = {kPadThreads}}, MovePadded<T>, x, value, y, n, axes,
           padding);
  });
}

// Whether a node's dimensions are few enough, and its elements whole bytes.
inline std::string RejectsPadded(const NodeView& node) {
  const FactView& x = node.input(0);
  if (BitsOf(x.type()) < 8 || x.type() == DType::kString) return "not for " + std::string(NameOf(x.type()));
  return x.rank < 0 || x.rank > kMaxMergedRank ? "only up to 8 dimensions" : "";
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_PADDED_COPY_H_
