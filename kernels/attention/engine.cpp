// fp32 attention: a task takes a block of queries of one head, forms their scores against all keys that they may see
// with the packed matrix product, turns each row into exponentials, multiplies by the values, and divides by the sums
// at the end. Where there is one query, the query heads that share a key head form the block. Keys and values are read
// where they are: the past, then what is new.
#include <limits>

#include "kernels/attention/attention.h"
#include "kernels/matmul/sgemm.h"
#include "kernels/simd/launch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/engine.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h
#include "kernels/simd/float_math-inl.h"
#include "kernels/simd/masked-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::attention::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// s[i] = exp(cap(s[i]) + bias[i] - max), and the sum of all. bias: null, floats, or bytes that say whether to keep. A
// sink takes part in the maximum and the sum. Rows that keep nothing become 0, with sum 0.
float ExpRow(float* s, int64_t n, float softcap, const float* bias, const uint8_t* keep, const float* sink) {
  const D d;
  const hn::Rebind<uint8_t, D> du8;
  const hn::RebindToUnsigned<D> du;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  V vmax = lowest;
  const V cap = hn::Set(d, softcap), inverse = hn::Set(d, softcap == 0 ? 0 : 1 / softcap);
  const bool plain = softcap == 0 && !bias && !keep;
  auto score = [&](V v, V b) HWY_ATTR {
    if (softcap != 0) v = hn::Mul(cap, onda::HWY_NAMESPACE::vf::Tanh(hn::Mul(v, inverse)));
    if (bias) v = hn::IfThenElse(hn::Eq(b, lowest), lowest, hn::Add(v, b));
    return v;
  };
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    V v = hn::LoadU(d, s + i);
    if (!plain) {
      v = score(v, bias ? hn::LoadU(d, bias + i) : v);
      if (keep) {
        const auto kept = hn::PromoteTo(du, hn::LoadU(du8, keep + i));
        v = hn::IfThenElse(hn::RebindMask(d, hn::Ne(kept, hn::Zero(du))), v, lowest);
      }
      hn::StoreU(v, d, s + i);
    }
    vmax = hn::Max(vmax, v);
  }
  const int64_t rest = n - i;
  const auto tail = hn::FirstN(d, static_cast<size_t>(rest));
  if (rest > 0) {
    if (keep)
      for (int64_t k = i; k < n; ++k)
        if (!keep[k]) s[k] = -std::numeric_limits<float>::infinity();
    V v = score(onda::HWY_NAMESPACE::MaskedLoad(tail, d, s + i),
                bias ? onda::HWY_NAMESPACE::MaskedLoad(tail, d, bias + i) : hn::Zero(d));
    if (keep && softcap != 0)
      v = hn::IfThenElse(hn::Eq(onda::HWY_NAMESPACE::MaskedLoad(tail, d, s + i), lowest), lowest, v);
    hn::BlendedStore(v, tail, d, s + i);
    vmax = hn::Max(vmax, hn::IfThenElse(tail, v, lowest));
  }
  float max = hn::GetLane(hn::MaxOfLanes(d, vmax));
  const bool none = max == -std::numeric_limits<float>::infinity();
  if (sink) max = std::max(max, *sink);
  if (none) {
    std::fill_n(s, n, 0.0f);
    return 0;
  }
  const V m = hn::Set(d, max);
  V vsum = hn::Zero(d);
  auto exponential = [&](V v) HWY_ATTR { return onda::HWY_NAMESPACE::vf::ExpNonPositive(hn::Sub(v, m)); };
  for (i = 0; i + lanes <= n; i += lanes) {
    const V e = exponential(hn::LoadU(d, s + i));
    vsum = hn::Add(vsum, e);
    hn::StoreU(e, d, s + i);
  }
  if (rest > 0) {
    const V e = exponential(onda::HWY_NAMESPACE::MaskedLoad(tail, d, s + i));
    vsum = hn::Add(vsum, hn::IfThenElseZero(tail, e));
    hn::BlendedStore(e, tail, d, s + i);
  }
  return hn::GetLane(hn::SumOfLanes(d, vsum)) + (sink ? std::exp(*sink - max) : 0);
}

