// BatchNormalization(Conv(x, W, b)) -> Conv(x, W * s, (b - mean) * s + bias) with s = scale / sqrt(var + epsilon), per
// output channel. Holds when all five are constants, the convolution has no other reader, and nothing is being trained.
// Computed in double and rounded once; weights of 16-bit floats, whose rounding is coarse, only on a device, where an
// operator of its own costs more than it is worth. Source: Operators.md, BatchNormalization.
#include <cmath>

#include "core/passes/rules.h"
#include "onda/float_formats.h"

namespace onda {

std::optional<Patch> FoldBatchNorm(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "BatchNormalization") || node.inputs.size() != 5 || node.attributes.view().Int("training_mode", 0))
    return {};
  const Node* conv = c.ProducedBy(node, 0, "Conv");
  if (!conv || !c.UsedOnce(conv->outputs[0])) return {};
  const TensorPtr weights = c.ConstantOf(conv->inputs[1]);
  const TensorPtr bias = conv->has_input(2) ? c.ConstantOf(conv->inputs[2]) : nullptr;
  if (!weights || (conv->has_input(2) && !bias) || weights->dims().size() < 3) return {};
  const DType type = weights->dtype();
  const bool half = IsHalf(type);
  if (type != DType::kFloat && type != DType::kDouble && !(half && node.instance != 0)) return {};
  const int64_t channels = weights->dims()[0];
  std::vector<double> parameters[4];  // scale, bias, mean, variance
  for (size_t i = 0; i < 4; ++i) {
    const TensorPtr t = c.ConstantOf(node.inputs[i + 1]);
    if (!t || t->count() != channels) return {};
    parameters[i] = t->ToDoubles();
  }
  const double epsilon = node.attributes.view().Float("epsilon", 1e-5f);
  auto new_weights = Tensor::Make(type, weights->dims());
  auto new_bias = Tensor::Make(type, {channels});
  const int64_t per_channel = channels ? weights->count() / channels : 0;
  for (int64_t k = 0; k < channels; ++k) {
    const double s = parameters[0][k] / std::sqrt(parameters[3][k] + epsilon);
    if (!std::isfinite(s)) return {};
    for (int64_t i = k * per_channel; i < (k + 1) * per_channel; ++i) {
      StoreDouble(type, new_weights->mutable_data(), i, s * LoadDouble(type, weights->data(), i));
      if (half && !std::isfinite(LoadDouble(type, new_weights->data(), i))) return {};
    }
    const double b = bias ? LoadDouble(bias->dtype(), bias->data(), k) : 0;
    StoreDouble(type, new_bias->mutable_data(), k, (b - parameters[2][k]) * s + parameters[1][k]);
  }
  Patch patch("fold batch normalization into the convolution's weights");
  const ValueId y =
      patch.Add("Conv", {conv->inputs[0], patch.Constant(new_weights), patch.Constant(new_bias)}, conv->attributes);
  patch.Replace(node.outputs[0], y);
  return patch;
}

}  // namespace onda
