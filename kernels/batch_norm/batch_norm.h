// BatchNormalization, InstanceNormalization, GroupNormalization and LRN: normalisations that know of channels, the
// second dimension of X (N, C, D1, ...).
#ifndef ONDA_KERNELS_BATCH_NORM_BATCH_NORM_H_
#define ONDA_KERNELS_BATCH_NORM_BATCH_NORM_H_

#include "onda/provider.h"

namespace onda::batch_norm {

// Outputs of BatchNormalization in training: Y, running mean, running variance, and for models below version 14 the
// batch's own mean and variance.
struct Params {
  double epsilon, momentum;
  bool training;
  explicit Params(const Attributes& a)
      : epsilon(a.Float("epsilon", 1e-5f)),
        momentum(a.Float("momentum", 0.9f)),
        training(a.Int("training_mode", 0) != 0) {}
};

struct LrnParams {
  double alpha, beta, bias;
  int64_t size;
  explicit LrnParams(const Attributes& a)
      : alpha(a.Float("alpha", 1e-4f)),
        beta(a.Float("beta", 0.75f)),
        bias(a.Float("bias", 1.0f)),
        size(a.Int("size", 1)) {}
  // Channels [first, last) that count for channel c.
  struct Range {
    int64_t first, last;
  };
  Range Around(int64_t c, int64_t channels) const {
    const int64_t before = (size - 1) / 2, after = size / 2;
    return {c < before ? 0 : c - before, channels - c <= after ? channels : c + after + 1};
  }
};

// X as (batch, channels, inner). A tensor of rank 1 is a batch of one channel.
struct Extents {
  int64_t batch, channels, inner;
  explicit Extents(const TensorView& x)
      : batch(x.rank > 0 ? x.dim(0) : 1),
        channels(x.rank > 1 ? x.dim(1) : 1),
        inner(x.rank > 2 ? x.count(2, x.rank) : 1) {}
};

}  // namespace onda::batch_norm

#endif  // ONDA_KERNELS_BATCH_NORM_BATCH_NORM_H_
