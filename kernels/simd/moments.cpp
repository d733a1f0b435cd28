#include "kernels/simd/moments.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/moments.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/masked-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// The sum of map(x[i]), i < n; map(anything) is dropped past the end.
template <class Map>
HWY_INLINE float SumOf(const float* x, int64_t n, Map map) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0;
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a0 = hn::Add(a0, map(hn::LoadU(d, x + i)));
    a1 = hn::Add(a1, map(hn::LoadU(d, x + i + lanes)));
    a2 = hn::Add(a2, map(hn::LoadU(d, x + i + 2 * lanes)));
    a3 = hn::Add(a3, map(hn::LoadU(d, x + i + 3 * lanes)));
  }
  for (; i + lanes <= n; i += lanes) a0 = hn::Add(a0, map(hn::LoadU(d, x + i)));
  if (i < n) {
    const auto tail = hn::FirstN(d, static_cast<size_t>(n - i));
    a1 = hn::Add(a1, hn::IfThenElseZero(tail, map(onda::HWY_NAMESPACE::MaskedLoad(tail, d, x + i))));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a0, a1), hn::Add(a2, a3))));
}

// The rounding error of the first mean is taken out again by the sum of distances from it.
void BlockMoments(const float* x, int64_t n, double* mean, double* squares) {
  const D d;
  const float first = SumOf(x, n, [](V v) HWY_ATTR { return v; }) / static_cast<float>(n);
  const V m = hn::Set(d, first);
  const double count = static_cast<double>(n);
  const double rest = SumOf(x, n, [&](V v) HWY_ATTR { return hn::Sub(v, m); });
  *squares = SumOf(x, n, [&](V v) HWY_ATTR {
    const V distance = hn::Sub(v, m);
    return hn::Mul(distance, distance);
  });
  *mean = first + rest / count;
  *squares = std::max(0.0, *squares - rest * rest / count);
}

float BlockSquares(const float* x, int64_t n) {
  return SumOf(x, n, [](V v) HWY_ATTR { return hn::Mul(v, v); });
}

// y[i] = fn(i, load) for i < n, where load reads a vector of a run of n floats.
template <class Fn>
HWY_INLINE void MapRow(float* y, int64_t n, Fn fn) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(fn(i, [&](const float* p) HWY_ATTR { return hn::LoadU(d, p + i); }), d, y + i);
  if (i < n) {
    const auto tail = hn::FirstN(d, static_cast<size_t>(n - i));
    hn::BlendedStore(fn(i, [&](const float* p) HWY_ATTR { return onda::HWY_NAMESPACE::MaskedLoad(tail, d, p + i); }),
                     tail, d, y + i);
  }
}

void ScaleShiftRow(const float* x, float a, float b, float* y, int64_t n) {
  const D d;
  const V va = hn::Set(d, a), vb = hn::Set(d, b);
  MapRow(y, n, [&](int64_t, auto load) HWY_ATTR { return hn::MulAdd(load(x), va, vb); });
}

void NormalizeRow(const float* x, double mean, float scale, const float* gamma, const float* beta, float* y,
                  int64_t n) {
  const D d;
  const float high = static_cast<float>(mean);  // the rest of it matters where the mean is far from 0
  const V m = hn::Set(d, high), low = hn::Set(d, static_cast<float>(mean - high)), s = hn::Set(d, scale);
  auto normal = [&](auto load) HWY_ATTR { return hn::Mul(hn::Sub(hn::Sub(load(x), m), low), s); };
  if (gamma && beta) {
    MapRow(y, n, [&](int64_t, auto load) HWY_ATTR { return hn::MulAdd(normal(load), load(gamma), load(beta)); });
  } else if (gamma) {
    MapRow(y, n, [&](int64_t, auto load) HWY_ATTR { return hn::Mul(normal(load), load(gamma)); });
  } else if (beta) {
    MapRow(y, n, [&](int64_t, auto load) HWY_ATTR { return hn::Add(normal(load), load(beta)); });
  } else {
    MapRow(y, n, [&](int64_t, auto load) HWY_ATTR { return normal(load); });
  }
}

void AddRow(const float* x, const float* a, const float* b, float* y, int64_t n) {
  if (b) {
    MapRow(y, n, [&](int64_t, auto load) HWY_ATTR { return hn::Add(hn::Add(load(x), load(a)), load(b)); });
  } else {
    MapRow(y, n, [&](int64_t, auto load) HWY_ATTR { return hn::Add(load(x), load(a)); });
  }
}

void ScaleShiftEachRow(const float* x, const float* a, const float* b, float* y, int64_t n) {
  MapRow(y, n, [&](int64_t, auto load) HWY_ATTR { return hn::MulAdd(load(x), load(a), load(b)); });
}

}  // namespace onda::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda {

HWY_EXPORT(BlockMoments);
HWY_EXPORT(BlockSquares);
HWY_EXPORT(ScaleShiftRow);
HWY_EXPORT(NormalizeRow);
HWY_EXPORT(AddRow);
HWY_EXPORT(ScaleShiftEachRow);

namespace {
constexpr int64_t kMomentsBlock = 4096;  // floats, a part of L1
}

void Moments::Merge(const Moments& other) {
  if (other.count == 0) return;
  const double total = static_cast<double>(count + other.count), delta = other.mean - mean;
  const double share = static_cast<double>(other.count) / total;
  squares += other.squares + delta * delta * static_cast<double>(count) * share;
  mean += delta * share;
  count += other.count;
}

Moments MomentsOf(const float* x, int64_t n) {
  Moments all;
  for (int64_t i = 0; i < n; i += kMomentsBlock) {
    const int64_t m = std::min(kMomentsBlock, n - i);
    double mean, squares;
    HWY_DYNAMIC_DISPATCH(BlockMoments)(x + i, m, &mean, &squares);
    all.Merge({mean, squares, m});
  }
  return all;
}

double SumOfSquares(const float* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i += kMomentsBlock)
    sum += HWY_DYNAMIC_DISPATCH(BlockSquares)(x + i, std::min(kMomentsBlock, n - i));
  return sum;
}

void ScaleShift(const float* x, float a, float b, float* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(ScaleShiftRow)(x, a, b, y, n);
}
void Normalize(const float* x, double mean, float scale, const float* gamma, const float* beta, float* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(NormalizeRow)(x, mean, scale, gamma, beta, y, n);
}
void AddRows(const float* x, const float* a, const float* b, float* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(AddRow)(x, a, b, y, n);
}
void ScaleShiftEach(const float* x, const float* a, const float* b, float* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(ScaleShiftEachRow)(x, a, b, y, n);
}

}  // namespace onda
#endif
