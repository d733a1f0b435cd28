// fp32 windows in two steps for each row of results. First the input rows under the window are folded into one row that
// lies in L1 between two margins of the identity; then each result folds its columns of that row. So padding costs no
// branches, and a window of kh * kw costs about kh + kw steps. Long rows are cut into tiles.
// Maxima are taken as if there were no NaN while the sum of all inputs of a row says so; else the row is folded again
// by steps that keep NaN. Global pools fold a whole channel as one row.
#include "kernels/pool/cpu.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/pool/pool.h"
#include "kernels/simd/carver.h"
#include "kernels/simd/launch.h"
#include "kernels/simd/through_float.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/masked-inl.h"

#ifndef ONDA_KERNELS_POOL_FOLD_
#define ONDA_KERNELS_POOL_FOLD_
namespace onda::pool {
enum class Fold { kMax, kMaxNan, kAdd, kAddAbs, kAddSquare };  // kMaxNan: NaN wins
inline constexpr int64_t kRowFloats = 4096;                    // of the folded row
inline constexpr int64_t kSlack = 64;                          // floats that vectors may read past it
inline constexpr int64_t kBlockRows = 8;                       // folded rows that a plane keeps at a time

// Windows over a plane (height, width), for rows that fit kRowFloats / kBlockRows.
struct Plane {
  Fold fold;
  int64_t in_width, out_height, out_width;
  const int64_t* first_row;  // of the input, for each output row
  const int64_t* row_count;
  int64_t row_step;                       // floats from one input row under a window to the next
  int64_t kernel, stride, dilation, pad;  // along the width
  int64_t length;                         // of a folded row, margins included
  float identity;
  const float *column_counts, *row_counts;  // divisors, or null
};
}  // namespace onda::pool
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::pool::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

template <Fold kFold>
HWY_INLINE V Map(V x) {
  if constexpr (kFold == Fold::kAddAbs) return hn::Abs(x);
  if constexpr (kFold == Fold::kAddSquare) return hn::Mul(x, x);
  return x;
}

template <Fold kFold>
HWY_INLINE V Combine(V a, V x) {
  if constexpr (kFold == Fold::kMax) return hn::Max(a, x);
  if constexpr (kFold == Fold::kMaxNan) return hn::IfThenElse(hn::Or(hn::Gt(x, a), hn::IsNaN(x)), x, a);
  return hn::Add(a, x);
}

// row[i] is the fold of rows[k][i] over k < count, and of row[i] where `more`; i < n. False where kMax met what may be
// NaN. kCount: count where it is fixed and `more` is not set, else 0.
template <Fold kFold, int kCount>
bool FoldRowsOf(const float* const* rows, int count, int64_t n, bool more, float* row) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  if constexpr (kCount != 0) count = kCount;
  V sum = hn::Zero(d);  // NaN where any input is (or where infinities cancel)
  auto fold = [&](int64_t i, auto load) HWY_ATTR {
    const V first = load(rows[0] + i);
    if constexpr (kFold == Fold::kMax) sum = hn::Add(sum, first);
    V a = Map<kFold>(first);
    if (kCount == 0 && more) a = Combine<kFold>(load(row + i), a);
#pragma GCC unroll 4
    for (int k = 1; k < count; ++k) {
      const V x = load(rows[k] + i);
      if constexpr (kFold == Fold::kMax) sum = hn::Add(sum, x);
      a = Combine<kFold>(a, Map<kFold>(x));
    }
    return a;
  };
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(fold(i, [&](const float* p) HWY_ATTR { return hn::LoadU(d, p); }), d, row + i);
  if (i < n) {
    const auto tail = hn::FirstN(d, static_cast<size_t>(n - i));
    hn::BlendedStore(fold(i, [&](const float* p) HWY_ATTR { return onda::HWY_NAMESPACE::MaskedLoad(tail, d, p); }),
                     tail, d, row + i);
  }
  return kFold != Fold::kMax || hn::AllFalse(d, hn::IsNaN(sum));
}

