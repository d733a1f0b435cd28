// Floats. TopK along the last axis keeps a heap of the best so far; a vector comparison with the worst of them skips
// what cannot enter. ArgMax and ArgMin along the last axis find the extreme, then its place; across other axes they
// carry both for many columns at once. NaN counts as in topk.h.
#include "kernels/simd/stop_poll.h"
#include "kernels/simd/through_float.h"
#include "kernels/topk/topk.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/topk/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::topk::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The first i in [begin, n) with x[i] above (below) the bound, or with NaN on either side; n where there is none.
int64_t NextCandidate(const float* x, int64_t begin, int64_t n, float bound, bool above) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto b = hn::Set(d, bound);
  int64_t i = begin;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    const auto out = above ? hn::Le(v, b) : hn::Ge(v, b);
    if (!hn::AllTrue(d, out)) break;
  }
  for (; i < n; ++i)
    if (above ? !(x[i] <= bound) : !(x[i] >= bound)) return i;
  return n;
}

// The place of the largest or smallest; -1 where there is a NaN.
int64_t ArgRow(const float* x, int64_t n, bool largest, bool last) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), whole = n - n % lanes;
  V best = hn::Set(d, x[0]);
  auto nan = hn::IsNaN(best);
  for (int64_t i = 0; i < whole; i += lanes) {
    const V v = hn::LoadU(d, x + i);
    nan = hn::Or(nan, hn::IsNaN(v));
    best = largest ? hn::Max(best, v) : hn::Min(best, v);
  }
  if (!hn::AllFalse(d, nan)) return -1;
  float extreme = hn::GetLane(largest ? hn::MaxOfLanes(d, best) : hn::MinOfLanes(d, best));
  for (int64_t i = whole; i < n; ++i) {
    if (x[i] != x[i]) return -1;
    if (largest ? x[i] > extreme : x[i] < extreme) extreme = x[i];
  }
  const V e = hn::Set(d, extreme);
  if (last) {
    for (int64_t i = n; i-- > 0;)
      if (x[i] == extreme) return i;
  }
  for (int64_t i = 0; i < whole; i += lanes) {
    const intptr_t found = hn::FindFirstTrue(d, hn::Eq(hn::LoadU(d, x + i), e));
    if (found >= 0) return i + found;
  }
  for (int64_t i = whole; i < n; ++i)
    if (x[i] == extreme) return i;
  return -1;
}

// best[k], place[k]: the extreme of column k so far and where it stands; x is row t.
void ArgColumns(const float* x, int32_t t, float* best, int32_t* place, int64_t width, bool largest, bool last) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto now = hn::Set(di, t);
  int64_t k = 0;
  for (; k + lanes <= width; k += lanes) {
    const auto v = hn::LoadU(d, x + k), b = hn::LoadU(d, best + k);
    const auto better = largest ? (last ? hn::Ge(v, b) : hn::Gt(v, b)) : (last ? hn::Le(v, b) : hn::Lt(v, b));
    const auto nan = last ? hn::IsNaN(v) : hn::AndNot(hn::IsNaN(b), hn::IsNaN(v));
    const auto take = hn::Or(better, nan);
    hn::StoreU(hn::IfThenElse(take, v, b), d, best + k);
    hn::StoreU(hn::IfThenElse(hn::RebindMask(di, take), now, hn::LoadU(di, place + k)), di, place + k);
  }
  for (; k < width; ++k) {
    const float v = x[k], b = best[k];
    const bool better = largest ? (last ? v >= b : v > b) : (last ? v <= b : v < b);
    if (better || (v != v && (last || b == b))) best[k] = v, place[k] = t;
  }
}

}  // namespace onda::topk::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <bit>

namespace onda::topk {
namespace {

HWY_EXPORT(NextCandidate);
HWY_EXPORT(ArgRow);
HWY_EXPORT(ArgColumns);

// Compares as the floats do: both zeros are one key, all NaNs the largest.
uint32_t KeyOf(float value) {
  if (value != value) return UINT32_MAX;
  const uint32_t bits = std::bit_cast<uint32_t>(value == 0 ? 0.0f : value);
  return bits >> 31 ? ~bits : bits | uint32_t{1} << 31;
}

struct Entry {
  uint32_t key;  // inverted where the smallest are sought
  int64_t index;
  bool operator<(const Entry& other) const { return key != other.key ? key > other.key : index < other.index; }
};

class TopK {
 public:
  explicit TopK(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    if (node.input(0).type() != DType::kFloat) return "only float";
    const int64_t axis = Params(node.attributes()).axis;
    return axis == -1 || axis == node.input(0).rank - 1 ? "" : "only the last axis";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    const Extents e(inputs[0], params_.axis);
    return static_cast<size_t>(Chunks(e) * e.length) * sizeof(Entry);
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &values = args.output(0), &indices = args.output(1);
    const Extents e(x, params_.axis);
    const int64_t k = Extents(values.present() ? values : indices, params_.axis).length, chunks = Chunks(e);
    if (k == 0 || e.outer == 0) return;
    args.ParallelFor(chunks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        Entry* entries = static_cast<Entry*>(args.workspace()) + chunk * e.length;
        for (int64_t row = e.outer * chunk / chunks; row < e.outer * (chunk + 1) / chunks; ++row) {
          const float* from = x.as<float>() + row * e.length;
          Select(args, from, entries, k, e.length);
          StopPoll poll(args);
          for (int64_t i = 0; i < k; ++i) {
            poll.Work(2);
            if (values.data) values.as<float>()[row * k + i] = from[entries[i].index];
            if (indices.data) indices.as<int64_t>()[row * k + i] = entries[i].index;
          }
        }
      }
    });
  }

