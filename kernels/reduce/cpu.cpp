// fp32 over any axes. The input is split in groups of kept and reduced dimensions (Groups). Where the innermost group
// is reduced, rows are folded lane by lane; where it is kept, whole rows are folded into a row of results that stays in
// L1. Sums are kept in blocks so that their error does not grow with the length. When there are fewer results than
// threads, the innermost reduced group is cut into parts, whose results lie in the workspace until they are folded.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/reduce/reduce.h"
#include "kernels/simd/through_float.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/masked-inl.h"
// After highway.h
#include "kernels/simd/float_math-inl.h"

#ifndef ONDA_KERNELS_REDUCE_STEP_
#define ONDA_KERNELS_REDUCE_STEP_
namespace onda::reduce {
// How an element is folded into a result: a = a + x, a + |x|, a + x^2, a + exp(x - shift), max(a, x), min(a, x), a * x.
enum class Step { kAdd, kAddAbs, kAddSquare, kAddExp, kMax, kMin, kMul };

inline float Identity(Step step) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return step == Step::kMul ? 1 : step == Step::kMax ? -kInfinity : step == Step::kMin ? kInfinity : 0;
}
}  // namespace onda::reduce
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::reduce::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

template <Step kStep>
HWY_INLINE V Map(V x, V shift) {
  if constexpr (kStep == Step::kAddAbs) return hn::Abs(x);
  if constexpr (kStep == Step::kAddSquare) return hn::Mul(x, x);
  if constexpr (kStep == Step::kAddExp) {
    return onda::HWY_NAMESPACE::vf::Exp(hn::Sub(x, shift));
  }
  return x;
}

// NaN wins over everything in maxima and minima.
template <Step kStep>
HWY_INLINE V Combine(V a, V x) {
  if constexpr (kStep == Step::kMax) return hn::IfThenElse(hn::Or(hn::Gt(x, a), hn::IsNaN(x)), x, a);
  if constexpr (kStep == Step::kMin) return hn::IfThenElse(hn::Or(hn::Lt(x, a), hn::IsNaN(x)), x, a);
  if constexpr (kStep == Step::kMul) return hn::Mul(a, x);
  return hn::Add(a, x);
}

template <Step kStep>
HWY_INLINE double CombineScalar(double a, double x) {
  if constexpr (kStep == Step::kMax) return x > a || std::isnan(x) ? x : a;
  if constexpr (kStep == Step::kMin) return x < a || std::isnan(x) ? x : a;
  if constexpr (kStep == Step::kMul) return a * x;
  return a + x;
}

// The maximum (or minimum) of x[0, n) where nothing is NaN. False where the sum of all says that something may be.
template <Step kStep>
bool ExtremeOf(const float* x, int64_t n, double* result) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V identity = hn::Set(d, Identity(kStep));
  auto best = [](V a, V v) HWY_ATTR { return kStep == Step::kMax ? hn::Max(a, v) : hn::Min(a, v); };
  V a0 = identity, a1 = identity, s0 = hn::Zero(d), s1 = s0;
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const V v0 = hn::LoadU(d, x + i), v1 = hn::LoadU(d, x + i + lanes);
    a0 = best(a0, v0);
    a1 = best(a1, v1);
    s0 = hn::Add(s0, v0);
    s1 = hn::Add(s1, v1);
  }
  for (; i < n; i += lanes) {
    const auto tail = hn::FirstN(d, static_cast<size_t>(std::min(lanes, n - i)));
    const V v = onda::HWY_NAMESPACE::MaskedLoad(tail, d, x + i);
    a0 = best(a0, hn::IfThenElse(tail, v, identity));
    s0 = hn::Add(s0, v);
  }
  const V a = best(a0, a1);
  *result = hn::GetLane(kStep == Step::kMax ? hn::MaxOfLanes(d, a) : hn::MinOfLanes(d, a));
  return hn::AllFalse(d, hn::IsNaN(hn::Add(s0, s1)));
}