// The plane x to y, a block of rows at a time: folded rows are read by unaligned vectors long after they were written.
template <Fold kFold, int kKernel>
bool PlaneOf(const Plane& p, const float* x, float* y) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  constexpr int64_t kStride = kRowFloats / kBlockRows;
  HWY_ALIGN float rows[kRowFloats + kSlack];
  const int64_t begin = std::min(p.pad, p.length), n = std::min(p.in_width, p.length - begin);
  for (int64_t r = 0; r < kBlockRows; ++r) std::fill_n(rows + r * kStride, p.length, p.identity);
  const int64_t kernel = kKernel ? kKernel : p.kernel, whole = n / lanes * lanes;
  const auto in_tail = hn::FirstN(d, static_cast<size_t>(n - whole));
  V sum = hn::Zero(d);
  for (int64_t o0 = 0; o0 < p.out_height; o0 += kBlockRows) {
    const int64_t block = std::min(kBlockRows, p.out_height - o0);
    for (int64_t r = 0; r < block; ++r) {
      float* const row = rows + r * kStride + begin;
      const int64_t count = p.row_count[o0 + r];
      const float* const from = x + p.first_row[o0 + r] * p.in_width;
      auto fold = [&](int64_t i, auto load) HWY_ATTR {
        V v = load(from + i);
        if constexpr (kFold == Fold::kMax) sum = hn::Add(sum, v);
        V a = Map<kFold>(v);
        for (int64_t k = 1; k < count; ++k) {
          v = load(from + k * p.row_step + i);
          if constexpr (kFold == Fold::kMax) sum = hn::Add(sum, v);
          a = Combine<kFold>(a, Map<kFold>(v));
        }
        return a;
      };
      if (count == 0) {
        std::fill_n(row, n, p.identity);
        continue;
      }
      for (int64_t i = 0; i < whole; i += lanes)
        hn::StoreU(fold(i, [&](const float* q) HWY_ATTR { return hn::LoadU(d, q); }), d, row + i);
      if (whole < n)
        hn::BlendedStore(
            fold(whole, [&](const float* q) HWY_ATTR { return onda::HWY_NAMESPACE::MaskedLoad(in_tail, d, q); }),
            in_tail, d, row + whole);
    }
    for (int64_t r = 0; r < block; ++r) {
      float* const out = y + (o0 + r) * p.out_width;
      const V vrows = hn::Set(d, p.row_counts ? p.row_counts[o0 + r] : 1);
      auto columns = [&](auto load) HWY_ATTR {
        for (int64_t o = 0; o < p.out_width; o += lanes) {
          const float* q = rows + r * kStride + o * p.stride;
          V a = load(q);
          for (int64_t k = 1; k < kernel; ++k) a = Combine<kFold>(a, load(q + k * p.dilation));
          if (o + lanes <= p.out_width) {
            if (p.column_counts) a = hn::Div(a, hn::Mul(vrows, hn::LoadU(d, p.column_counts + o)));
            hn::StoreU(a, d, out + o);
          } else {
            const auto tail = hn::FirstN(d, static_cast<size_t>(p.out_width - o));
            if (p.column_counts)
              a = hn::Div(a, hn::Mul(vrows, onda::HWY_NAMESPACE::MaskedLoad(tail, d, p.column_counts + o)));
            hn::BlendedStore(a, tail, d, out + o);
          }
        }
      };
#if HWY_TARGET != HWY_SCALAR
      if (p.stride == 2) {
        columns([&](const float* q) HWY_ATTR { return hn::ConcatEven(d, hn::LoadU(d, q + lanes), hn::LoadU(d, q)); });
        continue;
      }
#endif
      if (p.stride == 1) {
        columns([&](const float* q) HWY_ATTR { return hn::LoadU(d, q); });
        continue;
      }
      for (int64_t o = 0; o < p.out_width; ++o) {
        const float* q = rows + r * kStride + o * p.stride;
        float a = q[0];
        for (int64_t k = 1; k < kernel; ++k) {
          const float v = q[k * p.dilation];
          a = kFold == Fold::kMax || kFold == Fold::kMaxNan ? (v > a || std::isnan(v) ? v : a) : a + v;
        }
        out[o] = p.column_counts ? a / (p.row_counts[o0 + r] * p.column_counts[o]) : a;
      }
    }
  }
  return kFold != Fold::kMax || hn::AllFalse(d, hn::IsNaN(sum));
}

template <Fold kFold>
bool PlaneFixed(const Plane& p, const float* x, float* y) {
  if (p.kernel == 2) return PlaneOf<kFold, 2>(p, x, y);
  if (p.kernel == 3) return PlaneOf<kFold, 3>(p, x, y);
  return PlaneOf<kFold, 0>(p, x, y);
}

