// The register tile: R rows times NV vectors of C held in registers over a block of k. Included once per instruction
// set.
#if defined(ONDA_KERNELS_MATMUL_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ONDA_KERNELS_MATMUL_TILE_INL_H_
#undef ONDA_KERNELS_MATMUL_TILE_INL_H_
#else
#define ONDA_KERNELS_MATMUL_TILE_INL_H_
#endif

#include <cstdint>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/matmul/sgemm.h"
#include "kernels/simd/clamp-inl.h"
#include "kernels/simd/masked-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::matmul::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr int kLanes = HWY_LANES(float);
// 24 accumulators of AVX-512's 32 registers, 12 of the 16 that the others have; each loaded B vector feeds kMr FMAs,
// each broadcast of A feeds kNv.
constexpr int kMr = HWY_TARGET == HWY_AVX3 ? 8 : 4;
constexpr int kNv = 3;
constexpr int kNr = kNv * kLanes;
constexpr int kAhead = 512;      // floats of A that are asked for early
constexpr int kStepsAhead = 16;  // likewise, rows of B

// Rows of a panel of A of m rows. Equal ones: 9 rows are 5 + 4, not 8 + 1.
HWY_INLINE int64_t PanelRows(int64_t m) { return CeilDiv(m, CeilDiv(m, kMr)); }

// How a tile starts and ends. start = first ? beta * addend + row_bias + col_bias : C.
struct TileArgs {
  const float* a;  // element (r, k) at a[r + k * a_step]
  int64_t a_step;
  const float* b;  // element (k, j) at b[j + k * b_step]
  int64_t b_step;
  int64_t k;
  float* c;
  int64_t ldc;
  int64_t last_lanes;  // lanes in use of the last vector
  float alpha;
  bool first;
  bool clamp;
  float beta;
  const float* addend;  // NULL: none
  int64_t ld_addend;
  const float* row_bias;
  const float* col_bias;
  float lo, hi;
};

template <int R, int NV, bool kMasked>
HWY_NOINLINE void Tile(const TileArgs& t) {
  const D d;
  const auto mask = hn::FirstN(d, static_cast<size_t>(t.last_lanes));
  auto load = [&](const float* p, int v) HWY_ATTR {
    return kMasked && v == NV - 1 ? onda::HWY_NAMESPACE::MaskedLoad(mask, d, p + v * kLanes)
                                  : hn::LoadU(d, p + v * kLanes);
  };
  V acc[R][NV];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) acc[r][v] = hn::Zero(d);

  const float* HWY_RESTRICT a = t.a;
  const float* HWY_RESTRICT b = t.b;
  const int64_t a_step = t.a_step, b_step = t.b_step;
  for (int64_t k = t.k; k > 0; --k, a += a_step, b += b_step) {
    V bv[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      bv[v] = load(b, v);
      hwy::Prefetch(b + kStepsAhead * b_step + v * kLanes);
    }
    // One of both comes from far away where it is a layer's weights.
    hwy::Prefetch(a + kAhead);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const V av = hn::Set(d, a[r]);
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) acc[r][v] = hn::MulAdd(av, bv[v], acc[r][v]);
    }
  }

  float* const c = t.c;
  const int64_t ldc = t.ldc;
  const V alpha = hn::Set(d, t.alpha);
  if (!t.first) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) acc[r][v] = hn::MulAdd(alpha, acc[r][v], load(c + r * ldc, v));
  } else {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const V bias = hn::Set(d, t.row_bias ? t.row_bias[r] : 0.0f);
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) acc[r][v] = hn::MulAdd(alpha, acc[r][v], bias);
    }
    if (t.addend) {
      const V beta = hn::Set(d, t.beta);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) acc[r][v] = hn::MulAdd(beta, load(t.addend + r * t.ld_addend, v), acc[r][v]);
    }
    if (t.col_bias) {
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) {
        const V bias = load(t.col_bias, v);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) acc[r][v] = hn::Add(acc[r][v], bias);
      }
    }
  }
  if (t.clamp) {
    const V lo = hn::Set(d, t.lo), hi = hn::Set(d, t.hi);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < NV; ++v) acc[r][v] = onda::HWY_NAMESPACE::ClampKeepingNan(lo, hi, acc[r][v]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) {
      if (kMasked && v == NV - 1) {
        hn::BlendedStore(acc[r][v], mask, d, c + r * ldc + v * kLanes);
      } else {
        hn::StoreU(acc[r][v], d, c + r * ldc + v * kLanes);
      }
    }
}

// Up to kNarrow columns: rows are the lanes, so that a few columns cost no more than they are. A panel of A holds
// kMr neighbouring rows, or the tile has one row.
constexpr int kNarrow = 4;
#if HWY_TARGET == HWY_SCALAR
constexpr int kRowLanes = 1;
#else
constexpr int kRowLanes = kMr;
#endif

