#include "kernels/quantized/igemm.h"

#include <algorithm>
#include <limits>

#include "kernels/quantized/igemm_isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantized/igemm.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/masked-inl.h"

#ifndef ONDA_KERNELS_QUANTIZED_IGEMM_FINISH_
#define ONDA_KERNELS_QUANTIZED_IGEMM_FINISH_
namespace onda::quantized {

// A tile of sums of stored numbers. The true sum is c - a_zero * b_sum - b_zero * (a_sum - k * a_zero), where zero
// points and sums are those of the stored numbers.
struct FinishJob {
  const int32_t* c;  // (rows, step)
  int64_t rows, cols, step;
  bool correct;
  const int32_t *a_zero, *a_rest;  // a_rest = a_sum - k * a_zero
  const int32_t *b_zero, *b_sum;
  const Finish* finish;
  int64_t a_line, b_line, c_line;  // of the tile's first row and column
  void* out;
  int64_t ldc;
};

}  // namespace onda::quantized
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::quantized::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using DI = hn::ScalableTag<int32_t>;
using VI = hn::Vec<DI>;
constexpr int kLanes = HWY_LANES(int32_t);
constexpr int kRows = HWY_TARGET == HWY_AVX3 ? 8 : 4;

// Pairs of int16: a vector instruction multiplies and adds each pair exactly.
template <int R, int NV>
void WideTile(const IntTile& t) {
  const DI d;
  VI acc[R][NV];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < NV; ++v) acc[r][v] = hn::Zero(d);
  const int32_t* HWY_RESTRICT a = t.a;
  const int32_t* HWY_RESTRICT b = t.b;
  for (int64_t g = t.groups; g > 0; --g, a += t.rows_step, b += t.cols_step) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 3
      for (int v = 0; v < NV; ++v) {
#if HWY_TARGET == HWY_SCALAR
        const int32_t x = a[r], y = b[v];
        const int32_t lo = static_cast<int16_t>(x) * static_cast<int16_t>(y), hi = (x >> 16) * (y >> 16);
        acc[r][v] = hn::Add(acc[r][v], hn::Set(d, lo + hi));
#else
        const hn::Repartition<int16_t, DI> d16;
        VI unused = hn::Zero(d);
        acc[r][v] = hn::ReorderWidenMulAccumulate(d, hn::BitCast(d16, hn::Set(d, a[r])),
                                                  hn::BitCast(d16, hn::LoadU(d, b + v * kLanes)), acc[r][v], unused);
#endif
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
    for (int v = 0; v < NV; ++v) hn::StoreU(acc[r][v], d, t.c + r * t.cols_step + v * kLanes);
}

template <int R>
void WideRows(const IntTile& t, int64_t rows, int64_t vectors) {
  if constexpr (R > 1) {
    if (rows < R) return WideRows<R - 1>(t, rows, vectors);
  }
  vectors == 3 ? WideTile<R, 3>(t) : vectors == 2 ? WideTile<R, 2>(t) : WideTile<R, 1>(t);
}

void RunWideTile(const IntTile& t, int64_t rows, int64_t vectors, bool) { WideRows<kRows>(t, rows, vectors); }

void PackWide(const PackJob& job) {
  for (int64_t line = 0; line < job.lines; ++line) {
    const uint8_t* in = job.in.data + line * job.in.line_stride;
    const int32_t zero = job.in.zero[line];
    auto value = [&](int64_t k) -> int32_t {
      if (k >= job.k) return 0;
      const uint8_t byte = in[k * job.in.k_stride];
      return (job.in.is_signed ? static_cast<int8_t>(byte) : byte) - zero;
    };
    int32_t* out = job.out + line;
    for (int64_t k = 0; k < job.k; k += 2, out += job.stride)
      *out = static_cast<int32_t>((static_cast<uint32_t>(value(k + 1)) << 16) |
                                  (static_cast<uint32_t>(value(k)) & 0xffff));
    job.sums[line] = 0;
  }
}

const IntIsa* WideIsa() {
  static constexpr IntIsa kWide{kRows, 3 * kLanes, 2, false, PackWide, RunWideTile};
  return &kWide;
}