void RunPlane(const Plane& p, const float* x, float* y) {
  switch (p.fold) {
    case Fold::kMax:
    case Fold::kMaxNan:
      if (!PlaneFixed<Fold::kMax>(p, x, y)) PlaneOf<Fold::kMaxNan, 0>(p, x, y);
      return;
    case Fold::kAdd:
      PlaneFixed<Fold::kAdd>(p, x, y);
      return;
    case Fold::kAddAbs:
      PlaneOf<Fold::kAddAbs, 0>(p, x, y);
      return;
    case Fold::kAddSquare:
      PlaneOf<Fold::kAddSquare, 0>(p, x, y);
      return;
  }
}

// y[o] = fold of row[o * stride + k * dilation] over k in [0, kernel), o < n, over rows * counts[o] where counts is
// given. Reads at most kSlack floats past the last element.
template <Fold kFold>
void FoldColumnsOf(const float* row, int64_t n, int64_t kernel, int64_t stride, int64_t dilation, const float* counts,
                   float rows, float* y) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V vrows = hn::Set(d, rows);
  auto vectors = [&](auto load) HWY_ATTR {
    for (int64_t o = 0; o < n; o += lanes) {
      const float* p = row + o * stride;
      V a = load(p);
      for (int64_t k = 1; k < kernel; ++k) a = Combine<kFold>(a, load(p + k * dilation));
      if (o + lanes <= n) {
        if (counts) a = hn::Div(a, hn::Mul(vrows, hn::LoadU(d, counts + o)));
        hn::StoreU(a, d, y + o);
      } else {
        const auto tail = hn::FirstN(d, static_cast<size_t>(n - o));
        if (counts) a = hn::Div(a, hn::Mul(vrows, onda::HWY_NAMESPACE::MaskedLoad(tail, d, counts + o)));
        hn::BlendedStore(a, tail, d, y + o);
      }
    }
  };
  if (stride == 1) {
    vectors([&](const float* p) HWY_ATTR { return hn::LoadU(d, p); });
  } else if (stride == 2) {
    vectors([&](const float* p) HWY_ATTR {
#if HWY_TARGET == HWY_SCALAR
      return hn::LoadU(d, p);
#else
      return hn::ConcatEven(d, hn::LoadU(d, p + lanes), hn::LoadU(d, p));
#endif
    });
  } else {
    for (int64_t o = 0; o < n; ++o) {
      const float* p = row + o * stride;
      float a = p[0];
      for (int64_t k = 1; k < kernel; ++k) {
        const float x = p[k * dilation];
        a = kFold == Fold::kAdd ? a + x : x > a || std::isnan(x) ? x : a;
      }
      y[o] = counts ? a / (rows * counts[o]) : a;
    }
  }
}

// The fold of x[0, n).
template <Fold kFold>
float FoldAllOf(const float* x, int64_t n) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const float identity = kFold == Fold::kMaxNan ? -std::numeric_limits<float>::infinity() : 0;
  double total = identity;
  for (int64_t begin = 0; begin < n; begin += 8192) {
    const float* p = x + begin;
    const int64_t m = std::min<int64_t>(n - begin, 8192);
    V a = hn::Set(d, identity), b = a;
    int64_t i = 0;
    for (; i + 2 * lanes <= m; i += 2 * lanes) {
      a = Combine<kFold>(a, Map<kFold>(hn::LoadU(d, p + i)));
      b = Combine<kFold>(b, Map<kFold>(hn::LoadU(d, p + i + lanes)));
    }
    for (; i < m; i += lanes) {
      const auto tail = hn::FirstN(d, static_cast<size_t>(std::min(lanes, m - i)));
      a = Combine<kFold>(
          a, hn::IfThenElse(tail, Map<kFold>(onda::HWY_NAMESPACE::MaskedLoad(tail, d, p + i)), hn::Set(d, identity)));
    }
    a = Combine<kFold>(a, b);
    if constexpr (kFold == Fold::kMaxNan) {
      HWY_ALIGN float buffer[hn::MaxLanes(D())];
      hn::Store(a, d, buffer);
      for (int64_t k = 0; k < lanes; ++k) total = buffer[k] > total || std::isnan(buffer[k]) ? buffer[k] : total;
    } else {
      total += hn::GetLane(hn::SumOfLanes(d, a));
    }
  }
  return static_cast<float>(total);
}