template <Step kStep>
double RowOf(const float* x, int64_t n, float shift) {
  const D d;
  constexpr int64_t kBlock = 8192;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V identity = hn::Set(d, Identity(kStep)), s = hn::Set(d, shift);
  double total = Identity(kStep);
  if constexpr (kStep == Step::kMax || kStep == Step::kMin) {
    if (ExtremeOf<kStep>(x, n, &total)) return total;
    total = Identity(kStep);
  }
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const float* p = x + begin;
    const int64_t m = std::min(n - begin, kBlock);
    V a0 = identity, a1 = identity, a2 = identity, a3 = identity;
    int64_t i = 0;
    for (; i + 4 * lanes <= m; i += 4 * lanes) {
      a0 = Combine<kStep>(a0, Map<kStep>(hn::LoadU(d, p + i), s));
      a1 = Combine<kStep>(a1, Map<kStep>(hn::LoadU(d, p + i + lanes), s));
      a2 = Combine<kStep>(a2, Map<kStep>(hn::LoadU(d, p + i + 2 * lanes), s));
      a3 = Combine<kStep>(a3, Map<kStep>(hn::LoadU(d, p + i + 3 * lanes), s));
    }
    for (; i + lanes <= m; i += lanes) a0 = Combine<kStep>(a0, Map<kStep>(hn::LoadU(d, p + i), s));
    if (i < m) {
      const auto tail = hn::FirstN(d, static_cast<size_t>(m - i));
      a1 = Combine<kStep>(
          a1, hn::IfThenElse(tail, Map<kStep>(onda::HWY_NAMESPACE::MaskedLoad(tail, d, p + i), s), identity));
    }
    const V a = Combine<kStep>(Combine<kStep>(a0, a1), Combine<kStep>(a2, a3));
    if constexpr (kStep == Step::kMax || kStep == Step::kMin) {
      double best = kStep == Step::kMax ? hn::GetLane(hn::MaxOfLanes(d, a)) : hn::GetLane(hn::MinOfLanes(d, a));
      if (!hn::AllFalse(d, hn::IsNaN(a))) best = std::numeric_limits<double>::quiet_NaN();
      total = CombineScalar<kStep>(total, best);
    } else if constexpr (kStep == Step::kMul) {
      HWY_ALIGN float buffer[hn::MaxLanes(D())];
      hn::Store(a, d, buffer);
      for (int64_t k = 0; k < lanes; ++k) total = CombineScalar<kStep>(total, buffer[k]);
    } else {
      total += hn::GetLane(hn::SumOfLanes(d, a));
    }
  }
  return total;
}

// out[j] is combined with x[i * stride + j] for i in [0, rows), j in [0, width). Rows are taken some at a time from
// left to right, as memory likes it.
template <Step kStep>
void ColumnsOf(const float* x, int64_t rows, int64_t stride, int64_t width, const float* shift, float* out) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = width / lanes * lanes;
  const auto tail = hn::FirstN(d, static_cast<size_t>(width - whole));
  // Folds kRows rows from p on.
  auto pass = [&]<int kRows>(std::integral_constant<int, kRows>, const float* p) HWY_ATTR {
    auto fold = [&](int64_t j, auto load) HWY_ATTR {
      const V s = shift ? load(shift + j) : hn::Zero(d);
      V parts[kRows];
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) parts[i] = Map<kStep>(load(p + i * stride + j), s);
#pragma GCC unroll 4
      for (int step = 1; step < kRows; step *= 2)
#pragma GCC unroll 8
        for (int i = 0; i < kRows; i += 2 * step) parts[i] = Combine<kStep>(parts[i], parts[i + step]);
      return Combine<kStep>(load(out + j), parts[0]);
    };
    for (int64_t j = 0; j < whole; j += lanes)
      hn::StoreU(fold(j, [&](const float* q) HWY_ATTR { return hn::LoadU(d, q); }), d, out + j);
    if (whole < width)
      hn::BlendedStore(
          fold(whole, [&](const float* q) HWY_ATTR { return onda::HWY_NAMESPACE::MaskedLoad(tail, d, q); }), tail, d,
          out + whole);
  };
  int64_t i = 0;
  for (; i + 8 <= rows; i += 8) pass(std::integral_constant<int, 8>(), x + i * stride);
  for (; i < rows; ++i) pass(std::integral_constant<int, 1>(), x + i * stride);
}

template <Step kStep>
void RowsOf(const float* x, int64_t rows, int64_t n, const float* shift, float* out) {
  for (int64_t r = 0; r < rows; ++r) out[r] = static_cast<float>(RowOf<kStep>(x + r * n, n, shift ? shift[r] : 0));
}

