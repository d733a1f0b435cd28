// fp32 images of two axes, nearest and linear: offsets and weights of a block of points are found once and used for all
// channels.
#include <algorithm>

#include "kernels/grid_sample/grid_sample.h"
#include "kernels/simd/through_float.h"
#include "kernels/simd/weighted_gather.h"

#ifndef ONDA_KERNELS_GRID_SAMPLE_CPU_ONCE
#define ONDA_KERNELS_GRID_SAMPLE_CPU_ONCE
namespace onda::grid_sample {

struct ImageShape {
  int64_t height, width;
  bool align_corners, border;
};

}  // namespace onda::grid_sample
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/grid_sample/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::grid_sample::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The two taps of a block of coordinates along one axis: offsets are 0 and weights 0 where a tap lies outside. `border`
// brings what lies outside to the border first. NaN is outside, or at the start.
struct LinearTaps {
  int32_t* low;
  int32_t* high;
  float* low_weight;
  float* high_weight;
};
template <class D, class V>
HWY_INLINE void StoreTaps(D d, V coordinate, int64_t length, bool align_corners, bool border, const LinearTaps& to) {
  const hn::RebindToSigned<D> di;
  const V zero = hn::Zero(d), one = hn::Set(d, 1.0f), half = hn::Set(d, 0.5f);
  const V n = hn::Set(d, static_cast<float>(length)), last = hn::Sub(n, one), shifted = hn::Add(coordinate, one);
  V x = align_corners ? hn::Mul(hn::Mul(shifted, half), last) : hn::Mul(hn::Sub(hn::Mul(shifted, n), one), half);
  if (border) x = hn::IfThenElseZero(hn::Ge(x, zero), hn::Min(x, last));
  const V low = hn::Floor(x), high = hn::Add(low, one), t = hn::Sub(x, low);
  const auto low_inside = hn::And(hn::Ge(low, zero), hn::Le(low, last));
  const auto high_inside = hn::And(hn::Ge(high, zero), hn::Le(high, last));
  hn::StoreU(hn::ConvertTo(di, hn::IfThenElseZero(low_inside, low)), di, to.low);
  hn::StoreU(hn::ConvertTo(di, hn::IfThenElseZero(high_inside, high)), di, to.high);
  hn::StoreU(hn::IfThenElseZero(low_inside, hn::Sub(one, t)), d, to.low_weight);
  hn::StoreU(hn::IfThenElseZero(high_inside, t), d, to.high_weight);
}

// Offsets and weights [4, stride] of `count` points of an image, for linear and zeros or border. grid: [count, 2].
void FillLinear(const ImageShape& image, const float* grid, int64_t count, int64_t stride, int32_t* offset,
                float* weight) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN int32_t at[4 * hn::MaxLanes(d)];
  HWY_ALIGN float w[4 * hn::MaxLanes(d)];
  const LinearTaps across{at, at + lanes, w, w + lanes},
      down{at + 2 * lanes, at + 3 * lanes, w + 2 * lanes, w + 3 * lanes};
  for (int64_t i = 0; i < count; i += lanes) {
    HWY_ALIGN float tail[2 * hn::MaxLanes(d)] = {};
    const float* from = grid + 2 * i;
    if (i + lanes > count) {
      for (int64_t k = 0; k < 2 * (count - i); ++k) tail[k] = from[k];
      from = tail;
    }
    auto x = hn::Zero(d), y = hn::Zero(d);
    hn::LoadInterleaved2(d, from, x, y);
    StoreTaps(d, x, image.width, image.align_corners, image.border, across);
    StoreTaps(d, y, image.height, image.align_corners, image.border, down);
    for (int k = 0; k < 4; ++k) {
      const auto row = hn::LoadU(di, at + (2 + k / 2) * lanes), column = hn::LoadU(di, at + k % 2 * lanes);
      const auto width = hn::Set(di, static_cast<int32_t>(image.width));
      hn::StoreU(hn::Add(hn::Mul(row, width), column), di, offset + k * stride + i);
      hn::StoreU(hn::Mul(hn::LoadU(d, w + (2 + k / 2) * lanes), hn::LoadU(d, w + k % 2 * lanes)), d,
                 weight + k * stride + i);
    }
  }
}

}  // namespace onda::grid_sample::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::grid_sample {
namespace {

HWY_EXPORT(FillLinear);

// A multiple of the lanes of every vector.
constexpr int64_t kBlock = 256;

class Cpu {
 public:
  explicit Cpu(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const FactView &x = node.input(0), &grid = node.input(1);
    if (x.type() != DType::kFloat || grid.type() != DType::kFloat) return "only float";
    if (x.rank != 4) return "only images of two axes";
    if (Params(node.attributes()).mode == Mode::kCubic) return "only nearest and linear";
    if (x.dims[2] <= 0 || x.dims[3] <= 0) return "";
    return x.dims[2] > INT32_MAX / x.dims[3] ? "the image is too large" : "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &grid = args.input(1), &y = args.output(0);
    CheckShapes(x, grid, y);
    if (y.count() == 0) return;
    const int64_t channels = x.dim(1), height = x.dim(2), width = x.dim(3), points = y.count(2, 4);
    if (height > INT32_MAX / width) throw Error(ErrorCode::kNotImplemented, "the image is too large");
    const int64_t blocks = (points + kBlock - 1) / kBlock;
    const int taps = params_.taps(), combined = taps * taps;
    args.ParallelFor(x.dim(0) * blocks, 1, [&](int64_t begin, int64_t end) {
      int32_t offset[4 * kBlock];
      float weight[4 * kBlock];
      for (int64_t block = begin; block < end; ++block) {
        const int64_t n = block / blocks, first = block % blocks * kBlock, count = std::min(kBlock, points - first);
        const float* at = grid.as<float>() + (n * points + first) * 2;
        const bool linear = params_.mode == Mode::kLinear && params_.padding != Padding::kReflection;
        if (linear) {
          const ImageShape image{height, width, params_.align_corners, params_.padding == Padding::kBorder};
          HWY_DYNAMIC_DISPATCH(FillLinear)(image, at, count, kBlock, offset, weight);
        }
        for (int64_t i = 0; i < count && !linear; ++i) {
          const Taps across = TapsOf(params_, at[2 * i], width), down = TapsOf(params_, at[2 * i + 1], height);
          for (int k = 0; k < combined; ++k) {
            const int v = k / taps, u = k % taps;
            const bool inside = across.index[u] >= 0 && down.index[v] >= 0;
            offset[k * kBlock + i] = inside ? static_cast<int32_t>(down.index[v] * width + across.index[u]) : 0;
            weight[k * kBlock + i] = inside ? down.weight[v] * across.weight[u] : 0;
          }
        }
        for (int64_t c = 0; c < channels; ++c) {
          WeightedGather({offset, weight, combined, kBlock}, x.as<float>() + (n * channels + c) * height * width, count,
                         y.as<float>() + (n * channels + c) * points + first, false);
        }
      }
    });
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cpu>("GridSample"),
    MakeThroughFloat<Cpu>("GridSample"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::grid_sample
#endif
