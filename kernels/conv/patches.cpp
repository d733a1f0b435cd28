#include "kernels/conv/patches.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/patches.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/masked-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::conv::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

constexpr int kLanes = HWY_LANES(float);

// At most a vector's worth of neighbouring outputs of one output row, seen from one kernel position.
struct Piece {
  int64_t offset;  // of the first output's input element, from the channel's start
  int32_t column;  // in the panel
  int32_t count;
  uint32_t valid;  // bit i * stride: output i reads inside the image. 0: all padding, offset unused
};

// Kernel positions whose pieces are worked out once per panel, if they fit.
constexpr int64_t kMaxPieces = 1024;

// An output position.
struct Position {
  int64_t d, h, w;
};

// `width` output positions from `start` on, as seen from kernel position (kd, kh, kw). kStride: 1, 2, or 0 for what the
// problem says. Returns the piece count, at most `width`.
template <int kStride>
HWY_INLINE int64_t FindPieces(const Problem& p, const Position& start, int64_t width, int64_t kd, int64_t kh,
                              int64_t kw, Piece* out) {
  const int64_t stride = kStride ? kStride : p.stride[2];
  int64_t n = 0;
  int64_t ow = start.w, oh = start.h, od = start.d;
  for (int64_t column = 0; column < width;) {
    const int64_t run = std::min(p.out[2] - ow, width - column);
    const int64_t id = od * p.stride[0] - p.pad[0] + kd * p.dilation[0];
    const int64_t ih = oh * p.stride[1] - p.pad[1] + kh * p.dilation[1];
    const bool inside = id >= 0 && id < p.in[0] && ih >= 0 && ih < p.in[1];
    const int64_t row = (id * p.in[1] + ih) * p.in[2];
    for (int64_t t = 0; t < run; t += kLanes) {
      const int64_t count = std::min<int64_t>(kLanes, run - t);
      const int64_t iw = (ow + t) * stride - p.pad[2] + kw * p.dilation[2];
      Piece& piece = out[n++];
      piece = {0, static_cast<int32_t>(column + t), static_cast<int32_t>(count), 0};
      if (!inside) continue;
      // 0 <= iw + i * stride < in
      const int64_t first = iw >= 0 ? 0 : (-iw + stride - 1) / stride;
      const int64_t last = iw >= p.in[2] ? 0 : std::min(count, (p.in[2] - 1 - iw) / stride + 1);
      if (first >= last) continue;
      piece.offset = row + iw;
      const int step = stride == 2 ? 2 : 1;
      const uint64_t below = (uint64_t{1} << (step * last)) - 1, skipped = (uint64_t{1} << (step * first)) - 1;
      piece.valid = static_cast<uint32_t>(below & ~skipped) & (stride == 2 ? 0x55555555u : ~0u);
    }
    column += run;
    ow = 0;
    if (++oh == p.out[1]) oh = 0, ++od;
  }
  return n;
}

// Writes whole vectors: what spills past the piece is overwritten by the next piece or row, or lies in the panel's
// slack.
template <int kStride>
HWY_INLINE void CopyPiece(const float* channel, int64_t stride, const Piece& piece, float* out) {
  out += piece.column;
  if constexpr (kStride == 1) {
    const D d;
    uint8_t bits[8] = {};
    std::memcpy(bits, &piece.valid, sizeof(piece.valid));
    hn::StoreU(onda::HWY_NAMESPACE::MaskedLoad(hn::LoadMaskBits(d, bits), d, channel + piece.offset), d, out);
#if HWY_TARGET != HWY_SCALAR
  } else if constexpr (kStride == 2) {
    const D d;
    uint8_t lo[8] = {}, hi[8] = {};
    const uint32_t upper = static_cast<uint32_t>(uint64_t{piece.valid} >> kLanes);
    std::memcpy(lo, &piece.valid, sizeof(piece.valid));
    std::memcpy(hi, &upper, sizeof(upper));
    const float* in = channel + piece.offset;
    const auto v0 = onda::HWY_NAMESPACE::MaskedLoad(hn::LoadMaskBits(d, lo), d, in);
    const auto v1 = onda::HWY_NAMESPACE::MaskedLoad(hn::LoadMaskBits(d, hi), d, in + kLanes);
    hn::StoreU(hn::ConcatEven(d, v1, v0), d, out);
#endif
  } else {
    const int bit = kStride == 2 ? 2 : 1;
    for (int32_t i = 0; i < piece.count; ++i)
      out[i] = (piece.valid >> (bit * i)) & 1 ? channel[piece.offset + i * stride] : 0.0f;
  }
}

template <int kStride>
void PackRows(const Problem& p, const float* x, int64_t k0, int64_t kc, int64_t column0, int64_t width,
              int64_t row_step, float* out) {
  Piece pieces[kMaxPieces];
  const int64_t positions = p.kernel_size(), plane = p.in_size();
  const Position start{column0 / (p.out[2] * p.out[1]), column0 / p.out[2] % p.out[1], column0 % p.out[2]};
  const int64_t per_position = FindPieces<kStride>(p, start, width, 0, 0, 0, pieces);
  const bool table = positions * per_position <= kMaxPieces && kc > positions;
  if (table) {
    Piece* to = pieces;
    for (int64_t kd = 0; kd < p.kernel[0]; ++kd)
      for (int64_t kh = 0; kh < p.kernel[1]; ++kh)
        for (int64_t kw = 0; kw < p.kernel[2]; ++kw) to += FindPieces<kStride>(p, start, width, kd, kh, kw, to);
  }

  const float* channel = x + k0 / positions * plane;
  int64_t position = k0 % positions;
  for (int64_t k = 0; k < kc; ++k, out += row_step) {
    const Piece* now = pieces;
    if (table) {
      now += position * per_position;
    } else {
      FindPieces<kStride>(p, start, width, position / (p.kernel[1] * p.kernel[2]), position / p.kernel[2] % p.kernel[1],
                          position % p.kernel[2], pieces);
    }
    for (int64_t i = 0; i < per_position; ++i) CopyPiece<kStride>(channel, p.stride[2], now[i], out);
    if (++position == positions) position = 0, channel += plane;
  }
}

void Pack(const void* self, int64_t item, int64_t k0, int64_t kc, int64_t n0, int64_t width, int64_t row_step,
          float* out) {
  const Patches& patches = *static_cast<const Patches*>(self);
  const Problem& p = *patches.problem;
  const float* x = patches.x + item * p.in_channels * p.in_size();
  switch (p.stride[2]) {
    case 1:
      return PackRows<1>(p, x, k0, kc, n0, width, row_step, out);
    case 2:
      return PackRows<2>(p, x, k0, kc, n0, width, row_step, out);
    default:
      return PackRows<0>(p, x, k0, kc, n0, width, row_step, out);
  }
}

}  // namespace onda::conv::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::conv {

HWY_EXPORT(Pack);

matmul::BSource PatchSource(const Patches& patches) { return {&patches, &HWY_DYNAMIC_DISPATCH(Pack)}; }

}  // namespace onda::conv
#endif