double Row(Step step, const float* x, int64_t n, float shift) {
  switch (step) {
    case Step::kAdd:
      return RowOf<Step::kAdd>(x, n, shift);
    case Step::kAddAbs:
      return RowOf<Step::kAddAbs>(x, n, shift);
    case Step::kAddSquare:
      return RowOf<Step::kAddSquare>(x, n, shift);
    case Step::kAddExp:
      return RowOf<Step::kAddExp>(x, n, shift);
    case Step::kMax:
      return RowOf<Step::kMax>(x, n, shift);
    case Step::kMin:
      return RowOf<Step::kMin>(x, n, shift);
    default:
      return RowOf<Step::kMul>(x, n, shift);
  }
}

// out[r] = the fold of row r of a dense matrix.
void Rows(Step step, const float* x, int64_t rows, int64_t n, const float* shift, float* out) {
  switch (step) {
    case Step::kAdd:
      return RowsOf<Step::kAdd>(x, rows, n, shift, out);
    case Step::kAddAbs:
      return RowsOf<Step::kAddAbs>(x, rows, n, shift, out);
    case Step::kAddSquare:
      return RowsOf<Step::kAddSquare>(x, rows, n, shift, out);
    case Step::kAddExp:
      return RowsOf<Step::kAddExp>(x, rows, n, shift, out);
    case Step::kMax:
      return RowsOf<Step::kMax>(x, rows, n, shift, out);
    case Step::kMin:
      return RowsOf<Step::kMin>(x, rows, n, shift, out);
    default:
      return RowsOf<Step::kMul>(x, rows, n, shift, out);
  }
}

void Columns(Step step, const float* x, int64_t rows, int64_t stride, int64_t width, const float* shift, float* out) {
  switch (step) {
    case Step::kAdd:
      return ColumnsOf<Step::kAdd>(x, rows, stride, width, shift, out);
    case Step::kAddAbs:
      return ColumnsOf<Step::kAddAbs>(x, rows, stride, width, shift, out);
    case Step::kAddSquare:
      return ColumnsOf<Step::kAddSquare>(x, rows, stride, width, shift, out);
    case Step::kAddExp:
      return ColumnsOf<Step::kAddExp>(x, rows, stride, width, shift, out);
    case Step::kMax:
      return ColumnsOf<Step::kMax>(x, rows, stride, width, shift, out);
    case Step::kMin:
      return ColumnsOf<Step::kMin>(x, rows, stride, width, shift, out);
    default:
      return ColumnsOf<Step::kMul>(x, rows, stride, width, shift, out);
  }
}

}  // namespace onda::reduce::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::reduce {
namespace {

HWY_EXPORT(Row);
HWY_EXPORT(Rows);
HWY_EXPORT(Columns);

constexpr int64_t kChunk = 1024;    // columns of one task
constexpr int64_t kRowBlock = 256;  // rows summed before they are added to the result
constexpr int64_t kParts = 16;      // parts of a reduction with few results
constexpr int64_t kFewResults = 512;
constexpr int64_t kWorthSplitting = 1 << 16;  // elements
constexpr int64_t kFewTasks = 32;             // fewer than the threads of large machines

// How two partial results are combined.
constexpr Step CombiningStep(Step step) {
  return step == Step::kMax || step == Step::kMin || step == Step::kMul ? step : Step::kAdd;
}

double CombinePartial(Step step, double a, double x) {
  switch (step) {
    case Step::kMax:
      return x > a || std::isnan(x) ? x : a;
    case Step::kMin:
      return x < a || std::isnan(x) ? x : a;
    case Step::kMul:
      return a * x;
    default:
      return a + x;
  }
}

// One reduction whose innermost reduced group is limited to [first, last).
class Pass {
 public:
  Pass(const Groups& groups, Step step, const float* x, const float* shift)
      : g_(groups), step_(step), x_(x), shift_(shift), rows_(g_.count > 0 && g_.reduced[g_.count - 1]) {
    // The innermost reduced group: the last, or the one before it.
    inner_ = rows_ ? g_.count - 1 : g_.count - 2;
    inner_extent_ = inner_ >= 0 ? g_.extent[inner_] : 1;
    width_ = rows_ || g_.count == 0 ? 1 : g_.extent[g_.count - 1];
    outer_reduced_ = inner_extent_ == 0 ? 0 : g_.reduced_total / inner_extent_;
    chunks_ = rows_ ? 1 : (width_ + kChunk - 1) / kChunk;
  }

