// Elements of any numeric type, those of less than a byte and the small floats included, read and written by a format
// that is known at run time only.
#ifndef ONDA_KERNELS_DEVICE_SMALL_FLOAT_H_
#define ONDA_KERNELS_DEVICE_SMALL_FLOAT_H_

#include "kernels/device/number.h"
#include "onda/float_formats.h"

namespace onda::cuda {

struct NumberFormat {
  DType type = DType::kUndefined;
  int32_t bits = 0;
  bool is_small = false;  // of a small float, which `small` says
  bool is_signed = false;
  SmallFloat small{};
};
inline NumberFormat FormatOf(DType type) {
  NumberFormat format{type, BitsOf(type), false, IsSigned(type), {}};
  const SmallFloat* const small = IsFloating(type) ? nullptr : SmallFloatOf(type);
  if (small) format.is_small = true, format.small = *small;
  return format;
}
inline bool HasFormat(DType type) {
  return IsNumber(type) || IsInteger(type) || IsFloat8(type) || (!IsFloating(type) && SmallFloatOf(type));
}

__device__ inline float DecodeSmall(const SmallFloat& f, uint32_t pattern) {
  const int32_t mantissa = static_cast<int32_t>(pattern & ((1u << f.mantissa_bits) - 1));
  const int32_t top = (1 << f.exponent_bits) - 1;
  const int32_t exponent = static_cast<int32_t>(pattern >> f.mantissa_bits) & top;
  const bool negative = (pattern >> (f.mantissa_bits + f.exponent_bits)) & 1;
  float value;
  if (f.fnuz && negative && exponent == 0 && mantissa == 0) {
    value = NAN;
  } else if (f.has_infinity && exponent == top) {
    value = mantissa ? NAN : INFINITY;
  } else if (!f.has_infinity && !f.fnuz && f.has_nan && exponent == top && mantissa == (1 << f.mantissa_bits) - 1) {
    value = NAN;
  } else {
    const int32_t whole = exponent == 0 ? mantissa : mantissa | 1 << f.mantissa_bits;
    value = ldexpf(static_cast<float>(whole), (exponent == 0 ? 1 : exponent) - f.bias - f.mantissa_bits);
  }
  return negative ? -value : value;
}

// To nearest, ties to even, as EncodeSmallFloat.
__device__ inline uint32_t EncodeSmall(const SmallFloat& f, float value, bool saturate) {
  const uint32_t sign_bit = 1u << (f.exponent_bits + f.mantissa_bits);
  const uint32_t sign = signbit(value) ? sign_bit : 0;
  const uint32_t infinity = f.has_infinity ? ((1u << f.exponent_bits) - 1) << f.mantissa_bits : 0;
  const uint32_t nan = f.fnuz ? sign_bit : f.has_infinity ? infinity | 1u << (f.mantissa_bits - 1) : sign_bit - 1;
  const uint32_t largest = f.has_infinity ? infinity - 1 : f.has_nan && !f.fnuz ? sign_bit - 2 : sign_bit - 1;
  if (isnan(value)) return !f.has_nan ? largest : f.fnuz ? nan : sign | nan;
  uint32_t pattern = 0;
  if (isinf(value)) {
    pattern = largest + 1;
  } else if (value != 0) {
    int exponent;
    frexpf(fabsf(value), &exponent);
    const int lowest = 1 - f.bias, e = exponent - 1 < lowest ? lowest : exponent - 1;
    const float biased =
        static_cast<float>((e - lowest) << f.mantissa_bits) + rintf(ldexpf(fabsf(value), f.mantissa_bits - e));
    pattern = biased > static_cast<float>(largest) ? largest + 1 : static_cast<uint32_t>(biased);
  }
  if (pattern > largest) {
    if (saturate || !f.has_nan)
      pattern = largest;
    else
      return f.has_infinity ? sign | infinity : f.fnuz ? nan : sign | nan;
  }
  return f.fnuz && pattern == 0 ? 0 : sign | pattern;
}

template <class C>
__device__ inline C LoadFormat(const NumberFormat& f, const void* data, int64_t i) {
  if (f.bits >= 8 && !f.is_small && f.type != DType::kFloat8E8M0) return LoadNumber<C>(f.type, data, i);
  uint32_t pattern = static_cast<const uint8_t*>(data)[f.bits == 8 ? i : i * f.bits / 8];
  if (f.bits < 8) pattern = pattern >> (i * f.bits % 8) & ((1u << f.bits) - 1);
  if (f.is_small) return static_cast<C>(DecodeSmall(f.small, pattern));
  if (f.type == DType::kFloat8E8M0)
    return pattern == 255 ? static_cast<C>(NAN) : static_cast<C>(ldexpf(1.0f, static_cast<int>(pattern) - 127));
  const int32_t half = f.is_signed ? 1 << (f.bits - 1) : 0;
  return static_cast<C>((static_cast<int32_t>(pattern) ^ half) - half);
}

// The pattern of a value: integers clamped, with NaN as 0; small floats rounded. Of types of at most 16 bits, but the
// half types.
template <class C>
__device__ inline uint32_t EncodeFormat(const NumberFormat& f, C value, bool saturate) {
  if (f.is_small) return EncodeSmall(f.small, static_cast<float>(value), saturate);
  const C low = f.is_signed ? -static_cast<C>(1 << (f.bits - 1)) : C(0);
  const C high = static_cast<C>((1 << (f.bits - (f.is_signed ? 1 : 0))) - 1);
  const int32_t integer = value != value ? 0 : static_cast<int32_t>(value < low ? low : value > high ? high : value);
  return static_cast<uint32_t>(integer) & ((1u << f.bits) - 1);
}

}  // namespace onda::cuda

#endif  // ONDA_KERNELS_DEVICE_SMALL_FLOAT_H_
