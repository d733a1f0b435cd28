// Element types and the one exception type of Onda's interfaces.
#ifndef ONDA_TYPES_H_
#define ONDA_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace onda {

// Element types of tensors; the values are those of ONNX's TensorProto.DataType.
enum class DType : int32_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
  kFloat6E2M3 = 27,
  kFloat6E3M2 = 28,
};
inline constexpr int kDTypeCount = 29;

// Size of one element in bits; 0 for undefined and strings. Types of 2 and 4 bits are packed, first element in the low
// bits, and a tensor's last byte is padded with zeros. The 6-bit floats are stored one to a byte.
constexpr int BitsOf(DType dtype) {
  constexpr int kBits[kDTypeCount] = {0,   32, 8, 8, 16, 16, 32, 64, 0, 8, 16, 64, 32, 64, 64,
                                      128, 16, 8, 8, 8,  8,  4,  4,  4, 8, 2,  2,  8,  8};
  const int index = static_cast<int>(dtype);
  return index >= 0 && index < kDTypeCount ? kBits[index] : 0;
}

// The name as ONNX's text syntax writes it ("float", "int64", "float8e4m3fn", ...).
constexpr std::string_view NameOf(DType dtype) {
  constexpr std::string_view kNames[kDTypeCount] = {
      "undefined",      "float",      "uint8",          "int8",       "uint16",    "int16",
      "int32",          "int64",      "string",         "bool",       "float16",   "double",
      "uint32",         "uint64",     "complex64",      "complex128", "bfloat16",  "float8e4m3fn",
      "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",      "float4e2m1",
      "float8e8m0",     "uint2",      "int2",           "float6e2m3", "float6e3m2"};
  const int index = static_cast<int>(dtype);
  return index >= 0 && index < kDTypeCount ? kNames[index] : "invalid";
}

constexpr bool IsFloating(DType t) {
  return t == DType::kFloat || t == DType::kDouble || t == DType::kFloat16 || t == DType::kBfloat16;
}
// The floats of 16 bits.
constexpr bool IsHalf(DType t) { return t == DType::kFloat16 || t == DType::kBfloat16; }
// Those that are computed in fp32.
constexpr bool IsFloatOrHalf(DType t) { return t == DType::kFloat || IsHalf(t); }
constexpr bool IsFloat8(DType t) {
  return t == DType::kFloat8E4M3FN || t == DType::kFloat8E4M3FNUZ || t == DType::kFloat8E5M2 ||
         t == DType::kFloat8E5M2FNUZ || t == DType::kFloat8E8M0;
}
constexpr bool IsSigned(DType t) {
  return t == DType::kInt8 || t == DType::kInt16 || t == DType::kInt32 || t == DType::kInt64 || t == DType::kInt4 ||
         t == DType::kInt2;
}
constexpr bool IsUnsigned(DType t) {
  return t == DType::kUint8 || t == DType::kUint16 || t == DType::kUint32 || t == DType::kUint64 ||
         t == DType::kUint4 || t == DType::kUint2;
}
constexpr bool IsInteger(DType t) { return IsSigned(t) || IsUnsigned(t); }
constexpr bool IsComplex(DType t) { return t == DType::kComplex64 || t == DType::kComplex128; }

// Why something was refused or failed. The values cross the C boundary and never change.
enum class ErrorCode : int32_t {
  kOk = 0,
  kInvalidModel = 1,     // The model breaks the ONNX specification.
  kInvalidArgument = 2,  // A feed, option or call is wrong.
  kNotImplemented = 3,   // Legal, but no provider runs it.
  kNotFound = 4,         // A file, provider or name does not exist.
  kOutOfMemory = 5,
  kResourceLimit = 6,  // A budget (see SessionOptions) was exceeded.
  kCancelled = 7,      // Terminated by the caller or by a deadline.
  kRuntime = 8,        // Data-dependent failure, such as a Gather index out of range.
  kDeviceLost = 9,
  kInternal = 10,  // A defect of Onda.
};

// The only exception that Onda throws. what() names the node, operator and cause where they are known.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace onda

#endif  // ONDA_TYPES_H_
