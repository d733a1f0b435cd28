// Depthwise convolution of bytes with a window of 3 x 3: the three bytes under a row of the window lie in one int32
// lane, where one instruction multiplies and adds them. AVX-512 VNNI only; see HasDirect.
#ifndef ONDA_KERNELS_QUANTIZED_DEPTHWISE_VNNI_H_
#define ONDA_KERNELS_QUANTIZED_DEPTHWISE_VNNI_H_

#include <cstdint>

namespace onda::quantized {

// One channel. x is (height, width), sums (out_height, out_width); strides are 1 or 2, pads are those before. Sums are
// of (x ^ flip) * w, with `padding` for (x ^ flip) outside of the image.
struct BytePlane {
  const uint8_t* x;
  const int8_t* w;  // (3, 3)
  int64_t height, width, out_height, out_width;
  int64_t stride, pad_top, pad_left;
  uint8_t flip, padding;
  // Exact sums below 2^24, as RequantizeRun takes them.
  float* sums;
};
void RunBytePlane(const BytePlane& plane);

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_DEPTHWISE_VNNI_H_
