// A vector of neighbouring outputs in each of a few rows is held in registers while the input rows under them pass by.
// Of an input row three vectors are read: what the outputs meet at the left, middle and right of the window. Masks keep
// what lies outside the row at zero.
#include "kernels/conv/depthwise3x3.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/depthwise3x3.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/clamp-inl.h"
#include "kernels/simd/masked-inl.h"

#ifndef ONDA_KERNELS_CONV_DEPTHWISE3X3_PLANE_
#define ONDA_KERNELS_CONV_DEPTHWISE3X3_PLANE_
namespace onda::conv {
struct Plane {
  const float* x;  // (height, width)
  const float* w;  // (3, 3)
  float bias;
  const float* addend;  // like y, or NULL
  float* y;             // (out_height, out_width)
};
}  // namespace onda::conv
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::conv::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using M = hn::Mask<D>;
constexpr int64_t kLanes = HWY_LANES(float);
constexpr int kRows = 4;

// Lanes i with 0 <= first + i < size.
HWY_INLINE M Inside(int64_t first, int64_t size) {
  const D d;
  const auto below = hn::FirstN(d, static_cast<size_t>(std::clamp<int64_t>(size - first, 0, kLanes)));
  const auto skipped = hn::FirstN(d, static_cast<size_t>(std::clamp<int64_t>(-first, 0, kLanes)));
  return hn::AndNot(skipped, below);
}

// Which lanes of the vectors that a vector of outputs reads lie inside the row.
template <int S>
struct Edges {
  M masks[4];
  M out;

  Edges(const Problem& p, int64_t column) {
    const int64_t base = column * S - p.pad[2], width = p.in[2];
    out = hn::FirstN(D(), static_cast<size_t>(std::min(p.out[2] - column, kLanes)));
    if constexpr (S == 1) {
      for (int t = 0; t < 3; ++t) masks[t] = Inside(base + t, width);
      masks[3] = masks[2];
    } else {
      masks[0] = Inside(base, width), masks[1] = Inside(base + kLanes, width);
      masks[2] = Inside(base + 2, width), masks[3] = Inside(base + 2 + kLanes, width);
    }
  }
};

// What the outputs meet at the left, middle and right of the window, `from` being the left of the first output.
template <int S, bool kInner>
HWY_INLINE void Load(const Edges<S>& edges, const float* from, V& left, V& middle, V& right) {
  const D d;
  auto load = [&](int mask, int64_t at) HWY_ATTR {
    return kInner ? hn::LoadU(d, from + at) : onda::HWY_NAMESPACE::MaskedLoad(edges.masks[mask], d, from + at);
  };
  if constexpr (S == 1) {
    left = load(0, 0), middle = load(1, 1), right = load(2, 2);
  } else {
#if HWY_TARGET != HWY_SCALAR  // RunRows does not come here
    const V a = load(0, 0), b = load(1, kLanes);
    left = hn::ConcatEven(d, b, a);
    middle = hn::ConcatOdd(d, b, a);
    right = hn::ConcatEven(d, load(3, 2 + kLanes), load(2, 2));
#endif
  }
}

