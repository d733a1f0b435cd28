#include <algorithm>
#include <iterator>
#include <limits>

#include "kernels/recurrent/recurrent.h"
#include "onda/float_formats.h"

namespace onda::recurrent {
namespace {

// The defaults are those of the operators of the same names.
struct ActivationRow {
  const char* name;  // lower case: names are compared without regard to case
  ActivationKind kind;
  bool has_alpha, has_beta;
  float alpha, beta;
};
constexpr ActivationRow kActivations[] = {
    {"relu", ActivationKind::kRelu, false, false, 0, 0},
    {"tanh", ActivationKind::kTanh, false, false, 0, 0},
    {"sigmoid", ActivationKind::kSigmoid, false, false, 0, 0},
    {"affine", ActivationKind::kAffine, true, true, 1, 0},
    {"leakyrelu", ActivationKind::kLeakyRelu, true, false, 0.01f, 0},
    {"thresholdedrelu", ActivationKind::kThresholdedRelu, true, false, 1, 0},
    {"scaledtanh", ActivationKind::kScaledTanh, true, true, 1, 1},
    {"hardsigmoid", ActivationKind::kHardSigmoid, true, true, 0.2f, 0.5f},
    {"elu", ActivationKind::kElu, true, false, 1, 0},
    {"softsign", ActivationKind::kSoftsign, false, false, 0, 0},
    {"softplus", ActivationKind::kSoftplus, false, false, 0, 0},
};

const ActivationRow& Lookup(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (const ActivationRow& row : kActivations) {
    if (name == row.name) return row;
  }
  throw Error(ErrorCode::kInvalidModel, "unknown activation function '" + name + "'");
}

}  // namespace

double Activation::operator()(double x) const {
  const double a = alpha, b = beta;
  switch (kind) {
    case ActivationKind::kRelu:
      return x < 0 ? 0 : x;
    case ActivationKind::kTanh:
      return std::tanh(x);
    case ActivationKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case ActivationKind::kAffine:
      return a * x + b;
    case ActivationKind::kLeakyRelu:
      return x < 0 ? a * x : x;
    case ActivationKind::kThresholdedRelu:
      return x > a ? x : 0;
    case ActivationKind::kScaledTanh:
      return a * std::tanh(b * x);
    case ActivationKind::kHardSigmoid:
      return std::min(1.0, std::max(0.0, a * x + b));
    case ActivationKind::kElu:
      return x < 0 ? a * std::expm1(x) : x;
    case ActivationKind::kSoftsign:
      return x / (1 + std::fabs(x));
    case ActivationKind::kSoftplus:
      return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
  }
  return x;
}

Params::Params(const Attributes& a, Cell cell_kind, bool in_bytes) : cell(cell_kind), quantized(in_bytes) {
  const std::string direction = a.String("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    throw Error(ErrorCode::kInvalidModel, "direction is '" + direction + "', not forward, reverse or bidirectional");
  }
  directions = direction == "bidirectional" ? 2 : 1;
  first_is_reverse = direction == "reverse";
  hidden_size = a.Int("hidden_size", 0);
  if (a.Has("hidden_size") && hidden_size <= 0) throw Error(ErrorCode::kInvalidModel, "hidden_size must be positive");
  batch_first = a.Int("layout", 0) != 0;
  input_forget = a.Int("input_forget", 0) != 0;
  linear_before_reset = a.Int("linear_before_reset", 0) != 0;
  clip = a.Float("clip", 0);
  // 0 and what is negative cannot be meant: exporters write 0 for "no clipping".
  if (!(clip > 0)) clip = std::numeric_limits<float>::infinity();

  const int count = cell == Cell::kLstm ? 3 : cell == Cell::kGru ? 2 : 1;
  std::vector<std::string> names = a.Strings("activations");
  if (names.empty()) {
    for (int d = 0; d < directions; ++d) {
      if (cell != Cell::kRnn) names.push_back("sigmoid");
      for (int i = cell == Cell::kRnn ? 0 : 1; i < count; ++i) names.push_back("tanh");
    }
  }
  // RNN's own default lists two names for one direction.
  if (static_cast<int>(names.size()) < directions * count) {
    throw Error(ErrorCode::kInvalidModel, "activations has " + std::to_string(names.size()) + " names where " +
                                              std::to_string(directions * count) + " are needed");
  }
  // The lists of parameters hold values for those functions alone that have one, in their order.
  const std::vector<float> alphas = a.Floats("activation_alpha"), betas = a.Floats("activation_beta");
  size_t next_alpha = 0, next_beta = 0;
  for (int d = 0; d < directions; ++d) {
    for (int i = 0; i < count; ++i) {
      const ActivationRow& row = Lookup(names[d * count + i]);
      Activation& activation = activations[d][i];
      activation = {row.kind, row.alpha, row.beta};
      if (row.has_alpha && next_alpha < alphas.size()) activation.alpha = alphas[next_alpha++];
      if (row.has_beta && next_beta < betas.size()) activation.beta = betas[next_beta++];
    }
  }
}

Extents::Extents(const Params& params, const LaunchArgs& args) : Extents(params, args.inputs()) {}

Extents::Extents(const Params& params, TensorViews inputs) {
  const TensorView &x = inputs[kX], &w = inputs[kW], &r = inputs[kR];
  if (x.rank != 3 || w.rank != 3 || r.rank != 3) throw Error(ErrorCode::kInvalidModel, "X, W and R must have rank 3");
  batch_first = params.batch_first;
  directions = params.directions;
  steps = x.dim(batch_first ? 1 : 0);
  batch = x.dim(batch_first ? 0 : 1);
  input = x.dim(2);
  hidden = r.dim(params.quantized ? 1 : 2);
  const int64_t gates = GatesOf(params.cell);
  auto require = [&](int i, std::initializer_list<int64_t> dims, const char* name) {
    const TensorView& v = inputs[i];
    if (!v.present()) return;
    if (!std::equal(dims.begin(), dims.end(), v.shape().begin(), v.shape().end())) {
      throw Error(ErrorCode::kInvalidModel, std::string("the shape of ") + name + " does not fit the other inputs");
    }
  };
  const int64_t rows = gates * hidden;
  if (params.quantized) {
    require(kW, {directions, input, rows}, "W");
    require(kR, {directions, hidden, rows}, "R");
    for (int i : {kWScale, kWZero, kRScale, kRZero}) {
      const int64_t count = inputs[i].present() ? inputs[i].count() : 0;
      if (count != directions && count != directions * rows) {
        throw Error(ErrorCode::kInvalidModel, "scales and zero points must have one value per direction or per row");
      }
    }
  } else {
    require(kW, {directions, rows, input}, "W");
    require(kR, {directions, rows, hidden}, "R");
  }
  require(kBias, {directions, 2 * gates * hidden}, "B");
  require(kSequenceLens, {batch}, "sequence_lens");
  const int64_t outer = batch_first ? batch : directions, inner = batch_first ? directions : batch;
  require(kInitialH, {outer, inner, hidden}, "initial_h");
  if (params.cell == Cell::kLstm) {
    require(kInitialC, {outer, inner, hidden}, "initial_c");
    require(kPeepholes, {directions, 3 * hidden}, "P");
  }
}

// As ONNX Runtime's DynamicQuantizeLinear.
ByteRange ByteRange::Of(float lowest, float highest) {
  lowest = std::min(lowest, 0.0f);
  highest = std::max(highest, 0.0f);
  ByteRange range;
  if (highest > lowest) range.scale = (highest - lowest) / 255;
  range.zero = std::nearbyint(std::min(255.0f, std::max(0.0f, 0 - lowest / range.scale)));
  return range;
}

float ByteRange::Round(float x) const {
  const float byte = std::nearbyint(x / scale) + zero;
  return (std::min(255.0f, std::max(0.0f, byte)) - zero) * scale;
}

float Dequantize(const Elements& matrix, const Elements& scale, const Elements& zero, int64_t directions,
                 int64_t direction, int64_t rows, int64_t row, int64_t at) {
  auto index = [&](const Elements& e) { return e.count == directions ? direction : direction * rows + row; };
  const int64_t difference = LoadInt64(matrix.dtype, matrix.data, at) - LoadInt64(zero.dtype, zero.data, index(zero));
  return static_cast<float>(difference) * static_cast<const float*>(scale.data)[index(scale)];
}

int64_t LengthOf(const LaunchArgs& args, const Extents& extents, int64_t b) {
  const TensorView& lens = args.input(kSequenceLens);
  if (!lens.present()) return extents.steps;
  const int64_t length = LoadInt64(lens.type(), lens.data, b);
  if (length < 0 || length > extents.steps) {
    throw Error(ErrorCode::kRuntime, "sequence_lens[" + std::to_string(b) + "] is " + std::to_string(length) +
                                         ", not within 0 and " + std::to_string(extents.steps));
  }
  return length;
}

}  // namespace onda::recurrent
