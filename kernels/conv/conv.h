// Conv, ConvTranspose and com.microsoft's FusedConv. onda.ChannelsLastConv is FusedConv of X (batch, in..., channels),
// W (out channels, kernel..., channels / groups) and a result (and Z) of (batch, out..., out channels).
#ifndef ONDA_KERNELS_CONV_CONV_H_
#define ONDA_KERNELS_CONV_CONV_H_

#include <string>
#include <vector>

#include "kernels/simd/activation.h"
#include "kernels/window/window.h"
#include "onda/provider.h"

namespace onda::conv {

// X (batch, channels, in...), W (out channels, channels / groups, kernel...), bias (out channels).
struct ConvParams : window::Params {
  int64_t groups;
  Activation activation;  // FusedConv only; its fourth input is added before

  explicit ConvParams(const Attributes& a) : window::Params(a), groups(a.Int("group", 1)) {
    const std::string name = a.String("activation", "");
    const std::vector<float> values = a.Floats("activation_params");
    auto value = [&](size_t i) { return i < values.size() ? std::optional<float>(values[i]) : std::nullopt; };
    const std::optional<Activation> found = ActivationOf(name, value(0), value(1));
    if (!found)
      throw Error(ErrorCode::kNotImplemented, "activation '" + name + "' is not one of those that can be fused");
    activation = *found;
  }
};

// X (batch, channels, in...), W (channels, out channels / groups, kernel...). Input i adds to output
// i * stride - pad_begin + k * dilation.
struct ConvTransposeParams : window::Params {
  int64_t groups;
  std::vector<int64_t> output_padding;  // empty: 0
  std::vector<int64_t> output_shape;    // spatial extents; empty: from the pads

  explicit ConvTransposeParams(const Attributes& a)
      : window::Params(a),
        groups(a.Int("group", 1)),
        output_padding(a.Ints("output_padding")),
        output_shape(a.Ints("output_shape")) {}
};

// The pads where the output's extents are given or follow from SAME: what the windows reach beyond them, split between
// both sides, the odd one at the beginning unless SAME_UPPER. Source: Operators.md, ConvTranspose.
inline window::Window ResolveTranspose(const ConvTransposeParams& p, std::span<const int64_t> in,
                                       std::span<const int64_t> out, std::span<const int64_t> kernel) {
  if (in.size() > window::kMaxSpatial) throw Error(ErrorCode::kResourceLimit, "more than 8 spatial dimensions");
  window::Window w;
  w.rank = static_cast<int>(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    window::Axis& a = w[static_cast<int>(i)];
    a = {in[i], out[i], kernel[i], p.stride(i), p.dilation(i), 0, 0};
    const bool same = p.auto_pad == window::AutoPad::kSameUpper || p.auto_pad == window::AutoPad::kSameLower;
    if (same || !p.output_shape.empty()) {
      const int64_t extra = p.output_padding.empty() ? 0 : p.output_padding[i];
      const int64_t total =
          std::max<int64_t>(0, a.stride * (a.in - 1) + extra + (a.kernel - 1) * a.dilation + 1 - a.out);
      a.pad_begin = p.auto_pad == window::AutoPad::kSameUpper ? total / 2 : total - total / 2;
      a.pad_end = total - a.pad_begin;
    } else if (p.auto_pad == window::AutoPad::kNotSet && !p.pads.empty()) {
      a.pad_begin = p.pads[i], a.pad_end = p.pads[i + in.size()];
    }
  }
  return w;
}

}  // namespace onda::conv

#endif  // ONDA_KERNELS_CONV_CONV_H_
