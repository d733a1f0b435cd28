// CumSum of floats, accumulated in double: lines across the axis go side by side in vectors, lines along it four at a
// time, so that their additions overlap.
#include "kernels/cumulative/cumulative.h"
#include "kernels/simd/stop_poll.h"
#include "kernels/simd/through_float.h"
#include "onda/float_formats.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cumulative/cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace onda::cumulative::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// sums[k] += x[k]; y[k] = sums[k], or what it was before.
void AddRow(const float* x, float* y, double* sums, int64_t width, bool exclusive) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> df;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t k = 0;
  for (; k + lanes <= width; k += lanes) {
    const auto before = hn::LoadU(d, sums + k);
    const auto after = hn::Add(before, hn::PromoteTo(d, hn::LoadU(df, x + k)));
    hn::StoreU(after, d, sums + k);
    hn::StoreU(hn::DemoteTo(df, exclusive ? before : after), df, y + k);
  }
  for (; k < width; ++k) {
    const double before = sums[k];
    sums[k] += static_cast<double>(x[k]);
    y[k] = static_cast<float>(exclusive ? before : sums[k]);
  }
}

}  // namespace onda::cumulative::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

namespace onda::cumulative {
namespace {

HWY_EXPORT(AddRow);

class Sum {
 public:
  explicit Sum(const NodeView& node) : params_(node.attributes()) {}
  static std::string Rejects(const NodeView& node) { return node.input(0).type() == DType::kFloat ? "" : "only float"; }

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int64_t given = LoadInt64(args.input(1).type(), args.input(1).data, 0);
    const int axis = static_cast<int>(given < 0 ? given + x.rank : given);
    if (axis < 0 || axis >= x.rank)
      throw Error(ErrorCode::kRuntime, "axis " + std::to_string(given) + " is out of range");
    const int64_t outer = x.count(0, axis), length = x.dim(axis), inner = x.count(axis + 1, x.rank);
    if (x.count() == 0) return;
    const float* from = x.as<float>();
    float* to = args.output(0).as<float>();
    if (inner == 1) {
      args.ParallelFor((outer + 3) / 4, 1 + 4096 / length, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t row = i * 4;
          row + 4 <= outer ? Lines<4>(args, from + row * length, to + row * length, length)
                           : Tail(args, from + row * length, to + row * length, length, outer - row);
        }
      });
      return;
    }
    constexpr int64_t kBlock = 256;
    const auto add = HWY_DYNAMIC_DISPATCH(AddRow);
    const int64_t blocks = (inner + kBlock - 1) / kBlock;
    args.ParallelFor(outer * blocks, 1 + 16384 / (length * std::min(inner, kBlock)), [&](int64_t begin, int64_t end) {
      double sums[kBlock];
      for (int64_t i = begin; i < end; ++i) {
        const int64_t column = i % blocks * kBlock, width = std::min(kBlock, inner - column);
        const int64_t base = i / blocks * length * inner + column;
        std::fill(sums, sums + width, 0.0);
        StopPoll poll(args);
        for (int64_t t = 0; t < length; ++t) {
          poll.Work(width);
          const int64_t at = base + (params_.reverse ? length - 1 - t : t) * inner;
          add(from + at, to + at, sums, width, params_.exclusive);
        }
      }
    });
  }

 private:
  template <int kLines>
  void Lines(const LaunchArgs& args, const float* x, float* y, int64_t length) const {
    double sums[kLines] = {};
    StopPoll poll(args);
    for (int64_t t = 0; t < length; ++t) {
      poll.Work(kLines);
      const int64_t at = params_.reverse ? length - 1 - t : t;
      for (int k = 0; k < kLines; ++k) {
        const double before = sums[k];
        sums[k] += static_cast<double>(x[at + k * length]);
        y[at + k * length] = static_cast<float>(params_.exclusive ? before : sums[k]);
      }
    }
  }
  void Tail(const LaunchArgs& args, const float* x, float* y, int64_t length, int64_t lines) const {
    for (int64_t k = 0; k < lines; ++k) Lines<1>(args, x + k * length, y + k * length, length);
  }
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Sum>("CumSum"),
    MakeThroughFloat<Sum>("CumSum"),
};

}  // namespace

std::span<const OndaKernelDef> CpuKernels() { return kKernels; }

}  // namespace onda::cumulative
#endif
