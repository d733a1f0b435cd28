// What becomes of a convolution's integer sums where all that decides it is constant: (sum + shift) * factor, rounded,
// plus a zero point.
#ifndef ONDA_KERNELS_QUANTIZED_CHANNEL_FINISH_H_
#define ONDA_KERNELS_QUANTIZED_CHANNEL_FINISH_H_

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "kernels/quantized/per_line.h"
#include "kernels/quantized/quantized.h"

namespace onda::quantized {

struct ChannelFinish {
  std::vector<int32_t> shift;  // by channel: the bias, and what the zero point of x adds
  std::vector<float> factor;
  int32_t zero = 0, padding = 0;  // zero points of y, and of x with 128 more where that is signed
};

inline float FactorOf(const TensorView& x_scale, const TensorView& w_scale, const TensorView& y_scale,
                      int64_t channel) {
  return w_scale.as<float>()[w_scale.count() == 1 ? 0 : channel] * *x_scale.as<float>() / *y_scale.as<float>();
}

// The node has the inputs of QLinearConv; its scales are float.
inline std::string RejectsFinish(const NodeView& node) {
  constexpr ProductInputs kIn = kLinearInputs;
  for (int i : {kIn.a_scale, kIn.a_zero, kIn.b_scale, kIn.y_scale, kIn.y_zero, kIn.bias})
    if (node.input(i).present() && !node.input(i).constant) return "only constant scales, zero points and bias";
  const TensorView x_scale = ViewOf(node.input(kIn.a_scale)), w_scale = ViewOf(node.input(kIn.b_scale)),
                   y_scale = ViewOf(node.input(kIn.y_scale));
  for (int64_t i = 0; i < w_scale.count(); ++i)
    if (!(std::abs(FactorOf(x_scale, w_scale, y_scale, i)) < 1)) return "the result's scale is too small";
  return "";
}

// weight_sums: of each channel's weights, as signed bytes. Adds what wraps as 32-bit sums do.
inline ChannelFinish ConstantFinish(const NodeView& node, std::span<const int32_t> weight_sums) {
  constexpr ProductInputs kIn = kLinearInputs;
  const TensorView x_zero = ViewOf(node.input(kIn.a_zero)), y_zero = ViewOf(node.input(kIn.y_zero)),
                   bias = ViewOf(node.input(kIn.bias));
  ChannelFinish finish;
  finish.padding = (x_zero.present() ? static_cast<int32_t>(LoadInt64(x_zero.type(), x_zero.data, 0)) : 0) +
                   (node.input(kIn.a).type() == DType::kInt8 ? 128 : 0);
  finish.zero = y_zero.present() ? static_cast<int32_t>(LoadInt64(y_zero.type(), y_zero.data, 0)) : 0;
  for (size_t i = 0; i < weight_sums.size(); ++i) {
    finish.shift.push_back((bias.present() ? bias.as<int32_t>()[i] : 0) - finish.padding * weight_sums[i]);
    finish.factor.push_back(FactorOf(ViewOf(node.input(kIn.a_scale)), ViewOf(node.input(kIn.b_scale)),
                                     ViewOf(node.input(kIn.y_scale)), static_cast<int64_t>(i)));
  }
  return finish;
}

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_CHANNEL_FINISH_H_
