// A task is a band of output rows of one batch item and group. Its positions are numbered along the rows of the phases,
// padding included: position r * pitch + w is output (r, w) of the band, those with w beyond the row are computed and
// dropped.
#include "kernels/conv/direct.h"

#include <algorithm>

#include "kernels/matmul/sgemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/direct.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/matmul/tile-inl.h"
#include "kernels/simd/clamp-inl.h"

#ifndef ONDA_KERNELS_CONV_DIRECT_PLAN_
#define ONDA_KERNELS_CONV_DIRECT_PLAN_
namespace onda::conv {

using matmul::CeilDiv;

// Floats of a band's image to aim at: it stays in the second-level cache beside the weights.
constexpr int64_t kBandFloats = int64_t{1} << 16;
// More weights than these come from too far away for each run of positions.
constexpr int64_t kMaxWeights = int64_t{1} << 18;
// What a vector of a patch costs more to make than one of the image, in vector multiply-additions. Measured, with one
// thread and two.
constexpr int64_t kPatchCost = 2;
// Floats of the image under a tile: more do not stay near while rows of weights pass over them.
constexpr int64_t kMaxTileFloats = 24576;
// Positions of a band that fill registers, and bands that threads are to have between them.
constexpr int64_t kMinPositions = 48, kBandsPerThread = 3;

struct DirectPlan {
  int64_t pitch;               // floats of a row of a phase
  int64_t phases_h, phases_w;  // of each channel
  int64_t rows;                // outputs of a band
  int64_t bands;
  int64_t phase_rows;  // rows of a phase under a band
  int64_t k;           // weights of an output channel
  bool parallel;       // worth waking threads for

  // More threads make more bands, no larger ones.
  DirectPlan(const Problem& p, int threads) {
    const int64_t reach_h = (p.kernel[1] - 1) * p.dilation[1], reach_w = (p.kernel[2] - 1) * p.dilation[2];
    pitch = p.out[2] + reach_w / p.stride[2];
    // Phases that no kernel position sees are left out.
    phases_h = std::min(p.stride[1], reach_h + 1), phases_w = std::min(p.stride[2], reach_w + 1);
    const int64_t halo = reach_h / p.stride[1];
    const int64_t row_floats = std::max<int64_t>(1, p.in_channels * phases_h * phases_w * pitch);
    rows = std::clamp<int64_t>(kBandFloats / row_floats - halo, std::min(4 * halo + 4, p.out[1]), p.out[1]);
    bands = CeilDiv(p.out[1], rows);
    k = p.in_channels * p.kernel_size();
    const double work = static_cast<double>(p.batch * p.groups * p.out_channels) * static_cast<double>(p.out_size()) *
                        static_cast<double>(k);
    parallel = threads > 1 && work > static_cast<double>(kMinParallelWork);
    if (parallel) {
      const int64_t wanted = CeilDiv(kBandsPerThread * threads, p.batch * p.groups);
      bands = std::max(bands, std::min(wanted, p.out[1] / CeilDiv(kMinPositions, pitch)));
    }
    rows = CeilDiv(p.out[1], bands);
    bands = CeilDiv(p.out[1], rows);
    phase_rows = rows + halo;
  }
  int64_t under_tile(int64_t columns, int64_t channels) const {
    return channels * phases_h * phases_w * (columns + (phase_rows - rows) * pitch);
  }
  int64_t plane() const { return phase_rows * pitch; }
  int64_t positions(int64_t band_rows, int64_t width) const { return (band_rows - 1) * pitch + width; }
};

}  // namespace onda::conv
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::conv::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using matmul::HWY_NAMESPACE::kLanes;
using matmul::HWY_NAMESPACE::kMr;
using matmul::HWY_NAMESPACE::kNv;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr int64_t kColumns = kNv * kLanes;

// Floats of one worker: the band's phases with what tiles read behind them, a tile of results with a vector behind it
// that FinishRow may read, and the offsets of kernel positions.
int64_t ImageFloats(const Problem& p, const DirectPlan& plan) {
  return CeilDiv(p.in_channels * plan.phases_h * plan.phases_w * plan.plane() + kColumns, 16) * 16;
}
size_t WorkerBytes(const Problem& p, const DirectPlan& plan) {
  const int64_t offsets = CeilDiv(plan.k, 16) * 16 + kLanes;
  return sizeof(float) * static_cast<size_t>(ImageFloats(p, plan) + kMr * kColumns + offsets);
}

// Sums of R channels at NV vectors of positions, with their bias, into `out` (R, kColumns).
template <int R, int NV>
HWY_NOINLINE void Tile(const float* HWY_RESTRICT a, const float* bias, const float* HWY_RESTRICT image,
                       const int32_t* HWY_RESTRICT offsets, int64_t k, float* HWY_RESTRICT out) {
  const D d;
  V acc[R][NV];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) acc[r][v] = hn::Set(d, bias ? bias[r] : 0.0f);
  for (int64_t i = 0; i < k; ++i, a += R) {
    const float* b = image + offsets[i];
    V bv[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) bv[v] = hn::LoadU(d, b + v * kLanes);
    hwy::Prefetch(a + matmul::HWY_NAMESPACE::kAhead);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const V av = hn::Set(d, a[r]);
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) acc[r][v] = hn::MulAdd(av, bv[v], acc[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) hn::StoreU(acc[r][v], d, out + r * kColumns + v * kLanes);
}

