// Planes of kChannelGroup channels are transposed, a few rows at a time, into a buffer in which the channels of a pixel
// lie side by side, with the padding of rows as zeros. Each output pixel is then a sum of vectors over the window, held
// in registers for a few neighbouring pixels, and what comes out is transposed back.
#include "kernels/conv/depthwise_channels.h"

#include <algorithm>

#include "kernels/simd/transpose.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/depthwise_channels.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#ifndef ONDA_KERNELS_CONV_DEPTHWISE_CHANNELS_TILE_
#define ONDA_KERNELS_CONV_DEPTHWISE_CHANNELS_TILE_
namespace onda::conv {

// Floats of a tile's input to aim at: with its output it stays in the first-level cache.
constexpr int64_t kTileFloats = 6144;

// Tiles of whole rows. Sizes in pixels of kChannelGroup floats.
struct ChannelTiling {
  int64_t rows, row_tiles;  // of outputs
  int64_t width;            // of a row in the buffer, padding included
  int64_t lo, hi;           // its columns that lie in the input
  int64_t in_rows;          // most input rows under a tile

  explicit ChannelTiling(const Problem& p) {
    width = (p.out[2] - 1) * p.stride[2] + (p.kernel[2] - 1) * p.dilation[2] + 1;
    lo = std::clamp<int64_t>(p.pad[2], 0, width);
    hi = std::clamp<int64_t>(p.in[2] + p.pad[2], lo, width);
    const int64_t reach = (p.kernel[1] - 1) * p.dilation[1] + 1;
    const int64_t fitting = kTileFloats / kChannelGroup / std::max<int64_t>(1, width);
    // Rows under two tiles are transposed twice: a tile has twice as many outputs as windows have rows.
    rows = std::clamp<int64_t>((fitting - reach) / p.stride[1] + 1, std::min(2 * p.kernel[1], p.out[1]), p.out[1]);
    row_tiles = (p.out[1] + rows - 1) / rows;
    rows = (p.out[1] + row_tiles - 1) / row_tiles;
    in_rows = std::min(p.in[1], (rows - 1) * p.stride[1] + reach);
  }
  // Rows shorter than this are transposed together, as they lie in the plane, and then given their padding.
  static constexpr int64_t kShortRow = 16;
  bool together(const Problem& p) const { return p.in[2] < kShortRow; }
  int64_t plain_pixels(const Problem& p) const { return together(p) ? in_rows * p.in[2] : 0; }
  int64_t padded_pixels() const { return in_rows * width; }
  int64_t out_pixels(const Problem& p) const { return rows * p.out[2]; }
  int64_t worker_floats(const Problem& p) const {
    return kChannelGroup * (plain_pixels(p) + padded_pixels() + out_pixels(p));
  }
};

// The rows of one output tile over the input rows [in_begin, in_end) in the buffer.
struct ChannelTile {
  const float* in;       // (in_end - in_begin, width, kChannelGroup)
  const float* weights;  // (kernel position, kChannelGroup)
  const float* bias;     // (kChannelGroup)
  float* out;            // (row_end - row_begin, out columns, kChannelGroup)
  int64_t width;
  int64_t in_begin, in_end, row_begin, row_end;
};

}  // namespace onda::conv
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::conv::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
constexpr int64_t kLanes = std::min<int64_t>(HWY_LANES(float), kChannelGroup);
using D = hn::CappedTag<float, kChannelGroup>;
using V = hn::Vec<D>;
constexpr int kVectors = static_cast<int>(kChannelGroup / kLanes);
// Pixels side by side, so that their sums fill most registers.
constexpr int kPixels = kVectors >= 4 ? (kVectors > 4 ? 1 : 2) : kVectors == 2 ? 6 : 8;

