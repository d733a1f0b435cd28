// Names that stand for a few elementwise operators: the experimental ones of ONNX 1.0, and a fusion of com.microsoft.
#include <algorithm>
#include <string>
#include <vector>

#include "core/ir/op_def.h"
#include "kernels/elementwise/upgrade.h"

namespace onda::elementwise {
namespace {

ValueId Scaled(RewriteContext& c, ValueId x, const char* attribute, float absent) {
  return c.Add("Mul", {x, c.ScalarLike(c.attributes().Float(attribute, absent))});
}

}  // namespace

void UpgradeAffine(RewriteContext& c) {
  c.ReplaceOutputs({c.Add("Add", {Scaled(c, c.input(0), "alpha", 1), c.ScalarLike(c.attributes().Float("beta", 0))})});
}

void UpgradeParametricSoftplus(RewriteContext& c) {
  c.ReplaceOutputs({Scaled(c, c.Add("Softplus", {Scaled(c, c.input(0), "beta", 1)}), "alpha", 1)});
}

void UpgradeScaledTanh(RewriteContext& c) {
  c.ReplaceOutputs({Scaled(c, c.Add("Tanh", {Scaled(c, c.input(0), "beta", 1)}), "alpha", 1)});
}

void UpgradeScale(RewriteContext& c) { c.ReplaceOutputs({Scaled(c, c.input(0), "scale", 1)}); }

// scale * x + bias of the channel, x of shape [N, C, H, W].
void UpgradeImageScaler(RewriteContext& c) {
  const std::vector<float> bias = c.attributes().Floats("bias");
  ValueId y = Scaled(c, c.input(0), "scale", 1);
  if (!bias.empty()) {
    auto tensor = Tensor::Make(DType::kFloat, {static_cast<int64_t>(bias.size()), 1, 1});
    std::copy(bias.begin(), bias.end(), tensor->mutable_as<float>().begin());
    y = c.Add("Add", {y, c.Add("CastLike", {c.Constant(std::move(tensor)), c.input(0)})});
  }
  c.ReplaceOutputs({y});
}

// Dropout(data + bias, ratio, training) + residual.
void UpgradeBiasDropout(RewriteContext& c) {
  Node dropout;
  dropout.op_type = "Dropout";
  dropout.inputs = {c.Add("Add", {c.input(0), c.input(1)}), c.has_input(3) ? c.input(3) : kNoValue,
                    c.has_input(4) ? c.input(4) : kNoValue};
  if (c.attributes().Has("seed")) dropout.attributes.Set("seed", c.attributes().Int("seed", 0));
  std::vector<ValueId> outputs = c.AddNode(std::move(dropout), 2);
  if (c.has_input(2)) outputs[0] = c.Add("Add", {outputs[0], c.input(2)});
  outputs.resize(c.node().outputs.size());
  c.ReplaceOutputs(std::move(outputs));
}

}  // namespace onda::elementwise
