// Convolution of bytes without patches: four channels of the padded image lie in one int32, so that what a kernel
// position sees of neighbouring outputs is a run of neighbouring int32, read where it lies. AVX-512 VNNI only.
#ifndef ONDA_KERNELS_QUANTIZED_DIRECT_H_
#define ONDA_KERNELS_QUANTIZED_DIRECT_H_

#include <cstdint>

#include "onda/types.h"

namespace onda::quantized {

// Output channels of a register tile; a panel of weights has so many. And int32 of weights behind what is used.
inline constexpr int64_t kDirectRows = 8;
inline constexpr int64_t kDirectSlack = 64;

// Whether this machine has the instructions.
bool HasDirect();

// Four planes of bytes into one row of int32: out[i] = x[c][first + i * stride] in byte c, for columns inside the row,
// `padding` elsewhere and for channels beyond `channels`. flip is applied to what is read.
struct DirectRow {
  const uint8_t* x;  // the row in the first of the channels; NULL: all padding
  int64_t plane;     // bytes from one channel to the next
  int channels;      // 1 to 4
  int64_t first, stride, width;
  uint8_t flip, padding;
  int64_t n;
};
void PackDirectRow(const DirectRow& row, int32_t* out);

// The same from four channels that lie so already: out[i] = x[first + i * stride] ^ flip, or padding; all four bytes.
struct DirectFours {
  const int32_t* x;  // NULL: all padding
  int64_t first, stride, width;
  int32_t flip, padding;
  int64_t n;
};
void PackDirectFours(const DirectFours& row, int32_t* out);

// One block of outputs: channels [m0, m1) and positions [n0, n1), a position being a row of `pitch`, of which the first
// `width` are outputs.
struct DirectBlock {
  const int32_t* weights;  // panels of kDirectRows channels, each (groups, kDirectRows) of four signed bytes
  const int32_t* shift;    // what the sums of each channel lack
  const int32_t* image;
  const int32_t* offsets;  // (groups): where in the image the first output's four channels lie
  int64_t groups;
  int64_t m0, m1, n0, n1;
  int64_t pitch, width, plane;  // plane: outputs of a channel
  DType type;                   // of y: int32, int8, uint8
  const float* factor;          // of each channel, for bytes
  int32_t y_zero;
  void* y;
  // y's channels lie in blocks of four, [m0, m1) are whole ones, factors are below 1.
  bool blocked;
};
void RunDirect(const DirectBlock& block);

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_DIRECT_H_
