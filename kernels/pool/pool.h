// MaxPool, AveragePool, LpPool, their global forms, and MaxUnpool. onda.ChannelsLastMaxPool and ChannelsLastAveragePool
// are MaxPool, without Indices, and AveragePool of (batch, spatial..., channels).
#ifndef ONDA_KERNELS_POOL_POOL_H_
#define ONDA_KERNELS_POOL_POOL_H_

#include "kernels/window/window.h"
#include "onda/provider.h"

namespace onda::pool {

enum class Kind { kMax, kAverage, kLp };

struct Params {
  window::Params window;
  bool count_include_pad;  // AveragePool: padding counts in the divisor
  bool column_major;       // MaxPool: Indices number a column-major tensor (within one channel)
  double p = 2;            // LpPool: an integer but in version 1

  explicit Params(const Attributes& a)
      : window(a), count_include_pad(a.Int("count_include_pad", 0) != 0), column_major(a.Int("storage_order", 0) != 0) {
    if (const OndaAttribute* attribute = a.Find("p"))
      p = attribute->kind == kOndaFloat ? attribute->f : static_cast<double>(attribute->i);
  }

  // x: (batch, channels, spatial...); a global pool has one window over everything.
  window::Window WindowOf(const TensorView& x, const TensorView& y, bool global,
                          window::Order order = window::Order::kChannelsFirst) const {
    const auto in = window::SpatialOf(order, x.shape()), out = window::SpatialOf(order, y.shape());
    return global ? window::Resolve(window, in, out, in) : window::Resolve(window, in, out, window.kernel);
  }
};

}  // namespace onda::pool

#endif  // ONDA_KERNELS_POOL_POOL_H_