template <Fold kFold>
bool FoldRowsFixed(const float* const* rows, int count, int64_t n, bool more, float* row) {
  if (!more && count == 2) return FoldRowsOf<kFold, 2>(rows, count, n, more, row);
  if (!more && count == 3) return FoldRowsOf<kFold, 3>(rows, count, n, more, row);
  return FoldRowsOf<kFold, 0>(rows, count, n, more, row);
}

bool FoldRows(Fold fold, const float* const* rows, int count, int64_t n, bool more, float* row) {
  switch (fold) {
    case Fold::kMax:
      return FoldRowsFixed<Fold::kMax>(rows, count, n, more, row);
    case Fold::kMaxNan:
      return FoldRowsOf<Fold::kMaxNan, 0>(rows, count, n, more, row);
    case Fold::kAdd:
      return FoldRowsFixed<Fold::kAdd>(rows, count, n, more, row);
    case Fold::kAddAbs:
      return FoldRowsOf<Fold::kAddAbs, 0>(rows, count, n, more, row);
    default:
      return FoldRowsOf<Fold::kAddSquare, 0>(rows, count, n, more, row);
  }
}

void FoldColumns(Fold fold, const float* row, int64_t n, int64_t kernel, int64_t stride, int64_t dilation,
                 const float* counts, float rows, float* y) {
  switch (fold) {
    case Fold::kMax:
      return FoldColumnsOf<Fold::kMax>(row, n, kernel, stride, dilation, counts, rows, y);
    case Fold::kMaxNan:
      return FoldColumnsOf<Fold::kMaxNan>(row, n, kernel, stride, dilation, counts, rows, y);
    default:
      return FoldColumnsOf<Fold::kAdd>(row, n, kernel, stride, dilation, counts, rows, y);
  }
}

float FoldAll(Fold fold, const float* x, int64_t n) {
  switch (fold) {
    case Fold::kMax:
    case Fold::kMaxNan:
      return FoldAllOf<Fold::kMaxNan>(x, n);
    case Fold::kAdd:
      return FoldAllOf<Fold::kAdd>(x, n);
    case Fold::kAddAbs:
      return FoldAllOf<Fold::kAddAbs>(x, n);
    default:
      return FoldAllOf<Fold::kAddSquare>(x, n);
  }
}

}  // namespace onda::pool::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::pool {
namespace {

using window::Axis;
using window::kMaxSpatial;
using window::Window;

HWY_EXPORT(RunPlane);
HWY_EXPORT(FoldRows);
HWY_EXPORT(FoldColumns);
HWY_EXPORT(FoldAll);

template <Kind kKind>
Fold FoldOf(const Params& p) {
  return kKind == Kind::kMax       ? Fold::kMax
         : kKind == Kind::kAverage ? Fold::kAdd
         : p.p == 1                ? Fold::kAddAbs
                                   : Fold::kAddSquare;
}

template <Kind kKind>
std::string RejectsType(const NodeView& node, const Params& p) {
  if (node.input(0).type() != DType::kFloat) return "only float";
  if (kKind == Kind::kMax && node.output(1).present()) return "only without Indices";
  if (kKind == Kind::kLp && p.p != 1 && p.p != 2) return "only p = 1 and p = 2";
  return "";
}

template <Kind kKind>
class Cpu {
 public:
  explicit Cpu(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const Params p(node.attributes());
    const size_t last = p.window.kernel.size() - 1;
    if (p.window.kernel.size() > kMaxSpatial) return "more than 8 spatial dimensions";
    if (p.window.kernel[last] > 1024 || p.window.dilation(last) > 1024 ||
        (p.window.kernel[last] - 1) * p.window.dilation(last) >= kRowFloats / 2)
      return "the window is too wide";
    return RejectsType<kKind>(node, p);
  }

