// 4-byte elements go through registers: four rows of a tile are interleaved within 128-bit blocks, as many tiles side by
// side as a vector has blocks. Other sizes go element by element within tiles that stay in the first cache.
#include "kernels/simd/transpose.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/transpose.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void Transpose4(const uint32_t* src, int64_t src_step, uint32_t* dst, int64_t dst_step, int64_t rows,
                int64_t columns) {
  int64_t c = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<uint32_t, 8> d;
  const hn::FixedTag<uint32_t, 4> d4;
  using V = hn::Vec<decltype(d)>;
  const int64_t width = static_cast<int64_t>(hn::Lanes(d));  // columns of one tile: 4 per block
  const int64_t whole_rows = rows - rows % 4;
  for (; c + width <= columns; c += width) {
    for (int64_t r = 0; r < whole_rows; r += 4) {
      // Column c + i of rows [r, r + 4) in the first block, column c + 4 + i in the second.
      const uint32_t* p = src + c * src_step + r;
      auto load = [&](int64_t i) {
#if HWY_MAX_BYTES >= 32
        return hn::Combine(d, hn::LoadU(d4, p + (i + 4) * src_step), hn::LoadU(d4, p + i * src_step));
#else
        return hn::LoadU(d4, p + i * src_step);
#endif
      };
      const V v0 = load(0), v1 = load(1), v2 = load(2), v3 = load(3);
      const V a = hn::InterleaveLower(d, v0, v2), b = hn::InterleaveLower(d, v1, v3);
      const V e = hn::InterleaveUpper(d, v0, v2), f = hn::InterleaveUpper(d, v1, v3);
      uint32_t* q = dst + r * dst_step + c;
      hn::StoreU(hn::InterleaveLower(d, a, b), d, q);
      hn::StoreU(hn::InterleaveUpper(d, a, b), d, q + dst_step);
      hn::StoreU(hn::InterleaveLower(d, e, f), d, q + 2 * dst_step);
      hn::StoreU(hn::InterleaveUpper(d, e, f), d, q + 3 * dst_step);
    }
    for (int64_t r = whole_rows; r < rows; ++r)
      for (int64_t i = c; i < c + width; ++i) dst[r * dst_step + i] = src[i * src_step + r];
  }
#endif
  for (; c < columns; ++c)
    for (int64_t r = 0; r < rows; ++r) dst[r * dst_step + c] = src[c * src_step + r];
}

}  // namespace onda::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda {
namespace {

HWY_EXPORT(Transpose4);

template <class T>
void ByTiles(const T* src, int64_t src_step, T* dst, int64_t dst_step, int64_t rows, int64_t columns) {
  constexpr int64_t kTile = 32;
  for (int64_t c = 0; c < columns; c += kTile) {
    const int64_t end = std::min(columns, c + kTile);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = c; i < end; ++i) dst[r * dst_step + i] = src[i * src_step + r];
  }
}

}  // namespace

void TransposePlane(const uint8_t* src, int64_t src_step, uint8_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns) {
  ByTiles(src, src_step, dst, dst_step, rows, columns);
}
void TransposePlane(const uint16_t* src, int64_t src_step, uint16_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns) {
  ByTiles(src, src_step, dst, dst_step, rows, columns);
}
void TransposePlane(const uint32_t* src, int64_t src_step, uint32_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns) {
  HWY_DYNAMIC_DISPATCH(Transpose4)(src, src_step, dst, dst_step, rows, columns);
}
void TransposePlane(const uint64_t* src, int64_t src_step, uint64_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns) {
  ByTiles(src, src_step, dst, dst_step, rows, columns);
}

}  // namespace onda
#endif
