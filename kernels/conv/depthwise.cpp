// A tile of a channel is copied with its padding into a small buffer, rows and columns dealt out by their remainders
// modulo the strides. There the element that output (r, c) meets at a kernel position lies at r * pitch + c plus an
// offset of that position alone: a tile of any width is one long row, computed vector by vector with neighbouring
// loads. What it computes between the rows is dropped when the rows are copied out.
#include "kernels/conv/depthwise.h"

#include <algorithm>
#include <limits>

#include "kernels/conv/depthwise3x3.h"
#include "kernels/conv/depthwise_channels.h"
#include "onda/types.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/depthwise.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/clamp-inl.h"
#include "kernels/simd/masked-inl.h"

#ifndef ONDA_KERNELS_CONV_DEPTHWISE_TILING_
#define ONDA_KERNELS_CONV_DEPTHWISE_TILING_
namespace onda::conv {

// Floats of a buffer to aim at, and most columns of a tile.
constexpr int64_t kBufferFloats = 6144;
constexpr int64_t kMaxTileColumns = 1024;
constexpr int64_t kSlack = 128;  // vectors are read and written past the end of what is used

struct Tiling {
  int64_t rows, columns;  // outputs per tile
  int64_t row_tiles, column_tiles;
  int64_t row_phases, column_phases;  // remainders that kernel positions meet
  int64_t pitch;                      // floats per row of a phase
  int64_t phase_rows;                 // rows per phase
  int64_t phase_size;  // floats per phase; the buffer has kernel[0] planes of row_phases * column_phases of them
  int64_t buffer_floats, flat_floats, offset_floats;

  explicit Tiling(const Problem& p) {
    columns = std::min(p.out[2], kMaxTileColumns);
    column_tiles = (p.out[2] + columns - 1) / columns;
    pitch = columns + (p.kernel[2] - 1) * p.dilation[2] / p.stride[2];
    const int64_t reach = (p.kernel[1] - 1) * p.dilation[1] / p.stride[1];
    row_phases = std::min(p.stride[1], (p.kernel[1] - 1) * p.dilation[1] + 1);
    column_phases = std::min(p.stride[2], (p.kernel[2] - 1) * p.dilation[2] + 1);
    // Offsets into the buffer are 32 bits wide.
    if (static_cast<double>(p.kernel[0]) * static_cast<double>(row_phases) * static_cast<double>(column_phases) *
            static_cast<double>(pitch) * static_cast<double>(reach + 1) >
        1e9)
      throw Error(ErrorCode::kResourceLimit, "the window of a depthwise convolution reaches too far");
    const int64_t phases = p.kernel[0] * row_phases * column_phases;
    rows = std::clamp<int64_t>(kBufferFloats / (pitch * phases) - reach, 1, p.out[1]);
    row_tiles = (p.out[1] + rows - 1) / rows;
    rows = (p.out[1] + row_tiles - 1) / row_tiles;
    phase_rows = rows + reach;
    phase_size = phase_rows * pitch;
    buffer_floats = (phases * phase_size + kSlack + 15) / 16 * 16;
    flat_floats = (rows * pitch + kSlack + 15) / 16 * 16;
    offset_floats = (p.kernel_size() + 15) / 16 * 16;
  }
  int64_t worker_floats() const { return buffer_floats + flat_floats; }
  int64_t tiles(const Problem& p) const { return p.batch * p.groups * p.out[0] * row_tiles * column_tiles; }
};

}  // namespace onda::conv
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::conv::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = HWY_LANES(float);
static_assert(5 * kLanes <= kSlack);

// Columns of one phase: out[i] = in[first + i * stride] for i in [lo, hi), 0 elsewhere in [0, n).
struct PhaseColumns {
  int64_t first, lo, hi, n;

  PhaseColumns(int64_t first, int64_t size, int64_t stride, int64_t n) : first(first), n(n) {
    lo = std::min(n, first >= 0 ? 0 : (-first + stride - 1) / stride);
    hi = std::max(lo, first >= size ? 0 : std::min(n, (size - 1 - first) / stride + 1));
  }
};

// Writes whole vectors: rows are written in order, so that what spills over is overwritten or lies in the slack.
HWY_INLINE void CopyRow(const PhaseColumns& c, int64_t stride, const float* row, float* out) {
  const D d;
  for (int64_t i = 0; i < c.lo; i += kLanes) hn::StoreU(hn::Zero(d), d, out + i);
  int64_t i = c.lo;
  row += c.first;
  if (stride == 1) {
    for (; i + kLanes <= c.hi; i += kLanes) hn::StoreU(hn::LoadU(d, row + i), d, out + i);
    if (i < c.hi) {
      hn::StoreU(onda::HWY_NAMESPACE::MaskedLoad(hn::FirstN(d, static_cast<size_t>(c.hi - i)), d, row + i), d, out + i);
      i += kLanes;
    }
#if HWY_TARGET != HWY_SCALAR
  } else if (stride == 2) {
    for (; i < c.hi; i += kLanes) {
      // The last of the hi - i elements lies at 2 * (hi - i - 1).
      const int64_t left = 2 * (c.hi - i) - 1;
      const auto low = hn::FirstN(d, static_cast<size_t>(std::min(left, kLanes)));
      const auto high = hn::FirstN(d, static_cast<size_t>(std::clamp<int64_t>(left - kLanes, 0, kLanes)));
      hn::StoreU(hn::ConcatEven(d, onda::HWY_NAMESPACE::MaskedLoad(high, d, row + 2 * i + kLanes),
                                onda::HWY_NAMESPACE::MaskedLoad(low, d, row + 2 * i)),
                 d, out + i);
    }
#endif
  } else {
    for (; i < c.hi; ++i) out[i] = row[i * stride];
  }
  for (; i < c.n; i += kLanes) hn::StoreU(hn::Zero(d), d, out + i);
}

