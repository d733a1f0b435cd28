// A tile of a channel is copied with its padding into a small buffer, its columns dealt out by their remainder modulo
// the stride; after that every kernel position is an offset, and every load is of neighbouring floats.
#include "kernels/conv/depthwise.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/depthwise.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/clamp-inl.h"

#ifndef ONDA_KERNELS_CONV_DEPTHWISE_TILING_
#define ONDA_KERNELS_CONV_DEPTHWISE_TILING_
namespace onda::conv {

// Floats of a buffer to aim at, and most columns of a tile.
constexpr int64_t kBufferFloats = 8192;
constexpr int64_t kMaxTileColumns = 1024;
constexpr int64_t kSlack = 64;  // a block of vectors may read so far past a row's end

struct Tiling {
  int64_t rows, columns;  // outputs per tile
  int64_t row_tiles, column_tiles;
  int64_t buffer_rows;  // input rows per kernel plane
  int64_t phase_width;  // floats per remainder
  int64_t row_floats;   // stride[2] phases
  int64_t buffer_floats;
  int64_t offset_floats;  // room for one int32 per kernel position

  explicit Tiling(const Problem& p) {
    columns = std::min(p.out[2], kMaxTileColumns);
    phase_width = columns + (p.kernel[2] - 1) * p.dilation[2] / p.stride[2] + 1;
    row_floats = p.stride[2] * phase_width;
    rows = std::max<int64_t>(1, kBufferFloats / (row_floats * p.kernel[0] * p.stride[1]));
    rows = std::min(rows, p.out[1]);
    row_tiles = (p.out[1] + rows - 1) / rows;
    rows = (p.out[1] + row_tiles - 1) / row_tiles;
    column_tiles = (p.out[2] + columns - 1) / columns;
    buffer_rows = (rows - 1) * p.stride[1] + (p.kernel[1] - 1) * p.dilation[1] + 1;
    buffer_floats = (p.kernel[0] * buffer_rows * row_floats + kSlack + 15) / 16 * 16;
    offset_floats = (p.kernel_size() + 15) / 16 * 16;
  }
};

struct DepthwiseTask {
  int64_t item, channel, od, oh, ow;  // first output of the tile; channel counts input channels
};

}  // namespace onda::conv
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::conv::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = HWY_LANES(float);
static_assert(4 * kLanes <= kSlack);

// out[i] = in[first + i * stride] for i in [0, n), 0 where that is outside [0, size).
HWY_INLINE void CopyPhase(const float* in, int64_t size, int64_t first, int64_t stride, int64_t n, float* out) {
  const D d;
  const int64_t lo = std::min(n, first >= 0 ? 0 : (-first + stride - 1) / stride);
  const int64_t hi = std::max(lo, first >= size ? 0 : std::min(n, (size - 1 - first) / stride + 1));
  std::fill_n(out, lo, 0.0f);
  int64_t i = lo;
  in += first;
  if (stride == 1) {
    for (; i + kLanes <= hi; i += kLanes) hn::StoreU(hn::LoadU(d, in + i), d, out + i);
#if HWY_TARGET != HWY_SCALAR
  } else if (stride == 2) {
    // Reads one float past the last that is used, so the last stays for the scalar loop.
    for (; i + kLanes < hi; i += kLanes)
      hn::StoreU(hn::ConcatEven(d, hn::LoadU(d, in + 2 * i + kLanes), hn::LoadU(d, in + 2 * i)), d, out + i);
#endif
  }
  for (; i < hi; ++i) out[i] = in[i * stride];
  std::fill_n(out + hi, n - hi, 0.0f);
}

void FillBuffer(const Problem& p, const Tiling& t, const DepthwiseTask& task, const float* x, float* buffer) {
  const int64_t ih0 = task.oh * p.stride[1] - p.pad[1];
  const int64_t iw0 = task.ow * p.stride[2] - p.pad[2];
  for (int64_t kd = 0; kd < p.kernel[0]; ++kd) {
    const int64_t id = task.od * p.stride[0] - p.pad[0] + kd * p.dilation[0];
    for (int64_t r = 0; r < t.buffer_rows; ++r, buffer += t.row_floats) {
      const int64_t ih = ih0 + r;
      if (id < 0 || id >= p.in[0] || ih < 0 || ih >= p.in[1]) {
        std::fill_n(buffer, t.row_floats, 0.0f);
        continue;
      }
      const float* row = x + (id * p.in[1] + ih) * p.in[2];
      for (int64_t phase = 0; phase < p.stride[2]; ++phase)
        CopyPhase(row, p.in[2], iw0 + phase, p.stride[2], t.phase_width, buffer + phase * t.phase_width);
    }
  }
}

struct RowArgs {
  const float* w;
  const int32_t* offsets;
  int64_t taps;
  float bias;
  float lo, hi;
  const float* addend;  // NULL: none
};

