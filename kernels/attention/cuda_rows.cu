// Attention of one query to a block: double, wide values, and where scores are wanted.
#include "kernels/attention/cuda_geometry.h"
#include "kernels/device/block.h"

namespace onda::attention {
namespace {

using namespace cuda;

constexpr int kThreads = 128;

template <class T>
__global__ void __launch_bounds__(kThreads)
    Rows(In<T> q, In<T> k, In<T> v, In<T> past_k, In<T> past_v, In<uint8_t> mask, In<T> sink, In<int64_t> counts,
         In<int32_t> last_keys, Out<T> y, Out<T> qk, InOut<int32_t> status, Geometry g) {
  using C = Compute<T>;
  __shared__ C p[kThreads];
  const int64_t i = blockIdx.x % g.queries, h = blockIdx.x / g.queries % g.q_heads,
                b = blockIdx.x / g.queries / g.q_heads;
  const int64_t kv = h / g.group, mask_at = g.mask.At(b, h, i);
  const Counts count = CountsOf(g, counts.data, last_keys.data, b, threadIdx.x == 0 ? status.data : nullptr);
  const Range seen = Visible(g, count, static_cast<int32_t>(i));
  const T* const query = q.data + g.q.At(b, h, i);
  T* const shown = qk ? qk.data + int64_t{blockIdx.x} * g.keys : nullptr;
  const bool all = qk && g.qk_mode < 3;
  // What counts in the softmax; -infinity for keys that are not seen.
  auto score = [&](int32_t j, T* show) {
    const bool in_range = j >= seen.first && j < seen.last;
    const C bias = !in_range ? -static_cast<C>(INFINITY) : g.masked ? MaskAt<C>(g, mask.data, mask_at + j) : C(0);
    const bool visible = bias != -static_cast<C>(INFINITY);
    if (!visible && !show) return -static_cast<C>(INFINITY);
    const T* const key = j < g.past ? past_k.data + g.past_k.At(b, kv, j) : k.data + g.k.At(b, kv, j - g.past);
    C dot = 0;
    for (int32_t c = 0; c < g.width; ++c) dot += Widen(query[c]) * Widen(key[c]);
    dot *= static_cast<C>(g.scale);
    if (show && g.qk_mode == 0) show[j] = Narrow<T>(dot);
    dot = Capped(g, dot);
    if (show && g.qk_mode == 1) show[j] = Narrow<T>(dot);
    const C result = visible ? dot + bias : -static_cast<C>(INFINITY);
    if (show && g.qk_mode == 2) show[j] = Narrow<T>(result);
    return result;
  };
  C top = -static_cast<C>(INFINITY), sum = 0;
  for (int32_t j = static_cast<int32_t>(threadIdx.x); j < g.keys; j += kThreads) {
    const C s = score(j, all ? shown : nullptr);
    if (s == -static_cast<C>(INFINITY)) continue;
    const C higher = Maximum()(top, s);
    sum = sum * exp(top - higher) + exp(s - higher);
    top = higher;
  }
  const C highest = BlockReduce(top, Maximum(), -static_cast<C>(INFINITY));
  const C base = highest == -static_cast<C>(INFINITY) ? C(0) : highest;
  const C total = BlockReduce(sum * exp(top - base), Plus(), C(0));
  const C sunk = sink ? exp(static_cast<C>(Widen(sink[h])) - base) : C(0);
  const C factor = total == 0 ? C(g.empty_row) : 1 / (total + sunk);
  for (int32_t first = 0; first == 0 || first < g.v_width; first += kThreads) {
    const int32_t column = first + static_cast<int32_t>(threadIdx.x);
    C value = 0;
    for (int32_t tile = 0; tile < g.keys; tile += kThreads) {
      const int32_t j = tile + static_cast<int32_t>(threadIdx.x);
      const C probability = j < g.keys ? exp(score(j, nullptr) - base) * factor : C(0);
      if (shown && g.qk_mode == 3 && first == 0 && j < g.keys) shown[j] = Narrow<T>(probability);
      __syncthreads();
      p[threadIdx.x] = probability;
      __syncthreads();
      if (column >= g.v_width) continue;
      for (int32_t e = 0; e < min(kThreads, g.keys - tile); ++e) {
        if (p[e] == 0) continue;
        const int32_t from = tile + e;
        const T* const values =
            from < g.past ? past_v.data + g.past_v.At(b, kv, from) : v.data + g.v.At(b, kv, from - g.past);
        value += p[e] * Widen(values[column]);
      }
    }
    if (column < g.v_width) y[g.y.At(b, h, i) + column] = Narrow<T>(value);
  }
}

}  // namespace

void RunRows(const LaunchArgs& args, const Problem& a, DType type, const DeviceOperands& o) {
  WithReal(type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    cuda::Launch(args, {.grid = {BlocksFor(a.batch * a.q_heads * a.queries, 1)}, .block = {kThreads}}, Rows<T>, o.q,
                 o.k, o.v, o.past_k, o.past_v, o.mask, o.sink, o.counts, o.last_keys, o.y, o.qk, StatusOf(args),
                 GeometryOf<T>(args, a, o));
  });
}

}  // namespace onda::attention