// One row of results, `n` columns from `c`, which are sums already corrected.
template <class T>
HWY_INLINE void Requantize(const FinishJob& job, int64_t row, const int32_t* c, T* out) {
  const DI di;
  const hn::RebindToFloat<DI> d;
  const hn::Rebind<T, DI> dt;
  const Finish& f = *job.finish;
  const float a_scale = f.a_scale[job.a_line + row], y_scale = f.y_scale[job.c_line + row];
  const float y_zero = static_cast<float>(f.y_zero[job.c_line + row]);
  const PerLine<float> b_scale = f.b_scale.From(job.b_line);
  const auto low = hn::Set(d, static_cast<float>(std::numeric_limits<T>::min()));
  const auto high = hn::Set(d, static_cast<float>(std::numeric_limits<T>::max()));
  auto factor = hn::Set(d, a_scale * b_scale[0] / y_scale);
  alignas(64) T last[kLanes];
  for (int64_t j = 0; j < job.cols; j += kLanes) {
    const int64_t n = std::min<int64_t>(kLanes, job.cols - j);
    if (b_scale.step) {
      const auto mask = hn::FirstN(d, static_cast<size_t>(n));
      factor = hn::Div(hn::Mul(hn::Set(d, a_scale), onda::HWY_NAMESPACE::MaskedLoad(mask, d, b_scale.data + j)),
                       hn::Set(d, y_scale));
    }
    auto q = hn::Round(hn::Mul(hn::ConvertTo(d, hn::LoadU(di, c + j)), factor));
    q = hn::Add(q, hn::Set(d, y_zero));
    q = hn::IfThenElse(hn::IsNaN(q), hn::Zero(d), hn::Min(high, hn::Max(low, q)));
    const auto narrow = hn::DemoteTo(dt, hn::ConvertTo(di, q));
    if (n == kLanes) {
      hn::StoreU(narrow, dt, out + j);
    } else {
      hn::StoreU(narrow, dt, last);
      for (int64_t i = 0; i < n; ++i) out[j + i] = last[i];
    }
  }
}

void FinishTile(const FinishJob& job) {
  const DI d;
  const Finish& f = *job.finish;
  alignas(64) int32_t line[kMaxTileCols + 16];
  for (int64_t r = 0; r < job.rows; ++r) {
    const int32_t* c = job.c + r * job.step;
    const int32_t bias = f.row_bias ? f.row_bias[job.c_line + r] : 0;
    const VI a_zero = hn::Set(d, job.correct ? job.a_zero[r] : 0), a_rest = hn::Set(d, job.correct ? job.a_rest[r] : 0);
    for (int64_t j = 0; j < job.cols; j += kLanes) {
      VI v = hn::Add(hn::LoadU(d, c + j), hn::Set(d, bias));
      if (job.correct) {
        v = hn::Sub(v, hn::Mul(a_zero, hn::LoadU(d, job.b_sum + j)));
        v = hn::Sub(v, hn::Mul(a_rest, hn::LoadU(d, job.b_zero + j)));
      }
      hn::StoreU(v, d, line + j);
    }
    switch (f.type) {
      case DType::kInt8:
        Requantize(job, r, line, static_cast<int8_t*>(job.out) + r * job.ldc);
        break;
      case DType::kUint8:
        Requantize(job, r, line, static_cast<uint8_t*>(job.out) + r * job.ldc);
        break;
      default:
        std::copy_n(line, job.cols, static_cast<int32_t*>(job.out) + r * job.ldc);
    }
  }
}

}  // namespace onda::quantized::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::quantized {
namespace {

HWY_EXPORT(WideIsa);
HWY_EXPORT(FinishTile);

const IntIsa& Isa() {
  static const IntIsa* const isa = VnniIsa() ? VnniIsa() : HWY_DYNAMIC_DISPATCH(WideIsa)();
  return *isa;
}

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A packed operand: panels of `width` lines, each (groups, width), then the sums of all lines, padded to whole panels.
struct PackedLayout {
  int64_t width, groups, panels;
  PackedLayout(int64_t lines, int64_t k, bool left)
      : width(left ? Isa().rows : Isa().cols), groups(CeilDiv(k, Isa().group)), panels(CeilDiv(lines, width)) {}
  int64_t panel(int64_t i) const { return i * width * groups; }
  int64_t sums() const { return panels * width * groups; }
  int64_t size() const { return sums() + panels * width; }
};

bool IsUnsigned(bool left, bool weights_left) { return left != weights_left; }

// Packs lines [0, lines) into the layout at `out`; `sums` has room for whole panels.
void PackPanels(const Lines& in, int64_t lines, int64_t k, bool left, bool weights_left, int32_t* out, int32_t* sums) {
  const PackedLayout layout(lines, k, left);
  for (int64_t i = 0; i < layout.panels; ++i) {
    const int64_t first = i * layout.width, count = std::min(layout.width, lines - first);
    int32_t* panel = out + layout.panel(i);
    if (count < layout.width) {
      std::fill_n(panel, layout.width * layout.groups, 0);
      std::fill_n(sums + first, layout.width, 0);
    }
    PackJob job{in, count, k, layout.width, IsUnsigned(left, weights_left), panel, sums + first};
    job.in.data += first * in.line_stride;
    job.in.zero = in.zero.From(first);
    Isa().pack(job);
  }
}

struct Plan {
  int64_t task_m, task_n, m_tasks, n_tasks, tasks;
  int64_t groups, a_ints, b_ints;
  int workers;

