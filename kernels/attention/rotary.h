// Rotary position embedding: pairs of elements of each head are rotated by the angle of their position and frequency.
#ifndef ONDA_KERNELS_ATTENTION_ROTARY_H_
#define ONDA_KERNELS_ATTENTION_ROTARY_H_

#include "onda/provider.h"

namespace onda::attention {

// Inputs: X (batch, heads, rows, width) or (batch, rows, heads * width); cos and sin caches (positions, dim / 2), or
// (batch, rows, dim / 2) without position_ids; position_ids (batch, rows), or one number: the position of row 0.
struct RotaryParams {
  int64_t heads;  // 0: heads are twice as wide as the caches (inputs of rank 3)
  int64_t dim;    // of the rotated part of a head; 0: all of it
  bool interleaved;
  explicit RotaryParams(const Attributes& a)
      : heads(a.Int("num_heads", 0)),
        dim(a.Int("rotary_embedding_dim", 0)),
        interleaved(a.Int("interleaved", 0) != 0) {}
};

// y[0, width) = x with its first `dim` elements rotated; cos and sin have dim / 2 elements. y may be x.
inline void Rotate(const float* x, const float* cos, const float* sin, int64_t width, int64_t dim, bool interleaved,
                   float* y) {
  const int64_t half = dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    const int64_t first = interleaved ? 2 * i : i, second = interleaved ? 2 * i + 1 : i + half;
    const float a = x[first], b = x[second];
    y[first] = cos[i] * a - sin[i] * b;
    y[second] = sin[i] * a + cos[i] * b;
  }
  if (x != y)
    for (int64_t i = 2 * half; i < width; ++i) y[i] = x[i];
}

}  // namespace onda::attention

#endif  // ONDA_KERNELS_ATTENTION_ROTARY_H_
