#include "perf/fma_peak.h"

#include <algorithm>
#include <chrono>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "perf/fma_peak.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Runs `rounds` times 12 independent chains; returns the FLOPs done and something that depends on all of them.
double FmaLoop(long rounds, float* sink) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int kChains = 12;
  V acc[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) acc[i] = hn::Set(d, static_cast<float>(i));
  const V scale = hn::Set(d, 0.999f), add = hn::Set(d, 0.001f);
  for (long r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) acc[i] = hn::MulAdd(acc[i], scale, add);
  }
  V sum = acc[0];
#pragma GCC unroll 12
  for (int i = 1; i < kChains; ++i) sum = hn::Add(sum, acc[i]);
  *sink += hn::GetLane(sum);
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

}  // namespace onda::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda {

HWY_EXPORT(FmaLoop);

double FmaPeak(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); };
  const auto loop = HWY_DYNAMIC_DISPATCH(FmaLoop);
  volatile float keep = 0;
  float sink = 0;
  double best = 0;
  for (const auto start = Clock::now(); since(start) < seconds;) {
    const auto t = Clock::now();
    const double flops = loop(200000, &sink);
    best = std::max(best, flops / since(t) / 1e9);
  }
  keep = sink;
  (void)keep;
  return best;
}

}  // namespace onda
#endif
