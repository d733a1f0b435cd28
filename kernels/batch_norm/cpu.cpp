// fp32. Statistics are folded with scale and bias into one multiply-add per element. LRN goes over the channels of a
// strip of positions, so that the rows it needs stay in cache.
#include <algorithm>
#include <cmath>

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/simd/moments.h"
#include "kernels/simd/through_float.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/batch_norm/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/simd/masked-inl.h"
// After highway.h
#include "hwy/contrib/math/math-inl.h"
#include "kernels/simd/float_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onda::batch_norm::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// y[i] = x[i] / (bias + scale * sum over k < count of (near[k * stride + i])^2)^beta, for i < n.
void LrnRow(const float* x, const float* near, int64_t count, int64_t stride, float bias, float scale, float beta,
            float* y, int64_t n) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const V vbias = hn::Set(d, bias), vscale = hn::Set(d, scale);
  auto one = [&](int64_t i, auto load) HWY_ATTR {
    V squares = hn::Zero(d);
    for (int64_t k = 0; k < count; ++k) {
      const V v = load(near + k * stride + i);
      squares = hn::MulAdd(v, v, squares);
    }
    const V base = hn::MulAdd(vscale, squares, vbias), v = load(x + i);
    if (beta == 0.75f) {
      const V root = hn::Sqrt(base);
      return hn::Div(v, hn::Mul(root, hn::Sqrt(root)));
    }
    if (beta == 0.5f) return hn::Div(v, hn::Sqrt(base));
    if (beta == 1.0f) return hn::Div(v, base);
    return hn::Div(v, onda::HWY_NAMESPACE::vf::Exp(hn::Mul(hn::Set(d, beta), hn::Log(d, base))));
  };
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(one(i, [&](const float* p) HWY_ATTR { return hn::LoadU(d, p); }), d, y + i);
  if (i < n) {
    const auto tail = hn::FirstN(d, static_cast<size_t>(n - i));
    hn::BlendedStore(one(i, [&](const float* p) HWY_ATTR { return onda::HWY_NAMESPACE::MaskedLoad(tail, d, p); }), tail,
                     d, y + i);
  }
}

}  // namespace onda::batch_norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onda::batch_norm {
namespace {

HWY_EXPORT(LrnRow);

std::string RejectsUnlessFloat(const NodeView& node) {
  for (int i = 0; i < node.input_count(); ++i)
    if (node.input(i).present() && node.input(i).type() != DType::kFloat) return "only float";
  return "";
}

class Batch {
 public:
  static constexpr bool kInPlace = true;
  explicit Batch(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    if (Params(node.attributes()).training) return "not for training";
    return RejectsUnlessFloat(node);
  }

  size_t WorkspaceBytes(TensorViews inputs, TensorViews) const {
    return 2 * sizeof(float) * static_cast<size_t>(Extents(inputs[0]).channels);
  }

  void Launch(const LaunchArgs& args) const {
    const float* x = args.input(0).as<float>();
    float* y = args.output(0).as<float>();
    const Extents e(args.input(0));
    float *a = static_cast<float*>(args.workspace()), *b = a + e.channels;
    const float *scale = args.input(1).as<float>(), *bias = args.input(2).as<float>();
    const float *mean = args.input(3).as<float>(), *variance = args.input(4).as<float>();
    for (int64_t c = 0; c < e.channels; ++c) {
      const double factor = scale[c] / std::sqrt(variance[c] + params_.epsilon);
      a[c] = static_cast<float>(factor);
      b[c] = static_cast<float>(bias[c] - mean[c] * factor);
    }
    if (e.inner == 1) {
      args.ParallelFor(e.batch, 1 + 16384 / std::max<int64_t>(1, e.channels), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) ScaleShiftEach(x + r * e.channels, a, b, y + r * e.channels, e.channels);
      });
      return;
    }
    args.ParallelFor(e.batch * e.channels, 1 + 16384 / std::max<int64_t>(1, e.inner), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        ScaleShift(x + r * e.inner, a[r % e.channels], b[r % e.channels], y + r * e.inner, e.inner);
    });
  }

 private:
  Params params_;
};

template <bool kPerChannel>
class Group {
 public:
  static constexpr bool kInPlace = true;
  explicit Group(const NodeView& node)
      : epsilon_(Params(node.attributes()).epsilon), groups_(node.attributes().Int("num_groups", 0)) {}

  static std::string Rejects(const NodeView& node) { return RejectsUnlessFloat(node); }

  void Launch(const LaunchArgs& args) const {
    const float* x = args.input(0).as<float>();
    float* y = args.output(0).as<float>();
    const float *scale = args.input(1).as<float>(), *bias = args.input(2).as<float>();
    const Extents e(args.input(0));
    const int64_t groups = kPerChannel ? e.channels : groups_;
    if (groups == 0) return;
    const int64_t each = e.channels / groups, n = each * e.inner;
    if (n == 0) return;
    args.ParallelFor(e.batch * groups, 1 + 16384 / n, [&](int64_t begin, int64_t end) {
      for (int64_t g = begin; g < end; ++g) {
        const Moments m = MomentsOf(x + g * n, n);
        const double inverse = 1 / std::sqrt(m.variance() + epsilon_);
        for (int64_t k = 0; k < each; ++k) {
          const int64_t c = g % groups * each + k, at = g * n + k * e.inner;
          const double a = inverse * scale[c];
          if (e.inner >= 16) {
            Normalize(x + at, m.mean, static_cast<float>(a), nullptr, nullptr, y + at, e.inner);
            if (bias[c] != 0) ScaleShift(y + at, 1, bias[c], y + at, e.inner);
          } else {
            for (int64_t i = 0; i < e.inner; ++i) y[at + i] = static_cast<float>((x[at + i] - m.mean) * a + bias[c]);
          }
        }
      }
    });
  }

 private:
  double epsilon_;
  int64_t groups_;
};

class Lrn {
 public:
  explicit Lrn(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) { return RejectsUnlessFloat(node); }

  void Launch(const LaunchArgs& args) const {
    constexpr int64_t kStrip = 512;  // positions
    const Extents e(args.input(0));
    const int64_t strips = (e.inner + kStrip - 1) / kStrip;
    const float scale = static_cast<float>(params_.alpha / static_cast<double>(params_.size));
    args.ParallelFor(e.batch * strips, 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t at = t / strips * e.channels * e.inner + t % strips * kStrip;
        const int64_t n = std::min(kStrip, e.inner - t % strips * kStrip);
        const float* x = args.input(0).as<float>() + at;
        float* y = args.output(0).as<float>() + at;
        for (int64_t c = 0; c < e.channels; ++c) {
          const auto [first, last] = params_.Around(c, e.channels);
          HWY_DYNAMIC_DISPATCH(LrnRow)
          (x + c * e.inner, x + first * e.inner, last - first, e.inner, static_cast<float>(params_.bias), scale,
           static_cast<float>(params_.beta), y + c * e.inner, n);
        }
      }
    });
  }

 private:
  LrnParams params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Batch>("BatchNormalization"),
    MakeKernel<Group<true>>("InstanceNormalization"),
    MakeKernel<Group<false>>("GroupNormalization"),
    MakeKernel<Lrn>("LRN"),
    MakeThroughFloat<Batch>("BatchNormalization"),
    MakeThroughFloat<Group<true>>("InstanceNormalization"),
    MakeThroughFloat<Group<false>>("GroupNormalization"),
    MakeThroughFloat<Lrn>("LRN"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::batch_norm
#endif
