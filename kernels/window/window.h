// Sliding windows over spatial dimensions: what convolutions and poolings share.
#ifndef ONDA_KERNELS_WINDOW_WINDOW_H_
#define ONDA_KERNELS_WINDOW_WINDOW_H_

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "onda/provider.h"

namespace onda::window {

// Where a tensor's channels stand: (batch, channels, spatial...) or (batch, spatial..., channels). Of weights:
// (outputs, channels, kernel...) or (outputs, kernel..., channels).
enum class Order { kChannelsFirst, kChannelsLast };
inline int ChannelAxis(Order order, int rank) { return order == Order::kChannelsLast ? rank - 1 : 1; }
inline int FirstSpatialAxis(Order order) { return order == Order::kChannelsLast ? 1 : 2; }
// Of a shape or of dimensions of either kind.
template <class D>
std::span<const D> SpatialOf(Order order, std::span<const D> shape) {
  return shape.subspan(static_cast<size_t>(FirstSpatialAxis(order)), shape.size() - 2);
}

enum class AutoPad { kNotSet, kValid, kSameUpper, kSameLower };

// Attributes as given; an empty list stands for the default on every axis.
struct Params {
  std::vector<int64_t> kernel;     // kernel_shape; empty: convolutions take it from their weights
  std::vector<int64_t> strides;    // default 1
  std::vector<int64_t> dilations;  // default 1
  std::vector<int64_t> pads;       // begins of all axes, then ends; default 0; only for kNotSet
  AutoPad auto_pad = AutoPad::kNotSet;
  bool ceil_mode = false;  // poolings only

  explicit Params(const Attributes& a)
      : kernel(a.Ints("kernel_shape")),
        strides(a.Ints("strides")),
        dilations(a.Ints("dilations")),
        pads(a.Ints("pads")),
        ceil_mode(a.Int("ceil_mode", 0) != 0) {
    const std::string mode = a.String("auto_pad", "NOTSET");
    if (mode == "SAME_UPPER") {
      auto_pad = AutoPad::kSameUpper;
    } else if (mode == "SAME_LOWER") {
      auto_pad = AutoPad::kSameLower;
    } else if (mode == "VALID") {
      auto_pad = AutoPad::kValid;
    } else if (mode != "NOTSET" && !mode.empty()) {
      throw Error(ErrorCode::kInvalidModel,
                  "auto_pad '" + mode + "' is not one of NOTSET, SAME_UPPER, SAME_LOWER, VALID");
    }
  }

  int64_t stride(size_t axis) const { return strides.empty() ? 1 : strides[axis]; }
  int64_t dilation(size_t axis) const { return dilations.empty() ? 1 : dilations[axis]; }
};

// One spatial dimension with everything known. Output position o reads inputs o * stride - pad_begin + k * dilation for
// k in [0, kernel); positions outside [0, in) are padding.
struct Axis {
  int64_t in = 1, out = 1, kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;

  int64_t start(int64_t o) const { return o * stride - pad_begin; }
  // The k of output o that read inside [0, in): [first, last).
  struct Range {
    int64_t first, last;
    int64_t size() const { return last - first; }
  };
  Range Inside(int64_t o) const { return Clip(o, 0, in); }
  // The k of output o that read inside [low, high).
  Range Clip(int64_t o, int64_t low, int64_t high) const {
    const int64_t s = start(o);
    const int64_t first = s >= low ? 0 : (low - s + dilation - 1) / dilation;
    const int64_t last = s >= high ? 0 : (high - s + dilation - 1) / dilation;
    return {std::min(first, kernel), std::max(std::min(first, kernel), std::min(last, kernel))};
  }
  // The outputs whose every k reads inside: [first, last), clipped to [0, out).
  Range Interior() const {
    const int64_t reach = in - (kernel - 1) * dilation - 1 + pad_begin;  // the largest start that fits, shifted
    const int64_t first = std::min(out, (pad_begin + stride - 1) / stride);
    const int64_t last = reach < 0 ? 0 : std::min(out, reach / stride + 1);
    return {first, std::max(first, last)};
  }
};

inline constexpr int kMaxSpatial = 8;
struct Window {
  int rank = 0;
  std::array<Axis, kMaxSpatial> axes{};
  const Axis& operator[](int i) const { return axes[i]; }
  Axis& operator[](int i) { return axes[i]; }
};

// Everything that the kernels need, from spatial extents (those that inference has checked). Where SAME pads, the lower
// or upper side gets the odd one.
inline Window Resolve(const Params& p, std::span<const int64_t> in, std::span<const int64_t> out,
                      std::span<const int64_t> kernel) {
  if (in.size() > kMaxSpatial) throw Error(ErrorCode::kResourceLimit, "more than 8 spatial dimensions");
  Window w;
  w.rank = static_cast<int>(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    Axis& a = w.axes[i];
    a = {in[i], out[i], kernel[i], p.stride(i), p.dilation(i), 0, 0};
    if (p.auto_pad == AutoPad::kNotSet) {
      if (!p.pads.empty()) a.pad_begin = p.pads[i], a.pad_end = p.pads[i + in.size()];
    } else if (p.auto_pad != AutoPad::kValid) {
      const int64_t total = std::max<int64_t>(0, (a.out - 1) * a.stride + (a.kernel - 1) * a.dilation + 1 - a.in);
      const int64_t less = total / 2, more = total - less;
      a.pad_begin = p.auto_pad == AutoPad::kSameUpper ? less : more;
      a.pad_end = p.auto_pad == AutoPad::kSameUpper ? more : less;
    }
  }
  return w;
}

}  // namespace onda::window

#endif  // ONDA_KERNELS_WINDOW_WINDOW_H_
