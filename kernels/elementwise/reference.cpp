// Where, which moves elements by size, and Clip; with the rows of the other files they are the family's references.
#include <algorithm>
#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "kernels/simd/blocks.h"
#include "kernels/simd/broadcast.h"
#include "kernels/simd/elements.h"

namespace onda::elementwise {
namespace {

class WhereReference {
 public:
  static constexpr bool kInPlace = true;
  explicit WhereReference(const NodeView&) {}

  void Launch(const LaunchArgs& args) const {
    const DType type = args.output(0).type();
    if (type == DType::kString) return Move<std::string>(args);
    switch (BitsOf(type)) {
      case 8:
        return Move<uint8_t>(args);
      case 16:
        return Move<uint16_t>(args);
      case 32:
        return Move<uint32_t>(args);
      case 64:
        return Move<uint64_t>(args);
      case 128:
        return Move<Bytes16>(args);
      default:
        throw Error(ErrorCode::kNotImplemented, "Where is not defined for " + std::string(NameOf(type)));
    }
  }

 private:
  template <class T>
  static void Move(const LaunchArgs& args) {
    const bool* condition = args.input(0).as<bool>();
    const T *a = args.input(1).as<T>(), *b = args.input(2).as<T>();
    T* y = args.output(0).as<T>();
    const BroadcastPlan<3> plan(args.output(0).shape(),
                                {args.input(0).shape(), args.input(1).shape(), args.input(2).shape()});
    const int64_t condition_step = plan.step(0), a_step = plan.step(1), b_step = plan.step(2);
    args.ParallelFor(plan.count(), 16384, [&](int64_t begin, int64_t end) {
      plan.ForEachRun(begin, end, [&](int64_t at, const auto& from, int64_t n) {
        const bool* c = condition + from[0];
        const T *p = a + from[1], *q = b + from[2];
        T* out = y + at;
        if (condition_step == 0) {
          const T* source = *c ? p : q;
          const int64_t step = *c ? a_step : b_step;
          for (int64_t i = 0; i < n; ++i) out[i] = source[i * step];
        } else {
          for (int64_t i = 0; i < n; ++i) out[i] = c[i] ? p[i * a_step] : q[i * b_step];
        }
      });
    });
  }
};

// min(max, max(x, min)), both limits scalars or absent; NaN elements stay NaN.
class ClipReference {
 public:
  static constexpr bool kInPlace = true;
  explicit ClipReference(const NodeView&) {}

  void Launch(const LaunchArgs& args) const {
    const DType type = args.input(0).type();
    if (type == DType::kUint64) return Clamp<uint64_t, int64_t>(args, LoadIntegers, StoreIntegers);
    if (IsInteger(type)) return Clamp<int64_t, int64_t>(args, LoadIntegers, StoreIntegers);
    Clamp<double, double>(args, LoadReals, StoreReals);
  }

 private:
  // Elements are carried as Carried and compared as T.
  template <class T, class Carried, class Load, class Store>
  static void Clamp(const LaunchArgs& args, Load load, Store store) {
    const TensorView &x = args.input(0), &y = args.output(0);
    Carried limits[2] = {};
    bool has[2];
    for (int k = 0; k < 2; ++k) {
      const TensorView& limit = args.input(k + 1);
      has[k] = limit.present();
      if (!has[k]) continue;
      if (limit.count() != 1) throw Error(ErrorCode::kInvalidArgument, "the limits of Clip must be scalars");
      load(limit.type(), limit.data, 0, 1, 1, &limits[k]);
    }
    const T low = static_cast<T>(limits[0]), high = static_cast<T>(limits[1]);
    args.ParallelFor(y.count(), 8 * kBlock, [&](int64_t begin, int64_t end) {
      Carried block[kBlock];
      for (int64_t i = begin; i < end; i += kBlock) {
        const int64_t n = std::min(kBlock, end - i);
        load(x.type(), x.data, i, 1, n, block);
        for (int64_t k = 0; k < n; ++k) {
          T value = static_cast<T>(block[k]);
          if (has[0] && value < low) value = low;
          if (has[1] && value > high) value = high;
          block[k] = static_cast<Carried>(value);
        }
        store(y.type(), y.data, i, n, block);
      }
    });
  }
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() {
  static const std::vector<OndaKernelDef> kernels = [] {
    std::vector<OndaKernelDef> all = {MakeKernel<WhereReference>("Where"), MakeKernel<ClipReference>("Clip")};
    for (const auto& part : {UnaryReferences(), BinaryReferences()}) all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return kernels;
}

}  // namespace onda::elementwise
