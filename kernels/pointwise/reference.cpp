// The composition of the operators' references: every step in double, rounded to its type.
#include <algorithm>
#include <cmath>

#include "kernels/elementwise/elementwise.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/simd/blocks.h"
#include "kernels/simd/broadcast.h"
#include "onda/float_formats.h"

namespace onda::pointwise {
namespace {

// y may be an operand.
using Function = void (*)(const Step& step, const elementwise::Params& params, const double* const* x, double* y,
                          int64_t n);

void Unary(const Step& step, const elementwise::Params& params, const double* const* x, double* y, int64_t n) {
  const bool tanh_form = step.op == "GeluTanh";
  elementwise::FindUnaryRow(tanh_form ? "Gelu" : step.op)->real(x[0], y, n, params);
}
void Binary(const Step& step, const elementwise::Params& params, const double* const* x, double* y, int64_t n) {
  elementwise::FindBinaryRow(step.op)->real(x[0], x[1], y, n, params);
  if (step.op == "Mean")
    for (int64_t i = 0; i < n; ++i) y[i] /= 2;
}
void Where(const Step&, const elementwise::Params&, const double* const* x, double* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[0][i] != 0 ? x[1][i] : x[2][i];
}
void Clip(const Step& step, const elementwise::Params&, const double* const* x, double* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    double value = x[0][i];
    if (value < step.alpha) value = step.alpha;
    if (value > step.beta) value = step.beta;
    y[i] = value;
  }
}
void Cast(const Step& step, const elementwise::Params&, const double* const* x, double* y, int64_t n) {
  const bool whole = IsInteger(step.type);
  for (int64_t i = 0; i < n; ++i) {
    y[i] = step.type == DType::kBool ? x[0][i] != 0 : whole ? std::trunc(x[0][i]) : x[0][i];
    // What int32 does not hold becomes its lowest value, as in Cast.
    if (step.type == DType::kInt32 && !(y[i] >= -0x1p31 && y[i] < 0x1p31)) y[i] = -0x1p31;
  }
}
void Logic(const Step& step, const elementwise::Params&, const double* const* x, double* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const bool a = x[0][i] != 0, b = x[1][i] != 0;
    y[i] = step.op == "And" ? a && b : step.op == "Or" ? a || b : a != b;
  }
}
void Not(const Step&, const elementwise::Params&, const double* const* x, double* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[0][i] == 0;
}
void Dequantize(const Step& step, const elementwise::Params&, const double* const* x, double* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = (static_cast<float>(x[0][i]) - step.beta) * step.alpha;
}
void Quantize(const Step& step, const elementwise::Params&, const double* const* x, double* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::nearbyint(static_cast<float>(x[0][i]) / step.alpha) + double{step.beta};
}

Function FindFunction(const Step& step) {
  struct Row {
    std::string_view op;
    int operands;
    Function function;
  };
  static constexpr Row kRows[] = {{"Where", 3, Where},
                                  {"Clip", 1, Clip},
                                  {"Cast", 1, Cast},
                                  {"Not", 1, Not},
                                  {"And", 2, Logic},
                                  {"Or", 2, Logic},
                                  {"Xor", 2, Logic},
                                  {"GeluTanh", 1, Unary},
                                  {"DequantizeLinear", 1, Dequantize},
                                  {"QuantizeLinear", 1, Quantize}};
  for (const Row& row : kRows)
    if (row.op == step.op && row.operands == step.operand_count) return row.function;
  if (step.operand_count == 1) {
    const elementwise::UnaryRow* row = elementwise::FindUnaryRow(step.op);
    return row && row->real ? Unary : nullptr;
  }
  const elementwise::BinaryRow* row = step.operand_count == 2 ? elementwise::FindBinaryRow(step.op) : nullptr;
  return row && row->real ? Binary : nullptr;
}

class Reference {
 public:
  static constexpr bool kInPlace = true;

  explicit Reference(const NodeView& node) : program_(node.attributes(), node.input_count()) {
    for (const Step& step : program_.steps) {
      functions_.push_back(FindFunction(step));
      elementwise::Params params;
      params.alpha = step.alpha, params.beta = step.beta, params.flag = step.op == "GeluTanh";
      params_.push_back(params);
    }
  }

  static std::string Rejects(const NodeView& node) {
    const Program program(node.attributes(), node.input_count());
    auto carried = [](DType type) {
      return BitsOf(type) >= 8 && BitsOf(type) <= 32 && type != DType::kString && !IsFloat8(type);
    };
    for (int i = 0; i < node.input_count(); ++i)
      if (!carried(node.input(i).type())) return "no elements of " + std::string(NameOf(node.input(i).type()));
    for (const Step& step : program.steps) {
      if (!FindFunction(step)) return "no step " + step.op;
      if (!carried(step.type)) return "no elements of " + std::string(NameOf(step.type));
    }
    return "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView& y = args.output(0);
    args.ParallelFor(y.count(), 4 * kBlock, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i += kBlock) Block(args, i, std::min(kBlock, end - i));
    });
  }

 private:
  void Block(const LaunchArgs& args, int64_t at, int64_t n) const {
    const TensorView& y = args.output(0);
    double values[kMaxInputs + kMaxSteps][kBlock];
    for (int k = 0; k < program_.input_count; ++k) {
      const TensorView& x = args.input(k);
      const BroadcastPlan<1> plan(y.shape(), {x.shape()});
      plan.ForEachRun(at, at + n, [&](int64_t begin, const auto& from, int64_t length) {
        LoadReals(x.type(), x.data, from[0], plan.step(0), length, values[k] + (begin - at));
      });
    }
    for (size_t s = 0; s < program_.steps.size(); ++s) {
      const Step& step = program_.steps[s];
      const double* operands[3] = {};
      for (int k = 0; k < step.operand_count; ++k) operands[k] = values[step.operands[k]];
      double* result = values[static_cast<size_t>(program_.input_count) + s];
      functions_[s](step, params_[s], operands, result, n);
      char rounded[kBlock * 4];
      StoreReals(step.type, rounded, 0, n, result);
      LoadReals(step.type, rounded, 0, 1, n, result);
      if (s + 1 == program_.steps.size()) StoreReals(step.type, y.data, at, n, result);
    }
  }

  Program program_;
  std::vector<Function> functions_;
  std::vector<elementwise::Params> params_;
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Reference>("Pointwise", "onda")};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::pointwise
