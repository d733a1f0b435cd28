// Depthwise convolution of four channels that lie in one int32, with a window of 3 x 3. AVX-512 VNNI only; see
// HasDirect.
#ifndef ONDA_KERNELS_QUANTIZED_DEPTHWISE_BLOCKED_H_
#define ONDA_KERNELS_QUANTIZED_DEPTHWISE_BLOCKED_H_

#include <cstdint>

#include "onda/types.h"

namespace onda::quantized {

// x is (height, width), y (out_height, out_width) of four bytes each; strides are 1 or 2, pads are those before. Rows
// [begin, end) of y are written.
struct FourPlanes {
  const int32_t* x;
  int32_t* y;
  const int8_t* weights;  // (3, 4, 4): row of the window, channel, column of the window and a 0
  int64_t height, width, out_height, out_width;
  int64_t stride, pad_top, pad_left;
  int32_t flip, padding;  // padding is in terms of x ^ flip
  DType type;             // of y
  const int32_t* shift;   // (4)
  const float* factor;    // (4), below 1
  int32_t y_zero;
  int64_t begin, end;
};
void RunFourPlanes(const FourPlanes& planes);

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_DEPTHWISE_BLOCKED_H_
