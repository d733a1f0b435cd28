// The vector loops of the fp32 kernel: products of rows with packed weights, and the elementwise part of a step.
//
// Hidden units are taken in groups of as many as a vector has lanes ("width"); the last group is padded with zeros. Per
// group, gates lie beside each other: packed weights are [groups][depth][gates][width], sums of gates
// [groups][gates][width] per row, states [groups][width] per row.
#ifndef ONDA_KERNELS_RECURRENT_STEPS_H_
#define ONDA_KERNELS_RECURRENT_STEPS_H_

#include <cstdint>

#include "kernels/recurrent/recurrent.h"

namespace onda::recurrent {

// out[m] = bias + rows[m] * weights for m in [0, count) and the groups [first_group, last_group).
struct Product {
  const float* const* rows;  // count pointers to depth floats
  int64_t count, depth;
  const float* weights;
  const float* bias;  // [groups][gates][width], or null
  float* out;         // row m at out + m * out_stride
  int64_t out_stride;
  int64_t first_group, last_group;
};

// What one step does with the sums of one row of the batch, for the groups [first_group, last_group).
struct StepRow {
  const float* wx;         // [groups][gates][width]: W x + Wb
  const float* rh;         // likewise, R h + Rb; of GRU without linear_before_reset only z and r: [groups][2][width]
  const float* rn;         // of GRU without linear_before_reset: Rn (r * h) + Rbn, [groups][width]
  const float* h;          // state before the step
  float* next_h;           // state behind it; in the first half of a GRU step r * h
  float* c;                // LSTM, in place
  const float* peepholes;  // [3][groups][width] in the order i o f, or null
  int64_t groups, first_group, last_group;
};

// Lanes of a vector on this machine.
int64_t Width();
void Multiply(int64_t gates, const Product& product);
void Step(Cell cell, const Params& params, int direction, const StepRow& row);
// The first half of a GRU step without linear_before_reset: next_h = r * h.
void StepReset(const Params& params, int direction, const StepRow& row);
// to[i] = from[i] rounded to what a byte of the range stands for. May work in place.
void RoundToBytes(const ByteRange& range, const float* from, int64_t count, float* to);

}  // namespace onda::recurrent

#endif  // ONDA_KERNELS_RECURRENT_STEPS_H_
