// Clip of 8-bit integers. The real types are rows of cpu_unary.cpp.
#include <algorithm>
#include <limits>

#include "kernels/elementwise/elementwise.h"

namespace onda::elementwise {
namespace {

class ClipBytes {
 public:
  static constexpr bool kInPlace = true;
  explicit ClipBytes(const NodeView&) {}

  static std::string Rejects(const NodeView& node) {
    const DType type = node.input(0).type();
    return type == DType::kInt8 || type == DType::kUint8 ? "" : "only 8-bit integers";
  }

  void Launch(const LaunchArgs& args) const {
    args.input(0).type() == DType::kInt8 ? Clamp<int8_t>(args) : Clamp<uint8_t>(args);
  }

 private:
  template <class T>
  static T Limit(const TensorView& limit, T absent) {
    if (!limit.present()) return absent;
    if (limit.count() != 1) throw Error(ErrorCode::kInvalidArgument, "the limits of Clip must be scalars");
    return *limit.as<T>();
  }

  // The upper limit wins where the two cross.
  template <class T>
  static void Clamp(const LaunchArgs& args) {
    const T low = Limit(args.input(1), std::numeric_limits<T>::min());
    const T high = Limit(args.input(2), std::numeric_limits<T>::max());
    const T* x = args.input(0).as<T>();
    T* y = args.output(0).as<T>();
    args.ParallelFor(args.output(0).count(), 65536, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = std::min(high, std::max(low, x[i]));
    });
  }
};

constexpr OndaKernelDef kKernels[] = {MakeKernel<ClipBytes>("Clip")};

}  // namespace

std::span<const OndaKernelDef> ClipCpuKernels() { return kKernels; }

}  // namespace onda::elementwise