  size_t WorkspaceBytes(TensorViews, TensorViews outputs) const {
    Carver carver;
    Tables(carver, outputs[0]);
    return carver.bytes();
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const Window w = params_.WindowOf(x, y, false);
    const Axis& last = w[w.rank - 1];
    if (y.count() == 0) return;
    Carver carver(args.workspace());
    const Tables tables(carver, y);
    float* const counts = kKind == Kind::kAverage ? tables.column_counts : nullptr;
    for (int64_t o = 0; counts && o < last.out; ++o) counts[o] = static_cast<float>(Count(last, o));
    const int64_t length = (last.out - 1) * last.stride + (last.kernel - 1) * last.dilation + 1;
    if (w.rank <= 2 && length <= kRowFloats / kBlockRows) {
      const Axis tall = w.rank == 2 ? w[0] : Axis{};
      for (int64_t o = 0; o < tall.out; ++o) {
        const Axis::Range range = tall.Inside(o);
        tables.first_row[o] = range.size() > 0 ? tall.start(o) + range.first * tall.dilation : 0;
        tables.row_count[o] = range.size();
        tables.row_counts[o] = static_cast<float>(Count(tall, o));
      }
      const Plane plane{FoldOf<kKind>(params_),
                        last.in,
                        tall.out,
                        last.out,
                        tables.first_row,
                        tables.row_count,
                        tall.dilation * last.in,
                        last.kernel,
                        last.stride,
                        last.dilation,
                        last.pad_begin,
                        length,
                        kKind == Kind::kMax ? -std::numeric_limits<float>::infinity() : 0,
                        counts,
                        tables.row_counts};
      const int64_t in = tall.in * last.in, out = tall.out * last.out;
      args.ParallelFor(y.count(0, 2), 1 + 16384 / (in + out), [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c) {
          float* const to = y.as<float>() + c * out;
          HWY_DYNAMIC_DISPATCH(RunPlane)(plane, x.as<float>() + c * in, to);
          if (kKind == Kind::kLp && params_.p == 2)
            for (int64_t i = 0; i < out; ++i) to[i] = std::sqrt(to[i]);
        }
      });
      return;
    }
    const int64_t out_rows = y.count(2, y.rank - 1), rows = y.count(0, y.rank - 1);
    int64_t work = last.in + 2 * last.out;
    for (int i = 0; i + 1 < w.rank; ++i) work *= w[i].kernel;
    args.ParallelFor(rows, 1 + 32768 / work, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        int64_t o[kMaxSpatial], rest = r % out_rows;
        for (int i = w.rank - 1; i-- > 0; rest /= w[i].out) o[i] = rest % w[i].out;
        Row(w, o, x.as<float>() + r / out_rows * x.count(2, x.rank), counts, y.as<float>() + r * last.out);
      }
    });
  }

 private:
  // What is known of each row and column of results before running.
  struct Tables {
    float *column_counts, *row_counts;
    int64_t *first_row, *row_count;
    Tables(Carver& carver, const TensorView& y) {
      const int64_t height = y.rank == 4 ? y.dim(2) : 1;
      column_counts = carver.Take<float>(y.dim(y.rank - 1));
      row_counts = carver.Take<float>(height);
      first_row = carver.Take<int64_t>(height);
      row_count = carver.Take<int64_t>(height);
    }
  };

  // One row of results at (o..., all) of one channel.
  void Row(const Window& w, const int64_t* o, const float* x, const float* counts, float* y) const {
    const Axis& a = w[w.rank - 1];
    const int64_t span = (a.kernel - 1) * a.dilation + 1;
    const int64_t tile = std::max<int64_t>(1, (kRowFloats - span) / a.stride);  // results
    int64_t rows = 1;
    for (int i = 0; counts && i + 1 < w.rank; ++i) rows *= Count(w[i], o[i]);
    float row[kRowFloats + kSlack];
    for (int64_t begin = 0; begin < a.out; begin += tile) {
      const int64_t n = std::min(tile, a.out - begin);
      Fold fold = FoldOf<kKind>(params_);
      if (!FoldTile(w, o, x, fold, begin, n, row)) FoldTile(w, o, x, fold = Fold::kMaxNan, begin, n, row);
      HWY_DYNAMIC_DISPATCH(FoldColumns)
      (fold, row, n, a.kernel, a.stride, a.dilation, counts ? counts + begin : nullptr, static_cast<float>(rows),
       y + begin);
    }
    if (kKind == Kind::kLp && params_.p == 2)
      for (int64_t i = 0; i < a.out; ++i) y[i] = std::sqrt(y[i]);
  }

  // Folds the input rows under results [begin, begin + n) into `row`, whose element 0 is the first result's first
  // column. False where NaN may have been lost.
  bool FoldTile(const Window& w, const int64_t* o, const float* x, Fold fold, int64_t begin, int64_t n,
                float* row) const {
    const Axis& a = w[w.rank - 1];
    const int64_t start = a.start(begin), length = (n - 1) * a.stride + (a.kernel - 1) * a.dilation + 1;
    const int64_t first = std::clamp<int64_t>(start, 0, a.in), stop = std::clamp<int64_t>(start + length, first, a.in);
    // Where the input begins and ends in `row`; beside it is padding, which may take all of it.
    const int64_t left = std::clamp<int64_t>(first - start, 0, length), right = left + (stop - first);
    const float identity = kKind == Kind::kMax ? -std::numeric_limits<float>::infinity() : 0;
    constexpr int kAtOnce = 32;
    const float* pointers[kAtOnce];
    int count = 0;
    bool more = false, exact = true;
    auto flush = [&] {
      exact &= HWY_DYNAMIC_DISPATCH(FoldRows)(fold, pointers, count, stop - first, more, row + left);
      more = true;
      count = 0;
    };
    ForEachRow(w, o, [&](int64_t offset) {
      pointers[count++] = x + offset + first;
      if (count == kAtOnce) flush();
    });
    if (count > 0) flush();
    if (!more) {
      std::fill_n(row, length, identity);
    } else {
      std::fill_n(row, left, identity);
      std::fill(row + right, row + length, identity);
    }
    return exact;
  }

  // Calls fn(offset of the row in its channel) for the input rows under the window.
  template <class Fn>
  static void ForEachRow(const Window& w, const int64_t* o, Fn&& fn) {
    const int outer = w.rank - 1;
    Axis::Range range[kMaxSpatial];
    int64_t k[kMaxSpatial];
    for (int i = 0; i < outer; ++i) {
      range[i] = w[i].Inside(o[i]);
      if (range[i].size() <= 0) return;
      k[i] = range[i].first;
    }
    while (true) {
      int64_t offset = 0;
      for (int i = 0; i < outer; ++i) offset = offset * w[i].in + w[i].start(o[i]) + k[i] * w[i].dilation;
      fn(offset * w[outer].in);
      int i = outer - 1;
      for (; i >= 0 && ++k[i] == range[i].last; --i) k[i] = range[i].first;
      if (i < 0) return;
    }
  }

  int64_t Count(const Axis& a, int64_t o) const {
    return (params_.count_include_pad ? a.Clip(o, -a.pad_begin, a.in + a.pad_end) : a.Inside(o)).size();
  }

  Params params_;
};