  int64_t tasks() const { return width_ == 0 ? 0 : g_.kept_total / width_ * chunks_; }
  int64_t inner_extent() const { return inner_extent_; }

  // Rows of a dense matrix: tasks [begin, end) in one call.
  bool dense_rows() const { return rows_ && g_.count <= 2; }
  void RunDenseRows(int64_t begin, int64_t end, float* out) const {
    HWY_DYNAMIC_DISPATCH(Rows)
    (step_, x_ + begin * inner_extent_, end - begin, inner_extent_, shift_ ? shift_ + begin : nullptr, out + begin);
  }

  // Writes the results of task t to their places of out[0, kept_total).
  void Run(int64_t t, int64_t first, int64_t last, float* out) const {
    if (rows_) {
      double total = Identity(step_);
      const int64_t base = g_.Offset(t, false, g_.count) + first;
      const float shift = shift_ ? shift_[t] : 0;
      for (int64_t r = 0; r < outer_reduced_; ++r)
        total = CombinePartial(
            step_, total,
            HWY_DYNAMIC_DISPATCH(Row)(step_, x_ + base + g_.Offset(r, true, inner_), last - first, shift));
      out[t] = static_cast<float>(total);
      return;
    }
    const int64_t outer = t / chunks_, begin = t % chunks_ * kChunk, width = std::min(kChunk, width_ - begin);
    float* y = out + outer * width_ + begin;
    const float* shift = shift_ ? shift_ + outer * width_ + begin : nullptr;
    std::fill_n(y, width, Identity(step_));
    const auto columns = HWY_DYNAMIC_DISPATCH(Columns);
    const float* base = x_ + g_.Offset(outer, false, g_.count - 1) + begin;
    const Step combining = CombiningStep(step_);
    const bool blocked = combining == Step::kAdd && (last - first > kRowBlock || outer_reduced_ > 1);
    float block[kChunk];
    for (int64_t r = 0; r < outer_reduced_; ++r) {
      const float* p = base + g_.Offset(r, true, std::max(inner_, 0));
      for (int64_t row = first; row < last; row += kRowBlock) {
        const int64_t rows = std::min(kRowBlock, last - row);
        if (!blocked) {
          columns(step_, p + row * width_, rows, width_, width, shift, y);
          continue;
        }
        std::fill_n(block, width, 0.0f);
        columns(step_, p + row * width_, rows, width_, width, shift, block);
        columns(combining, block, 1, 0, width, nullptr, y);
      }
    }
  }

 private:
  const Groups& g_;
  Step step_;
  const float* x_;
  const float* shift_;  // one per result, or null
  bool rows_;           // the innermost group is reduced
  int inner_;
  int64_t inner_extent_, width_, outer_reduced_, chunks_;
};

// out[0, kept_total). parts: kParts * kept_total floats where kept_total <= kFewResults.
void Reduce(const LaunchArgs& args, const Groups& g, Step step, const float* x, const float* shift, float* parts,
            float* out) {
  const Pass pass(g, step, x, shift);
  const int64_t work = std::max<int64_t>(1, g.kept_total * g.reduced_total / std::max<int64_t>(1, pass.tasks()));
  const int64_t n = pass.inner_extent();
  // Whether there are threads does not matter: sums must not depend on how many there are.
  if (pass.tasks() < kFewTasks && g.kept_total <= kFewResults && n >= 2 * kParts &&
      g.kept_total * g.reduced_total >= kWorthSplitting) {
    args.ParallelFor(kParts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part)
        for (int64_t t = 0; t < pass.tasks(); ++t)
          pass.Run(t, part * n / kParts, (part + 1) * n / kParts, parts + part * g.kept_total);
    });
    for (int64_t o = 0; o < g.kept_total; ++o) {
      double total = Identity(step);
      for (int64_t part = 0; part < kParts; ++part) total = CombinePartial(step, total, parts[part * g.kept_total + o]);
      out[o] = static_cast<float>(total);
    }
    return;
  }
  args.ParallelFor(pass.tasks(), 1 + 16384 / work, [&](int64_t begin, int64_t end) {
    if (pass.dense_rows()) return pass.RunDenseRows(begin, end, out);
    for (int64_t t = begin; t < end; ++t) pass.Run(t, 0, n, out);
  });
}

