// DeformConv: a convolution whose sampling positions are shifted by an input and weighted by another.
//
//   y[n, o, p] = B[o] + sum over input channels i of the group and taps k of
//                W[o, i, k] * mask[n, g, k, p] * x[n, i, p * stride - pad + k * dilation + offset[n, g, k, :, p]]
// with g the offset group of channel i and x linearly interpolated, zero outside of the image.
#ifndef ONDA_KERNELS_DEFORM_CONV_DEFORM_CONV_H_
#define ONDA_KERNELS_DEFORM_CONV_DEFORM_CONV_H_

#include "onda/provider.h"

namespace onda::deform_conv {

enum Input { kX, kW, kOffset, kB, kMask };

struct Params {
  explicit Params(const Attributes& a)
      : strides(a.Ints("strides")),
        pads(a.Ints("pads")),
        dilations(a.Ints("dilations")),
        kernel(a.Ints("kernel_shape")),
        group(a.Int("group", 1)),
        offset_group(a.Int("offset_group", 1)) {
    if (group < 1 || offset_group < 1) throw Error(ErrorCode::kInvalidModel, "groups must be positive");
  }

  // Throws where the lists do not fit so many axes or hold what cannot be. Empty lists stand for ones (zeros for pads).
  void Check(size_t axes) const {
    auto check = [](const std::vector<int64_t>& list, size_t size, int64_t least, const char* name) {
      bool good = list.empty() || list.size() == size;
      for (int64_t value : list) good = good && value >= least && value < (int64_t{1} << 40);
      if (!good) throw Error(ErrorCode::kInvalidModel, std::string(name) + " do not fit the image");
    };
    check(strides, axes, 1, "strides");
    check(dilations, axes, 1, "dilations");
    check(kernel, axes, 1, "kernel_shape");
    check(pads, 2 * axes, 0, "pads");
  }
  int64_t stride(size_t axis) const { return strides.empty() ? 1 : strides[axis]; }
  int64_t dilation(size_t axis) const { return dilations.empty() ? 1 : dilations[axis]; }
  int64_t pad_begin(size_t axis) const { return pads.empty() ? 0 : pads[axis]; }
  int64_t pad_end(size_t axis, size_t axes) const { return pads.empty() ? 0 : pads[axes + axis]; }

  std::vector<int64_t> strides, pads, dilations, kernel;
  int64_t group, offset_group;
};

inline constexpr int kMaxAxes = 10;

// Throw where shapes do not fit each other.
void CheckInputs(const Params& params, TensorViews inputs);
void CheckOutput(const LaunchArgs& args);

}  // namespace onda::deform_conv

#endif  // ONDA_KERNELS_DEFORM_CONV_DEFORM_CONV_H_