template <Kind kKind>
class Global {
 public:
  explicit Global(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) { return RejectsType<kKind>(node, Params(node.attributes())); }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t n = x.count(2, x.rank);
    const Fold fold = FoldOf<kKind>(params_);
    args.ParallelFor(y.count(), 1 + 16384 / std::max<int64_t>(1, n), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        float v = HWY_DYNAMIC_DISPATCH(FoldAll)(fold, x.as<float>() + t * n, n);
        if (kKind == Kind::kAverage) v /= static_cast<float>(n);
        if (kKind == Kind::kLp && params_.p == 2) v = std::sqrt(v);
        y.as<float>()[t] = v;
      }
    });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu<Kind::kMax>>("MaxPool"),
    MakeKernel<Cpu<Kind::kAverage>>("AveragePool"),
    MakeKernel<Cpu<Kind::kLp>>("LpPool"),
    MakeKernel<Global<Kind::kMax>>("GlobalMaxPool"),
    MakeKernel<Global<Kind::kAverage>>("GlobalAveragePool"),
    MakeKernel<Global<Kind::kLp>>("GlobalLpPool"),
    MakeThroughFloat<Cpu<Kind::kMax>>("MaxPool"),
    MakeThroughFloat<Cpu<Kind::kAverage>>("AveragePool"),
    MakeThroughFloat<Cpu<Kind::kLp>>("LpPool"),
    MakeThroughFloat<Global<Kind::kMax>>("GlobalMaxPool"),
    MakeThroughFloat<Global<Kind::kAverage>>("GlobalAveragePool"),
    MakeThroughFloat<Global<Kind::kLp>>("GlobalLpPool"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() {
  static const std::vector<OndaKernelDef> kernels = [] {
    std::vector<OndaKernelDef> all(std::begin(kKernels), std::end(kKernels));
    all.push_back(kMaxPoolBytes);
    return all;
  }();
  return kernels;
}

}  // namespace onda::pool
#endif
