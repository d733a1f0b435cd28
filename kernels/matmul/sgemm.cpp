#include "kernels/matmul/sgemm.h"

#include <algorithm>
#include <optional>

#include "kernels/matmul/gemv.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul/sgemm.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/matmul/pack-inl.h"
#include "kernels/matmul/tile-inl.h"

#ifndef ONDA_KERNELS_MATMUL_SGEMM_PLAN_
#define ONDA_KERNELS_MATMUL_SGEMM_PLAN_
namespace onda::matmul {

// How a product is cut: tasks of (task_m, task_n) of C, each walking k in blocks of kc.
struct GemmPlan {
  int64_t mr, nr;  // rows of a panel of A, columns of a panel of B; the last panel may have fewer
  int64_t kc;
  int64_t task_m, task_n;
  int64_t m_tasks, n_tasks, tasks;
  bool copy_a, copy_b;         // pack a block into the worker's scratch
  int64_t a_floats, b_floats;  // scratch per worker
  int workers;

  int64_t worker_floats() const { return a_floats + b_floats; }
};

struct BatchOffsets {
  int64_t a = 0, b = 0, c = 0, addend = 0, row_bias = 0;

  BatchOffsets(const Batch& batch, int64_t item) {
    for (int i = batch.rank - 1; i >= 0; --i) {
      const int64_t index = item % batch.extent[i];
      item /= batch.extent[i];
      a += index * batch.a_stride[i];
      b += index * batch.b_stride[i];
      c += index * batch.c_stride[i];
      addend += index * batch.addend_stride[i];
      row_bias += index * batch.row_bias_stride[i];
    }
  }
};

}  // namespace onda::matmul
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::matmul::HWY_NAMESPACE {

// Blocks of B are this deep, so that a panel stays in the first-level cache while the tiles of a task pass over it, and
// a block of A (kMaxTaskM x kKc) in the second.
constexpr int64_t kKc = 256;
constexpr int64_t kMaxTaskM = 256;
constexpr int64_t kMaxTaskPanels = 8;
constexpr int64_t kDeepFloats = int64_t{1} << 17;

HWY_INLINE int64_t PaddedCols(int64_t cols) { return CeilDiv(cols, kLanes) * kLanes; }
// Likewise, in whole vectors: 64 columns are 32 + 32, not 48 + 16. But a few columns beyond whole panels are narrow
// tiles: 49 are 48 + 1.
HWY_INLINE int64_t PanelCols(int64_t n) {
  if (n > kNr && n % kNr > 0 && n % kNr <= kNarrow) return kNr;
  return PaddedCols(CeilDiv(n, CeilDiv(n, kNr)));
}

GemmPlan MakePlan(const Gemm& g, int threads) {
  GemmPlan p{};
  const int64_t batch = g.batch.count();
  if (g.m == 0 || g.n == 0 || batch == 0) return p;
  p.mr = PanelRows(g.m);
  p.nr = PanelCols(g.n);
  p.copy_a = !g.packed_a && g.a.row_stride != 1 && g.m > 1;
  p.copy_b = g.b_source || (!g.packed_b && (g.b.col_stride != 1 || g.m > 2 * kMr));
  // With few columns the whole of B stays in the second-level cache, and A, which is read once from further away, runs
  // in long streams.
  const int64_t deep =
      g.packed_a ? std::clamp<int64_t>(kDeepFloats / PaddedCols(std::min(g.n, kMaxTaskPanels * p.nr)), kKc, 8 * kKc)
                 : kKc;
  const int64_t max_kc = g.m <= kMr && !p.copy_b ? (g.m == 1 ? std::max<int64_t>(g.k, 1) : 8 * kKc) : deep;
  p.kc = g.k == 0 ? 0 : CeilDiv(g.k, CeilDiv(g.k, max_kc));

  const int64_t m_panels = CeilDiv(g.m, p.mr), n_panels = CeilDiv(g.n, p.nr);
  int64_t tm = std::max<int64_t>(1, (g.packed_a ? 2 * kMaxTaskM : kMaxTaskM) / p.mr);
  int64_t tn = p.copy_b || g.m > kMr ? kMaxTaskPanels : 2 * kMaxTaskPanels;
  auto tasks = [&] { return batch * CeilDiv(m_panels, tm) * CeilDiv(n_panels, tn); };
  // The most multiplications that can come without overflow matter only as "many".
  const bool parallel = threads > 1 && static_cast<double>(g.m) * static_cast<double>(g.n) *
                                               static_cast<double>(std::max<int64_t>(g.k, 1)) *
                                               static_cast<double>(batch) >
                                           static_cast<double>(kMinParallelWork);
  tm = std::min(tm, m_panels);
  tn = std::min(tn, n_panels);
  if (parallel) {
    // Narrow tasks repeat the packing of A, low ones that of B: shrink both in turn, the dearer one last.
    const int64_t wanted = 3 * threads;
    while (tasks() < wanted) {
      if (tn > 4) {
        tn = CeilDiv(tn, 2);
      } else if (tm * p.mr > 64) {
        tm = CeilDiv(tm, 2);
      } else if (tn > 1) {
        tn = CeilDiv(tn, 2);
      } else if (tm > 1) {
        tm = CeilDiv(tm, 2);
      } else {
        break;
      }
    }
  }
  p.m_tasks = CeilDiv(m_panels, tm);
  p.n_tasks = CeilDiv(n_panels, tn);
  p.task_m = CeilDiv(m_panels, p.m_tasks) * p.mr;
  p.task_n = CeilDiv(n_panels, p.n_tasks) * p.nr;
  p.m_tasks = CeilDiv(g.m, p.task_m);
  p.n_tasks = CeilDiv(g.n, p.task_n);
  p.tasks = batch * p.m_tasks * p.n_tasks;
  p.workers = parallel ? static_cast<int>(std::min<int64_t>(threads, p.tasks)) : 1;
  p.a_floats = p.copy_a ? CeilDiv(p.task_m * p.kc, 16) * 16 : 0;
  p.b_floats = p.copy_b ? CeilDiv(p.task_n * p.kc + kLanes, 16) * 16 : 0;
  return p;
}

// Fills scratch with columns [n0, n0 + cols) and rows [k0, k0 + kc) of B, panel after panel.
HWY_INLINE void CopyB(const Gemm& g, const float* b, int64_t item, int64_t k0, int64_t kc, int64_t n0, int64_t cols,
                      int64_t nr, float* out) {
  for (int64_t j = 0; j < cols; j += nr) {
    const int64_t width = std::min(nr, cols - j);
    const int64_t stride = PaddedCols(width);
    if (g.b_source) {
      g.b_source->pack(g.b_source->self, item, k0, kc, n0 + j, width, stride, out + j * kc);
    } else {
      PackPanel(b + k0 * g.b.row_stride + (n0 + j) * g.b.col_stride, g.b.col_stride, g.b.row_stride, width, kc, stride,
                out + j * kc);
    }
  }
}

void RunTask(const Gemm& g, const GemmPlan& p, int64_t task, float* scratch) {
  const int64_t n_task = task % p.n_tasks;
  const int64_t m_task = task / p.n_tasks % p.m_tasks;
  const int64_t item = task / (p.n_tasks * p.m_tasks);
  const BatchOffsets offset(g.batch, item);
  const int64_t m0 = m_task * p.task_m, n0 = n_task * p.task_n;
  const int64_t rows = std::min(p.task_m, g.m - m0), cols = std::min(p.task_n, g.n - n0);
  const float* a = g.packed_a ? g.packed_a + offset.a : g.a.data + offset.a;
  const float* b = g.b_source ? nullptr : (g.packed_b ? g.packed_b : g.b.data) + offset.b;
  float* const c = g.c + offset.c + m0 * g.ldc + n0;
  float* const a_scratch = scratch;
  float* const b_scratch = scratch + p.a_floats;

  TileArgs t{};
  t.ldc = g.ldc;
  t.alpha = g.alpha;
  t.beta = g.beta;
  t.ld_addend = g.ld_addend;
  t.lo = g.activation.alpha;
  t.hi = g.activation.beta;
  int64_t k0 = 0;
  do {
    const int64_t kc = std::min(p.kc, g.k - k0);
    t.k = kc;
    t.first = k0 == 0;
    t.clamp = k0 + kc == g.k && g.activation.kind == ActivationKind::kClamp;
    if (p.copy_b) CopyB(g, b, item, k0, kc, n0, cols, p.nr, b_scratch);
    if (p.copy_a) {
      for (int64_t i = 0; i < rows; i += p.mr) {
        const int64_t height = std::min(p.mr, rows - i);
        PackPanel(a + (m0 + i) * g.a.row_stride + k0 * g.a.col_stride, g.a.row_stride, g.a.col_stride, height, kc,
                  height, a_scratch + i * kc);
      }
    }
    for (int64_t j = 0; j < cols; j += p.nr) {
      const int64_t width = std::min(p.nr, cols - j);
      if (p.copy_b) {
        t.b = b_scratch + j * kc;
        t.b_step = PaddedCols(width);
      } else if (g.packed_b) {
        t.b_step = PaddedCols(width);
        t.b = b + (n0 + j) * g.k + k0 * t.b_step;
      } else {
        t.b_step = g.b.row_stride;
        t.b = b + k0 * t.b_step + n0 + j;
      }
      t.col_bias = g.col_bias ? g.col_bias + n0 + j : nullptr;
      for (int64_t i = 0; i < rows; i += p.mr) {
        const int64_t height = std::min(p.mr, rows - i);
        if (p.copy_a) {
          t.a_step = height;
          t.a = a_scratch + i * kc;
        } else if (g.packed_a) {
          t.a_step = height;
          t.a = a + (m0 + i) * g.k + k0 * height;
        } else {
          t.a_step = g.a.col_stride;
          t.a = a + (m0 + i) * g.a.row_stride + k0 * t.a_step;
        }
        t.c = c + i * g.ldc + j;
        t.addend = g.addend ? g.addend + offset.addend + (m0 + i) * g.ld_addend + n0 + j : nullptr;
        t.row_bias = g.row_bias ? g.row_bias + offset.row_bias + m0 + i : nullptr;
        RunTile(height, width, t);
      }
    }
    k0 += kc;
  } while (k0 < g.k);

  if (g.activation.kind != ActivationKind::kNone && g.activation.kind != ActivationKind::kClamp)
    for (int64_t i = 0; i < rows; ++i) Apply(g.activation, c + i * g.ldc, cols);
}

int64_t PackedASize(int64_t m, int64_t k) { return m * k; }

int64_t PackedBSize(int64_t k, int64_t n) { return PaddedCols(n) * k; }

void PackA(int64_t m, int64_t k, const MatrixView& a, float* out) {
  if (m == 0) return;
  const int64_t mr = PanelRows(m);
  for (int64_t i = 0; i < m; i += mr) {
    const int64_t height = std::min(mr, m - i);
    PackPanel(a.data + i * a.row_stride, a.row_stride, a.col_stride, height, k, height, out + i * k);
  }
}

void PackB(int64_t k, int64_t n, const MatrixView& b, float* out) {
  if (n == 0) return;
  const int64_t nr = PanelCols(n);
  for (int64_t j = 0; j < n; j += nr) {
    const int64_t width = std::min(nr, n - j);
    PackPanel(b.data + j * b.col_stride, b.col_stride, b.row_stride, width, k, PaddedCols(width), out + j * k);
  }
}

}  // namespace onda::matmul::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::matmul {

