// Bytes in blocks of four, vectorised.
#ifndef ONDA_KERNELS_REORDER_BYTES_H_
#define ONDA_KERNELS_REORDER_BYTES_H_

#include <cstdint>

namespace onda::reorder {

// to[4 * i + c] = from[c * n + i] for c < 4, i < n, and the reverse.
void IntoFours(const uint8_t* from, int64_t n, uint8_t* to);
void OutOfFours(const uint8_t* from, int64_t n, uint8_t* to);

}  // namespace onda::reorder

#endif  // ONDA_KERNELS_REORDER_BYTES_H_