// kVectors vectors of one output row; kTaps 0: args.taps of them. `last` masks the last vector.
template <int kTaps, int kVectors, bool kMasked>
HWY_INLINE void RowBlock(const RowArgs& args, const float* HWY_RESTRICT in, int64_t last, int64_t column,
                         float* HWY_RESTRICT out) {
  const D d;
  V acc[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) acc[v] = hn::Set(d, args.bias);
  in += column;
  if constexpr (kTaps > 0) {
#pragma GCC unroll 9
    for (int k = 0; k < kTaps; ++k) {
      const V w = hn::Set(d, args.w[k]);
      const float* from = in + args.offsets[k];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) acc[v] = hn::MulAdd(w, hn::LoadU(d, from + v * kLanes), acc[v]);
    }
  } else {
    for (int64_t k = 0; k < args.taps; ++k) {
      const V w = hn::Set(d, args.w[k]);
      const float* from = in + args.offsets[k];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) acc[v] = hn::MulAdd(w, hn::LoadU(d, from + v * kLanes), acc[v]);
    }
  }
  const V lo = hn::Set(d, args.lo), hi = hn::Set(d, args.hi);
  const auto mask = hn::FirstN(d, static_cast<size_t>(last));
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const int64_t at = column + v * kLanes;
    const bool masked = kMasked && v == kVectors - 1;
    if (args.addend)
      acc[v] = hn::Add(acc[v], masked ? hn::MaskedLoad(mask, d, args.addend + at) : hn::LoadU(d, args.addend + at));
    acc[v] = onda::HWY_NAMESPACE::ClampKeepingNan(lo, hi, acc[v]);
    if (masked) {
      hn::BlendedStore(acc[v], mask, d, out + at);
    } else {
      hn::StoreU(acc[v], d, out + at);
    }
  }
}

template <int kTaps>
HWY_INLINE void OutputRow(const RowArgs& args, const float* in, int64_t n, float* out) {
  int64_t j = 0;
  for (; j + 4 * kLanes <= n; j += 4 * kLanes) RowBlock<kTaps, 4, false>(args, in, 0, j, out);
  const int64_t rest = n - j;
  if (rest > 2 * kLanes) {
    if (rest > 3 * kLanes) {
      RowBlock<kTaps, 4, true>(args, in, rest - 3 * kLanes, j, out);
    } else {
      RowBlock<kTaps, 3, true>(args, in, rest - 2 * kLanes, j, out);
    }
  } else if (rest > kLanes) {
    RowBlock<kTaps, 2, true>(args, in, rest - kLanes, j, out);
  } else if (rest > 0) {
    RowBlock<kTaps, 1, true>(args, in, rest, j, out);
  }
}

void DepthwiseTile(const Problem& p, const Operands& o, const Tiling& t, const DepthwiseTask& task, float* scratch) {
  int32_t* const offsets = reinterpret_cast<int32_t*>(scratch);
  float* const buffer = scratch + t.offset_floats;
  FillBuffer(p, t, task, o.x + (task.item * p.groups + task.channel) * p.in_size(), buffer);
  int64_t tap = 0;
  for (int64_t kd = 0; kd < p.kernel[0]; ++kd)
    for (int64_t kh = 0; kh < p.kernel[1]; ++kh)
      for (int64_t kw = 0; kw < p.kernel[2]; ++kw) {
        const int64_t x = kw * p.dilation[2];
        offsets[tap++] = static_cast<int32_t>((kd * t.buffer_rows + kh * p.dilation[1]) * t.row_floats +
                                              x % p.stride[2] * t.phase_width + x / p.stride[2]);
      }

  const int64_t rows = std::min(t.rows, p.out[1] - task.oh), columns = std::min(t.columns, p.out[2] - task.ow);
  const bool clamp = o.activation.kind == ActivationKind::kClamp;
  const bool later = !clamp && o.activation.kind != ActivationKind::kNone;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (int64_t m = 0; m < p.out_channels; ++m) {
    const int64_t channel = task.channel * p.out_channels + m;
    RowArgs args;
    args.w = o.weights + channel * p.kernel_size();
    args.offsets = offsets;
    args.taps = p.kernel_size();
    args.bias = o.bias ? o.bias[channel] : 0.0f;
    args.lo = clamp ? o.activation.alpha : -kInfinity;
    args.hi = clamp ? o.activation.beta : kInfinity;
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t at =
          ((task.item * p.groups * p.out_channels + channel) * p.out[0] + task.od) * p.out[1] + task.oh + r;
      float* out = o.y + at * p.out[2] + task.ow;
      args.addend = o.addend ? o.addend + at * p.out[2] + task.ow : nullptr;
      const float* in = buffer + r * p.stride[1] * t.row_floats;
      if (args.taps == 9) {
        OutputRow<9>(args, in, columns, out);
      } else {
        OutputRow<0>(args, in, columns, out);
      }
      if (later) Apply(o.activation, out, columns);
    }
  }
}

}  // namespace onda::conv::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::conv {

HWY_EXPORT(DepthwiseTile);

size_t DepthwiseWorkspaceBytes(const Problem& p, int threads) {
  if (p.out_size() == 0) return 0;
  const Tiling t(p);
  return static_cast<size_t>(threads) * static_cast<size_t>(t.offset_floats + t.buffer_floats) * sizeof(float);
}

void RunDepthwise(const Problem& p, const Operands& o, const Parallel& parallel, void* workspace) {
  if (p.out_size() == 0) return;
  const Tiling t(p);
  const auto tile = HWY_DYNAMIC_DISPATCH(DepthwiseTile);
  const int64_t tasks = p.batch * p.groups * p.out[0] * t.row_tiles * t.column_tiles;
  const bool small = tasks * t.rows * t.columns * p.out_channels * p.kernel_size() < 200000;
  float* const scratch = static_cast<float*>(workspace);
  parallel.ForTasks(small ? 1 : parallel.threads, tasks, [&](int worker, int64_t i) {
    DepthwiseTask task;
    task.ow = i % t.column_tiles * t.columns;
    i /= t.column_tiles;
    task.oh = i % t.row_tiles * t.rows;
    i /= t.row_tiles;
    task.od = i % p.out[0];
    i /= p.out[0];
    task.channel = i % p.groups;
    task.item = i / p.groups;
    tile(p, o, t, task, scratch + worker * (t.offset_floats + t.buffer_floats));
  });
}

}  // namespace onda::conv
#endif