// Outputs from `column` on in rows [row, row + R).
template <int S, int R, bool kInner>
HWY_INLINE void Block(const Problem& p, const Plane& plane, int64_t row, int64_t column, const Edges<S>& edges,
                      const V* w, V lo, V hi) {
  const D d;
  const int64_t first = row * S - p.pad[1];
  const float* const from = plane.x + column * S - p.pad[2];
  V acc[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) acc[r] = hn::Set(d, plane.bias);
#pragma GCC unroll 9
  for (int i = 0; i < S * (R - 1) + 3; ++i) {
    const int64_t at = first + i;
    if (at < 0 || at >= p.in[1]) continue;
    V left, middle, right;
    Load<S, kInner>(edges, from + at * p.in[2], left, middle, right);
#pragma GCC unroll 3
    for (int k = 0; k < 3; ++k) {
      if (i < k || (i - k) % S != 0 || (i - k) / S >= R) continue;
      V& sum = acc[(i - k) / S];
      sum = hn::MulAdd(w[3 * k], left, sum);
      sum = hn::MulAdd(w[3 * k + 1], middle, sum);
      sum = hn::MulAdd(w[3 * k + 2], right, sum);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
    const int64_t to = (row + r) * p.out[2] + column;
    if (plane.addend)
      acc[r] = hn::Add(acc[r], kInner ? hn::LoadU(d, plane.addend + to)
                                      : onda::HWY_NAMESPACE::MaskedLoad(edges.out, d, plane.addend + to));
    acc[r] = onda::HWY_NAMESPACE::ClampKeepingNan(lo, hi, acc[r]);
    if constexpr (kInner) {
      hn::StoreU(acc[r], d, plane.y + to);
    } else {
      hn::BlendedStore(acc[r], edges.out, d, plane.y + to);
    }
  }
}

template <int S>
struct PlaneEdges {
  Edges<S> first, last;
  int64_t last_column;
};

template <int S, int R>
HWY_INLINE void RowBlock(const Problem& p, const Plane& plane, int64_t row, const PlaneEdges<S>& edges, const V* w,
                         V lo, V hi) {
  for (int64_t column = 0; column < p.out[2]; column += kLanes) {
    const int64_t base = column * S - p.pad[2];
    if (base >= 0 && base + 2 + S * kLanes <= p.in[2] && column + kLanes <= p.out[2]) {
      Block<S, R, true>(p, plane, row, column, edges.last, w, lo, hi);
    } else if (column == 0) {
      Block<S, R, false>(p, plane, row, column, edges.first, w, lo, hi);
    } else if (column == edges.last_column) {
      Block<S, R, false>(p, plane, row, column, edges.last, w, lo, hi);
    } else {
      Block<S, R, false>(p, plane, row, column, Edges<S>(p, column), w, lo, hi);
    }
  }
}

template <int S>
void Rows(const Problem& p, const Plane& plane, int64_t begin, int64_t end, float low, float high) {
  const D d;
  V w[9];
  for (int k = 0; k < 9; ++k) w[k] = hn::Set(d, plane.w[k]);
  const V lo = hn::Set(d, low), hi = hn::Set(d, high);
  const int64_t last = (p.out[2] - 1) / kLanes * kLanes;
  const PlaneEdges<S> edges{Edges<S>(p, 0), Edges<S>(p, last), last};
  int64_t row = begin;
  for (; row + kRows <= end; row += kRows) RowBlock<S, kRows>(p, plane, row, edges, w, lo, hi);
  switch (end - row) {
    case 3:
      return RowBlock<S, 3>(p, plane, row, edges, w, lo, hi);
    case 2:
      return RowBlock<S, 2>(p, plane, row, edges, w, lo, hi);
    case 1:
      return RowBlock<S, 1>(p, plane, row, edges, w, lo, hi);
    default:
      return;
  }
}

void RunRows(const Problem& p, const Plane& plane, int64_t begin, int64_t end, float low, float high) {
#if HWY_TARGET == HWY_SCALAR
  // One lane: outputs one by one, so that the middle of a window of stride 2 is one further too.
  if (p.stride[2] == 2) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t c = 0; c < p.out[2]; ++c) {
        float sum = plane.bias;
        for (int64_t k = 0; k < 9; ++k) {
          const int64_t ih = r * 2 - p.pad[1] + k / 3, iw = c * 2 - p.pad[2] + k % 3;
          if (ih >= 0 && ih < p.in[1] && iw >= 0 && iw < p.in[2]) sum += plane.w[k] * plane.x[ih * p.in[2] + iw];
        }
        const int64_t to = r * p.out[2] + c;
        if (plane.addend) sum += plane.addend[to];
        plane.y[to] = sum < low ? low : sum > high ? high : sum;
      }
    }
    return;
  }
  Rows<1>(p, plane, begin, end, low, high);
#else
  p.stride[2] == 1 ? Rows<1>(p, plane, begin, end, low, high) : Rows<2>(p, plane, begin, end, low, high);
#endif
}

}  // namespace onda::conv::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::conv {

HWY_EXPORT(RunRows);

bool IsDepthwise3x3(const Problem& p) {
  return p.in_channels == 1 && p.in[0] == 1 && p.out[0] == 1 && p.kernel == std::array<int64_t, 3>{1, 3, 3} &&
         p.pad[0] == 0 && p.dilation[1] == 1 && p.dilation[2] == 1 && p.stride[1] == p.stride[2] && p.stride[1] <= 2;
}

void RunDepthwise3x3(const Problem& p, const Operands& o, const Parallel& parallel) {
  const auto run = HWY_DYNAMIC_DISPATCH(RunRows);
  const bool clamp = o.activation.kind == ActivationKind::kClamp;
  const bool later = !clamp && o.activation.kind != ActivationKind::kNone;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float low = clamp ? o.activation.alpha : -kInfinity, high = clamp ? o.activation.beta : kInfinity;
  const int64_t channels = p.groups * p.out_channels, planes = p.batch * channels;
  // Tasks are rows of one plane, or several whole planes, of some 64 thousand multiplications.
  const int64_t work = p.out_size() * 9;
  const int64_t pieces = std::clamp<int64_t>(work / 65536, 1, (p.out[1] + 15) / 16);
  const int64_t rows = (p.out[1] + pieces - 1) / pieces;
  const int64_t chunk = std::max<int64_t>(1, 65536 / std::max<int64_t>(1, work));
  const int workers = planes * work < 200000 ? 1 : parallel.threads;
  const int64_t tasks = (planes * pieces + chunk - 1) / chunk;
  parallel.ForTasks(workers, tasks, [&](int, int64_t task) {
    for (int64_t i = task * chunk; i < std::min(planes * pieces, (task + 1) * chunk); ++i) {
      const int64_t at = i / pieces, channel = at % channels;
      const int64_t begin = i % pieces * rows, end = std::min(p.out[1], begin + rows);
      if (begin >= end) continue;
      const Plane plane{o.x + (at / channels * p.groups + channel / p.out_channels) * p.in_size(),
                        o.weights + channel * 9, o.bias ? o.bias[channel] : 0.0f,
                        o.addend ? o.addend + at * p.out_size() : nullptr, o.y + at * p.out_size()};
      run(p, plane, begin, end, low, high);
      if (later) Apply(o.activation, plane.y + begin * p.out[2], (end - begin) * p.out[2]);
    }
  });
}

}  // namespace onda::conv
#endif
