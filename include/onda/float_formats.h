// Scalar conversions between double and every element type of ONNX. Plain and exact, not fast: kernels for hot paths
// have their own vector code.
//
// Sources: IEEE 754 (float16), the OCP 8-bit and microscaling formats (e4m3fn, e5m2, e2m1, e8m0), the FNUZ variants of
// ONNX's "Float stored in 8 bits" page.
#ifndef ONDA_FLOAT_FORMATS_H_
#define ONDA_FLOAT_FORMATS_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "onda/types.h"

namespace onda {

// A binary floating-point format of at most 16 bits.
struct SmallFloat {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  bool has_infinity;  // all-ones exponent is infinity and NaN, as in IEEE 754
  bool fnuz;          // no negative zero: its pattern is the one NaN
  bool has_nan;       // without infinity and FNUZ: all-ones pattern is NaN
};
inline constexpr SmallFloat kFloat16Format{5, 10, 15, true, false, true};
inline constexpr SmallFloat kBfloat16Format{8, 7, 127, true, false, true};
inline constexpr SmallFloat kE4M3FN{4, 3, 7, false, false, true};
inline constexpr SmallFloat kE4M3FNUZ{4, 3, 8, false, true, true};
inline constexpr SmallFloat kE5M2{5, 2, 15, true, false, true};
inline constexpr SmallFloat kE5M2FNUZ{5, 2, 16, false, true, true};
inline constexpr SmallFloat kE2M1{2, 1, 1, false, false, false};
inline constexpr SmallFloat kE2M3{2, 3, 1, false, false, false};
inline constexpr SmallFloat kE3M2{3, 2, 3, false, false, false};

inline double DecodeSmallFloat(const SmallFloat& f, uint32_t bits) {
  const uint32_t mantissa = bits & ((1u << f.mantissa_bits) - 1);
  const uint32_t exponent = (bits >> f.mantissa_bits) & ((1u << f.exponent_bits) - 1);
  const bool negative = (bits >> (f.mantissa_bits + f.exponent_bits)) & 1;
  const uint32_t top = (1u << f.exponent_bits) - 1;
  double value;
  if (f.fnuz && negative && exponent == 0 && mantissa == 0) {
    return std::numeric_limits<double>::quiet_NaN();
  } else if (f.has_infinity && exponent == top) {
    value = mantissa ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  } else if (!f.has_infinity && !f.fnuz && f.has_nan && exponent == top && mantissa == (1u << f.mantissa_bits) - 1) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<double>(mantissa), 1 - f.bias - f.mantissa_bits);
  } else {
    value = std::ldexp(static_cast<double>(mantissa | (1u << f.mantissa_bits)),
                       static_cast<int>(exponent) - f.bias - f.mantissa_bits);
  }
  return negative ? -value : value;
}

// Rounds to nearest, ties to even, in one step from the double. What is too large becomes the largest finite value
// where `saturate`, else infinity or NaN as the format has it; formats with neither always saturate.
inline uint32_t EncodeSmallFloat(const SmallFloat& f, double value, bool saturate) {
  const int width = 1 + f.exponent_bits + f.mantissa_bits;
  const uint32_t sign = std::signbit(value) ? 1u << (width - 1) : 0;
  const uint32_t top = (1u << f.exponent_bits) - 1;
  const uint32_t infinity = f.has_infinity ? top << f.mantissa_bits : 0;
  const uint32_t nan = f.fnuz           ? 1u << (width - 1)
                       : f.has_infinity ? infinity | (1u << (f.mantissa_bits - 1))
                                        : (1u << (width - 1)) - 1;
  // The largest finite pattern is the one below infinity, or below NaN, or the last.
  const uint32_t largest = f.has_infinity         ? infinity - 1
                           : f.has_nan && !f.fnuz ? (1u << (width - 1)) - 2
                                                  : (1u << (width - 1)) - 1;
  if (std::isnan(value)) return f.has_nan ? (f.fnuz ? nan : sign | nan) : largest;
  const double magnitude = std::fabs(value);
  uint32_t pattern;
  if (std::isinf(value)) {
    pattern = largest + 1;
  } else if (magnitude == 0) {
    pattern = 0;
  } else {
    int exponent;
    std::frexp(magnitude, &exponent);  // magnitude = m * 2^exponent, m in [0.5, 1)
    const int lowest = 1 - f.bias;     // exponent of the smallest normal number
    const int e = exponent - 1 < lowest ? lowest : exponent - 1;
    const double scaled = std::ldexp(magnitude, f.mantissa_bits - e);  // an ulp is 1
    double rounded = std::floor(scaled);
    const double rest = scaled - rounded;
    if (rest > 0.5 || (rest == 0.5 && std::fmod(rounded, 2.0) != 0)) rounded += 1;
    const double biased = (e - lowest) * std::ldexp(1.0, f.mantissa_bits) + rounded;
    pattern = biased > largest ? largest + 1 : static_cast<uint32_t>(biased);
  }
  if (pattern > largest) {
    if (saturate || !f.has_nan) {
      pattern = largest;
    } else if (f.has_infinity) {
      pattern = infinity;
    } else {
      return f.fnuz ? nan : sign | nan;
    }
  }
  if (f.fnuz && pattern == 0) return 0;
  return sign | pattern;
}