HWY_EXPORT(PackedASize);
HWY_EXPORT(PackedBSize);
HWY_EXPORT(PackA);
HWY_EXPORT(PackB);
HWY_EXPORT(MakePlan);
HWY_EXPORT(RunTask);

int64_t PackedASize(int64_t m, int64_t k) { return HWY_DYNAMIC_DISPATCH(PackedASize)(m, k); }
int64_t PackedBSize(int64_t k, int64_t n) { return HWY_DYNAMIC_DISPATCH(PackedBSize)(k, n); }
void PackA(int64_t m, int64_t k, const MatrixView& a, float* out) { HWY_DYNAMIC_DISPATCH(PackA)(m, k, a, out); }
void PackB(int64_t k, int64_t n, const MatrixView& b, float* out) { HWY_DYNAMIC_DISPATCH(PackB)(k, n, b, out); }

namespace {

// The product as matrix times vector, where one of m and n is 1 and the other operand is not packed. C = A b is the
// transposed problem.
std::optional<Gemv> AsGemv(const Gemm& g) {
  if (g.packed_a || g.packed_b || g.b_source) return {};
  Gemv v;
  if (g.m == 1) {
    v = {g.n, g.k, g.a.data, g.a.col_stride, g.b.data, g.b.row_stride, g.b.col_stride};
  } else if (g.n == 1) {
    v = {g.m, g.k, g.b.data, g.b.row_stride, g.a.data, g.a.col_stride, g.a.row_stride};
  } else {
    return {};
  }
  return GemvTakes(v) ? std::optional<Gemv>(v) : std::nullopt;
}

void RunAsGemv(const Gemm& g, const Gemv& whole, const Parallel& parallel) {
  const bool row = g.m == 1;
  // Walking down rows wants long pieces of each; dot products may be cut at will, to some 64 thousand multiplications.
  const int64_t chunk = whole.col_stride == 1
                            ? std::clamp<int64_t>(CeilDiv(whole.n, parallel.threads), 256, kGemvChunk)
                            : std::clamp<int64_t>(65536 / std::max<int64_t>(whole.k, 1), 16, kGemvChunk);
  const int64_t chunks = CeilDiv(whole.n, chunk), tasks = g.batch.count() * chunks;
  const bool small = static_cast<double>(tasks) * static_cast<double>(chunk) * static_cast<double>(whole.k) < 262144;
  parallel.ForTasks(small ? 1 : parallel.threads, tasks, [&](int, int64_t task) {
    const BatchOffsets offset(g.batch, task / chunks);
    Gemv v = whole;
    v.x += row ? offset.a : offset.b;
    v.b += row ? offset.b : offset.a;
    const int64_t begin = task % chunks * chunk, end = std::min(whole.n, begin + chunk);
    alignas(64) float out[kGemvChunk];
    RunGemv(v, begin, end, out);
    // Along the vector, one bias varies and the other is a single number.
    const float* vector_bias = row ? g.col_bias : g.row_bias ? g.row_bias + offset.row_bias : nullptr;
    const float* scalar_bias = row ? (g.row_bias ? g.row_bias + offset.row_bias : nullptr) : g.col_bias;
    const int64_t c_step = row ? 1 : g.ldc, addend_step = row ? 1 : g.ld_addend;
    for (int64_t j = begin; j < end; ++j) {
      float& y = out[j - begin];
      y *= g.alpha;
      if (scalar_bias) y += *scalar_bias;
      if (vector_bias) y += vector_bias[j];
      if (g.addend) y += g.beta * g.addend[offset.addend + j * addend_step];
    }
    Apply(g.activation, out, end - begin);
    for (int64_t j = begin; j < end; ++j) g.c[offset.c + j * c_step] = out[j - begin];
  });
}

}  // namespace

size_t WorkspaceBytes(const Gemm& gemm, int threads) {
  if (AsGemv(gemm)) return 0;
  // Fewer threads may get larger tasks.
  size_t floats = 0;
  for (int t = 1; t <= threads; ++t) {
    const GemmPlan plan = HWY_DYNAMIC_DISPATCH(MakePlan)(gemm, t);
    floats = std::max(floats, static_cast<size_t>(plan.workers) * static_cast<size_t>(plan.worker_floats()));
  }
  return floats * sizeof(float);
}

void Run(const Gemm& gemm, const Parallel& parallel, void* workspace) {
  if (const std::optional<Gemv> v = AsGemv(gemm)) return RunAsGemv(gemm, *v, parallel);
  const GemmPlan plan = HWY_DYNAMIC_DISPATCH(MakePlan)(gemm, parallel.threads);
  const auto run_task = HWY_DYNAMIC_DISPATCH(RunTask);
  float* const scratch = static_cast<float*>(workspace);
  parallel.ForTasks(plan.workers, plan.tasks, [&](int worker, int64_t task) {
    run_task(gemm, plan, task, scratch + worker * plan.worker_floats());
  });
}

}  // namespace onda::matmul
#endif
