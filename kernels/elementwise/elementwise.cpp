#include "kernels/elementwise/elementwise.h"

#include <optional>
#include <string_view>
#include <vector>

#include "core/ir/op_def.h"
#include "core/ir/shape_math.h"
#include "kernels/elementwise/upgrade.h"

namespace onda::elementwise {
namespace {

// Elements of inputs [0, count), each broadcast to `out`; nullopt where one is not known or too long.
std::optional<std::vector<Dims>> BroadcastContents(InferContext& c, size_t count, const Dims& out) {
  int64_t total = 1;
  for (const Dim& d : out) {
    if (!d.known() || d.value() > kMaxContent) return {};
    total *= d.value();
    if (total > kMaxContent) return {};
  }
  std::vector<Dims> result;
  for (size_t k = 0; k < count; ++k) {
    const std::optional<Dims> content = c.Content(k);
    if (!content || !c.has_rank(k) || !c.input(k).static_shape()) return {};
    const std::vector<int64_t> own = c.input(k).static_dims();
    Dims elements;
    for (int64_t i = 0; i < total; ++i) {
      int64_t rest = i, at = 0, stride = 1;
      for (size_t d = 0; d < own.size(); ++d) {  // from the last dimension
        const int64_t extent = out[out.size() - 1 - d].value(), index = rest % extent;
        rest /= extent;
        const int64_t mine = own[own.size() - 1 - d];
        if (mine != 1) at += index * stride;
        stride *= mine;
      }
      if (at >= static_cast<int64_t>(content->size())) return {};
      elements.push_back((*content)[at]);
    }
    result.push_back(std::move(elements));
  }
  return result;
}

// The operator on two elements, where the result is known as an expression.
std::optional<Dim> Combine(std::string_view op, const Dim& a, const Dim& b) {
  if (op == "Add" || op == "Sum") return a + b;
  if (op == "Sub") return a - b;
  if (op == "Mul") return a * b;
  if (op == "Max") return Max(a, b);
  if (op == "Min") return Min(a, b);
  if (op == "Div" || op == "Mod") {
    // Expressions stand for lengths: where both are not plain numbers the quotient is that of nonnegative numbers.
    if (!b.known() || b.value() <= 0 || (a.known() && a.value() < 0)) return {};
    return op == "Div" ? FloorDiv(a, b) : a - FloorDiv(a, b) * b;
  }
  const Dim difference = a - b;
  if (!difference.known()) return {};
  const int64_t d = difference.value();
  if (op == "Equal") return Dim(d == 0);
  if (op == "Less") return Dim(d < 0);
  if (op == "LessOrEqual") return Dim(d <= 0);
  if (op == "Greater") return Dim(d > 0);
  if (op == "GreaterOrEqual") return Dim(d >= 0);
  return {};
}

bool Fits(DType type, const Dim& d) {
  return type == DType::kInt64 || !d.known() || (d.value() >= INT32_MIN && d.value() <= INT32_MAX);
}

// Gives output 0, of known shape, its elements where those of the inputs are known.
void InferContent(InferContext& c, DType type) {
  const DType operand = c.dtype(0);
  if ((operand != DType::kInt64 && operand != DType::kInt32) || !c.outputs()[0].has_rank()) return;
  const Dims shape = *c.outputs()[0].shape;
  try {
    const std::optional<std::vector<Dims>> contents = BroadcastContents(c, c.input_count(), shape);
    if (!contents || contents->empty()) return;
    Dims result = (*contents)[0];
    for (size_t k = 1; k < contents->size(); ++k) {
      for (size_t i = 0; i < result.size(); ++i) {
        std::optional<Dim> value = Combine(c.node().op_type, result[i], (*contents)[k][i]);
        if (!value || !Fits(operand, *value)) return;
        result[i] = std::move(*value);
      }
    }
    c.SetContent(0, type, shape, std::move(result));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kResourceLimit) throw;  // leaves int64: the kernel's arithmetic wraps
  }
}

void InferUnary(InferContext& c) {
  (void)Params(c.node().op_type, c.attributes(), c.dtype(0));
  InferSameAsInput(c);
}

void InferNeg(InferContext& c) {
  InferSameAsInput(c);
  const std::optional<Dims> content = c.dtype(0) == DType::kInt64 && c.has_rank(0) ? c.Content(0) : std::nullopt;
  if (!content) return;
  Dims negated;
  for (const Dim& d : *content) {
    if (d.known() && d.value() == INT64_MIN) return;
    negated.push_back(Dim(0) - d);
  }
  c.SetContent(0, c.dtype(0), *c.shape(0), std::move(negated));
}

void InferTest(InferContext& c) { c.SetOutput(0, DType::kBool, c.shape(0)); }

void InferArithmetic(InferContext& c) {
  (void)Params(c.node().op_type, c.attributes(), c.dtype(0));
  InferBroadcast(c);
  InferContent(c, c.dtype(0));
}

// Pow and BitShift: the first input's type, no contents.
void InferMixed(InferContext& c) {
  (void)Params(c.node().op_type, c.attributes(), c.dtype(0));
  InferBroadcast(c);
}

void InferComparison(InferContext& c) {
  c.SetOutput(0, DType::kBool, BroadcastInputs(c, 0, c.input_count()));
  InferContent(c, DType::kBool);
}

void InferPRelu(InferContext& c) {
  InferSameAsInput(c);
  if (!c.has_rank(0) || !c.has_rank(1)) return;
  const Dims &x = *c.shape(0), both = Broadcast(c, x, *c.shape(1));
  bool same = both.size() == x.size();
  for (size_t i = 0; same && i < x.size(); ++i) same = !x[i].known() || x[i] == both[i];
  if (!same) c.Reject("the slope does not broadcast to the input");
}

void InferSwiGlu(InferContext& c) {
  if (c.has_rank(0) && c.has_rank(1)) {
    const Dims &a = *c.shape(0), &b = *c.shape(1);
    if (a.size() != b.size()) c.Reject("both inputs must have the same shape");
    Dims merged;
    for (size_t i = 0; i < a.size(); ++i) merged.push_back(MergeDim(c, a[i], b[i], "inputs of one shape"));
    return c.SetOutput(0, c.dtype(0), std::move(merged));
  }
  c.SetOutput(0, c.dtype(0), c.has_rank(0) ? c.shape(0) : c.shape(1));
}

void InferClip(InferContext& c) {
  InferSameAsInput(c);
  for (size_t i = 1; i < 3; ++i) {
    if (!c.has_input(i) || !c.has_rank(i)) continue;
    for (const Dim& d : *c.shape(i))
      if (d.known() && d.value() != 1) c.Reject("the limits must be scalars");
  }
}

void InferWhere(InferContext& c) {
  const std::optional<Dims> shape = BroadcastInputs(c, 0, 3);
  const DType type = c.dtype(1) != DType::kUndefined ? c.dtype(1) : c.dtype(2);
  c.SetOutput(0, type, shape);
  if (!shape || (type != DType::kInt64 && type != DType::kInt32 && type != DType::kBool)) return;
  const std::optional<std::vector<Dims>> contents = BroadcastContents(c, 3, *shape);
  if (!contents) return;
  Dims result;
  for (size_t i = 0; i < (*contents)[0].size(); ++i) {
    const Dim &condition = (*contents)[0][i], &a = (*contents)[1][i], &b = (*contents)[2][i];
    if (!condition.known() && !(a == b)) return;
    result.push_back(!condition.known() || condition.value() != 0 ? a : b);
  }
  c.SetContent(0, type, *shape, std::move(result));
}

constexpr OpDef Unary(std::string_view name) { return {.name = name, .infer = InferUnary, .upgrade = UpgradeUnary}; }
constexpr OpDef Arithmetic(std::string_view name) {
  return {.name = name, .infer = InferArithmetic, .upgrade = UpgradeBinary};
}
constexpr OpDef Comparison(std::string_view name) {
  return {.name = name, .infer = InferComparison, .upgrade = UpgradeBinary};
}
constexpr OpDef Variadic(std::string_view name) {
  return {.name = name, .infer = InferArithmetic, .upgrade = UpgradeUnary};
}
constexpr OpDef Mixed(std::string_view name) { return {.name = name, .infer = InferMixed, .upgrade = UpgradeBinary}; }
constexpr OpDef Alias(std::string_view name, void (*upgrade)(RewriteContext&),
                      std::string_view domain = "com.microsoft") {
  return {.name = name, .domain = domain, .upgrade = upgrade, .flags = kOpAlias};
}

constexpr OpDef kOps[] = {
    Unary("Abs"),
    {.name = "Neg", .infer = InferNeg, .upgrade = UpgradeUnary},
    Unary("Sign"),
    Unary("Floor"),
    Unary("Ceil"),
    Unary("Round"),
    Unary("Exp"),
    Unary("Log"),
    Unary("Sqrt"),
    Unary("Reciprocal"),
    Unary("Sin"),
    Unary("Cos"),
    Unary("Tan"),
    Unary("Asin"),
    Unary("Acos"),
    Unary("Atan"),
    Unary("Sinh"),
    Unary("Cosh"),
    Unary("Tanh"),
    Unary("Asinh"),
    Unary("Acosh"),
    Unary("Atanh"),
    Unary("Erf"),
    Unary("Sigmoid"),
    Unary("Softplus"),
    Unary("Softsign"),
    Unary("Relu"),
    Unary("LeakyRelu"),
    Unary("Elu"),
    {.name = "Selu", .infer = InferUnary, .upgrade = UpgradeSelu},
    Unary("Celu"),
    Unary("Gelu"),
    Unary("HardSigmoid"),
    Unary("HardSwish"),
    Unary("Mish"),
    Unary("Swish"),
    Unary("ThresholdedRelu"),
    Unary("Shrink"),
    Unary("Not"),
    Unary("BitwiseNot"),
    {.name = "IsNaN", .infer = InferTest},
    {.name = "IsInf", .infer = InferTest},
    Arithmetic("Add"),
    Arithmetic("Sub"),
    Arithmetic("Mul"),
    Arithmetic("Div"),
    Arithmetic("Mod"),
    Variadic("Max"),
    Variadic("Min"),
    Variadic("Sum"),
    {.name = "Mean", .infer = InferBroadcast, .upgrade = UpgradeUnary},
    Mixed("Pow"),
    Mixed("And"),
    Mixed("Or"),
    Mixed("Xor"),
    Mixed("BitShift"),
    Mixed("BitwiseAnd"),
    Mixed("BitwiseOr"),
    Mixed("BitwiseXor"),
    Comparison("Equal"),
    Comparison("Less"),
    Comparison("LessOrEqual"),
    Comparison("Greater"),
    Comparison("GreaterOrEqual"),
    {.name = "PRelu", .infer = InferPRelu, .upgrade = UpgradePRelu},
    {.name = "SwiGLU", .infer = InferSwiGlu},
    {.name = "Clip", .infer = InferClip, .upgrade = UpgradeClip},
    {.name = "Where", .infer = InferWhere},
    Alias("Gelu", UpgradeMicrosoftGelu),
    Alias("FastGelu", UpgradeFastGelu),
    Alias("BiasGelu", UpgradeBiasGelu),
    Alias("QuickGelu", UpgradeQuickGelu),
    Alias("BiasDropout", UpgradeBiasDropout),
    Alias("Affine", UpgradeAffine, ""),
    Alias("ParametricSoftplus", UpgradeParametricSoftplus, ""),
    Alias("ScaledTanh", UpgradeScaledTanh, ""),
    Alias("Scale", UpgradeScale, ""),
    Alias("ImageScaler", UpgradeImageScaler, ""),
};

}  // namespace

std::span<const OpDef> Ops() { return kOps; }

}  // namespace onda::elementwise
