#include "kernels/reorder/bytes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reorder/bytes.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::reorder::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using Wide = hn::ScalableTag<uint8_t>;
using Narrow = hn::CappedTag<uint8_t, 16>;

// Whole vectors from element i on; gives what comes behind them.
template <class D>
int64_t Into(D d, const uint8_t* from, int64_t n, int64_t i, uint8_t* to) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= n; i += lanes)
    hn::StoreInterleaved4(hn::LoadU(d, from + i), hn::LoadU(d, from + n + i), hn::LoadU(d, from + 2 * n + i),
                          hn::LoadU(d, from + 3 * n + i), d, to + 4 * i);
  return i;
}
template <class D>
int64_t OutOf(D d, const uint8_t* from, int64_t n, int64_t i, uint8_t* to) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= n; i += lanes) {
    hn::Vec<D> a, b, c, e;
    hn::LoadInterleaved4(d, from + 4 * i, a, b, c, e);
    hn::StoreU(a, d, to + i);
    hn::StoreU(b, d, to + n + i);
    hn::StoreU(c, d, to + 2 * n + i);
    hn::StoreU(e, d, to + 3 * n + i);
  }
  return i;
}

void IntoFours(const uint8_t* from, int64_t n, uint8_t* to) {
  int64_t i = Into(Wide(), from, n, 0, to);
  i = Into(Narrow(), from, n, i, to);
  for (; i < n; ++i)
    for (int64_t c = 0; c < 4; ++c) to[4 * i + c] = from[c * n + i];
}

void OutOfFours(const uint8_t* from, int64_t n, uint8_t* to) {
  int64_t i = OutOf(Wide(), from, n, 0, to);
  i = OutOf(Narrow(), from, n, i, to);
  for (; i < n; ++i)
    for (int64_t c = 0; c < 4; ++c) to[c * n + i] = from[4 * i + c];
}

}  // namespace onda::reorder::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::reorder {

HWY_EXPORT(IntoFours);
HWY_EXPORT(OutOfFours);

void IntoFours(const uint8_t* from, int64_t n, uint8_t* to) { HWY_DYNAMIC_DISPATCH(IntoFours)(from, n, to); }
void OutOfFours(const uint8_t* from, int64_t n, uint8_t* to) { HWY_DYNAMIC_DISPATCH(OutOfFours)(from, n, to); }

}  // namespace onda::reorder
#endif
