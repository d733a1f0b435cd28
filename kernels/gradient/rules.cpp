#include "kernels/gradient/rules.h"

#include <algorithm>

namespace onda::gradient {
namespace {

using Ints = std::vector<int64_t>;

const Dims& ShapeOf(RewriteContext& c, ValueId x) {
  if (!c.FactOf(x).has_rank()) c.Reject("ranks must be known to take gradients");
  return *c.FactOf(x).shape;
}
ValueId ShapeTensor(RewriteContext& c, ValueId x) { return c.Add("Shape", {x}); }
ValueId ReshapeLike(RewriteContext& c, ValueId g, ValueId x) {
  return c.Add("Reshape", {g, ShapeTensor(c, x)}, {{"allowzero", int64_t{1}}});
}

// Sums the gradient of a broadcast x over the dimensions that were added or repeated.
ValueId Unbroadcast(RewriteContext& c, ValueId g, ValueId x) {
  const Dims from = ShapeOf(c, x), to = ShapeOf(c, g);
  if (from == to) return g;
  const size_t lead = to.size() - from.size();
  Ints axes;
  for (size_t i = 0; i < to.size(); ++i) {
    if (i < lead || from[i - lead] == Dim(1)) {
      axes.push_back(static_cast<int64_t>(i));
    } else if (!(from[i - lead] == to[i])) {
      c.Reject("it cannot be told whether dimension " + from[i - lead].ToString() + " is repeated");
    }
  }
  return ReshapeLike(c, c.Add("ReduceSum", {g, c.Int64s(axes)}), x);
}

ValueId SwapLast(RewriteContext& c, ValueId x) {
  const size_t rank = ShapeOf(c, x).size();
  if (rank < 2) c.Reject("gradients of products of vectors are not supported");
  Ints perm(rank);
  for (size_t i = 0; i < rank; ++i) perm[i] = static_cast<int64_t>(i);
  std::swap(perm[rank - 1], perm[rank - 2]);
  return c.Add("Transpose", {x}, {{"perm", perm}});
}

// What ReduceSum or ReduceMean took away, repeated.
ValueId UndoReduction(RewriteContext& c, const Node& node, ValueId g) {
  const ValueId x = node.inputs[0];
  Ints kept_shape;
  const Dims shape = ShapeOf(c, x);
  std::vector<bool> reduced(shape.size(), true);
  if (node.has_input(1)) {
    const auto content = c.FactOf(node.inputs[1]).Content();
    if (!content) c.Reject("axes must be known to take gradients");
    if (!content->empty() || node.attributes.view().Int("noop_with_empty_axes", 0) != 0)
      reduced.assign(shape.size(), false);
    for (const Dim& d : *content) {
      if (!d.known()) c.Reject("axes must be known to take gradients");
      reduced[static_cast<size_t>(d.value() < 0 ? d.value() + static_cast<int64_t>(shape.size()) : d.value())] = true;
    }
  }
  if (node.attributes.view().Int("keepdims", 1) == 0) {
    Ints axes;
    for (size_t i = 0; i < shape.size(); ++i)
      if (reduced[i]) axes.push_back(static_cast<int64_t>(i));
    if (!axes.empty()) g = c.Add("Unsqueeze", {g, c.Int64s(axes)});
  }
  return c.Add("Expand", {g, ShapeTensor(c, x)});
}

// alpha * A' B' + beta * C, where ' may transpose.
std::vector<ValueId> Gemm(RewriteContext& c, const Node& node, ValueId g, const std::vector<bool>& wanted) {
  const Attributes a = node.attributes.view();
  const bool trans_a = a.Int("transA", 0) != 0, trans_b = a.Int("transB", 0) != 0;
  const ValueId scaled = c.Add("Mul", {g, ScalarLike(c, g, a.Float("alpha", 1))});
  auto flip = [&](ValueId x, bool yes) { return yes ? SwapLast(c, x) : x; };
  std::vector<ValueId> result(node.inputs.size(), kNoValue);
  if (wanted[0]) result[0] = flip(c.Add("MatMul", {scaled, flip(node.inputs[1], !trans_b)}), trans_a);
  if (wanted[1]) result[1] = flip(c.Add("MatMul", {flip(node.inputs[0], !trans_a), scaled}), trans_b);
  if (wanted.size() > 2 && wanted[2])
    result[2] = Unbroadcast(c, c.Add("Mul", {g, ScalarLike(c, g, a.Float("beta", 1))}), node.inputs[2]);
  return result;
}

// The derivative of a function of one number, times g; kNoValue where the operator is none of these.
ValueId Unary(RewriteContext& c, const std::string& op, ValueId x, ValueId y, ValueId g) {
  auto add = [&](const char* name, std::vector<ValueId> inputs) { return c.Add(name, std::move(inputs)); };
  auto scalar = [&](double v) { return ScalarLike(c, x, v); };
  if (op == "Identity") return g;
  if (op == "Neg") return add("Neg", {g});
  if (op == "Exp") return add("Mul", {g, y});
  if (op == "Log") return add("Div", {g, x});
  if (op == "Sqrt") return add("Div", {g, add("Add", {y, y})});
  if (op == "Reciprocal") return add("Neg", {add("Mul", {g, add("Mul", {y, y})})});
  if (op == "Sin") return add("Mul", {g, add("Cos", {x})});
  if (op == "Cos") return add("Neg", {add("Mul", {g, add("Sin", {x})})});
  if (op == "Abs") return add("Mul", {g, add("Sign", {x})});
  if (op == "Relu") return add("Where", {add("Greater", {x, scalar(0)}), g, scalar(0)});
  if (op == "Sigmoid") return add("Mul", {g, add("Mul", {y, add("Sub", {scalar(1), y})})});
  if (op == "Tanh") return add("Mul", {g, add("Sub", {scalar(1), add("Mul", {y, y})})});
  return kNoValue;
}

}  // namespace

ValueId ScalarLike(RewriteContext& c, ValueId x, double value) {
  return c.Constant(Tensor::Scalar(c.FactOf(x).dtype, value));
}
ValueId FillLike(RewriteContext& c, ValueId x, double value) {
  const Fact& fact = c.FactOf(x);
  if (!fact.is_tensor() || !(IsFloating(fact.dtype) || IsInteger(fact.dtype)))
    c.Reject("there is no gradient of " + fact.ToString());
  return c.Add("Expand", {ScalarLike(c, x, value), ShapeTensor(c, x)});
}

std::vector<ValueId> Backward(RewriteContext& c, const Node& node, ValueId g, const std::vector<bool>& wanted) {
  const std::string& op = node.domain.empty() ? node.op_type : "";
  const std::vector<ValueId>& in = node.inputs;
  const ValueId y = node.outputs[0];
  std::vector<ValueId> result(in.size(), kNoValue);
  auto add = [&](const char* name, std::vector<ValueId> inputs) { return c.Add(name, std::move(inputs)); };
  auto give = [&](size_t i, auto&& make) {
    if (i < wanted.size() && wanted[i]) result[i] = Unbroadcast(c, make(), in[i]);
  };
  if (op == "Add" || op == "Sum") {
    for (size_t i = 0; i < in.size(); ++i) give(i, [&] { return g; });
  } else if (op == "Sub") {
    give(0, [&] { return g; });
    give(1, [&] { return add("Neg", {g}); });
  } else if (op == "Mul") {
    give(0, [&] { return add("Mul", {g, in[1]}); });
    give(1, [&] { return add("Mul", {g, in[0]}); });
  } else if (op == "Div") {
    give(0, [&] { return add("Div", {g, in[1]}); });
    give(1, [&] { return add("Neg", {add("Mul", {g, add("Div", {y, in[1]})})}); });
  } else if (op == "Pow") {
    give(0, [&] {
      const ValueId one = ScalarLike(c, in[1], 1);
      return add("Mul", {g, add("Mul", {in[1], add("Pow", {in[0], add("Sub", {in[1], one})})})});
    });
    give(1, [&] { return add("Mul", {g, add("Mul", {y, add("Log", {in[0]})})}); });
  } else if (op == "Where") {
    const ValueId zero = ScalarLike(c, g, 0);
    give(1, [&] { return add("Where", {in[0], g, zero}); });
    give(2, [&] { return add("Where", {in[0], zero, g}); });
  } else if (op == "Expand") {
    give(0, [&] { return g; });
  } else if (op == "MatMul") {
    give(0, [&] { return add("MatMul", {g, SwapLast(c, in[1])}); });
    give(1, [&] { return add("MatMul", {SwapLast(c, in[0]), g}); });
  } else if (op == "Gemm") {
    return Gemm(c, node, g, wanted);
  } else if (op == "ReduceSum") {
    result[0] = UndoReduction(c, node, g);
  } else if (op == "ReduceMean") {
    const ValueId wide = UndoReduction(c, node, g);
    const ValueId count = c.Add("Div", {c.Add("Size", {in[0]}), c.Add("Size", {y})});
    result[0] = add("Div", {wide, c.Add("Cast", {count}, {{"to", static_cast<int64_t>(c.FactOf(g).dtype)}})});
  } else if (op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze") {
    result[0] = ReshapeLike(c, g, in[0]);
  } else if (op == "Transpose") {
    const size_t rank = ShapeOf(c, in[0]).size();
    Ints perm = node.attributes.view().Ints("perm"), inverse(rank);
    if (perm.empty())
      for (size_t i = 0; i < rank; ++i) perm.push_back(static_cast<int64_t>(rank - 1 - i));
    for (size_t i = 0; i < rank; ++i) inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
    result[0] = c.Add("Transpose", {g}, {{"perm", inverse}});
  } else if (op == "Cast") {
    result[0] = c.Add("Cast", {g}, {{"to", static_cast<int64_t>(c.FactOf(in[0]).dtype)}});
  } else {
    result[0] = Unary(c, op, in[0], y, g);
    if (result[0] == kNoValue) c.Reject("there is no gradient of " + node.op_type + " here yet");
  }
  return result;
}

}  // namespace onda::gradient