// The buffer for outputs from (od, oh, ow) on.
void FillBuffer(const Problem& p, const Tiling& t, int64_t od, int64_t oh, int64_t ow, const float* x, float* buffer) {
  const int64_t ih0 = oh * p.stride[1] - p.pad[1], iw0 = ow * p.stride[2] - p.pad[2];
  for (int64_t kd = 0; kd < p.kernel[0]; ++kd) {
    const int64_t id = od * p.stride[0] - p.pad[0] + kd * p.dilation[0];
    for (int64_t ph = 0; ph < t.row_phases; ++ph) {
      for (int64_t pw = 0; pw < t.column_phases; ++pw, buffer += t.phase_size) {
        const PhaseColumns columns(iw0 + pw, p.in[2], p.stride[2], t.pitch);
        const PhaseColumns nothing(0, 0, 1, t.pitch);
        for (int64_t r = 0; r < t.phase_rows; ++r) {
          const int64_t ih = ih0 + ph + r * p.stride[1];
          const bool inside = id >= 0 && id < p.in[0] && ih >= 0 && ih < p.in[1];
          CopyRow(inside ? columns : nothing, p.stride[2], inside ? x + (id * p.in[1] + ih) * p.in[2] : x,
                  buffer + r * t.pitch);
        }
      }
    }
  }
}

// out[0, 4 vectors) = bias + sum over taps of w * in[offset ...]; kTaps 0: `taps` of them.
template <int kTaps>
HWY_INLINE void Block(const float* HWY_RESTRICT w, const int32_t* HWY_RESTRICT offsets, int64_t taps, float bias,
                      const float* HWY_RESTRICT in, float* HWY_RESTRICT out) {
  const D d;
  V acc[4];
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) acc[v] = hn::Set(d, bias);
  auto tap = [&](int64_t k) HWY_ATTR {
    const V weight = hn::Set(d, w[k]);
    const float* from = in + offsets[k];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) acc[v] = hn::MulAdd(weight, hn::LoadU(d, from + v * kLanes), acc[v]);
  };
  if constexpr (kTaps > 0) {
#pragma GCC unroll 9
    for (int k = 0; k < kTaps; ++k) tap(k);
  } else {
    for (int64_t k = 0; k < taps; ++k) tap(k);
  }
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) hn::StoreU(acc[v], d, out + v * kLanes);
}

// One row of results: flat plus addend (if not NULL), clamped.
HWY_INLINE void FinishRow(const float* flat, const float* addend, int64_t n, V lo, V hi, float* out) {
  const D d;
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    V v = hn::LoadU(d, flat + j);
    if (addend) v = hn::Add(v, hn::LoadU(d, addend + j));
    hn::StoreU(onda::HWY_NAMESPACE::ClampKeepingNan(lo, hi, v), d, out + j);
  }
  if (j < n) {
    const auto mask = hn::FirstN(d, static_cast<size_t>(n - j));
    V v = hn::LoadU(d, flat + j);
    if (addend) v = hn::Add(v, onda::HWY_NAMESPACE::MaskedLoad(mask, d, addend + j));
    hn::BlendedStore(onda::HWY_NAMESPACE::ClampKeepingNan(lo, hi, v), mask, d, out + j);
  }
}

