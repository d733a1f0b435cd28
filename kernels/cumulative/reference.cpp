#include <algorithm>

#include "kernels/cumulative/cumulative.h"
#include "onda/float_formats.h"

namespace onda::cumulative {
namespace {

// Floats accumulate in double, integers wrap around.
template <bool kProduct>
class Running {
 public:
  explicit Running(const NodeView& node) : params_(node.attributes()) {}

  void Launch(const LaunchArgs& args) const {
    const TensorView& x = args.input(0);
    const int64_t given = LoadInt64(args.input(1).type(), args.input(1).data, 0);
    const int axis = static_cast<int>(given < 0 ? given + x.rank : given);
    if (axis < 0 || axis >= x.rank)
      throw Error(ErrorCode::kRuntime, "axis " + std::to_string(given) + " is out of range");
    const int64_t outer = x.count(0, axis), length = x.dim(axis), inner = x.count(axis + 1, x.rank);
    const int64_t blocks = (inner + kBlock - 1) / kBlock;
    if (length == 0) return;
    args.ParallelFor(outer * blocks, 1 + 16384 / (length * std::min(inner + 1, kBlock)),
                     [&](int64_t begin, int64_t end) {
                       for (int64_t i = begin; i < end; ++i) {
                         const int64_t column = i % blocks * kBlock, width = std::min(kBlock, inner - column);
                         const int64_t from = i / blocks * length * inner + column;
                         if (x.type() == DType::kFloat) {
                           const float* p = x.as<float>();
                           float* q = args.output(0).as<float>();
                           Run<double>(
                               from, width, length, inner, [p](int64_t k) { return p[k]; },
                               [q](int64_t k, double v) { q[k] = static_cast<float>(v); });
                         } else if (IsInteger(x.type())) {
                           Run<uint64_t>(
                               from, width, length, inner, [&](int64_t k) { return LoadInt64(x.type(), x.data, k); },
                               [&](int64_t k, uint64_t v) {
                                 StoreInt64(x.type(), args.output(0).data, k, static_cast<int64_t>(v));
                               });
                         } else {
                           Run<double>(
                               from, width, length, inner, [&](int64_t k) { return LoadDouble(x.type(), x.data, k); },
                               [&](int64_t k, double v) { StoreDouble(x.type(), args.output(0).data, k, v); });
                         }
                       }
                     });
  }

 private:
  static constexpr int64_t kBlock = 64;

  // `width` neighbouring lines at once, the first of which starts at element `from`.
  template <class T, class Load, class Store>
  void Run(int64_t from, int64_t width, int64_t length, int64_t stride, Load&& load, Store&& store) const {
    T sums[kBlock];
    std::fill(sums, sums + width, T{kProduct});
    for (int64_t t = 0; t < length; ++t) {
      const int64_t at = from + (params_.reverse ? length - 1 - t : t) * stride;
      for (int64_t k = 0; k < width; ++k) {
        const T value = static_cast<T>(load(at + k)), before = sums[k];
        sums[k] = kProduct ? before * value : before + value;
        store(at + k, params_.exclusive ? before : sums[k]);
      }
    }
  }
  Params params_;
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Running<false>>("CumSum"),
    MakeKernel<Running<true>>("CumProd"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::cumulative