// Rows (m, n) of y, `step` apart, over their sums; `empty` where the sum is 0.
void DivideRows(float* y, int64_t m, int64_t n, int64_t step, const float* sums, float empty) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < m; ++r, y += step) {
    if (sums[r] == 0) {
      std::fill_n(y, n, empty);
      continue;
    }
    const float scale = 1 / sums[r];
    int64_t i = 0;
    for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, y + i), hn::Set(d, scale)), d, y + i);
    for (; i < n; ++i) y[i] *= scale;
  }
}

}  // namespace onda::attention::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::attention {

HWY_EXPORT(ExpRow);
HWY_EXPORT(DivideRows);

namespace {

constexpr int64_t kScoreFloats = 131072;  // of a block: half of a second-level cache

// How a problem is cut.
struct Blocks {
  bool by_head;             // rows of a block are query heads, not queries
  int64_t rows, per_block;  // rows that share a K and a row stride; rows of a block
  int64_t per_head, tasks;
  int64_t score_floats, scratch_floats;
  int workers;

  Blocks(const Problem& a, int threads) {
    by_head = a.queries == 1;
    rows = by_head ? a.group() : a.queries;
    const int64_t heads = a.batch * (by_head ? a.kv_heads : a.q_heads);
    per_block = std::clamp<int64_t>(kScoreFloats / std::max<int64_t>(1, a.keys), 8, 128);
    // Enough tasks for all threads, but not so small that packing the keys outweighs the product.
    while (per_block > 32 && heads * ((rows + per_block - 1) / per_block) < 2 * threads) per_block /= 2;
    per_block = std::min(per_block, rows);
    per_head = per_block == 0 ? 0 : (rows + per_block - 1) / per_block;
    // Of one size: products of few rows group their sums otherwise, and results would depend on the threads.
    if (per_head > 0) per_block = (rows + per_head - 1) / per_head;
    tasks = heads * per_head;
    workers = static_cast<int>(std::min<int64_t>(threads, tasks));
    score_floats = (per_block * (a.keys + 2) + 15) / 16 * 16;
    scratch_floats = std::max(ProductFloats(per_block, a.keys, a.width), ProductFloats(per_block, a.v_width, a.keys));
  }
  // At least what a single-threaded product of at most (m, k) x (k, n) needs.
  static int64_t ProductFloats(int64_t m, int64_t n, int64_t k) {
    const int64_t left = (std::min<int64_t>(m, 256) + 16) * std::min<int64_t>(k, 256) + 8 * std::min<int64_t>(k, 2048);
    const int64_t right = (std::min<int64_t>(n, 384) + 64) * std::min<int64_t>(k, 256);
    return (left + right + 127) / 16 * 16;
  }
};

void Multiply(const matmul::Gemm& g, float* scratch, int64_t scratch_floats) {
  if (matmul::WorkspaceBytes(g, 1) > static_cast<size_t>(scratch_floats) * sizeof(float))
    throw Error(ErrorCode::kInternal, "attention's scratch memory is too small for a product");
  matmul::Run(g, Parallel{}, scratch);
}

void RunTask(const Problem& a, const Blocks& blocks, int64_t task, float* scores, float* scratch) {
  const int64_t row0 = task % blocks.per_head * blocks.per_block, head = task / blocks.per_head;
  const int64_t m = std::min(blocks.per_block, blocks.rows - row0);
  const int64_t b = head / (blocks.by_head ? a.kv_heads : a.q_heads);
  const int64_t kv = blocks.by_head ? head % a.kv_heads : head % a.q_heads / a.group();
  const int64_t h0 = blocks.by_head ? kv * a.group() + row0 : head % a.q_heads, i0 = blocks.by_head ? 0 : row0;
  auto h_of = [&](int64_t r) { return blocks.by_head ? h0 + r : h0; };
  auto i_of = [&](int64_t r) { return blocks.by_head ? 0 : i0 + r; };
  float* const sums = scores + m * a.keys;

  // What any row of the block may see.
  int64_t first = a.keys, last = 0;
  for (int64_t r = 0; r < m; ++r) {
    const auto [lo, hi] = a.Visible(b, i_of(r));
    if (lo < hi) first = std::min(first, lo), last = std::max(last, hi);
  }
  const int64_t n = std::max<int64_t>(0, last - first);
  const Heads& y = a.y;
  float* const out = static_cast<float*>(y.data) + y.at(b, h0, i0);
  const int64_t y_row = blocks.by_head ? y.head : y.row;
  if (n == 0) {
    for (int64_t r = 0; r < m; ++r) std::fill_n(out + r * y_row, a.v_width, a.empty_row);
    return;
  }

  // The past and the new part of [first, last).
  const int64_t cut = std::clamp(a.past, first, last);
  matmul::Gemm g;
  g.m = m;
  g.k = a.width;
  g.a = {a.q.floats(b, h0, i0), blocks.by_head ? a.q.head : a.q.row, 1};
  g.alpha = static_cast<float>(a.scale);
  g.ldc = n;
  auto score_part = [&](const Heads& keys, int64_t from, int64_t to, int64_t shift) {
    if (from >= to) return;
    g.n = to - from;
    g.b = {keys.floats(b, kv, from - shift), 1, keys.row};
    g.c = scores + (from - first);
    Multiply(g, scratch, blocks.scratch_floats);
  };
  score_part(a.past_k, first, cut, 0);
  score_part(a.k, cut, last, a.past);

  const auto exp_row = HWY_DYNAMIC_DISPATCH(ExpRow);
  for (int64_t r = 0; r < m; ++r) {
    const int64_t h = h_of(r), i = i_of(r);
    const auto [lo, hi] = a.Visible(b, i);
    float* const row = scores + r * n;
    const int64_t skip = std::clamp<int64_t>(lo - first, 0, n), stop = std::clamp<int64_t>(hi - first, skip, n);
    std::fill_n(row, skip, 0.0f);
    std::fill(row + stop, row + n, 0.0f);
    const int64_t at = a.mask ? a.mask_at(b, h, i) + first + skip : 0;
    const bool keeps = a.mask_type == DType::kBool;
    const float* bias = a.mask && !keeps ? static_cast<const float*>(a.mask) + at : nullptr;
    const uint8_t* keep = a.mask && keeps ? static_cast<const uint8_t*>(a.mask) + at : nullptr;
    sums[r] = stop == skip ? 0
                           : exp_row(row + skip, stop - skip, static_cast<float>(a.softcap), bias, keep,
                                     a.sink ? a.sink + h : nullptr);
  }

  matmul::Gemm p;
  p.m = m;
  p.n = a.v_width;
  p.c = out;
  p.ldc = y_row;
  auto value_part = [&](const Heads& values, int64_t from, int64_t to, int64_t shift) {
    if (from >= to) return;
    p.k = to - from;
    p.a = {scores + (from - first), n, 1};
    p.b = {values.floats(b, kv, from - shift), values.row, 1};
    Multiply(p, scratch, blocks.scratch_floats);
    p.addend = out;
    p.ld_addend = y_row;
  };
  value_part(a.past_v, first, cut, 0);
  value_part(a.v, cut, last, a.past);
  HWY_DYNAMIC_DISPATCH(DivideRows)(out, m, a.v_width, y_row, sums, a.empty_row);
}

}  // namespace

size_t EngineBytes(const Problem& a) {
  const Blocks blocks(a, MaxThreads()), few(a, 1);
  const int64_t floats = std::max(blocks.score_floats + blocks.scratch_floats, few.score_floats + few.scratch_floats);
  return sizeof(float) * static_cast<size_t>(floats) * static_cast<size_t>(std::max(1, blocks.workers));
}

void RunEngine(const LaunchArgs& args, const Problem& a, void* workspace) {
  const Parallel parallel = ParallelOf(args);
  const Blocks blocks(a, parallel.threads);
  const int64_t floats = blocks.score_floats + blocks.scratch_floats;
  float* const start = static_cast<float*>(workspace);
  parallel.ForTasks(blocks.workers, blocks.tasks, [&](int worker, int64_t task) {
    RunTask(a, blocks, task, start + worker * floats, start + worker * floats + blocks.score_floats);
  });
}

}  // namespace onda::attention
#endif