inline float HalfToFloat(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t exponent = (h >> 10) & 31, mantissa = h & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}
inline uint16_t FloatToHalf(float value) {
  return static_cast<uint16_t>(EncodeSmallFloat(kFloat16Format, value, false));
}
inline float Bfloat16ToFloat(uint16_t b) { return std::bit_cast<float>(static_cast<uint32_t>(b) << 16); }
inline uint16_t FloatToBfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// e8m0: a power of two, 2^(bits - 127); 255 is NaN.
inline double DecodeE8M0(uint8_t bits) {
  return bits == 255 ? std::numeric_limits<double>::quiet_NaN() : std::ldexp(1.0, static_cast<int>(bits) - 127);
}

// The format of a small float type, or nullptr.
constexpr const SmallFloat* SmallFloatOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return &kFloat16Format;
    case DType::kBfloat16:
      return &kBfloat16Format;
    case DType::kFloat8E4M3FN:
      return &kE4M3FN;
    case DType::kFloat8E4M3FNUZ:
      return &kE4M3FNUZ;
    case DType::kFloat8E5M2:
      return &kE5M2;
    case DType::kFloat8E5M2FNUZ:
      return &kE5M2FNUZ;
    case DType::kFloat4E2M1:
      return &kE2M1;
    case DType::kFloat6E2M3:
      return &kE2M3;
    case DType::kFloat6E3M2:
      return &kE3M2;
    default:
      return nullptr;
  }
}

// Element i of a packed tensor of 2- or 4-bit elements, as its bit pattern.
inline uint32_t LoadPacked(const void* data, int bits, int64_t i) {
  const int per_byte = 8 / bits;
  return (static_cast<const uint8_t*>(data)[i / per_byte] >> (i % per_byte * bits)) & ((1u << bits) - 1);
}
// Not safe against another thread that writes a neighbour in the same byte.
inline void StorePacked(void* data, int bits, int64_t i, uint32_t pattern) {
  const int per_byte = 8 / bits, shift = static_cast<int>(i % per_byte) * bits;
  const uint32_t mask = ((1u << bits) - 1) << shift;
  uint8_t& byte = static_cast<uint8_t*>(data)[i / per_byte];
  byte = static_cast<uint8_t>((byte & ~mask) | ((pattern << shift) & mask));
}

// Element i of a tensor of any integer type or bool.
inline int64_t LoadInt64(DType dtype, const void* data, int64_t i) {
  switch (dtype) {
    case DType::kBool:
    case DType::kUint8:
      return static_cast<const uint8_t*>(data)[i];
    case DType::kInt8:
      return static_cast<const int8_t*>(data)[i];
    case DType::kUint16:
      return static_cast<const uint16_t*>(data)[i];
    case DType::kInt16:
      return static_cast<const int16_t*>(data)[i];
    case DType::kUint32:
      return static_cast<const uint32_t*>(data)[i];
    case DType::kInt32:
      return static_cast<const int32_t*>(data)[i];
    case DType::kUint64:
    case DType::kInt64:
      return static_cast<const int64_t*>(data)[i];
    case DType::kUint4:
      return LoadPacked(data, 4, i);
    case DType::kUint2:
      return LoadPacked(data, 2, i);
    case DType::kInt4:
      return static_cast<int64_t>(LoadPacked(data, 4, i) ^ 8u) - 8;
    case DType::kInt2:
      return static_cast<int64_t>(LoadPacked(data, 2, i) ^ 2u) - 2;
    default:
      throw Error(ErrorCode::kInternal, "not an integer type: " + std::string(NameOf(dtype)));
  }
}

// Writes the low bits of value.
inline void StoreInt64(DType dtype, void* data, int64_t i, int64_t value) {
  switch (dtype) {
    case DType::kBool:
      static_cast<uint8_t*>(data)[i] = value != 0;
      return;
    case DType::kUint8:
    case DType::kInt8:
      static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(value);
      return;
    case DType::kUint16:
    case DType::kInt16:
      static_cast<uint16_t*>(data)[i] = static_cast<uint16_t>(value);
      return;
    case DType::kUint32:
    case DType::kInt32:
      static_cast<uint32_t*>(data)[i] = static_cast<uint32_t>(value);
      return;
    case DType::kUint64:
    case DType::kInt64:
      static_cast<int64_t*>(data)[i] = value;
      return;
    case DType::kUint4:
    case DType::kInt4:
      StorePacked(data, 4, i, static_cast<uint32_t>(value));
      return;
    case DType::kUint2:
    case DType::kInt2:
      StorePacked(data, 2, i, static_cast<uint32_t>(value));
      return;
    default:
      throw Error(ErrorCode::kInternal, "not an integer type: " + std::string(NameOf(dtype)));
  }
}

