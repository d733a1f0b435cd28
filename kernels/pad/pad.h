// Pad: a tensor with more elements before and after it in each dimension, or fewer where a pad is negative.
#ifndef ONDA_KERNELS_PAD_PAD_H_
#define ONDA_KERNELS_PAD_PAD_H_

#include <algorithm>

#include "onda/float_formats.h"
#include "onda/provider.h"

namespace onda::pad {

enum class Mode { kConstant, kReflect, kEdge, kWrap, kUnknown };

inline Mode ModeOf(const Attributes& a) {
  const std::string mode = a.String("mode", "constant");
  return mode == "constant"  ? Mode::kConstant
         : mode == "reflect" ? Mode::kReflect
         : mode == "edge"    ? Mode::kEdge
         : mode == "wrap"    ? Mode::kWrap
                             : Mode::kUnknown;
}

// One dimension. Negative pads crop first; what is added continues the cropped extent.
struct AxisPad {
  int64_t before = 0;  // output positions ahead of the extent
  int64_t crop = 0;    // first input position of the extent
  int64_t extent = 0;  // <= 0: nothing of the input is left

  AxisPad(int64_t size, int64_t begin, int64_t end)
      : before(std::max<int64_t>(begin, 0)),
        crop(std::max<int64_t>(-begin, 0)),
        extent(size + std::min<int64_t>(begin, 0) + std::min<int64_t>(end, 0)) {}

  // The input position that output position `at` shows; -1 where it shows the constant.
  int64_t Source(Mode mode, int64_t at) const {
    int64_t i = at - before;
    if (i < 0 || i >= extent) {
      if (mode == Mode::kConstant || extent <= 0) return -1;
      if (mode == Mode::kEdge) {
        i = std::clamp<int64_t>(i, 0, extent - 1);
      } else {
        const int64_t period = mode == Mode::kWrap ? extent : std::max<int64_t>(1, 2 * (extent - 1));
        i = (i % period + period) % period;
        if (i >= extent) i = period - i;
      }
    }
    return crop + i;
  }
};

// The pads of every axis, from inputs 1 (pads) and 3 (axes).
struct Pads {
  static constexpr int kMaxRank = 32;
  int64_t begin[kMaxRank] = {}, end[kMaxRank] = {};

  explicit Pads(const LaunchArgs& args) {
    const TensorView &x = args.input(0), &pads = args.input(1), &axes = args.input(3);
    if (x.rank > kMaxRank) throw Error(ErrorCode::kNotImplemented, "tensors of rank above 32");
    const int64_t count = axes.present() ? axes.count() : x.rank;
    if (pads.count() != 2 * count) throw Error(ErrorCode::kInvalidArgument, "pads are not two for each axis");
    for (int64_t i = 0; i < count; ++i) {
      int64_t axis = axes.present() ? LoadInt64(axes.type(), axes.data, i) : i;
      if (axis < 0) axis += x.rank;
      if (axis < 0 || axis >= x.rank) throw Error(ErrorCode::kInvalidArgument, "an axis is not one of the input's");
      begin[axis] = LoadInt64(pads.type(), pads.data, i);
      end[axis] = LoadInt64(pads.type(), pads.data, count + i);
    }
  }
  AxisPad Of(const TensorView& x, int axis) const { return {x.dim(axis), begin[axis], end[axis]}; }
};

}  // namespace onda::pad

#endif  // ONDA_KERNELS_PAD_PAD_H_