// Tiles [begin, end), columns innermost, then rows, depth, channels, batch.
void DepthwiseTiles(const Problem& p, const Operands& o, const Tiling& t, const int32_t* offsets, int64_t begin,
                    int64_t end, float* buffer) {
  const D d;
  float* const flat = buffer + t.buffer_floats;
  const bool clamp = o.activation.kind == ActivationKind::kClamp;
  const bool later = !clamp && o.activation.kind != ActivationKind::kNone;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const V lo = hn::Set(d, clamp ? o.activation.alpha : -kInfinity),
          hi = hn::Set(d, clamp ? o.activation.beta : kInfinity);
  const int64_t taps = p.kernel_size();
  int64_t rest = begin;
  int64_t column_tile = rest % t.column_tiles;
  rest /= t.column_tiles;
  int64_t row_tile = rest % t.row_tiles;
  rest /= t.row_tiles;
  int64_t od = rest % p.out[0], plane = rest / p.out[0];  // plane = item * groups + group
  for (int64_t tile = begin; tile < end; ++tile) {
    const int64_t oh = row_tile * t.rows, ow = column_tile * t.columns;
    const int64_t rows = std::min(t.rows, p.out[1] - oh), columns = std::min(t.columns, p.out[2] - ow);
    FillBuffer(p, t, od, oh, ow, o.x + plane * p.in_size(), buffer);
    const int64_t group = plane % p.groups;
    for (int64_t m = 0; m < p.out_channels; ++m) {
      const int64_t channel = group * p.out_channels + m;
      const float* w = o.weights + channel * taps;
      const float bias = o.bias ? o.bias[channel] : 0.0f;
      const int64_t n = (rows - 1) * t.pitch + columns;
      for (int64_t q = 0; q < n; q += 4 * kLanes) {
        if (taps == 9) {
          Block<9>(w, offsets, taps, bias, buffer + q, flat + q);
        } else {
          Block<0>(w, offsets, taps, bias, buffer + q, flat + q);
        }
      }
      const int64_t first = (((plane * p.out_channels + m) * p.out[0] + od) * p.out[1] + oh) * p.out[2] + ow;
      for (int64_t r = 0; r < rows; ++r) {
        float* out = o.y + first + r * p.out[2];
        FinishRow(flat + r * t.pitch, o.addend ? o.addend + first + r * p.out[2] : nullptr, columns, lo, hi, out);
        if (later) Apply(o.activation, out, columns);
      }
    }
    if (++column_tile < t.column_tiles) continue;
    column_tile = 0;
    if (++row_tile < t.row_tiles) continue;
    row_tile = 0;
    if (++od < p.out[0]) continue;
    od = 0;
    ++plane;
  }
}

}  // namespace onda::conv::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::conv {

HWY_EXPORT(DepthwiseTiles);

namespace {

// What is known when weights are packed: all but the extents.
bool MayUseChannels(const Problem& p) { return p.out_channels == 1 && p.groups > 1; }

int64_t PlainWeightSize(const Problem& p) { return p.groups * p.out_channels * p.kernel_size(); }

bool UsesChannels(const Problem& p) { return MayUseChannels(p) && TakesChannels(p); }

}  // namespace

int64_t DepthwiseWeightSize(const Problem& p) {
  return PlainWeightSize(p) + (MayUseChannels(p) ? ChannelWeightSize(p) : 0);
}

void PackDepthwiseWeights(const Problem& p, const float* w, float* out) {
  std::copy_n(w, PlainWeightSize(p), out);
  if (MayUseChannels(p)) PackChannelWeights(p, w, out + PlainWeightSize(p));
}

size_t DepthwiseWorkspaceBytes(const Problem& p, int threads) {
  if (p.out_size() == 0) return 0;
  if (UsesChannels(p)) return ChannelsWorkspaceBytes(p, threads);
  if (IsDepthwise3x3(p)) return 0;
  const Tiling t(p);
  return static_cast<size_t>(t.offset_floats + threads * t.worker_floats()) * sizeof(float);
}

void RunDepthwise(const Problem& p, const Operands& o, const Parallel& parallel, void* workspace) {
  if (p.out_size() == 0) return;
  if (UsesChannels(p)) return RunDepthwiseChannels(p, o, o.weights + PlainWeightSize(p), parallel, workspace);
  if (IsDepthwise3x3(p)) return RunDepthwise3x3(p, o, parallel);
  const Tiling t(p);
  int32_t* const offsets = static_cast<int32_t*>(workspace);
  float* const scratch = static_cast<float*>(workspace) + t.offset_floats;
  int64_t tap = 0;
  for (int64_t kd = 0; kd < p.kernel[0]; ++kd) {
    for (int64_t kh = 0; kh < p.kernel[1]; ++kh) {
      for (int64_t kw = 0; kw < p.kernel[2]; ++kw) {
        const int64_t h = kh * p.dilation[1], w = kw * p.dilation[2];
        const int64_t phase = (kd * t.row_phases + h % p.stride[1]) * t.column_phases + w % p.stride[2];
        offsets[tap++] = static_cast<int32_t>(phase * t.phase_size + h / p.stride[1] * t.pitch + w / p.stride[2]);
      }
    }
  }
  const auto run = HWY_DYNAMIC_DISPATCH(DepthwiseTiles);
  const int64_t tiles = t.tiles(p);
  const bool small = tiles * t.rows * t.columns * p.out_channels * p.kernel_size() < 200000;
  const int workers = small ? 1 : parallel.threads;
  // Several tiles a task where they are small.
  const int64_t chunk = std::max<int64_t>(1, tiles / (workers * int64_t{8}));
  parallel.ForTasks(workers, (tiles + chunk - 1) / chunk, [&](int worker, int64_t i) {
    run(p, o, t, offsets, i * chunk, std::min(tiles, (i + 1) * chunk), scratch + worker * t.worker_floats());
  });
}

}  // namespace onda::conv
#endif
