// fp32 along the last axis: three passes over a row that stays in cache (maximum, exponentials with their sum, scale).
// Along another axis the same passes are made over a strip of neighbouring columns. Half types are widened to float in
// the workspace first.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/simd/half.h"
#include "kernels/softmax/softmax.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After highway.h
#include "kernels/simd/float_math-inl.h"
#include "kernels/simd/masked-inl.h"

#ifndef ONDA_KERNELS_SOFTMAX_STRIP_
#define ONDA_KERNELS_SOFTMAX_STRIP_
namespace onda::softmax {
inline constexpr int64_t kStrip = 256;  // columns of a strip
}
#endif

HWY_BEFORE_NAMESPACE();
namespace onda::softmax::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;

HWY_INLINE hn::Vec<D> Exp(hn::Vec<D> v) { return onda::HWY_NAMESPACE::vf::ExpNonPositive(v); }

// v of [0, 1] rounded to float16: to 11 bits, or to a multiple of 2^-24.
HWY_INLINE hn::Vec<D> RoundToHalf(hn::Vec<D> v) {
  const D d;
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<13>(bits), hn::Set(du, 1));
  const auto normal = hn::And(hn::Add(bits, hn::Add(odd, hn::Set(du, 0xfff))), hn::Set(du, ~uint32_t{0x1fff}));
  const auto small = hn::Sub(hn::Add(v, hn::Set(d, 0.75f)), hn::Set(d, 0.75f));
  return hn::IfThenElse(hn::Lt(v, hn::Set(d, 0x1p-14f)), small, hn::BitCast(d, normal));
}

// y may be x. n >= 1. half_steps: see RoundsSteps.
void Row(const float* x, float* y, int64_t n, bool log, bool half_steps) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), whole = n - n % lanes;
  const auto tail = hn::FirstN(d, static_cast<size_t>(n - whole));
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  // What lies past the row's end takes no part: -infinity for the maximum, 0 for the sum.
  auto load_tail = [&](const float* p) {
    return hn::IfThenElse(tail, onda::HWY_NAMESPACE::MaskedLoad(tail, d, p), lowest);
  };

  auto exponential = [&](V v) HWY_ATTR { return half_steps ? RoundToHalf(Exp(v)) : Exp(v); };

  V vmax = lowest;
  for (int64_t i = 0; i < whole; i += lanes) vmax = hn::Max(vmax, hn::LoadU(d, x + i));
  if (whole < n) vmax = hn::Max(vmax, load_tail(x + whole));
  const V max = hn::MaxOfLanes(d, vmax);

  V vsum = hn::Zero(d);
  for (int64_t i = 0; i < whole; i += lanes) {
    const V shifted = hn::Sub(hn::LoadU(d, x + i), max), e = exponential(shifted);
    vsum = hn::Add(vsum, e);
    hn::StoreU(log ? shifted : e, d, y + i);
  }
  if (whole < n) {
    const V shifted = hn::Sub(load_tail(x + whole), max), e = exponential(shifted);
    vsum = hn::Add(vsum, hn::IfThenElseZero(tail, e));
    hn::BlendedStore(log ? shifted : e, tail, d, y + whole);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, vsum));
  if (half_steps) sum = SumAsHalf(sum);

  const V scale = hn::Set(d, log ? std::log(sum) : 1.0f / sum);
  auto finish = [&](V v) { return log ? hn::Sub(v, scale) : hn::Mul(v, scale); };
  for (int64_t i = 0; i < whole; i += lanes) hn::StoreU(finish(hn::LoadU(d, y + i)), d, y + i);
  if (whole < n) hn::BlendedStore(finish(onda::HWY_NAMESPACE::MaskedLoad(tail, d, y + whole)), tail, d, y + whole);
}

// The rows of a dense matrix.
void Rows(const float* x, float* y, int64_t rows, int64_t n, bool log, bool half_steps) {
  for (int64_t r = 0; r < rows; ++r) Row(x + r * n, y + r * n, n, log, half_steps);
}

