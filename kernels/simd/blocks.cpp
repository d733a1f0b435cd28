#include "kernels/simd/blocks.h"

#include <bit>

#include "onda/float_formats.h"

namespace onda {
namespace {

template <class From, class To>
void Load(const void* data, int64_t offset, int64_t step, int64_t n, To* out) {
  const From* x = static_cast<const From*>(data) + offset;
  if (step == 0) {
    const To value = static_cast<To>(*x);
    for (int64_t i = 0; i < n; ++i) out[i] = value;
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<To>(x[i]);
  }
}

template <class To>
void Store(void* data, int64_t offset, int64_t n, const int64_t* values) {
  To* y = static_cast<To*>(data) + offset;
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<To>(values[i]);
}

}  // namespace

uint16_t DoubleToHalf(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const uint16_t sign = static_cast<uint16_t>(bits >> 48 & 0x8000);
  const uint64_t magnitude = bits & 0x7fffffffffffffff;
  constexpr int kShift = 52 - 10;
  const int exponent = static_cast<int>(magnitude >> 52) - 1023;
  if (exponent > 15 || exponent < -14) return static_cast<uint16_t>(EncodeSmallFloat(kFloat16Format, value, false));
  // Normal: the carry of the rounding may reach the exponent, and 2^16 then is the pattern of infinity.
  const uint64_t rebased = magnitude - (uint64_t{1023 - 15} << 52);
  const uint64_t parity = rebased >> kShift & 1;
  return static_cast<uint16_t>(sign | ((rebased + ((uint64_t{1} << (kShift - 1)) - 1) + parity) >> kShift));
}

void LoadReals(DType dtype, const void* data, int64_t offset, int64_t step, int64_t n, double* out) {
  switch (dtype) {
    case DType::kFloat:
      return Load<float>(data, offset, step, n, out);
    case DType::kDouble:
      return Load<double>(data, offset, step, n, out);
    case DType::kInt32:
      return Load<int32_t>(data, offset, step, n, out);
    case DType::kInt64:
      return Load<int64_t>(data, offset, step, n, out);
    case DType::kFloat16: {
      const auto* x = static_cast<const uint16_t*>(data) + offset;
      for (int64_t i = 0; i < n; ++i) out[i] = HalfToFloat(x[i * step]);
      return;
    }
    case DType::kBfloat16: {
      const auto* x = static_cast<const uint16_t*>(data) + offset;
      for (int64_t i = 0; i < n; ++i) out[i] = Bfloat16ToFloat(x[i * step]);
      return;
    }
    default:
      for (int64_t i = 0; i < n; ++i) out[i] = LoadDouble(dtype, data, offset + i * step);
  }
}

void StoreReals(DType dtype, void* data, int64_t offset, int64_t n, const double* values) {
  switch (dtype) {
    case DType::kFloat: {
      float* y = static_cast<float*>(data) + offset;
      for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(values[i]);
      return;
    }
    case DType::kDouble: {
      double* y = static_cast<double*>(data) + offset;
      for (int64_t i = 0; i < n; ++i) y[i] = values[i];
      return;
    }
    case DType::kFloat16: {
      uint16_t* y = static_cast<uint16_t*>(data) + offset;
      for (int64_t i = 0; i < n; ++i) y[i] = DoubleToHalf(values[i]);
      return;
    }
    case DType::kBool: {
      uint8_t* y = static_cast<uint8_t*>(data) + offset;
      for (int64_t i = 0; i < n; ++i) y[i] = values[i] != 0;
      return;
    }
    default:
      for (int64_t i = 0; i < n; ++i) StoreDouble(dtype, data, offset + i, values[i]);
  }
}

void LoadIntegers(DType dtype, const void* data, int64_t offset, int64_t step, int64_t n, int64_t* out) {
  switch (dtype) {
    case DType::kBool:
    case DType::kUint8:
      return Load<uint8_t>(data, offset, step, n, out);
    case DType::kInt8:
      return Load<int8_t>(data, offset, step, n, out);
    case DType::kInt32:
      return Load<int32_t>(data, offset, step, n, out);
    case DType::kUint64:
    case DType::kInt64:
      return Load<int64_t>(data, offset, step, n, out);
    default:
      for (int64_t i = 0; i < n; ++i) out[i] = LoadInt64(dtype, data, offset + i * step);
  }
}

void StoreIntegers(DType dtype, void* data, int64_t offset, int64_t n, const int64_t* values) {
  switch (dtype) {
    case DType::kUint8:
    case DType::kInt8:
      return Store<uint8_t>(data, offset, n, values);
    case DType::kUint32:
    case DType::kInt32:
      return Store<uint32_t>(data, offset, n, values);
    case DType::kUint64:
    case DType::kInt64:
      return Store<uint64_t>(data, offset, n, values);
    case DType::kBool: {
      uint8_t* y = static_cast<uint8_t*>(data) + offset;
      for (int64_t i = 0; i < n; ++i) y[i] = values[i] != 0;
      return;
    }
    default:
      for (int64_t i = 0; i < n; ++i) StoreInt64(dtype, data, offset + i, values[i]);
  }
}

}  // namespace onda