constexpr Step StepOf(Kind kind) {
  switch (kind) {
    case Kind::kMax:
      return Step::kMax;
    case Kind::kMin:
      return Step::kMin;
    case Kind::kProd:
      return Step::kMul;
    case Kind::kL1:
      return Step::kAddAbs;
    case Kind::kL2:
    case Kind::kSumSquare:
      return Step::kAddSquare;
    case Kind::kLogSumExp:
      return Step::kAddExp;
    default:
      return Step::kAdd;
  }
}

template <Kind kKind>
class Cpu {
 public:
  explicit Cpu(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) { return node.input(0).type() == DType::kFloat ? "" : "only float"; }

  size_t WorkspaceBytes(TensorViews, TensorViews outputs) const {
    const size_t results = static_cast<size_t>(outputs[0].count());
    const size_t parts = outputs[0].count() <= kFewResults ? kParts * results : 0;
    return sizeof(float) * (parts + (kKind == Kind::kLogSumExp ? results : 0));
  }

  void Launch(const LaunchArgs& args) const {
    const float* x = args.input(0).as<float>();
    float* y = args.output(0).as<float>();
    const Groups g(params_, args.input(0), args.input(1));
    float* parts = static_cast<float*>(args.workspace());
    float* shift = nullptr;
    if (kKind == Kind::kLogSumExp) {
      shift = parts + (g.kept_total <= kFewResults ? kParts * g.kept_total : 0);
      Reduce(args, g, Step::kMax, x, nullptr, parts, shift);
      for (int64_t o = 0; o < g.kept_total; ++o)
        if (std::isinf(shift[o])) shift[o] = 0;
    }
    Reduce(args, g, StepOf(kKind), x, shift, parts, y);
    const float scale = static_cast<float>(g.reduced_total);
    for (int64_t o = 0; o < g.kept_total; ++o) {
      if (kKind == Kind::kMean) y[o] /= scale;
      if (kKind == Kind::kL2) y[o] = std::sqrt(y[o]);
      if (kKind == Kind::kLogSum) y[o] = std::log(y[o]);
      if (kKind == Kind::kLogSumExp) y[o] = std::log(y[o]) + shift[o];
    }
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu<Kind::kSum>>("ReduceSum"),
    MakeKernel<Cpu<Kind::kMean>>("ReduceMean"),
    MakeKernel<Cpu<Kind::kMax>>("ReduceMax"),
    MakeKernel<Cpu<Kind::kMin>>("ReduceMin"),
    MakeKernel<Cpu<Kind::kProd>>("ReduceProd"),
    MakeKernel<Cpu<Kind::kL1>>("ReduceL1"),
    MakeKernel<Cpu<Kind::kL2>>("ReduceL2"),
    MakeKernel<Cpu<Kind::kLogSum>>("ReduceLogSum"),
    MakeKernel<Cpu<Kind::kLogSumExp>>("ReduceLogSumExp"),
    MakeKernel<Cpu<Kind::kSumSquare>>("ReduceSumSquare"),
    MakeThroughFloat<Cpu<Kind::kSum>>("ReduceSum"),
    MakeThroughFloat<Cpu<Kind::kMean>>("ReduceMean"),
    MakeThroughFloat<Cpu<Kind::kMax>>("ReduceMax"),
    MakeThroughFloat<Cpu<Kind::kMin>>("ReduceMin"),
    MakeThroughFloat<Cpu<Kind::kProd>>("ReduceProd"),
    MakeThroughFloat<Cpu<Kind::kL1>>("ReduceL1"),
    MakeThroughFloat<Cpu<Kind::kL2>>("ReduceL2"),
    MakeThroughFloat<Cpu<Kind::kLogSum>>("ReduceLogSum"),
    MakeThroughFloat<Cpu<Kind::kLogSumExp>>("ReduceLogSumExp"),
    MakeThroughFloat<Cpu<Kind::kSumSquare>>("ReduceSumSquare"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::reduce
#endif
