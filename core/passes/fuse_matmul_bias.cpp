// MatMul(x, W) + b -> Gemm(x, W, b), the rows of all of x's leading dimensions being the rows of one product. Holds in
// fp32 for a constant 2-D W and a constant b of shape [N] where nothing else reads the product; x has rank 2, or all
// its dimensions are known and none is 0 (the reshapes cost nothing).
#include <algorithm>

#include "core/passes/rules.h"

namespace onda {
namespace {

TensorPtr ShapeTensor(const std::vector<int64_t>& dims) {
  auto t = Tensor::Make(DType::kInt64, {static_cast<int64_t>(dims.size())});
  std::copy(dims.begin(), dims.end(), t->mutable_as<int64_t>().begin());
  return t;
}

}  // namespace

std::optional<Patch> FuseMatMulBias(const RuleContext& c, const Node& node) {
  if (!c.Is(node, "Add")) return {};
  const Fact& y = c.FactOf(node.outputs[0]);
  if (y.dtype != DType::kFloat || !y.has_rank()) return {};
  for (size_t side = 0; side < 2; ++side) {
    const Node* product = c.ProducedBy(node, side, "MatMul");
    if (!product || !c.UsedOnce(product->outputs[0])) continue;
    const ValueId addend = node.inputs[1 - side];
    const TensorPtr weights = c.ConstantOf(product->inputs[1]), bias = c.ConstantOf(addend);
    const Fact& x = c.FactOf(product->inputs[0]);
    if (!weights || !bias || weights->dims().size() != 2 || bias->dims().size() != 1) continue;
    const int64_t k = weights->dims()[0], n = weights->dims()[1];
    if (bias->dims()[0] != n || !x.has_rank() || x.rank() < 2 || x.rank() != y.rank()) continue;
    Patch patch("add the bias inside the product");
    if (x.rank() == 2) {
      patch.Replace(node.outputs[0], patch.Add("Gemm", {product->inputs[0], product->inputs[1], addend}));
      return patch;
    }
    std::vector<int64_t> dims;
    int64_t rows = 1;
    for (const Dim& d : *x.shape) {
      if (!d.known() || d.value() <= 0) break;
      dims.push_back(d.value());
    }
    if (static_cast<int>(dims.size()) != x.rank() || k <= 0 || n <= 0) continue;
    for (size_t i = 0; i + 1 < dims.size(); ++i) rows *= dims[i];
    dims.back() = n;
    const ValueId flat = patch.Add("Reshape", {product->inputs[0], patch.Constant(ShapeTensor({rows, k}))});
    const ValueId sum = patch.Add("Gemm", {flat, product->inputs[1], addend});
    patch.Replace(node.outputs[0], patch.Add("Reshape", {sum, patch.Constant(ShapeTensor(dims))}));
    return patch;
  }
  return {};
}

}  // namespace onda
