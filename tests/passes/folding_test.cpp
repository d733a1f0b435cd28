// Constant folding is bounded by what is counted: the same nodes fold on every machine.
#include <gtest/gtest.h>

#include <chrono>

#include "core/passes/folding_cost.h"
#include "core/session.h"
#include "core/text/parse.h"

namespace onda {
namespace {

TEST(FoldingCost, CountsProductsOfSizes) {
  const std::vector<TensorPtr> square{Tensor::Make(DType::kFloat, {100, 100}), Tensor::Make(DType::kFloat, {100, 100})};
  const std::vector<Fact> result{Fact::Tensor(DType::kFloat, {Dim(100), Dim(100)})};
  Node add, product;
  add.op_type = "Add";
  product.op_type = "MatMul";
  EXPECT_EQ(FoldingCost(add, square, result), std::chrono::nanoseconds(30000));
  EXPECT_EQ(FoldingCost(product, square, result), std::chrono::nanoseconds(30000 + 10000 * 100 / 8));
  EXPECT_EQ(FoldingCost(add, {}, {}), std::chrono::microseconds(1));
}

// Each product of 1500 x 1500 counts for about 0.43 s: none fits into what folding may take.
TEST(FoldingCost, DearNodesStay) {
  const Model model = ParseModel(
      "<ir_version: 10, opset_import: [\"\" : 21]> g (float[1] x) => (y) <int64[2] big = {1500, 1500}, "
      "int64[2] few = {100, 100}, int64[1] all = {0}> { a = ConstantOfShape(big) b = MatMul(a, a) c = "
      "ConstantOfShape(few) "
      "d = MatMul(c, c) e = ReduceSum(b) f = ReduceSum(d) g2 = Add(e, f) y = Add(g2, x) }");
  const InferenceSession session(model, {});
  int products = 0;
  for (const Node& node : session.graph().nodes()) products += node.op_type == "MatMul";
  EXPECT_EQ(products, 1);
}

}  // namespace
}  // namespace onda