// Element i of a tensor of any real type. 64-bit integers lose what double cannot hold; complex types give the real
// part.
inline double LoadDouble(DType dtype, const void* data, int64_t i) {
  switch (dtype) {
    case DType::kFloat:
      return static_cast<const float*>(data)[i];
    case DType::kDouble:
      return static_cast<const double*>(data)[i];
    case DType::kFloat16:
      return HalfToFloat(static_cast<const uint16_t*>(data)[i]);
    case DType::kBfloat16:
      return Bfloat16ToFloat(static_cast<const uint16_t*>(data)[i]);
    case DType::kUint64:
      return static_cast<double>(static_cast<const uint64_t*>(data)[i]);
    case DType::kFloat8E8M0:
      return DecodeE8M0(static_cast<const uint8_t*>(data)[i]);
    case DType::kFloat4E2M1:
      return DecodeSmallFloat(kE2M1, LoadPacked(data, 4, i));
    case DType::kComplex64:
      return static_cast<const float*>(data)[2 * i];
    case DType::kComplex128:
      return static_cast<const double*>(data)[2 * i];
    default:
      if (const SmallFloat* f = SmallFloatOf(dtype)) return DecodeSmallFloat(*f, static_cast<const uint8_t*>(data)[i]);
      return static_cast<double>(LoadInt64(dtype, data, i));
  }
}

// Rounds once to the element type: floats to nearest even (overflow saturates in float8 and smaller), integers towards
// zero and clamped to their range, NaN to 0 for integers. Complex types get a zero imaginary part.
inline void StoreDouble(DType dtype, void* data, int64_t i, double value) {
  switch (dtype) {
    case DType::kFloat:
      static_cast<float*>(data)[i] = static_cast<float>(value);
      return;
    case DType::kDouble:
      static_cast<double*>(data)[i] = value;
      return;
    case DType::kFloat16:
      static_cast<uint16_t*>(data)[i] = static_cast<uint16_t>(EncodeSmallFloat(kFloat16Format, value, false));
      return;
    case DType::kBfloat16:
      static_cast<uint16_t*>(data)[i] = static_cast<uint16_t>(EncodeSmallFloat(kBfloat16Format, value, false));
      return;
    case DType::kFloat4E2M1:
      StorePacked(data, 4, i, EncodeSmallFloat(kE2M1, value, true));
      return;
    case DType::kComplex64:
      static_cast<float*>(data)[2 * i] = static_cast<float>(value);
      static_cast<float*>(data)[2 * i + 1] = 0;
      return;
    case DType::kComplex128:
      static_cast<double*>(data)[2 * i] = value;
      static_cast<double*>(data)[2 * i + 1] = 0;
      return;
    case DType::kFloat8E8M0: {  // up to the next power of two
      int exponent;
      const double m = std::frexp(std::fabs(value), &exponent);
      int e = (m > 0.5 ? exponent : exponent - 1) + 127;
      e = e < 0 ? 0 : e > 254 ? 254 : e;
      static_cast<uint8_t*>(data)[i] = std::isnan(value) ? 255 : value == 0 ? 0 : static_cast<uint8_t>(e);
      return;
    }
    case DType::kBool:
      static_cast<uint8_t*>(data)[i] = value != 0;
      return;
    case DType::kUint64:
      static_cast<uint64_t*>(data)[i] = !(value > 0) ? 0 : value >= 0x1p64 ? UINT64_MAX : static_cast<uint64_t>(value);
      return;
    default:
      break;
  }
  if (const SmallFloat* f = SmallFloatOf(dtype)) {
    static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(EncodeSmallFloat(*f, value, true));
    return;
  }
  const int bits = BitsOf(dtype);
  const double low = IsSigned(dtype) ? -std::ldexp(1.0, bits - 1) : 0;
  const double high = std::ldexp(1.0, IsSigned(dtype) ? bits - 1 : bits);  // exclusive
  int64_t integer = 0;
  if (value >= high) {
    integer = bits == 64 ? INT64_MAX : static_cast<int64_t>(high) - 1;
  } else if (value <= low) {
    integer = static_cast<int64_t>(low);
  } else if (!std::isnan(value)) {
    integer = static_cast<int64_t>(value);
  }
  StoreInt64(dtype, data, i, integer);
}

}  // namespace onda

#endif  // ONDA_FLOAT_FORMATS_H_
