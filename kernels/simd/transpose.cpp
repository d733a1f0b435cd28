// Square tiles of one 128-bit block per row go through registers: log2(N) rounds that interleave rows i and i + N/2
// transpose N rows of N elements. Vectors of two blocks do two tiles side by side.
#include "kernels/simd/transpose.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/transpose.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
void Plain(const T* src, int64_t src_step, T* dst, int64_t dst_step, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) dst[r * dst_step + c] = src[c * src_step + r];
}

template <class T>
void Plane(const T* src, int64_t src_step, T* dst, int64_t dst_step, int64_t rows, int64_t columns) {
  int64_t c = 0;
#if HWY_TARGET != HWY_SCALAR
  constexpr int64_t kN = 16 / sizeof(T);
#if HWY_MAX_BYTES >= 32
  constexpr int64_t kBlocks = 2;
#else
  constexpr int64_t kBlocks = 1;
#endif
  const hn::FixedTag<T, kN> block;
  const hn::FixedTag<T, kN * kBlocks> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t whole_rows = rows - rows % kN;
  for (; c + kN * kBlocks <= columns; c += kN * kBlocks) {
    for (int64_t r = 0; r < whole_rows; r += kN) {
      const T* p = src + c * src_step + r;
      V v[kN], w[kN];
#pragma GCC unroll 16
      for (int64_t i = 0; i < kN; ++i) {
#if HWY_MAX_BYTES >= 32
        v[i] = hn::Combine(d, hn::LoadU(block, p + (i + kN) * src_step), hn::LoadU(block, p + i * src_step));
#else
        v[i] = hn::LoadU(block, p + i * src_step);
#endif
      }
#pragma GCC unroll 4
      for (int64_t round = kN; round > 1; round /= 2) {
#pragma GCC unroll 8
        for (int64_t i = 0; i < kN / 2; ++i) {
          w[2 * i] = hn::InterleaveLower(d, v[i], v[i + kN / 2]);
          w[2 * i + 1] = hn::InterleaveUpper(d, v[i], v[i + kN / 2]);
        }
#pragma GCC unroll 16
        for (int64_t i = 0; i < kN; ++i) v[i] = w[i];
      }
#pragma GCC unroll 16
      for (int64_t i = 0; i < kN; ++i) hn::StoreU(v[i], d, dst + (r + i) * dst_step + c);
    }
    Plain(src + c * src_step + whole_rows, src_step, dst + whole_rows * dst_step + c, dst_step, rows - whole_rows,
          kN * kBlocks);
  }
#endif
  Plain(src + c * src_step, src_step, dst + c, dst_step, rows, columns - c);
}

void Plane1(const uint8_t* src, int64_t src_step, uint8_t* dst, int64_t dst_step, int64_t rows, int64_t columns) {
  Plane(src, src_step, dst, dst_step, rows, columns);
}
void Plane2(const uint16_t* src, int64_t src_step, uint16_t* dst, int64_t dst_step, int64_t rows, int64_t columns) {
  Plane(src, src_step, dst, dst_step, rows, columns);
}
void Plane4(const uint32_t* src, int64_t src_step, uint32_t* dst, int64_t dst_step, int64_t rows, int64_t columns) {
  Plane(src, src_step, dst, dst_step, rows, columns);
}
void Plane8(const uint64_t* src, int64_t src_step, uint64_t* dst, int64_t dst_step, int64_t rows, int64_t columns) {
  Plane(src, src_step, dst, dst_step, rows, columns);
}

}  // namespace onda::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda {

HWY_EXPORT(Plane1);
HWY_EXPORT(Plane2);
HWY_EXPORT(Plane4);
HWY_EXPORT(Plane8);

void TransposePlane(const uint8_t* src, int64_t src_step, uint8_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns) {
  HWY_DYNAMIC_DISPATCH(Plane1)(src, src_step, dst, dst_step, rows, columns);
}
void TransposePlane(const uint16_t* src, int64_t src_step, uint16_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns) {
  HWY_DYNAMIC_DISPATCH(Plane2)(src, src_step, dst, dst_step, rows, columns);
}
void TransposePlane(const uint32_t* src, int64_t src_step, uint32_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns) {
  HWY_DYNAMIC_DISPATCH(Plane4)(src, src_step, dst, dst_step, rows, columns);
}
void TransposePlane(const uint64_t* src, int64_t src_step, uint64_t* dst, int64_t dst_step, int64_t rows,
                    int64_t columns) {
  HWY_DYNAMIC_DISPATCH(Plane8)(src, src_step, dst, dst_step, rows, columns);
}

}  // namespace onda
#endif