// The first `width` columns of a (length, stride) matrix, each normalised. y may be x. length >= 1, width <= kStrip.
void Columns(const float* x, float* y, int64_t length, int64_t stride, int64_t width, bool log, bool half_steps) {
  const D d;
  using V = hn::Vec<D>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN float max[kStrip + hn::MaxLanes(D())], sum[kStrip + hn::MaxLanes(D())];
  auto exponential = [&](V v) HWY_ATTR { return half_steps ? RoundToHalf(Exp(v)) : Exp(v); };
  // Calls fn(j, load, store) for every vector of columns; the last one is masked.
  auto strip = [&](auto&& fn) HWY_ATTR {
    int64_t j = 0;
    for (; j + lanes <= width; j += lanes)
      fn(
          j, [&](const float* p) HWY_ATTR { return hn::LoadU(d, p); },
          [&](V v, float* p) HWY_ATTR { hn::StoreU(v, d, p); });
    if (j < width) {
      const auto tail = hn::FirstN(d, static_cast<size_t>(width - j));
      fn(
          j, [&](const float* p) HWY_ATTR { return onda::HWY_NAMESPACE::MaskedLoad(tail, d, p); },
          [&](V v, float* p) HWY_ATTR { hn::BlendedStore(v, tail, d, p); });
    }
  };
  strip([&](int64_t j, auto load, auto) HWY_ATTR {
    hn::Store(load(x + j), d, max + j);
    hn::Store(hn::Zero(d), d, sum + j);
  });
  for (int64_t k = 1; k < length; ++k)
    strip([&](int64_t j, auto load, auto)
              HWY_ATTR { hn::Store(hn::Max(hn::Load(d, max + j), load(x + k * stride + j)), d, max + j); });
  for (int64_t k = 0; k < length; ++k)
    strip([&](int64_t j, auto load, auto store) HWY_ATTR {
      const V shifted = hn::Sub(load(x + k * stride + j), hn::Load(d, max + j)), e = exponential(shifted);
      hn::Store(hn::Add(hn::Load(d, sum + j), e), d, sum + j);
      store(log ? shifted : e, y + k * stride + j);
    });
  if (half_steps)
    for (int64_t j = 0; j < width; ++j) sum[j] = SumAsHalf(sum[j]);
  for (int64_t j = 0; j < width; ++j) sum[j] = log ? std::log(sum[j]) : 1.0f / sum[j];
  for (int64_t k = 0; k < length; ++k)
    strip([&](int64_t j, auto load, auto store) HWY_ATTR {
      const V v = load(y + k * stride + j), scale = hn::Load(d, sum + j);
      store(log ? hn::Sub(v, scale) : hn::Mul(v, scale), y + k * stride + j);
    });
}

}  // namespace onda::softmax::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::softmax {
namespace {

HWY_EXPORT(Rows);
HWY_EXPORT(Columns);

template <bool kLog>
class Cpu {
 public:
  static constexpr bool kInPlace = true;
  explicit Cpu(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    return IsFloatOrHalf(type) ? "" : "only float, float16 and bfloat16";
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return IsHalf(inputs[0].type()) ? sizeof(float) * static_cast<size_t>(inputs[0].count()) : 0;
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const auto [outer, n, inner] = params_.ExtentsOf(x);
    if (n == 0) return;
    const DType type = x.type();
    const bool steps = RoundsSteps(type, kLog ? Kind::kLogSoftmax : Kind::kSoftmax);
    const int64_t slab = n * inner, strips = (inner + kStrip - 1) / kStrip;
    float* work = static_cast<float*>(args.workspace());
    if (inner == 1 && !IsHalf(type)) {
      args.ParallelFor(outer, 1 + 16384 / n, [&, n = n](int64_t begin, int64_t end) {
        HWY_DYNAMIC_DISPATCH(Rows)(x.as<float>() + begin * n, y.as<float>() + begin * n, end - begin, n, kLog, steps);
      });
      return;
    }
    if (IsHalf(type)) {
      // A task is a slab of (n, inner), widened to floats and normalised there.
      args.ParallelFor(
          outer, 1 + 16384 / std::max<int64_t>(1, slab), [&, n = n, inner = inner](int64_t begin, int64_t end) {
            for (int64_t o = begin; o < end; ++o) {
              float* const wide = work + o * slab;
              WidenToFloat(type, x.as<uint16_t>() + o * slab, wide, slab);
              if (inner == 1) HWY_DYNAMIC_DISPATCH(Rows)(wide, wide, 1, n, kLog, steps);
              for (int64_t j = 0; inner > 1 && j < inner; j += kStrip)
                HWY_DYNAMIC_DISPATCH(Columns)(wide + j, wide + j, n, inner, std::min(kStrip, inner - j), kLog, steps);
              NarrowFromFloat(type, wide, y.as<uint16_t>() + o * slab, slab);
            }
          });
      return;
    }
    const int64_t width = std::min(kStrip, inner);
    const int64_t grain = 1 + 16384 / std::max<int64_t>(1, n * width);
    args.ParallelFor(outer * strips, grain, [&, n = n, inner = inner](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t j = t % strips * kStrip, at = t / strips * slab + j;
        HWY_DYNAMIC_DISPATCH(Columns)
        (x.as<float>() + at, y.as<float>() + at, n, inner, std::min(kStrip, inner - j), kLog, steps);
      }
    });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu<false>>("Softmax"),
    MakeKernel<Cpu<true>>("LogSoftmax"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::softmax
#endif
