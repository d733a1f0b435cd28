#include "kernels/simd/weighted_gather.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/weighted_gather.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void WeightedGather(const TapList& list, const float* from, int64_t n, float* to, bool add) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto sum = add ? hn::LoadU(d, to + i) : hn::Zero(d);
    for (int64_t k = 0; k < list.taps; ++k) {
      const auto values = hn::GatherIndex(d, from, hn::LoadU(di, list.offset + k * list.stride + i));
      // What lies at the offset of a tap that takes no part may be infinite.
      const auto w = hn::LoadU(d, list.weight + k * list.stride + i);
      sum = hn::Add(sum, hn::IfThenZeroElse(hn::Eq(w, hn::Zero(d)), hn::Mul(w, values)));
    }
    hn::StoreU(sum, d, to + i);
  }
  for (; i < n; ++i) {
    float sum = add ? to[i] : 0;
    for (int64_t k = 0; k < list.taps; ++k) {
      const float w = list.weight[k * list.stride + i];
      if (w != 0) sum += w * from[list.offset[k * list.stride + i]];
    }
    to[i] = sum;
  }
}

}  // namespace onda::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda {

HWY_EXPORT(WeightedGather);

void WeightedGather(const TapList& list, const float* from, int64_t n, float* to, bool add) {
  HWY_DYNAMIC_DISPATCH(WeightedGather)(list, from, n, to, add);
}

}  // namespace onda
#endif
