#include <algorithm>
#include <cstring>

#include "kernels/cast/cast.h"
#include "kernels/simd/blocks.h"
#include "onda/float_formats.h"

namespace onda::cast {
namespace {

bool IsWhole(DType type) { return IsInteger(type) || type == DType::kBool; }

// A power of two for the magnitude: its exponent plus 127, or 255 for NaN.
uint8_t ToE8M0(double value, const Params& p) {
  if (std::isnan(value)) return 255;
  const double magnitude = std::fabs(value);
  if (magnitude == 0) return p.saturate ? 0 : 255;
  if (std::isinf(magnitude)) return p.saturate ? 254 : 255;
  int exponent;
  const double m = std::frexp(magnitude, &exponent);  // magnitude = m 2^exponent, m in [0.5, 1)
  int e = exponent - 1 + 127;
  if (p.rounding == PowerRounding::kUp ? m > 0.5 : p.rounding == PowerRounding::kNearest && m >= 0.75) ++e;
  if (e < 0) return p.saturate ? 0 : 255;
  if (e > 254) return p.saturate ? 254 : 255;
  return static_cast<uint8_t>(e);
}

// Towards zero. What does not fit, which the specification leaves open: 32- and 64-bit signed integers become their
// lowest value, as x86 and numpy have it, the others keep the low bits.
int64_t ToInteger(DType type, double value) {
  if (type == DType::kUint64 && value >= 0x1p63 && value < 0x1p64)
    return static_cast<int64_t>(static_cast<uint64_t>(value));
  if (!(value >= -0x1p63 && value < 0x1p63)) return type == DType::kInt32 ? INT32_MIN : INT64_MIN;
  const int64_t integer = static_cast<int64_t>(value);
  return type == DType::kInt32 && integer != static_cast<int32_t>(integer) ? INT32_MIN : integer;
}

// The nearest double towards zero, with the last bit set where that is not exact: rounding it again to a shorter format
// gives what rounding the integer would have given.
double ToOdd(uint64_t magnitude) {
  const int drop = 64 - std::countl_zero(magnitude | 1) - 53;
  if (drop <= 0) return static_cast<double>(magnitude);
  const uint64_t kept = magnitude >> drop, rest = magnitude & ((uint64_t{1} << drop) - 1);
  return std::ldexp(static_cast<double>(kept | (rest != 0)), drop);
}

class Reference {
 public:
  explicit Reference(const NodeView& node) : params_(node.attributes()) {}

  static std::string Rejects(const NodeView& node) {
    return IsComplex(node.input(0).type()) || IsComplex(node.output(0).type()) ? "not defined for complex numbers" : "";
  }

  void Launch(const LaunchArgs& args) const {
    const TensorView &x = args.input(0), &y = args.output(0);
    const int64_t count = y.count(), blocks = (count + kBlock - 1) / kBlock;
    // Whole blocks, so that no two threads write to one byte of a packed type.
    args.ParallelFor(blocks, 16, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) Block(x, y, b * kBlock, std::min(kBlock, count - b * kBlock));
    });
  }

 private:
  void Block(const TensorView& x, const TensorView& y, int64_t at, int64_t n) const {
    if (x.type() == DType::kString) return FromStrings(x.as<std::string>() + at, y, at, n);
    if (IsWhole(x.type())) {
      int64_t integers[kBlock];
      LoadIntegers(x.type(), x.data, at, 1, n, integers);
      return FromIntegers(x.type(), integers, y, at, n);
    }
    double reals[kBlock];
    LoadReals(x.type(), x.data, at, 1, n, reals);
    FromReals(x.type(), reals, y, at, n);
  }

