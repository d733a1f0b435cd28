// BatchNormalization(Gemm(x, W, b)) -> Gemm(x, W * s, (b - mean) * s + bias) with s = scale / sqrt(var + epsilon), per
// column; the same for MatMul of two matrices. Holds where all are constants of fp32 or fp64, nothing else reads the
// product, and nothing is being trained. Computed in double and rounded once. Source: Operators.md, BatchNormalization.
#include <cmath>

#include "core/passes/rules.h"
#include "onda/float_formats.h"

namespace onda {

std::optional<Patch> FoldBatchNormGemm(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "BatchNormalization") || node.inputs.size() != 5 || node.attributes.view().Int("training_mode", 0))
    return {};
  const Node* product = c.UsedOnce(node.inputs[0]) ? c.Producer(node.inputs[0]) : nullptr;
  if (!product || (!c.Is(*product, "Gemm") && !c.Is(*product, "MatMul"))) return {};
  const Fact& y = c.FactOf(node.inputs[0]);
  const Attributes a = product->attributes.view();
  const bool has_bias = product->has_input(2), transposed = a.Int("transB", 0) != 0;
  const TensorPtr weights = c.ConstantOf(product->inputs[1]);
  const TensorPtr bias = has_bias ? c.ConstantOf(product->inputs[2]) : nullptr;
  if (!weights || (has_bias && !bias) || weights->dims().size() != 2 || !y.has_rank() || y.rank() != 2) return {};
  if (weights->dtype() != DType::kFloat && weights->dtype() != DType::kDouble) return {};
  const int64_t columns = weights->dims()[transposed ? 0 : 1], k = weights->dims()[transposed ? 1 : 0];
  const double beta = a.Float("beta", 1);
  if (bias && (bias->count() != columns || bias->dims().empty() || bias->dims().back() != columns)) return {};
  std::vector<double> parameters[4];  // scale, bias, mean, variance
  for (size_t i = 0; i < 4; ++i) {
    const TensorPtr t = c.ConstantOf(node.inputs[i + 1]);
    if (!t || t->count() != columns) return {};
    parameters[i] = t->ToDoubles();
  }
  const double epsilon = node.attributes.view().Float("epsilon", 1e-5f);
  auto new_weights = Tensor::Make(weights->dtype(), weights->dims());
  auto new_bias = Tensor::Make(weights->dtype(), {columns});
  for (int64_t j = 0; j < columns; ++j) {
    const double s = parameters[0][j] / std::sqrt(parameters[3][j] + epsilon);
    if (!std::isfinite(s)) return {};
    for (int64_t i = 0; i < k; ++i) {
      const int64_t at = transposed ? j * k + i : i * columns + j;
      StoreDouble(weights->dtype(), new_weights->mutable_data(), at,
                  s * LoadDouble(weights->dtype(), weights->data(), at));
    }
    const double b = bias ? beta * LoadDouble(bias->dtype(), bias->data(), j) : 0;
    StoreDouble(weights->dtype(), new_bias->mutable_data(), j, (b - parameters[2][j]) * s + parameters[1][j]);
  }
  Patch patch("fold batch normalization into the product's weights");
  AttributeMap attributes = product->attributes;
  attributes.Remove("beta");
  patch.Replace(node.outputs[0],
                patch.Add("Gemm", {product->inputs[0], patch.Constant(new_weights), patch.Constant(new_bias)},
                          std::move(attributes)));
  return patch;
}

}  // namespace onda