template <int C>
HWY_NOINLINE void NarrowTile(const TileArgs& t, int64_t rows) {
  const hn::CappedTag<float, kRowLanes> d;
  using VR = hn::Vec<decltype(d)>;
  const auto mask = hn::FirstN(d, static_cast<size_t>(rows));
  // Chains of additions: enough of them to keep the units busy.
  constexpr int kChains = C >= 3 ? 2 : 4;
  VR acc[kChains][C];
#pragma GCC unroll 4
  for (int u = 0; u < kChains; ++u)
#pragma GCC unroll 4
    for (int j = 0; j < C; ++j) acc[u][j] = hn::Zero(d);
  const float* HWY_RESTRICT a = t.a;
  const float* HWY_RESTRICT b = t.b;
  int64_t k = t.k;
  for (; k >= kChains; k -= kChains, a += kChains * t.a_step, b += kChains * t.b_step) {
#pragma GCC unroll 4
    for (int u = 0; u < kChains; ++u) {
      const VR av = onda::HWY_NAMESPACE::MaskedLoad(mask, d, a + u * t.a_step);
      if (u % 2 == 0) hwy::Prefetch(a + u * t.a_step + 2 * kAhead);  // a cache line is two steps
#pragma GCC unroll 4
      for (int j = 0; j < C; ++j) acc[u][j] = hn::MulAdd(av, hn::Set(d, b[u * t.b_step + j]), acc[u][j]);
    }
  }
  for (; k > 0; --k, a += t.a_step, b += t.b_step) {
    const VR av = onda::HWY_NAMESPACE::MaskedLoad(mask, d, a);
#pragma GCC unroll 4
    for (int j = 0; j < C; ++j) acc[0][j] = hn::MulAdd(av, hn::Set(d, b[j]), acc[0][j]);
  }
  alignas(64) float sums[C][kMr];
#pragma GCC unroll 4
  for (int j = 0; j < C; ++j) {
#pragma GCC unroll 4
    for (int u = 1; u < kChains; ++u) acc[0][j] = hn::Add(acc[0][j], acc[u][j]);
    hn::StoreU(acc[0][j], d, sums[j]);
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int j = 0; j < C; ++j) {
      float& y = t.c[r * t.ldc + j];
      float v = t.alpha * sums[j][r];
      if (t.first) {
        v += t.row_bias ? t.row_bias[r] : 0.0f;
        if (t.addend) v += t.beta * t.addend[r * t.ld_addend + j];
        if (t.col_bias) v += t.col_bias[j];
      } else {
        v += y;
      }
      // NaN stays: no comparison with it holds.
      if (t.clamp) v = v < t.lo ? t.lo : v > t.hi ? t.hi : v;
      y = v;
    }
  }
}

using TileFn = void (*)(const TileArgs&);

// Tiles of 1..kMr rows; columns 0..kNv-1: that many vectors plus one, the last masked; column kNv: kNv full vectors.
template <int R>
constexpr void FillTileRow(TileFn (&row)[kNv + 1]) {
  row[0] = Tile<R, 1, true>;
  row[1] = Tile<R, 2, true>;
  row[2] = Tile<R, 3, true>;
  row[3] = Tile<R, 3, false>;
}

template <int R>
constexpr void FillTileRows(TileFn (&fn)[kMr][kNv + 1]) {
  FillTileRow<R>(fn[R - 1]);
  if constexpr (R > 1) FillTileRows<R - 1>(fn);
}

struct TileTable {
  TileFn fn[kMr][kNv + 1];

  constexpr TileTable() : fn() { FillTileRows<kMr>(fn); }
};
constexpr TileTable kTiles;

// Runs one tile of `rows` <= kMr rows and `cols` <= kNr columns.
HWY_INLINE void RunTile(int64_t rows, int64_t cols, TileArgs& t) {
  if (cols <= kNarrow && rows <= kRowLanes) {
    return cols == 1   ? NarrowTile<1>(t, rows)
           : cols == 2 ? NarrowTile<2>(t, rows)
           : cols == 3 ? NarrowTile<3>(t, rows)
                       : NarrowTile<4>(t, rows);
  }
  if (cols == kNr) {
    t.last_lanes = kLanes;
    kTiles.fn[rows - 1][kNv](t);
  } else {
    const int64_t vectors = (cols - 1) / kLanes;
    t.last_lanes = cols - vectors * kLanes;
    kTiles.fn[rows - 1][vectors](t);
  }
}

}  // namespace onda::matmul::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // ONDA_KERNELS_MATMUL_TILE_INL_H_
