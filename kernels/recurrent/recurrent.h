// LSTM, GRU and RNN, and com.microsoft's DynamicQuantizeLSTM: an LSTM with weights in bytes, whose input (all of it)
// and state (of all sequences, at each step) are rounded to the 256 values of a byte that cover them.
//
// With x_t the input of a step, h and c the state before it, and per gate the weights W, R and biases Wb, Rb:
//   RNN   h' = f(W x + R h + Wb + Rb)
//   GRU   z = f(..), r = f(..), n = g(Wn x + Rn (r * h) + Rbn + Wbn), or with linear_before_reset
//         n = g(Wn x + r * (Rn h + Rbn) + Wbn);  h' = (1 - z) * n + z * h
//   LSTM  i = f(.. + Pi * c), f = f(.. + Pf * c) (or 1 - i with input_forget), g = g(..), c' = f * c + i * g,
//         o = f(.. + Po * c'), h' = o * h(c')
// Gates lie in the order z r n of GRU and i o f g of LSTM. The arguments of f and g (not that of h) are clipped.
#ifndef ONDA_KERNELS_RECURRENT_RECURRENT_H_
#define ONDA_KERNELS_RECURRENT_RECURRENT_H_

#include <cmath>

#include "onda/provider.h"

namespace onda::recurrent {

enum class Cell { kRnn, kGru, kLstm };

constexpr int GatesOf(Cell cell) { return cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1; }

enum class ActivationKind {
  kRelu,
  kTanh,
  kSigmoid,
  kAffine,
  kLeakyRelu,
  kThresholdedRelu,
  kScaledTanh,
  kHardSigmoid,
  kElu,
  kSoftsign,
  kSoftplus,
};

struct Activation {
  ActivationKind kind;
  float alpha, beta;
  double operator()(double x) const;
};

// Positions of the inputs; those from kBias to kPeepholes may be omitted. Only LSTM has kInitialC and kPeepholes, only
// DynamicQuantizeLSTM those behind them.
enum Input { kX, kW, kR, kBias, kSequenceLens, kInitialH, kInitialC, kPeepholes, kWScale, kWZero, kRScale, kRZero };
enum Output { kY, kYh, kYc };

struct Params {
  Params(const Attributes& attributes, Cell cell, bool quantized = false);

  Cell cell;
  bool quantized;       // DynamicQuantizeLSTM: W is [directions, input, gates * hidden], R likewise
  int64_t hidden_size;  // 0 where the attribute is absent: then that of R holds
  int directions;       // 1 or 2
  bool first_is_reverse;
  bool batch_first;  // layout = 1
  bool input_forget;
  bool linear_before_reset;
  float clip;                    // infinity where absent
  Activation activations[2][3];  // per direction: f, g, h

  bool is_reverse(int direction) const { return direction == 1 || first_is_reverse; }
};

// Extents and places of elements at run time. Throws where the inputs contradict each other.
struct Extents {
  Extents(const Params& params, const LaunchArgs& args);
  Extents(const Params& params, TensorViews inputs);

  int64_t steps, batch, input, hidden;
  int directions;
  bool batch_first;

  // Offsets of the rows of x (input elements), y and the states (hidden elements each).
  int64_t XRow(int64_t t, int64_t b) const { return (batch_first ? b * steps + t : t * batch + b) * input; }
  int64_t YRow(int64_t t, int d, int64_t b) const {
    return (batch_first ? (b * steps + t) * directions + d : (t * directions + d) * batch + b) * hidden;
  }
  int64_t StateRow(int d, int64_t b) const { return (batch_first ? b * directions + d : d * batch + b) * hidden; }
};

// The values that a byte stands for under dynamic quantization: 256 steps that cover the data and zero.
struct ByteRange {
  float scale = 1, zero = 0;
  static ByteRange Of(float lowest, float highest);
  // The nearest of them, ties to even.
  float Round(float x) const;
};

// An input's elements, of a tensor or of a constant; null data where it is absent.
struct Elements {
  const void* data;
  DType dtype;
  int64_t count;
};

// Element `at` of a matrix of bytes, which belongs to row `row` of one direction. scale and zero have one value per
// direction, or one per row of each.
float Dequantize(const Elements& matrix, const Elements& scale, const Elements& zero, int64_t directions,
                 int64_t direction, int64_t rows, int64_t row, int64_t at);

// Steps of sequence b; throws where sequence_lens holds something that is not in [0, steps].
int64_t LengthOf(const LaunchArgs& args, const Extents& extents, int64_t b);

}  // namespace onda::recurrent

#endif  // ONDA_KERNELS_RECURRENT_RECURRENT_H_