 private:
  // Rows are shared out in so many parts, each with scratch memory of its own.
  static int64_t Chunks(const Extents& e) {
    const int64_t fitting =
        (int64_t{16} << 20) / (static_cast<int64_t>(sizeof(Entry)) * std::max<int64_t>(1, e.length));
    return std::clamp<int64_t>(std::min(fitting, e.outer), 1, 64);
  }

  // The first k entries: the best of the row, best first.
  void Select(const LaunchArgs& args, const float* x, Entry* entries, int64_t k, int64_t n) const {
    StopPoll poll(args);
    const auto better = [&poll](const Entry& a, const Entry& b) {
      poll.Work();
      return a < b;
    };
    const uint32_t flip = params_.largest ? 0 : UINT32_MAX;
    const bool few = k * 4 < n;
    const int64_t filled = few ? k : n;
    for (int64_t i = 0; i < filled; ++i) {
      poll.Work();
      entries[i] = {KeyOf(x[i]) ^ flip, i};
    }
    if (!few) {
      if (k < n) std::nth_element(entries, entries + k, entries + n, better);
      std::sort(entries, entries + k, better);
      return;
    }
    const auto next = HWY_DYNAMIC_DISPATCH(NextCandidate);
    std::make_heap(entries, entries + k, better);  // the worst in front
    for (int64_t i = next(x, k, n, x[entries[0].index], params_.largest); i < n;
         i = next(x, i + 1, n, x[entries[0].index], params_.largest)) {
      const Entry entry{KeyOf(x[i]) ^ flip, i};
      if (!(entry < entries[0])) continue;
      std::pop_heap(entries, entries + k, better);
      entries[k - 1] = entry;
      std::push_heap(entries, entries + k, better);
    }
    std::sort_heap(entries, entries + k, better);
  }
  Params params_;
};

template <bool kMax>
class Arg {
 public:
  explicit Arg(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return node.input(0).type() == DType::kFloat ? "" : "only float"; }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const Extents e(x, params_.axis);
    if (e.length == 0) throw Error(ErrorCode::kRuntime, "there is no extreme among no elements");
    if (e.length > INT32_MAX) throw Error(ErrorCode::kNotImplemented, "an axis of more than 2^31 elements");
    const float* from = x.as<float>();
    int64_t* to = args.output(0).as<int64_t>();
    if (e.inner == 1) {
      const auto arg = HWY_DYNAMIC_DISPATCH(ArgRow);
      args.ParallelFor(e.outer, 1 + 32768 / e.length, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const float* line = from + row * e.length;
          to[row] = arg(line, e.length, kMax, params_.last);
          if (to[row] >= 0) continue;
          for (int64_t i = 0; i < e.length; ++i)  // the first or last NaN
            if (line[i] != line[i] && (to[row] < 0 || params_.last)) to[row] = i;
        }
      });
      return;
    }
    constexpr int64_t kBlock = 512;
    const auto step = HWY_DYNAMIC_DISPATCH(ArgColumns);
    const int64_t blocks = (e.inner + kBlock - 1) / kBlock;
    args.ParallelFor(e.outer * blocks, 1 + 16384 / (e.length * std::min(kBlock, e.inner)),
                     [&](int64_t begin, int64_t end) {
                       float best[kBlock];
                       int32_t place[kBlock];
                       for (int64_t i = begin; i < end; ++i) {
                         const int64_t column = i % blocks * kBlock, width = std::min(kBlock, e.inner - column);
                         const float* first = from + i / blocks * e.length * e.inner + column;
                         std::copy(first, first + width, best);
                         std::fill(place, place + width, 0);
                         for (int64_t t = 1; t < e.length; ++t)
                           step(first + t * e.inner, static_cast<int32_t>(t), best, place, width, kMax, params_.last);
                         std::copy(place, place + width, to + i / blocks * e.inner + column);
                       }
                     });
  }

 private:
  ArgParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<TopK>("TopK"),       MakeKernel<Arg<true>>("ArgMax"),       MakeKernel<Arg<false>>("ArgMin"),
    MakeThroughFloat<TopK>("TopK"), MakeThroughFloat<Arg<true>>("ArgMax"), MakeThroughFloat<Arg<false>>("ArgMin"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::topk
#endif