  Plan(const IntGemm& g, int threads) {
    const IntIsa& isa = Isa();
    groups = CeilDiv(g.k, isa.group);
    const int64_t m_panels = std::max<int64_t>(1, CeilDiv(g.m, isa.rows));
    const int64_t n_panels = std::max<int64_t>(1, CeilDiv(g.n, isa.cols));
    // A block of A stays in the second-level cache.
    int64_t tm = std::clamp<int64_t>((int64_t{1} << 16) / std::max<int64_t>(1, groups * isa.rows), 1, m_panels);
    int64_t tn = std::min<int64_t>(16, n_panels);
    const bool parallel = threads > 1 && static_cast<double>(g.m) * static_cast<double>(g.n) *
                                                 static_cast<double>(g.k) * static_cast<double>(g.items) >
                                             2e6;
    while (parallel && g.items * CeilDiv(m_panels, tm) * CeilDiv(n_panels, tn) < 3 * threads) {
      if (tn > 2) {
        tn = CeilDiv(tn, 2);
      } else if (tm > 4) {
        tm = CeilDiv(tm, 2);
      } else {
        break;
      }
    }
    task_m = tm * isa.rows, task_n = tn * isa.cols;
    m_tasks = CeilDiv(g.m, task_m), n_tasks = CeilDiv(g.n, task_n);
    tasks = g.items * m_tasks * n_tasks;
    workers = parallel ? static_cast<int>(std::min<int64_t>(threads, tasks)) : 1;
    a_ints = g.a.packed ? 0 : CeilDiv(tm * isa.rows * (groups + 1), 16) * 16;
    b_ints = g.b.packed ? 0 : CeilDiv(isa.cols * (groups + 1), 16) * 16;
  }
};

// Columns [n0, n0 + width) of B into one panel and its sums.
void PackColumns(const IntGemm& g, const uint8_t* b, int64_t item, int64_t b_line, int64_t n0, int64_t width,
                 int32_t* panel, int32_t* sums) {
  const IntIsa& isa = Isa();
  const bool is_unsigned = IsUnsigned(false, g.weights_left);
  if (!g.b_source) {
    Lines in = g.b;
    in.data = b + n0 * g.b.line_stride;
    in.zero = g.b.zero.From(b_line + n0);
    return PackPanels(in, width, g.k, false, g.weights_left, panel, sums);
  }
  const int64_t groups = CeilDiv(g.k, isa.group);
  if (width < isa.cols) std::fill_n(panel, groups * isa.cols, 0);
  std::fill_n(sums, isa.cols, 0);
  // Some rows at a time, so that they are interleaved while they are in the first-level cache.
  constexpr int64_t kRowsAtOnce = 64, kRowBytes = 64;
  alignas(64) uint8_t rows[kRowsAtOnce * kRowBytes];
  alignas(64) int32_t part[kMaxTileCols];
  for (int64_t k = 0; k < g.k; k += kRowsAtOnce) {
    const int64_t count = std::min(kRowsAtOnce, g.k - k);
    for (int64_t r = 0; r < count; ++r) g.b_source->row(g.b_source->self, item, k + r, n0, width, rows + r * kRowBytes);
    Lines in = g.b;
    in.data = rows;
    in.line_stride = 1;
    in.k_stride = kRowBytes;
    in.zero = g.b.zero.From(b_line + n0);
    isa.pack({in, width, count, isa.cols, is_unsigned, panel + k / isa.group * isa.cols, part});
    for (int64_t j = 0; j < width; ++j) sums[j] += part[j];
  }
}

void RunTask(const IntGemm& g, const Plan& p, int64_t task, int32_t* scratch) {
  const IntIsa& isa = Isa();
  const int64_t n_task = task % p.n_tasks, m_task = task / p.n_tasks % p.m_tasks, item = task / (p.n_tasks * p.m_tasks);
  const IntGemm::Offset at = g.offset ? g.offset(g.self, item) : IntGemm::Offset{};
  const int64_t m0 = m_task * p.task_m, n0 = n_task * p.task_n;
  const int64_t rows = std::min(p.task_m, g.m - m0), cols = std::min(p.task_n, g.n - n0);
  const int64_t size = BitsOf(g.finish.type) / 8;
  const auto finish_tile = HWY_DYNAMIC_DISPATCH(FinishTile);

  const int32_t *a, *a_sums;
  if (g.a.packed) {
    const PackedLayout layout(g.m, g.k, true);
    a = g.a.packed + at.a + layout.panel(m0 / isa.rows);
    a_sums = g.a.packed + at.a + layout.sums() + m0;
  } else {
    int32_t* sums = scratch + p.a_ints - CeilDiv(rows, isa.rows) * isa.rows;
    Lines in = g.a;
    in.data += at.a + m0 * g.a.line_stride;
    in.zero = g.a.zero.From(at.a_line + m0);
    PackPanels(in, rows, g.k, true, g.weights_left, scratch, sums);
    a = scratch, a_sums = sums;
  }
  const int32_t a_shift = ZeroShift(g.a, IsUnsigned(true, g.weights_left));
  const int32_t b_shift = ZeroShift(g.b, IsUnsigned(false, g.weights_left));
  const int32_t k = static_cast<int32_t>(g.k);

  alignas(64) int32_t c[kMaxTileRows * kMaxTileCols];
  alignas(64) int32_t b_zero[kMaxTileCols + 16] = {}, b_sum[kMaxTileCols + 16] = {};
  int32_t a_zero[kMaxTileRows], a_rest[kMaxTileRows];
  for (int64_t j = 0; j < cols; j += isa.cols) {
    const int64_t width = std::min<int64_t>(isa.cols, cols - j);
    const int32_t* b;
    if (g.b.packed) {
      const PackedLayout layout(g.n, g.k, false);
      b = g.b.packed + at.b + layout.panel((n0 + j) / isa.cols);
      std::copy_n(g.b.packed + at.b + layout.sums() + n0 + j, isa.cols, b_sum);
    } else {
      int32_t* panel = scratch + p.a_ints;
      PackColumns(g, g.b.data ? g.b.data + at.b : nullptr, item, at.b_line, n0 + j, width, panel, b_sum);
      b = panel;
    }
    for (int64_t x = 0; x < width; ++x) b_zero[x] = g.b.zero[at.b_line + n0 + j + x] + b_shift;
    for (int64_t i = 0; i < rows; i += isa.rows) {
      const int64_t height = std::min<int64_t>(isa.rows, rows - i);
      isa.tile({a + i * p.groups, b, isa.rows, isa.cols, p.groups, c}, height, CeilDiv(width, isa.cols / 3),
               !g.weights_left);
      for (int64_t x = 0; x < height; ++x) {
        a_zero[x] = g.a.zero[at.a_line + m0 + i + x] + a_shift;
        a_rest[x] = a_sums[i + x] - k * a_zero[x];
      }
      finish_tile({c, height, width, isa.cols, isa.bytes, a_zero, a_rest, b_zero, b_sum, &g.finish, at.a_line + m0 + i,
                   at.b_line + n0 + j, at.c_line + m0 + i,
                   static_cast<char*>(g.c) + (at.c + (m0 + i) * g.ldc + n0 + j) * size, g.ldc});
    }
  }
}

}  // namespace

