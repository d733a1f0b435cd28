// What the attention kernels know of a problem, on the device: strides, extents, and which keys a query sees.
#ifndef ONDA_KERNELS_ATTENTION_CUDA_GEOMETRY_H_
#define ONDA_KERNELS_ATTENTION_CUDA_GEOMETRY_H_

#include <algorithm>

#include "kernels/attention/cuda_engine.h"
#include "kernels/device/number.h"
#include "kernels/device/status.h"
#include "kernels/device/vector.h"

namespace onda::attention {

struct DeviceStrides {
  int64_t batch, head, row;
  __device__ int64_t At(int64_t b, int64_t h, int64_t r) const { return b * batch + h * head + r * row; }
};

struct Geometry {
  DeviceStrides q, k, v, past_k, past_v, y, mask;
  int32_t q_heads, kv_heads, group, queries, past, keys, width, v_width, mask_keys, left, right;
  bool causal, masked, vectors, y_vectors;
  DType mask_type;
  int32_t qk_mode, node;
  double scale, softcap;
  float empty_row;
};

// Keys of a batch that count, and the position of its query 0 among them.
struct Counts {
  int32_t valid, offset;
};
__device__ inline Counts CountsOf(const Geometry& g, const int64_t* counts, const int32_t* last_keys, int64_t b,
                                  int32_t* status) {
  if (counts) {
    int64_t valid = counts[b];
    if (valid < 0 || valid > g.keys) {
      cuda::ReportError(status, g.node, kOndaBadContent);
      valid = valid < 0 ? 0 : g.keys;
    }
    return {static_cast<int32_t>(valid), static_cast<int32_t>(valid) - g.queries};
  }
  if (last_keys) {  // what does not fit is reported by whoever fills the cache
    const int64_t valid = int64_t{last_keys[b]} + 1;
    const int32_t bounded = static_cast<int32_t>(valid < 0 ? 0 : valid > g.keys ? g.keys : valid);
    return {bounded, bounded > g.queries ? bounded - g.queries : 0};
  }
  return {g.keys, g.past};
}

// The keys that query i may see by position: [first, last).
struct Range {
  int32_t first, last;
};
__device__ inline Range Visible(const Geometry& g, const Counts& c, int32_t i) {
  Range r{0, c.valid};
  const int32_t position = i + c.offset;
  if (g.masked) r.last = min(r.last, g.mask_keys);
  if (g.causal) r.last = min(r.last, position + 1);
  if (g.left >= 0) r.first = max(r.first, position - g.left);
  if (g.right >= 0 && position < INT32_MAX - g.right) r.last = min(r.last, position + g.right + 1);
  r.last = max(r.first, r.last);
  return r;
}

// What the mask adds; -infinity hides.
template <class C>
__device__ inline C MaskAt(const Geometry& g, const uint8_t* mask, int64_t at) {
  const C bias = cuda::LoadNumber<C>(g.mask_type, mask, at);
  if (g.mask_type == DType::kBool) return bias != 0 ? C(0) : -static_cast<C>(INFINITY);
  return bias;
}

template <class C>
__device__ inline C Capped(const Geometry& g, C score) {
  const C cap = static_cast<C>(g.softcap);
  return cap != 0 ? cap * tanh(score / cap) : score;
}

inline DeviceStrides StridesOf(const Heads& h) { return {h.batch, h.head, h.row}; }

template <class T>
Geometry GeometryOf(const LaunchArgs& args, const Problem& a, const DeviceOperands& o) {
  auto narrow = [](int64_t n) {
    if (n >= int64_t{1} << 30) throw Error(ErrorCode::kNotImplemented, "attention over 2^30 elements or more on CUDA");
    return static_cast<int32_t>(n);
  };
  Geometry g{};
  g.q = StridesOf(a.q), g.k = StridesOf(a.k), g.v = StridesOf(a.v), g.y = StridesOf(a.y);
  g.past_k = StridesOf(a.past_k), g.past_v = StridesOf(a.past_v);
  g.mask = {a.mask_batch, a.mask_head, a.mask_row};
  g.q_heads = narrow(a.q_heads), g.kv_heads = narrow(a.kv_heads), g.group = narrow(a.group());
  g.queries = narrow(a.queries), g.past = narrow(a.past), g.keys = narrow(a.keys);
  narrow(a.group() * a.queries);
  g.width = narrow(a.width), g.v_width = narrow(a.v_width), g.mask_keys = narrow(a.mask_keys);
  auto window = [](int64_t n) { return static_cast<int32_t>(std::min<int64_t>(n, 1 << 30)); };
  g.left = window(a.left_window), g.right = window(a.right_window);
  g.causal = a.causal;
  g.masked = a.mask != nullptr;  // one of no elements hides all keys
  g.mask_type = a.mask_type;
  g.qk_mode = static_cast<int32_t>(a.qk_mode);
  g.node = args.node();
  g.scale = a.scale, g.softcap = a.softcap, g.empty_row = a.empty_row;
  auto fits = [](const cuda::Buffer& at, const DeviceStrides& s, int64_t width) {
    return cuda::VectorsFit<T>(at.data, s.batch) && cuda::VectorsFit<T>(at.data, s.head) &&
           cuda::VectorsFit<T>(at.data, s.row) && cuda::VectorsFit<T>(at.data, width);
  };
  g.vectors = fits(o.q, g.q, a.width) && fits(o.k, g.k, a.width) && fits(o.v, g.v, a.v_width) &&
              fits(o.past_k, g.past_k, a.width) && fits(o.past_v, g.past_v, a.v_width);
  g.y_vectors = fits(o.y, g.y, a.v_width);
  return g;
}

// Reads keys twice, a block per query: any type and width, and scores where they are wanted.
void RunRows(const LaunchArgs& args, const Problem& a, DType type, const DeviceOperands& operands);

}  // namespace onda::attention

#endif  // ONDA_KERNELS_ATTENTION_CUDA_GEOMETRY_H_
