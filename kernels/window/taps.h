// Walking a window: which input elements and kernel elements an output position of a convolution meets.
#ifndef ONDA_KERNELS_WINDOW_TAPS_H_
#define ONDA_KERNELS_WINDOW_TAPS_H_

#include "kernels/window/window.h"

namespace onda::window {

// Calls fn(input, kernel) with the offsets, within one channel of each, of every pair that meets at the output position
// of number `output` in row-major order; padding is left out.
template <class Fn>
void ForEachTap(const Window& w, int64_t output, Fn&& fn) {
  int64_t start[kMaxSpatial], k[kMaxSpatial];
  Axis::Range range[kMaxSpatial];
  for (int i = w.rank; i-- > 0; output /= w[i].out) {
    const int64_t o = output % w[i].out;
    start[i] = w[i].start(o);
    range[i] = w[i].Inside(o);
    if (range[i].size() <= 0) return;
    k[i] = range[i].first;
  }
  while (true) {
    int64_t input = 0, kernel = 0;
    for (int i = 0; i < w.rank; ++i) {
      input = input * w[i].in + start[i] + k[i] * w[i].dilation;
      kernel = kernel * w[i].kernel + k[i];
    }
    fn(input, kernel);
    int i = w.rank - 1;
    for (; i >= 0 && ++k[i] == range[i].last; --i) k[i] = range[i].first;
    if (i < 0) return;
  }
}

// The same for a transposed convolution, where input i meets output i * stride - pad_begin + k * dilation.
template <class Fn>
void ForEachTransposedTap(const Window& w, int64_t output, Fn&& fn) {
  int64_t at[kMaxSpatial], k[kMaxSpatial] = {};
  for (int i = w.rank; i-- > 0; output /= w[i].out) at[i] = output % w[i].out + w[i].pad_begin;
  while (true) {
    int64_t input = 0, kernel = 0;
    bool meets = true;
    for (int i = 0; i < w.rank; ++i) {
      const int64_t shifted = at[i] - k[i] * w[i].dilation;
      meets = meets && shifted >= 0 && shifted % w[i].stride == 0 && shifted / w[i].stride < w[i].in;
      input = input * w[i].in + shifted / w[i].stride;
      kernel = kernel * w[i].kernel + k[i];
    }
    if (meets) fn(input, kernel);
    int i = w.rank - 1;
    for (; i >= 0 && ++k[i] == w[i].kernel; --i) k[i] = 0;
    if (i < 0) return;
  }
}

}  // namespace onda::window

#endif  // ONDA_KERNELS_WINDOW_TAPS_H_
