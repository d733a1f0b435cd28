#include "kernels/recurrent/pack.h"

namespace onda::recurrent {
namespace {

// at(row, k), of which the rows of `count` gates from `first` on go to [groups][depth][count][width].
template <class At>
void PackGates(const Packing& p, int64_t first, int64_t count, int64_t depth, float* to, At&& at) {
  for (int64_t group = 0; group < p.groups; ++group) {
    for (int64_t g = 0; g < count; ++g) {
      for (int64_t lane = 0; lane < p.width; ++lane) {
        const int64_t unit = group * p.width + lane, row = (first + g) * p.hidden + unit;
        float* out = to + (group * depth * count + g) * p.width + lane;
        for (int64_t k = 0; k < depth; ++k) out[k * count * p.width] = unit < p.hidden ? at(row, k) : 0;
      }
    }
  }
}

// The [rows, depth] matrix of one direction, from float [directions, rows, depth] or from bytes [directions, depth,
// rows].
template <class Use>
void WithMatrix(const Elements& matrix, const Elements& scale, const Elements& zero, int64_t directions,
                int64_t direction, int64_t rows, int64_t depth, Use&& use) {
  if (!scale.data) {
    const float* from = static_cast<const float*>(matrix.data) + direction * rows * depth;
    return use([=](int64_t row, int64_t k) { return from[row * depth + k]; });
  }
  use([=](int64_t row, int64_t k) {
    return Dequantize(matrix, scale, zero, directions, direction, rows, row, (direction * depth + k) * rows + row);
  });
}

}  // namespace

Weights::Weights(const Packing& p, Carver& carver) {
  w = carver.Take<float>(p.padded() * p.gates * p.input);
  r = carver.Take<float>(p.padded() * p.recurrent_gates() * p.hidden);
  rn = carver.Take<float>(p.split ? p.padded() * p.hidden : 0);
  wb = carver.Take<float>(p.padded() * p.gates);
  rb = carver.Take<float>(p.padded() * p.recurrent_gates());
  rbn = carver.Take<float>(p.split ? p.padded() : 0);
  peepholes = carver.Take<float>(p.padded() * 3);
}

void Packer::Run(int direction, const Weights& to) const {
  const int64_t rows = p_.gates * p_.hidden, first_n = p_.recurrent_gates();
  WithMatrix(w_, w_scale_, w_zero_, params_.directions, direction, rows, p_.input,
             [&](auto at) { PackGates(p_, 0, p_.gates, p_.input, to.w, at); });
  WithMatrix(r_, r_scale_, r_zero_, params_.directions, direction, rows, p_.hidden, [&](auto at) {
    PackGates(p_, 0, first_n, p_.hidden, to.r, at);
    if (p_.split) PackGates(p_, first_n, 1, p_.hidden, to.rn, at);
  });
  const float* bias = static_cast<const float*>(bias_.data);
  auto bias_at = [&](int64_t half) {
    return [=](int64_t row, int64_t) { return bias ? bias[(direction * 2 + half) * rows + row] : 0; };
  };
  PackGates(p_, 0, p_.gates, 1, to.wb, bias_at(0));
  PackGates(p_, 0, first_n, 1, to.rb, bias_at(1));
  if (p_.split) PackGates(p_, first_n, 1, 1, to.rbn, bias_at(1));
  const float* peepholes = static_cast<const float*>(peepholes_.data);
  for (int64_t k = 0; k < 3 && peepholes; ++k) {
    PackGates(p_, k, 1, 1, to.peepholes + k * p_.padded(),
              [&](int64_t row, int64_t) { return peepholes[direction * 3 * p_.hidden + row]; });
  }
}

}  // namespace onda::recurrent