using TileFn = void (*)(const float*, const float*, const float*, const int32_t*, int64_t, float*);
struct TileTable {
  TileFn fn[kMr][kNv];

  template <int R>
  constexpr void Fill() {
    fn[R - 1][0] = Tile<R, 1>, fn[R - 1][1] = Tile<R, 2>, fn[R - 1][2] = Tile<R, 3>;
    if constexpr (R > 1) Fill<R - 1>();
  }
  constexpr TileTable() : fn() { Fill<kMr>(); }
};
constexpr TileTable kTiles;

// Row `row` of the padded image, columns of phase `phase` on, every stride-th: `pitch` floats.
void CopyRow(const Problem& p, const float* channel, int64_t row, int64_t phase, int64_t pitch, float* out) {
  const int64_t y = row - p.pad[1], stride = p.stride[2];
  if (y < 0 || y >= p.in[1]) {
    std::fill_n(out, pitch, 0.0f);
    return;
  }
  // Column i of the phase is column phase + i * stride - pad of the image.
  const int64_t start = phase - p.pad[2];
  const int64_t first = std::min(pitch, start >= 0 ? 0 : CeilDiv(-start, stride));
  const int64_t last = std::clamp<int64_t>(CeilDiv(p.in[2] - start, stride), first, pitch);
  std::fill_n(out, first, 0.0f);
  std::fill_n(out + last, pitch - last, 0.0f);
  const float* in = channel + y * p.in[2] + start;
  if (stride == 1) {
    std::copy_n(in + first, last - first, out + first);
    return;
  }
  int64_t i = first;
#if HWY_TARGET != HWY_SCALAR
  if (stride == 2) {
    const D d;
    // The last float of a pair of vectors may lie behind the row.
    for (; i + kLanes < last; i += kLanes)
      hn::StoreU(hn::ConcatEven(d, hn::LoadU(d, in + 2 * i + kLanes), hn::LoadU(d, in + 2 * i)), d, out + i);
  }
#endif
  for (; i < last; ++i) out[i] = in[i * stride];
}

// One row of results to where it belongs.
void FinishRow(const Operands& o, const float* sums, int64_t n, const float* addend, float* y) {
  const D d;
  const bool clamp = o.activation.kind == ActivationKind::kClamp;
  const V lo = hn::Set(d, clamp ? o.activation.alpha : 0.0f), hi = hn::Set(d, clamp ? o.activation.beta : 0.0f);
  for (int64_t i = 0; i < n; i += kLanes) {
    const auto mask = hn::FirstN(d, static_cast<size_t>(std::min<int64_t>(kLanes, n - i)));
    V v = hn::LoadU(d, sums + i);
    if (addend) v = hn::Add(v, onda::HWY_NAMESPACE::MaskedLoad(mask, d, addend + i));
    if (clamp) v = onda::HWY_NAMESPACE::ClampKeepingNan(lo, hi, v);
    hn::BlendedStore(v, mask, d, y + i);
  }
}

