#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/softmax/softmax.h"
#include "onda/float_formats.h"

namespace onda::softmax {
namespace {

template <Kind kKind>
class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (x.count() == 0) return;
    const auto [outer, length, inner] = params_.ExtentsOf(x);
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < inner; ++i) {
        auto at = [&](int64_t k) { return (o * length + k) * inner + i; };
        if (kKind == Kind::kHardmax) {
          int64_t best = 0;
          for (int64_t k = 1; k < length; ++k) {
            const double v = LoadDouble(x.type(), x.data, at(k)), top = LoadDouble(x.type(), x.data, at(best));
            if (v > top || (std::isnan(v) && !std::isnan(top))) best = k;
          }
          for (int64_t k = 0; k < length; ++k) StoreDouble(y.type(), y.data, at(k), k == best);
          continue;
        }
        double max = -std::numeric_limits<double>::infinity(), sum = 0;
        for (int64_t k = 0; k < length; ++k) max = std::max(max, LoadDouble(x.type(), x.data, at(k)));
        const bool steps = RoundsSteps(x.type(), kKind);
        auto exponential = [&](double shifted) {
          const double e = std::exp(shifted);
          return steps ? DecodeSmallFloat(kFloat16Format, EncodeSmallFloat(kFloat16Format, e, false)) : e;
        };
        for (int64_t k = 0; k < length; ++k) sum += exponential(LoadDouble(x.type(), x.data, at(k)) - max);
        if (steps) sum = SumAsHalf(sum);
        for (int64_t k = 0; k < length; ++k) {
          const double shifted = LoadDouble(x.type(), x.data, at(k)) - max;
          StoreDouble(y.type(), y.data, at(k),
                      kKind == Kind::kLogSoftmax ? shifted - std::log(sum) : exponential(shifted) / sum);
        }
      }
    }
  }

 private:
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Reference<Kind::kSoftmax>>("Softmax"),
    MakeKernel<Reference<Kind::kLogSoftmax>>("LogSoftmax"),
    MakeKernel<Reference<Kind::kHardmax>>("Hardmax"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::softmax