  void FromIntegers(DType from, const int64_t* x, const TensorView& y, int64_t at, int64_t n) const {
    const DType to = y.type();
    const bool natural = from == DType::kUint64;
    if (IsWhole(to)) return StoreIntegers(to, y.data, at, n, x);
    if (to == DType::kString) {
      for (int64_t i = 0; i < n; ++i) {
        std::string& out = y.as<std::string>()[at + i];
        out = from == DType::kBool ? (x[i] ? "True" : "False")
              : natural            ? std::to_string(static_cast<uint64_t>(x[i]))
                                   : std::to_string(x[i]);
      }
      return;
    }
    if (to == DType::kDouble) {
      for (int64_t i = 0; i < n; ++i)
        y.as<double>()[at + i] = natural ? static_cast<double>(static_cast<uint64_t>(x[i])) : static_cast<double>(x[i]);
      return;
    }
    double reals[kBlock];
    for (int64_t i = 0; i < n; ++i) {
      const bool negative = !natural && x[i] < 0;
      const uint64_t bits = static_cast<uint64_t>(x[i]);
      const double magnitude = ToOdd(negative ? 0 - bits : bits);
      reals[i] = negative ? -magnitude : magnitude;
    }
    FromReals(DType::kDouble, reals, y, at, n);
  }

  void FromReals(DType from, double* x, const TensorView& y, int64_t at, int64_t n) const {
    const DType to = y.type();
    if (to == DType::kString) {
      for (int64_t i = 0; i < n; ++i) y.as<std::string>()[at + i] = FormatReal(from, x[i]);
    } else if (to == DType::kBool) {
      for (int64_t i = 0; i < n; ++i) y.as<bool>()[at + i] = x[i] != 0;
    } else if (IsInteger(to)) {
      int64_t integers[kBlock];
      for (int64_t i = 0; i < n; ++i) integers[i] = ToInteger(to, x[i]);
      StoreIntegers(to, y.data, at, n, integers);
    } else if (to == DType::kFloat8E8M0) {
      for (int64_t i = 0; i < n; ++i) y.as<uint8_t>()[at + i] = ToE8M0(x[i], params_);
    } else if (IsFloat8(to)) {
      const SmallFloat& format = *SmallFloatOf(to);
      for (int64_t i = 0; i < n; ++i)
        y.as<uint8_t>()[at + i] = static_cast<uint8_t>(EncodeSmallFloat(format, x[i], params_.saturate));
    } else {
      // float4 has no NaN: it becomes -0, as in the specification's tests.
      if (to == DType::kFloat4E2M1)
        for (int64_t i = 0; i < n; ++i) x[i] = std::isnan(x[i]) ? -0.0 : x[i];
      StoreReals(to, y.data, at, n, x);
    }
  }

  void FromStrings(const std::string* x, const TensorView& y, int64_t at, int64_t n) const {
    const DType to = y.type();
    if (to == DType::kString) {
      std::copy(x, x + n, y.as<std::string>() + at);
    } else if (to == DType::kBool) {
      for (int64_t i = 0; i < n; ++i) y.as<bool>()[at + i] = ParseBool(x[i]);
    } else if (IsInteger(to)) {
      int64_t integers[kBlock];
      for (int64_t i = 0; i < n; ++i) integers[i] = ParseInteger(x[i]);
      StoreIntegers(to, y.data, at, n, integers);
    } else {
      double reals[kBlock];
      for (int64_t i = 0; i < n; ++i) reals[i] = ParseReal(x[i]);
      FromReals(DType::kDouble, reals, y, at, n);
    }
  }

  Params params_;
};

class BitReference {
 public:
  explicit BitReference(const NodeView&) {}
  void Launch(const LaunchArgs& args) const {
    const size_t bytes = args.output(0).bytes();
    if (bytes > 0) std::memcpy(args.output(0).data, args.input(0).data, bytes);
  }
};

constexpr OndaKernelDef kKernels[] = {
    MakeKernel<Reference>("Cast"),
    MakeKernel<Reference>("CastLike"),
    MakeKernel<BitReference>("BitCast"),
};

}  // namespace

std::span<const OndaKernelDef> ReferenceKernels() { return kKernels; }

}  // namespace onda::cast
