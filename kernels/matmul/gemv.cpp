#include "kernels/matmul/gemv.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul/gemv.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/masked-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::matmul::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// out[0, n) += x0 * b0 + ... over kRows consecutive rows of b: out is read and written once for kRows rows.
template <int kRows>
HWY_INLINE void AddRows(const float* HWY_RESTRICT x, int64_t x_stride, const float* HWY_RESTRICT b, int64_t stride,
                        int64_t n, float* HWY_RESTRICT out) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V xv[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) xv[r] = hn::Set(d, x[r * x_stride]);
  int64_t j = 0;
  for (; j + lanes <= n; j += lanes) {
    V sum = hn::LoadU(d, out + j);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sum = hn::MulAdd(xv[r], hn::LoadU(d, b + r * stride + j), sum);
    hn::StoreU(sum, d, out + j);
  }
  if (j < n) {
    const auto mask = hn::FirstN(d, static_cast<size_t>(n - j));
    V sum = onda::HWY_NAMESPACE::MaskedLoad(mask, d, out + j);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
      sum = hn::MulAdd(xv[r], onda::HWY_NAMESPACE::MaskedLoad(mask, d, b + r * stride + j), sum);
    hn::BlendedStore(sum, mask, d, out + j);
  }
}

// out[r] = dot(x, row r of b), kRows rows side by side.
template <int kRows>
HWY_INLINE void Dots(const float* HWY_RESTRICT x, const float* HWY_RESTRICT b, int64_t stride, int64_t k, float* out) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V even[kRows], odd[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) even[r] = odd[r] = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * lanes <= k; i += 2 * lanes) {
    const V x0 = hn::LoadU(d, x + i), x1 = hn::LoadU(d, x + i + lanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      even[r] = hn::MulAdd(x0, hn::LoadU(d, b + r * stride + i), even[r]);
      odd[r] = hn::MulAdd(x1, hn::LoadU(d, b + r * stride + i + lanes), odd[r]);
    }
  }
  for (; i < k; i += lanes) {
    const auto mask = hn::FirstN(d, static_cast<size_t>(std::min(lanes, k - i)));
    const V x0 = onda::HWY_NAMESPACE::MaskedLoad(mask, d, x + i);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
      even[r] = hn::MulAdd(x0, onda::HWY_NAMESPACE::MaskedLoad(mask, d, b + r * stride + i), even[r]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) out[r] = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[r], odd[r])));
}

void RunGemv(const Gemv& g, int64_t begin, int64_t end, float* out) {
  const int64_t n = end - begin;
  if (g.col_stride == 1) {
    std::fill_n(out, n, 0.0f);
    const float* b = g.b + begin;
    int64_t i = 0;
    for (; i + 8 <= g.k; i += 8)
      AddRows<8>(g.x + i * g.x_stride, g.x_stride, b + i * g.row_stride, g.row_stride, n, out);
    for (; i < g.k; ++i) AddRows<1>(g.x + i * g.x_stride, g.x_stride, b + i * g.row_stride, g.row_stride, n, out);
    return;
  }
  const float* b = g.b + begin * g.col_stride;
  int64_t j = 0;
  for (; j + 4 <= n; j += 4) Dots<4>(g.x, b + j * g.col_stride, g.col_stride, g.k, out + j);
  for (; j < n; ++j) Dots<1>(g.x, b + j * g.col_stride, g.col_stride, g.k, out + j);
}

}  // namespace onda::matmul::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::matmul {

HWY_EXPORT(RunGemv);

void RunGemv(const Gemv& g, int64_t begin, int64_t end, float* out) {
  HWY_DYNAMIC_DISPATCH(RunGemv)(g, begin, end, out);
}

}  // namespace onda::matmul
#endif