// kN neighbouring outputs; `from` is the pixel that the first meets at the first valid row and column of the window.
template <int kN>
HWY_INLINE void Pixels(const Problem& p, const ChannelTile& t, int64_t k_begin, int64_t k_end, const float* from,
                       float* to) {
  const D d;
  V acc[kN * kVectors];
#pragma GCC unroll 16
  for (int i = 0; i < kN * kVectors; ++i) acc[i] = hn::LoadU(d, t.bias + i % kVectors * kLanes);
  const int64_t step = p.stride[2] * kChannelGroup;
  for (int64_t kh = k_begin; kh < k_end; ++kh, from += p.dilation[1] * t.width * kChannelGroup) {
    const float* w = t.weights + kh * p.kernel[2] * kChannelGroup;
    const float* at = from;
    for (int64_t kw = 0; kw < p.kernel[2]; ++kw, w += kChannelGroup, at += p.dilation[2] * kChannelGroup) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const V weight = hn::LoadU(d, w + v * kLanes);
#pragma GCC unroll 8
        for (int i = 0; i < kN; ++i)
          acc[i * kVectors + v] = hn::MulAdd(weight, hn::LoadU(d, at + i * step + v * kLanes), acc[i * kVectors + v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kN * kVectors; ++i) hn::StoreU(acc[i], d, to + i * kLanes);
}

template <int kN>
HWY_INLINE void Rest(const Problem& p, const ChannelTile& t, int64_t n, int64_t k_begin, int64_t k_end,
                     const float* from, float* to) {
  if constexpr (kN > 0) {
    if (n == kN) return Pixels<kN>(p, t, k_begin, k_end, from, to);
    Rest<kN - 1>(p, t, n, k_begin, k_end, from, to);
  }
}

void ChannelRows(const Problem& p, const ChannelTile& t) {
  float* to = t.out;
  for (int64_t row = t.row_begin; row < t.row_end; ++row) {
    // Kernel rows that meet the input.
    const int64_t first = row * p.stride[1] - p.pad[1], dilation = p.dilation[1];
    const int64_t k_begin = first >= 0 ? 0 : std::min(p.kernel[1], (-first + dilation - 1) / dilation);
    const int64_t k_end =
        std::clamp(p.in[1] > first ? (p.in[1] - first + dilation - 1) / dilation : 0, k_begin, p.kernel[1]);
    const float* from =
        t.in + (k_begin < k_end ? first + k_begin * dilation - t.in_begin : 0) * t.width * kChannelGroup;
    const int64_t step = p.stride[2] * kChannelGroup;
    int64_t column = 0;
    for (; column + kPixels <= p.out[2]; column += kPixels)
      Pixels<kPixels>(p, t, k_begin, k_end, from + column * step, to + column * kChannelGroup);
    Rest<kPixels - 1>(p, t, p.out[2] - column, k_begin, k_end, from + column * step, to + column * kChannelGroup);
    to += p.out[2] * kChannelGroup;
  }
}

}  // namespace onda::conv::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::conv {
namespace {

HWY_EXPORT(ChannelRows);

const uint32_t* Bits(const float* p) { return reinterpret_cast<const uint32_t*>(p); }
uint32_t* Bits(float* p) { return reinterpret_cast<uint32_t*>(p); }

// Input rows [begin, end) of `channels` planes into `padded`, short ones by way of `plain`.
void FillTile(const Problem& p, const ChannelTiling& t, const float* x, int64_t channels, int64_t begin, int64_t end,
              float* plain, float* padded) {
  const int64_t skipped = t.lo - p.pad[2];  // columns of the input before the first that is met
  auto transpose = [&](int64_t from, int64_t pixels, float* to) {
    if (channels < kChannelGroup) std::fill_n(to, pixels * kChannelGroup, 0.0f);
    TransposePlane(Bits(x + from), p.in_size(), Bits(to), kChannelGroup, pixels, channels);
  };
  if (t.together(p)) transpose(begin * p.in[2], (end - begin) * p.in[2], plain);
  for (int64_t r = 0; r < end - begin; ++r) {
    float* const row = padded + r * t.width * kChannelGroup;
    float* const inside = row + t.lo * kChannelGroup;
    std::fill(row, inside, 0.0f);
    if (t.together(p)) {
      std::copy_n(plain + (r * p.in[2] + skipped) * kChannelGroup, (t.hi - t.lo) * kChannelGroup, inside);
    } else {
      transpose((begin + r) * p.in[2] + skipped, t.hi - t.lo, inside);
    }
    std::fill_n(row + t.hi * kChannelGroup, (t.width - t.hi) * kChannelGroup, 0.0f);
  }
}

void Finish(const Operands& o, int64_t first, int64_t out_size, int64_t channels, int64_t pixels, float* tile) {
  if (!o.addend) Apply(o.activation, tile, pixels * kChannelGroup);
  TransposePlane(Bits(tile), kChannelGroup, Bits(o.y + first), out_size, channels, pixels);
  if (!o.addend) return;
  for (int64_t c = 0; c < channels; ++c) {
    float* const y = o.y + first + c * out_size;
    const float* const addend = o.addend + first + c * out_size;
    for (int64_t i = 0; i < pixels; ++i) y[i] += addend[i];
    Apply(o.activation, y, pixels);
  }
}

int64_t ChannelGroups(const Problem& p) { return (p.groups + kChannelGroup - 1) / kChannelGroup; }

}  // namespace

bool TakesChannels(const Problem& p) {
  if (p.in_channels != 1 || p.out_channels != 1 || p.in[0] != 1 || p.out[0] != 1 || p.kernel[0] != 1 || p.pad[0] != 0)
    return false;
  // Nine positions are too few to pay for the transposition of long rows, which the other loops take well.
  if (p.groups < kChannelGroup / 2 || (p.kernel_size() <= 9 && p.in[2] > 40)) return false;
  for (int i : {1, 2})
    if (p.in[i] > 256 || p.out[i] > 256 || p.kernel[i] > 16 || p.dilation[i] > 16 || p.stride[i] > 16 || p.pad[i] < 0 ||
        p.pad[i] > 256)
      return false;
  const ChannelTiling t(p);
  return t.worker_floats(p) <= 8 * kTileFloats;
}

int64_t ChannelWeightSize(const Problem& p) { return ChannelGroups(p) * kChannelGroup * p.kernel_size(); }

void PackChannelWeights(const Problem& p, const float* w, float* out) {
  const int64_t taps = p.kernel_size();
  for (int64_t g = 0; g < ChannelGroups(p); ++g)
    for (int64_t k = 0; k < taps; ++k)
      for (int64_t c = 0; c < kChannelGroup; ++c) {
        const int64_t channel = g * kChannelGroup + c;
        *out++ = channel < p.groups ? w[channel * taps + k] : 0.0f;
      }
}

size_t ChannelsWorkspaceBytes(const Problem& p, int threads) {
  return static_cast<size_t>(threads * ChannelTiling(p).worker_floats(p)) * sizeof(float);
}

void RunDepthwiseChannels(const Problem& p, const Operands& o, const float* weights, const Parallel& parallel,
                          void* workspace) {
  const ChannelTiling t(p);
  const auto run = HWY_DYNAMIC_DISPATCH(ChannelRows);
  const int64_t groups = ChannelGroups(p), tiles = p.batch * groups * t.row_tiles;
  const int64_t work = t.rows * p.out[2] * kChannelGroup * p.kernel_size();
  const int workers = tiles * work < 200000 ? 1 : parallel.threads;
  const int64_t chunk = std::max<int64_t>(1, 65536 / std::max<int64_t>(1, work));
  parallel.ForTasks(workers, (tiles + chunk - 1) / chunk, [&](int worker, int64_t task) {
    float* const plain = static_cast<float*>(workspace) + worker * t.worker_floats(p);
    float* const padded = plain + kChannelGroup * t.plain_pixels(p);
    float* const out = padded + kChannelGroup * t.padded_pixels();
    for (int64_t i = task * chunk; i < std::min(tiles, (task + 1) * chunk); ++i) {
      const int64_t group = i / t.row_tiles % groups, item = i / t.row_tiles / groups;
      const int64_t channel = group * kChannelGroup, channels = std::min(kChannelGroup, p.groups - channel);
      ChannelTile tile{};
      tile.row_begin = i % t.row_tiles * t.rows;
      tile.row_end = std::min(p.out[1], tile.row_begin + t.rows);
      if (tile.row_begin >= tile.row_end) continue;
      const int64_t first = tile.row_begin * p.stride[1] - p.pad[1];
      const int64_t last = (tile.row_end - 1) * p.stride[1] - p.pad[1] + (p.kernel[1] - 1) * p.dilation[1];
      tile.in_begin = std::clamp<int64_t>(first, 0, p.in[1]);
      tile.in_end = std::clamp<int64_t>(last + 1, tile.in_begin, p.in[1]);
      float bias[kChannelGroup] = {};
      if (o.bias) std::copy_n(o.bias + channel, channels, bias);
      const int64_t plane = item * p.groups + channel;
      FillTile(p, t, o.x + plane * p.in_size(), channels, tile.in_begin, tile.in_end, plain, padded);
      tile.in = padded, tile.out = out, tile.bias = bias, tile.width = t.width;
      tile.weights = weights + channel * p.kernel_size();
      run(p, tile);
      Finish(o, plane * p.out_size() + tile.row_begin * p.out[2], p.out_size(), channels,
             (tile.row_end - tile.row_begin) * p.out[2], out);
    }
  });
}

}  // namespace onda::conv
#endif