int64_t PackedLinesSize(int64_t lines, int64_t k, bool left) { return PackedLayout(lines, k, left).size(); }

void PackLines(const Lines& in, int64_t lines, int64_t k, bool left, bool weights_left, int32_t* out) {
  PackPanels(in, lines, k, left, weights_left, out, out + PackedLayout(lines, k, left).sums());
}

size_t WorkspaceBytes(const IntGemm& g, int threads) {
  // Fewer threads may get larger tasks.
  size_t ints = 0;
  for (int t = 1; t <= threads; ++t) {
    const Plan plan(g, t);
    ints = std::max(ints, static_cast<size_t>(plan.workers) * static_cast<size_t>(plan.a_ints + plan.b_ints));
  }
  return ints * sizeof(int32_t);
}

void Run(const IntGemm& g, const Parallel& parallel, void* workspace) {
  if (g.m == 0 || g.n == 0 || g.items == 0) return;
  const Plan plan(g, parallel.threads);
  int32_t* const scratch = static_cast<int32_t*>(workspace);
  parallel.ForTasks(plan.workers, plan.tasks, [&](int worker, int64_t task) {
    RunTask(g, plan, task, scratch + worker * (plan.a_ints + plan.b_ints));
  });
}

}  // namespace onda::quantized
#endif
