// What the integer product needs of an instruction set. Both formats keep `group` neighbouring k of one line in an
// int32: pairs of int16 with the zero points taken off, or fours of bytes, one side unsigned and one signed.
#ifndef ONDA_KERNELS_QUANTIZED_IGEMM_ISA_H_
#define ONDA_KERNELS_QUANTIZED_IGEMM_ISA_H_

#include <cstdint>

#include "kernels/quantized/igemm.h"

namespace onda::quantized {

inline constexpr int kMaxTileRows = 8;
inline constexpr int kMaxTileCols = 48;

// One panel: group g of line l goes to out[g * stride + l].
struct PackJob {
  Lines in;
  int64_t lines, k, stride;
  bool is_unsigned;  // the side that the hardware takes as unsigned
  int32_t* out;
  int32_t* sums;  // of the stored bytes of each line; only for bytes
};

struct IntTile {
  const int32_t* a;  // stride `rows_step`
  const int32_t* b;  // stride kMaxTileCols or fewer: `cols_step`
  int64_t rows_step, cols_step;
  int64_t groups;
  int32_t* c;  // (rows, cols_step)
};

struct IntIsa {
  int rows, cols;  // of a tile
  int group;
  bool bytes;
  void (*pack)(const PackJob& job);
  // rows <= this->rows; vectors of cols / 3 columns. left_unsigned: which side is; without meaning for int16.
  void (*tile)(const IntTile& tile, int64_t rows, int64_t vectors, bool left_unsigned);
};

// Fours of bytes; NULL where the machine has no such instruction.
const IntIsa* VnniIsa();

// A byte as it is stored, and what that does to the zero point: the unsigned side stores x + 128 for signed x, the
// signed side x - 128 for unsigned x.
inline uint8_t FlipOf(const Lines& lines, bool is_unsigned) { return lines.is_signed == is_unsigned ? 0x80 : 0; }
inline int32_t ZeroShift(const Lines& lines, bool is_unsigned) {
  return lines.is_signed != is_unsigned ? 0 : is_unsigned ? 128 : -128;
}

}  // namespace onda::quantized

#endif  // ONDA_KERNELS_QUANTIZED_IGEMM_ISA_H_
