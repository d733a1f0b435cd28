// Add(Conv(x, W), c) -> Conv(x, W, c). Holds when c is a constant with one element per output channel (or one in all),
// the convolution has no bias and no other reader.
#include "core/passes/rules.h"
#include "onda/float_formats.h"

namespace onda {

std::optional<Patch> FuseConvBias(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Add")) return {};
  for (size_t side = 0; side < 2; ++side) {
    const Node* conv = c.ProducedBy(node, side, "Conv");
    if (!conv || conv->has_input(2) || !c.UsedOnce(conv->outputs[0])) continue;
    const TensorPtr constant = c.ConstantOf(node.inputs[1 - side]);
    const Fact &weights = c.FactOf(conv->inputs[1]), &y = c.FactOf(conv->outputs[0]);
    if (!constant || !weights.has_rank() || !(*weights.shape)[0].known() || !y.has_rank()) continue;
    const int64_t channels = (*weights.shape)[0].value();
    // Shape [1, channels, 1, ...], right-aligned; never more dimensions than the convolution's result.
    const std::vector<int64_t>& dims = constant->dims();
    if (static_cast<int>(dims.size()) > y.rank() || (constant->count() != channels && constant->count() != 1)) continue;
    const int spatial = y.rank() - 2;
    const int channel_axis = static_cast<int>(dims.size()) - 1 - spatial;
    bool per_channel = constant->count() == 1;
    if (!per_channel) per_channel = channel_axis >= 0 && dims[channel_axis] == channels;
    if (!per_channel || static_cast<int>(dims.size()) == y.rank() + 1) continue;
    auto bias = Tensor::Make(constant->dtype(), {channels});
    for (int64_t k = 0; k < channels; ++k)
      StoreDouble(constant->dtype(), bias->mutable_data(), k,
                  LoadDouble(constant->dtype(), constant->data(), constant->count() == 1 ? 0 : k));
    Patch patch("add the constant as the convolution's bias");
    const ValueId sum = patch.Add("Conv", {conv->inputs[0], conv->inputs[1], patch.Constant(bias)}, conv->attributes);
    patch.Replace(node.outputs[0], sum);
    return patch;
  }
  return {};
}

}  // namespace onda
