// MatMul(x, W) + b -> Gemm(x, W, b), the rows of all of x's leading dimensions being the rows of one product. Holds in
// fp32 for a constant 2-D W and a constant b of shape [N] where nothing else reads the product (the reshapes cost
// nothing).
#include "core/passes/rules.h"

namespace onda {
namespace {

// The shape of x with another last dimension.
ValueId ShapeOf(const RuleContext& c, Patch& patch, ValueId x, int64_t last) {
  const Dims& s = *c.FactOf(x).shape;
  std::vector<int64_t> dims;
  int unknown = 0;
  bool empty = last == 0;
  for (size_t i = 0; i + 1 < s.size(); ++i) {
    dims.push_back(s[i].value_or_unknown());
    unknown += !s[i].known();
    empty = empty || dims.back() == 0;
  }
  dims.push_back(last);
  if (unknown == 0 || (unknown == 1 && !empty)) return patch.Constant(Tensor::Int64s(dims));
  const ValueId leading = patch.Add("Shape", {x}, {{"start", int64_t{0}}, {"end", int64_t{-1}}});
  return patch.Add("Concat", {leading, patch.Constant(Tensor::Int64s(std::vector<int64_t>{last}))},
                   {{"axis", int64_t{0}}});
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
    if (k <= 0) continue;
    const ValueId rows = patch.Constant(Tensor::Int64s(std::vector<int64_t>{-1, k}));
    const ValueId flat = patch.Add("Reshape", {product->inputs[0], rows});
    const ValueId sum = patch.Add("Gemm", {flat, product->inputs[1], addend});
    const AttributeMap literal{{"allowzero", int64_t{1}}};
    patch.Replace(node.outputs[0], patch.Add("Reshape", {sum, ShapeOf(c, patch, product->inputs[0], n)}, literal));
    return patch;
  }
  return {};
}

}  // namespace onda