void RunBand(const Problem& p, const DirectPlan& plan, const Operands& o, int64_t task, const Parallel& parallel,
             void* scratch) {
  const int64_t band = task % plan.bands, group = task / plan.bands % p.groups, item = task / plan.bands / p.groups;
  const int64_t row0 = band * plan.rows, rows = std::min(plan.rows, p.out[1] - row0);
  float* const image = static_cast<float*>(scratch);
  float* const sums = image + ImageFloats(p, plan);
  int32_t* const offsets = reinterpret_cast<int32_t*>(sums + kMr * kColumns + kLanes);

  const int64_t plane = plan.plane(), phases = plan.phases_h * plan.phases_w;
  const float* x = o.x + (item * p.groups + group) * p.in_channels * p.in_size();
  for (int64_t c = 0; c < p.in_channels; ++c)
    for (int64_t h = 0; h < plan.phases_h; ++h)
      for (int64_t w = 0; w < plan.phases_w; ++w) {
        float* out = image + (c * phases + h * plan.phases_w + w) * plane;
        for (int64_t r = 0; r < plan.phase_rows; ++r, out += plan.pitch)
          CopyRow(p, x + c * p.in_size(), (row0 + r) * p.stride[1] + h, w, plan.pitch, out);
      }
  std::fill_n(image + p.in_channels * phases * plane, kColumns, 0.0f);
  int32_t* offset = offsets;
  for (int64_t c = 0; c < p.in_channels; ++c)
    for (int64_t kh = 0; kh < p.kernel[1]; ++kh)
      for (int64_t kw = 0; kw < p.kernel[2]; ++kw) {
        const int64_t h = kh * p.dilation[1], w = kw * p.dilation[2];
        const int64_t phase = h % p.stride[1] * plan.phases_w + w % p.stride[2];
        *offset++ = static_cast<int32_t>((c * phases + phase) * plane + h / p.stride[1] * plan.pitch + w / p.stride[2]);
      }

  const int64_t m = p.out_channels, mr = matmul::HWY_NAMESPACE::PanelRows(m), width = p.out[2];
  const int64_t positions = plan.positions(rows, width);
  const float* weights = o.weights + group * m * plan.k;
  const bool apply = o.activation.kind != ActivationKind::kNone && o.activation.kind != ActivationKind::kClamp;
  for (int64_t n = 0; n < positions && !parallel.stop_requested(); n += kColumns) {
    const int64_t columns = std::min(kColumns, positions - n);
    for (int64_t i = 0; i < m; i += mr) {
      const int64_t height = std::min(mr, m - i);
      kTiles.fn[height - 1][CeilDiv(columns, kLanes) - 1](
          weights + i * plan.k, o.bias ? o.bias + group * m + i : nullptr, image + n, offsets, plan.k, sums);
      for (int64_t at = n; at < n + columns;) {
        const int64_t r = at / plan.pitch, w = at % plan.pitch, run = std::min(n + columns - at, plan.pitch - w);
        const int64_t count = std::min(run, width - w);
        if (count > 0) {
          for (int64_t j = 0; j < height; ++j) {
            const int64_t to = (((item * p.groups + group) * m + i + j) * p.out[1] + row0 + r) * width + w;
            FinishRow(o, sums + j * kColumns + at - n, count, o.addend ? o.addend + to : nullptr, o.y + to);
            if (apply) Apply(o.activation, o.y + to, count);
          }
        }
        at += run;
      }
    }
  }
}

// Runs of positions against patches of outputs, in vector multiply-additions per weight.
bool IsFaster(const Problem& p, const DirectPlan& plan) {
  if (plan.under_tile(kColumns, p.in_channels) > kMaxTileFloats) return false;
  const int64_t last = p.out[1] - (plan.bands - 1) * plan.rows;
  const int64_t vectors = (plan.bands - 1) * CeilDiv(plan.positions(plan.rows, p.out[2]), kLanes) +
                          CeilDiv(plan.positions(last, p.out[2]), kLanes);
  return vectors * p.out_channels < CeilDiv(p.out_size(), kLanes) * (p.out_channels + kPatchCost);
}

}  // namespace onda::conv::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::conv {

HWY_EXPORT(WorkerBytes);
HWY_EXPORT(RunBand);
HWY_EXPORT(IsFaster);

namespace {

size_t RoundedWorkerBytes(const Problem& p, const DirectPlan& plan) {
  return (HWY_DYNAMIC_DISPATCH(WorkerBytes)(p, plan) + 127) / 64 * 64;
}

}  // namespace

bool IsDirect(const Problem& p) {
  constexpr int64_t kMaxSide = int64_t{1} << 20;
  if (p.in[0] != 1 || p.out[0] != 1 || p.kernel[0] != 1 || p.pad[0] != 0) return false;
  if (p.kernel_size() == 1 || p.in_channels == 0 || p.out_channels == 0 || p.out_size() == 0) return false;
  for (int i = 1; i < 3; ++i)
    for (int64_t side : {p.in[i], p.out[i], p.kernel[i] * p.dilation[i], p.stride[i], p.pad[i], p.in_channels})
      if (side > kMaxSide || side < 0) return false;
  const double weights =
      static_cast<double>(p.out_channels) * static_cast<double>(p.in_channels) * static_cast<double>(p.kernel_size());
  if (weights > kMaxWeights) return false;
  // The same for any number of threads, so that results are.
  const DirectPlan plan(p, 1);
  const double image = static_cast<double>(p.in_channels) * static_cast<double>(plan.phases_h * plan.phases_w) *
                       static_cast<double>(plan.plane());
  return image <= 4 * kBandFloats && HWY_DYNAMIC_DISPATCH(IsFaster)(p, plan);
}

size_t DirectWorkspaceBytes(const Problem& p, int threads) {
  return static_cast<size_t>(threads) * RoundedWorkerBytes(p, DirectPlan(p, 1));
}

void RunDirect(const Problem& p, const Operands& o, const Parallel& parallel, void* workspace) {
  const DirectPlan plan(p, parallel.threads);
  const auto run_band = HWY_DYNAMIC_DISPATCH(RunBand);
  const size_t bytes = RoundedWorkerBytes(p, plan);
  parallel.ForTasks(
      plan.parallel ? parallel.threads : 1, p.batch * p.groups * plan.bands, [&](int worker, int64_t task) {
        run_band(p, plan, o, task, parallel, static_cast<char*>(workspace) + static_cast<size_t>(worker) * bytes);
      });
}

}  // namespace onda::conv
#endif
