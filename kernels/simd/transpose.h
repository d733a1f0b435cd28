// Transposition of a plane of elements, by size.
#ifndef ONDA_KERNELS_SIMD_TRANSPOSE_H_
#define ONDA_KERNELS_SIMD_TRANSPOSE_H_

#include <cstdint>

namespace onda {

// dst[r * dst_step + c] = src[c * src_step + r] for r < rows, c < columns.
void TransposePlane(const uint8_t* src, int64_t src_step, uint8_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns);
void TransposePlane(const uint16_t* src, int64_t src_step, uint16_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns);
void TransposePlane(const uint32_t* src, int64_t src_step, uint32_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns);
void TransposePlane(const uint64_t* src, int64_t src_step, uint64_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns);

}  // namespace onda

#endif  // ONDA_KERNELS_SIMD_TRANSPOSE_H_
