// Cast between reals, integers of whole bytes and bool: a thread per element. Integer types are read and written by a
// type that is known at run time, so that few kernels do for all pairs. So are float8, float4 and integers of less than
// a byte, from and to those; a thread then writes a whole byte.
#include "kernels/cast/cast.h"
#include "kernels/device/element.h"
#include "kernels/device/small_float.h"
#include "kernels/device/target.h"
#include "providers/cuda/device.h"

namespace onda::cast {
namespace {

using namespace cuda;

constexpr int kThreads = 256;

// Towards zero; what does not fit is as on the CPU (see the reference).
__device__ int64_t ToInteger(DType type, double value) {
  if (type == DType::kUint64 && value >= 0x1p63 && value < 0x1p64)
    return static_cast<int64_t>(static_cast<uint64_t>(value));
  if (!(value >= -0x1p63 && value < 0x1p63)) return type == DType::kInt32 ? INT32_MIN : INT64_MIN;
  const int64_t integer = static_cast<int64_t>(value);
  return type == DType::kInt32 && integer != static_cast<int32_t>(integer) ? INT32_MIN : integer;
}

// An integer as a double that rounds to half types as the integer would: bits that a double has no place for are kept
// as one, the last.
__device__ double ToOdd(int64_t value, bool natural) {
  const bool negative = !natural && value < 0;
  uint64_t magnitude = negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  double scale = 1;
  while (magnitude >> 53) {
    magnitude = magnitude >> 1 | (magnitude & 1);
    scale *= 2;
  }
  const double result = static_cast<double>(magnitude) * scale;
  return negative ? -result : result;
}

template <class From, class To>
__global__ void __launch_bounds__(kThreads) RealToReal(In<From> x, Out<To> y, int64_t n) {
  const int64_t i = GlobalThread();
  if (i < n) y[i] = Narrow<To>(Widen(x[i]));
}
template <class From>
__global__ void __launch_bounds__(kThreads) RealToInteger(In<From> x, Out<uint8_t> y, int64_t n, DType to) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const double value = Widen(x[i]);
  StoreInteger(to, y.data, i, to == DType::kBool ? value != 0 : ToInteger(to, value));
}
template <class To>
__global__ void __launch_bounds__(kThreads) IntegerToReal(In<uint8_t> x, Out<To> y, int64_t n, DType from) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const int64_t value = LoadInteger(from, x.data, i);
  const bool natural = from == DType::kUint64;
  if constexpr (sizeof(To) == 2)
    y[i] = Narrow<To>(ToOdd(value, natural));
  else
    y[i] = natural ? static_cast<To>(static_cast<uint64_t>(value)) : static_cast<To>(value);
}
__global__ void __launch_bounds__(kThreads)
    IntegerToInteger(In<uint8_t> x, Out<uint8_t> y, int64_t n, DType from, DType to) {
  const int64_t i = GlobalThread();
  if (i < n) StoreInteger(to, y.data, i, LoadInteger(from, x.data, i));
}

// Values of small types are exact in fp32.
__global__ void __launch_bounds__(kThreads)
    SmallToNumber(In<uint8_t> x, Out<uint8_t> y, int64_t n, NumberFormat from, DType to, bool real) {
  const int64_t i = GlobalThread();
  if (i >= n) return;
  const float value = LoadFormat<float>(from, x.data, i);
  if (real)
    StoreReal(to, y.data, i, value);
  else
    StoreInteger(to, y.data, i, to == DType::kBool ? value != 0 : ToInteger(to, value));
}
// Integers keep their low bits; real values become small floats only from types that fp32 holds.
__global__ void __launch_bounds__(kThreads)
    NumberToSmall(In<uint8_t> x, Out<uint8_t> y, int64_t n, DType from, bool real, NumberFormat to, bool saturate) {
  const int64_t byte = GlobalThread();
  const int32_t each = 8 / to.bits;
  if (byte * each >= n) return;
  uint32_t bits = 0;
  for (int32_t k = 0; k < each && byte * each + k < n; ++k) {
    const int64_t i = byte * each + k;
    uint32_t pattern;
    if (to.is_small) {
      // float4 has no NaN: it becomes -0.
      const float value = LoadNumber<float>(from, x.data, i);
      pattern = EncodeSmall(to.small, value != value && !to.small.has_nan ? -0.0f : value, saturate);
    } else {
      const int64_t whole =
          real ? ToInteger(to.type, LoadNumber<double>(from, x.data, i)) : LoadInteger(from, x.data, i);
      pattern = static_cast<uint32_t>(whole) & ((1u << to.bits) - 1);
    }
    bits |= pattern << (k * to.bits);
  }
  y[byte] = static_cast<uint8_t>(bits);
}

bool IsSmall(DType type) { return !IsNumber(type) && HasFormat(type) && 8 % BitsOf(type) == 0; }

class Cuda {
 public:
  explicit Cuda(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    const DType from = node.input(0).type(), to = node.output(0).type();
    if (IsSmall(from) && IsNumber(to)) return "";
    if (IsSmall(to) && to != DType::kFloat8E8M0 && IsNumber(from)) {
      const bool exact = IsInteger(to) || (IsFloating(from) && from != DType::kDouble);
      return exact ? "" : "not from " + std::string(NameOf(from)) + " to " + std::string(NameOf(to));
    }
    for (const DType type : {from, to})
      if (!IsNumber(type)) return "not for " + std::string(NameOf(type));
    return "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t n = y.count();
    const LaunchConfig config{.grid = {BlocksFor(n, kThreads)}, .block = {kThreads}};
    const DType from = x.type(), to = y.type();
    if (IsSmall(from)) {
      cuda::Launch(args, config, SmallToNumber, x, y, n, FormatOf(from), to, IsFloating(to));
    } else if (IsSmall(to)) {
      cuda::Launch(args, {.grid = {BlocksFor(static_cast<int64_t>(y.bytes()), kThreads)}, .block = {kThreads}},
                   NumberToSmall, x, y, n, from, IsFloating(from), FormatOf(to), params_.saturate);
    } else if (!IsFloating(from) && !IsFloating(to)) {
      cuda::Launch(args, config, IntegerToInteger, x, y, n, from, to);
    } else if (!IsFloating(from)) {
      WithReal(to,
               [&](auto t) { cuda::Launch(args, config, IntegerToReal<typename decltype(t)::Type>, x, y, n, from); });
    } else if (!IsFloating(to)) {
      WithReal(from,
               [&](auto f) { cuda::Launch(args, config, RealToInteger<typename decltype(f)::Type>, x, y, n, to); });
    } else {
      WithReal(from, [&](auto f) {
        WithReal(to, [&](auto t) {
          cuda::Launch(args, config, RealToReal<typename decltype(f)::Type, typename decltype(t)::Type>, x, y, n);
        });
      });
    }
  }

 private:
  Params params_;
};

class BitCast {
 public:
  explicit BitCast(const NodeView&) {}
  static std::string Rejects(const NodeView&) { return ""; }
  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    if (y.bytes() > 0) StreamOf(args).device().Copy(y.data, x.data, y.bytes(), kOndaDeviceToDevice, StreamOf(args));
  }
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Cuda>("Cast"),
    MakeKernel<BitCast>("BitCast"),
};

}  // namespace

std::span<const OndaKernelDef> CudaKernels() { return kKernels; }

}  // namespace onda::cast
