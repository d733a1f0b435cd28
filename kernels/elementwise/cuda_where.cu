// Where, which moves elements by size, and Clip.
#include "kernels/device/broadcast.h"
#include "kernels/elementwise/cuda_rows.h"

namespace onda::elementwise {
namespace {

using namespace cuda;

template <class T>
__global__ void __launch_bounds__(kElementThreads)
    Select(In<uint8_t> condition, In<T> a, In<T> b, Out<T> y, int64_t n, Strides<3> strides) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  int64_t from[3] = {0, 0, 0};
  strides.Offsets(static_cast<uint32_t>(i), from);
  y[i] = condition[from[0]] ? a[from[1]] : b[from[2]];
}

// low and high are of one element, or absent. Where low > high, the result is high. A NaN stays.
template <class T>
__global__ void __launch_bounds__(kElementThreads) ClipReal(In<T> x, In<T> low, In<T> high, Out<T> y, int64_t n) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  Compute<T> value = Widen(x[i]);
  if (low && value < Widen(low[0])) value = Widen(low[0]);
  if (high && value > Widen(high[0])) value = Widen(high[0]);
  y[i] = Narrow<T>(value);
}

__global__ void __launch_bounds__(kElementThreads)
    ClipInteger(In<uint8_t> x, In<uint8_t> low, In<uint8_t> high, Out<uint8_t> y, int64_t n, DType type) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const bool natural = type == DType::kUint64;
  auto less = [&](int64_t p, int64_t q) {
    return natural ? static_cast<uint64_t>(p) < static_cast<uint64_t>(q) : p < q;
  };
  int64_t value = LoadInteger(type, x.data, i);
  if (low && less(value, LoadInteger(type, low.data, 0))) value = LoadInteger(type, low.data, 0);
  if (high && less(LoadInteger(type, high.data, 0), value)) value = LoadInteger(type, high.data, 0);
  StoreInteger(type, y.data, i, value);
}

class Where {
 public:
  static constexpr bool kInPlace = true;
  explicit Where(const NodeView&) {}
  static std::string Rejects(const NodeView& node) {
    const DType type = node.output(0).type();
    return BitsOf(type) >= 8 ? "" : "not for " + std::string(NameOf(type));
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView &condition = args.input(0), &a = args.input(1), &b = args.input(2), &y = args.output(0);
    const auto strides = BroadcastStrides<3>(y.shape(), {condition.shape(), a.shape(), b.shape()});
    WithSize(y.type(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      cuda::Launch(args, OverElements(y.count(), 1), Select<T>, condition, a, b, y, y.count(), strides);
    });
  }
};

class Clip {
 public:
  explicit Clip(const NodeView&) {}
  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    return IsFloating(type) || IsByteInteger(type) ? "" : "not for " + std::string(NameOf(type));
  }
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &low = args.input(1), &high = args.input(2), &y = args.output(0);
    const int64_t n = x.count();
    if (!IsFloating(x.type())) {
      cuda::Launch(args, OverElements(n, 1), ClipInteger, x, low, high, y, n, x.type());
      return;
    }
    WithReal(x.type(), [&](auto tag) {
      cuda::Launch(args, OverElements(n, 1), ClipReal<typename decltype(tag)::Type>, x, low, high, y, n);
    });
  }
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<Where>("Where"), MakeKernel<Clip>("Clip")};

}  // namespace

std::span<const OndaKernelDef> WhereCudaKernels() { return kKernels; }

}  // namespace onda::elementwise
