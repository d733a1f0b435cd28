// Writes the kernel of a program. It needs no header, so that it compiles with the run-time compiler alone; what that
// has as an instruction is spelt out for others. Reals are carried in float and rounded to a step's type after it,
// integers and bool in int. Products and sums are not contracted: a chain gives what its operators give.
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "kernels/pointwise/cuda_source.h"

namespace onda::pointwise {
namespace {

enum class Carried { kNone, kReal, kInteger, kBool };
Carried CarriedAs(DType type) {
  switch (type) {
    case DType::kFloat:
    case DType::kFloat16:
    case DType::kBfloat16:
      return Carried::kReal;
    case DType::kInt8:
    case DType::kUint8:
    case DType::kInt32:
      return Carried::kInteger;
    case DType::kBool:
      return Carried::kBool;
    default:
      return Carried::kNone;
  }
}

// In expressions: x, y, z are the operands, a and b the parameters.
struct Row {
  std::string_view op;
  int operands;
  Carried from, to;
  const char* expression;
};
constexpr Carried kR = Carried::kReal, kI = Carried::kInteger, kB = Carried::kBool;
constexpr Row kRows[] = {
    {"Abs", 1, kR, kR, "fabsf(x)"},
    {"Neg", 1, kR, kR, "-x"},
    {"Sign", 1, kR, kR, "x > 0 ? 1.0f : x < 0 ? -1.0f : x"},
    {"Floor", 1, kR, kR, "floorf(x)"},
    {"Ceil", 1, kR, kR, "ceilf(x)"},
    {"Round", 1, kR, kR, "rintf(x)"},
    {"Exp", 1, kR, kR, "expf(x)"},
    {"Log", 1, kR, kR, "logf(x)"},
    {"Sqrt", 1, kR, kR, "sqrtf(x)"},
    {"Reciprocal", 1, kR, kR, "1.0f / x"},
    {"Sin", 1, kR, kR, "sinf(x)"},
    {"Cos", 1, kR, kR, "cosf(x)"},
    {"Tan", 1, kR, kR, "tanf(x)"},
    {"Asin", 1, kR, kR, "asinf(x)"},
    {"Acos", 1, kR, kR, "acosf(x)"},
    {"Atan", 1, kR, kR, "atanf(x)"},
    {"Sinh", 1, kR, kR, "sinhf(x)"},
    {"Cosh", 1, kR, kR, "coshf(x)"},
    {"Tanh", 1, kR, kR, "tanhf(x)"},
    {"Asinh", 1, kR, kR, "asinhf(x)"},
    {"Acosh", 1, kR, kR, "acoshf(x)"},
    {"Atanh", 1, kR, kR, "atanhf(x)"},
    {"Erf", 1, kR, kR, "erff(x)"},
    {"Sigmoid", 1, kR, kR, "Sigmoid(x)"},
    {"Softplus", 1, kR, kR, "Softplus(x)"},
    {"Softsign", 1, kR, kR, "isinf(x) ? copysignf(1.0f, x) : x / (1.0f + fabsf(x))"},
    {"Relu", 1, kR, kR, "x < 0 ? 0.0f : x"},
    {"LeakyRelu", 1, kR, kR, "x < 0 ? a * x : x"},
    {"Elu", 1, kR, kR, "x < 0 ? a * expm1f(x) : x"},
    {"Selu", 1, kR, kR, "x > 0 ? b * x : b * a * expm1f(x)"},
    {"Celu", 1, kR, kR, "x != x || x > 0 ? x : a * expm1f(x / a)"},
    {"Gelu", 1, kR, kR, "isinf(x) ? (x < 0 ? 0.0f : x) : 0.5f * x * erfcf(-x * 0.70710678118654752440f)"},
    {"GeluTanh", 1, kR, kR,
     "isinf(x) ? (x < 0 ? 0.0f : x) : x * Sigmoid(1.59576912160573071175f * (x + 0.044715f * x * x * x))"},
    {"HardSigmoid", 1, kR, kR, "Clamp(a * x + b, 0.0f, 1.0f)"},
    {"HardSwish", 1, kR, kR, "Gated(x, Clamp(x / 6.0f + 0.5f, 0.0f, 1.0f))"},
    {"Mish", 1, kR, kR, "Gated(x, tanhf(Softplus(x)))"},
    {"Swish", 1, kR, kR, "Gated(x, Sigmoid(a * x))"},
    {"ThresholdedRelu", 1, kR, kR, "x > a || x != x ? x : 0.0f"},
    {"Shrink", 1, kR, kR, "x < -a ? x + b : x > a ? x - b : x != x ? x : 0.0f"},
    {"Clip", 1, kR, kR, "Clip(x, a, b)"},
    {"Add", 2, kR, kR, "__fadd_rn(x, y)"},
    {"Sub", 2, kR, kR, "__fadd_rn(x, -y)"},
    {"Mul", 2, kR, kR, "__fmul_rn(x, y)"},
    {"Div", 2, kR, kR, "x / y"},
    {"Pow", 2, kR, kR, "powf(x, y)"},
    {"Max", 2, kR, kR, "x > y || x != x ? x : y"},
    {"Min", 2, kR, kR, "x < y || x != x ? x : y"},
    {"Mean", 2, kR, kR, "__fadd_rn(x, y) * 0.5f"},
    {"PRelu", 2, kR, kR, "x < 0 ? x * y : x"},
    {"Equal", 2, kR, kB, "x == y"},
    {"Less", 2, kR, kB, "x < y"},
    {"LessOrEqual", 2, kR, kB, "x <= y"},
    {"Greater", 2, kR, kB, "x > y"},
    {"GreaterOrEqual", 2, kR, kB, "x >= y"},
    {"And", 2, kB, kB, "x & y"},
    {"Or", 2, kB, kB, "x | y"},
    {"Xor", 2, kB, kB, "x ^ y"},
    {"Not", 1, kB, kB, "x ^ 1"},
    {"Where", 3, kB, kR, "x ? y : z"},
    {"Cast", 1, kR, kR, "x"},
    {"Cast", 1, kR, kB, "x != 0"},
    {"Cast", 1, kR, kI, "ToInteger(x)"},
    {"Cast", 1, kI, kR, "static_cast<float>(x)"},
    {"Cast", 1, kB, kR, "static_cast<float>(x)"},
    {"Cast", 1, kI, kB, "x != 0"},
    {"Cast", 1, kB, kI, "x"},
    {"Cast", 1, kI, kI, "x"},
    {"DequantizeLinear", 1, kI, kR, "__fmul_rn(static_cast<float>(x) - b, a)"},
    {"QuantizeLinear", 1, kR, kI, "Quantized(rintf(x / a) + b, %LOW, %HIGH)"},
};

constexpr const char* kPrelude = R"(
#ifdef __CUDACC_RTC__
#define ONDA_EXPORT
#define ONDA_CHECK_VECTOR(pointer, bytes, write)
__device__ float FromHalf(unsigned short h) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h));
  return f;
}
__device__ unsigned short ToHalf(float f) {
  unsigned short h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f));
  return h;
}
#else
#define ONDA_EXPORT __attribute__((visibility("default")))
#define __fadd_rn(a, b) ((a) + (b))
#define __fmul_rn(a, b) ((a) * (b))
__device__ inline float FromHalf(unsigned short h) {
  const unsigned sign = (h & 0x8000u) << 16, e = h >> 10 & 31u, m = h & 1023u;
  if (e == 31) return __uint_as_float(sign | 0x7f800000u | m << 13);
  if (e == 0) return __uint_as_float(sign | __float_as_uint(static_cast<float>(m) * 5.9604644775390625e-8f));
  return __uint_as_float(sign | (e + 112) << 23 | m << 13);
}
__device__ inline unsigned short ToHalf(float f) {
  const unsigned bits = __float_as_uint(f), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return static_cast<unsigned short>(sign | 0x7fffu);
  if (size >= 0x47800000u) return static_cast<unsigned short>(sign | 0x7c00u);
  if (size < 0x38800000u)
    return static_cast<unsigned short>(sign | static_cast<unsigned>(rintf(__uint_as_float(size) * 16777216.0f)));
  return static_cast<unsigned short>(sign | ((size + 0xfffu + (size >> 13 & 1u) - 0x38000000u) >> 13));
}
#endif
__device__ inline float FromBfloat16(unsigned short b) { return __uint_as_float(static_cast<unsigned>(b) << 16); }
__device__ inline unsigned short ToBfloat16(float f) {
  const unsigned bits = __float_as_uint(f);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<unsigned short>(bits >> 16 | 0x40u);
  return static_cast<unsigned short>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
__device__ inline float Sigmoid(float x) {
  const float e = expf(-fabsf(x));
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}
__device__ inline float Softplus(float x) { return (x > 0 ? x : 0.0f) + (x != x ? x : log1pf(expf(-fabsf(x)))); }
__device__ inline float Clamp(float x, float low, float high) { return x < low ? low : x > high ? high : x; }
__device__ inline float Clip(float x, float low, float high) {
  if (x < low) x = low;
  return x > high ? high : x;
}
// x * gate, where the gate falls to 0 faster than x grows.
__device__ inline float Gated(float x, float gate) { return gate == 0 ? 0.0f : x * gate; }
__device__ inline int ToInteger(float x) {
  return x >= -2147483648.0f && x < 2147483648.0f ? static_cast<int>(x) : -2147483647 - 1;
}
__device__ inline int Quantized(float x, float low, float high) {
  return x != x ? 0 : static_cast<int>(x < low ? low : x > high ? high : x);
}

struct Inputs {
  const unsigned char* data[16];
};
struct Divider {
  unsigned divisor, magic, shift;
};
struct Strides {
  int rank;
  Divider dims[8];
  long long stride[8][12];
};
template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Vector {
  T v[kCount];
};
// kCount elements from `at` on, or that one for all where it stays.
template <class T, int kCount>
__device__ inline Vector<T, kCount> Load(const unsigned char* data, long long at, bool stays) {
  const T* const from = reinterpret_cast<const T*>(data) + at;
  Vector<T, kCount> result;
  if (stays || kCount == 1) {
    for (int e = 0; e < kCount; ++e) result.v[e] = *from;
  } else {
    ONDA_CHECK_VECTOR(from, sizeof(T) * kCount, false);
    result = *reinterpret_cast<const Vector<T, kCount>*>(from);
  }
  return result;
}
)";

const char* StoredType(DType type) {
  switch (type) {
    case DType::kFloat:
      return "float";
    case DType::kFloat16:
    case DType::kBfloat16:
      return "unsigned short";
    case DType::kInt8:
      return "signed char";
    case DType::kInt32:
      return "int";
    default:
      return "unsigned char";
  }
}

std::string Join(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(part);
  return text;
}

// The carried value of a stored one, and back.
std::string Widened(DType type, const std::string& stored) {
  if (type == DType::kFloat16) return Join({"FromHalf(", stored, ")"});
  if (type == DType::kBfloat16) return Join({"FromBfloat16(", stored, ")"});
  return type == DType::kBool ? Join({"(", stored, " != 0)"}) : stored;
}
std::string Narrowed(DType type, const std::string& carried) {
  if (type == DType::kFloat16) return Join({"ToHalf(", carried, ")"});
  if (type == DType::kBfloat16) return Join({"ToBfloat16(", carried, ")"});
  return Join({"static_cast<", StoredType(type), ">(", carried, ")"});
}
// A carried value as the type holds it.
std::string Rounded(DType type, const std::string& carried) {
  return type == DType::kFloat || type == DType::kInt32 ? carried : Widened(type, Narrowed(type, carried));
}

std::string Literal(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return Join({"__uint_as_float(", std::to_string(bits), "u)"});
}

const Row* RowOf(const Program& program, const Step& step, std::span<const DType> inputs) {
  auto carried = [&](int operand) {
    return CarriedAs(program.TypeOf(operand, [&](int i) { return inputs[static_cast<size_t>(i)]; }));
  };
  for (const Row& row : kRows) {
    if (row.op != step.op || row.operands != step.operand_count || row.to != CarriedAs(step.type)) continue;
    bool fits = carried(step.operands[0]) == row.from;
    for (int k = 1; k < row.operands; ++k)
      fits = fits && carried(step.operands[k]) == (step.op == "Where" ? Carried::kReal : row.from);
    if (fits) return &row;
  }
  return nullptr;
}

std::string Replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

// The kernel behind the prelude; words in capitals behind % are put in.
constexpr const char* kKernel = R"(
template <int kCount>
__device__ inline void Some(const Inputs& inputs, unsigned char* y, long long first, const Strides& s) {
  long long at[%INPUTS] = {};
  unsigned rest = static_cast<unsigned>(first);
  for (int d = 0; d < s.rank; ++d) {
    const Divider& by = s.dims[d];
    const unsigned quotient = d == s.rank - 1 ? 0 : (__umulhi(rest, by.magic) + rest) >> by.shift;
    const unsigned index = rest - quotient * by.divisor;
    rest = quotient;
#pragma unroll
    for (int k = 0; k < %INPUTS; ++k) at[k] += index * s.stride[d][k];
  }
%LOADS  Vector<%TYPE, kCount> to;
#pragma unroll
  for (int e = 0; e < kCount; ++e) {
%BODY    to.v[e] = %RESULT;
  }
  %TYPE* const out = reinterpret_cast<%TYPE*>(y) + first;
  ONDA_CHECK_VECTOR(out, sizeof(to), true);
  *reinterpret_cast<Vector<%TYPE, kCount>*>(out) = to;
}

extern "C" ONDA_EXPORT __global__ void __launch_bounds__(%THREADS)
Pointwise(Inputs inputs, unsigned char* y, long long n, Strides strides, bool vectors) {
  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (!vectors) {
    if (i < n) Some<1>(inputs, y, i, strides);
  } else if (i * %VECTOR < n) {
    Some<%VECTOR>(inputs, y, i * %VECTOR, strides);
  }
}
)";

// One step's lines: its result as v`index`.
std::string LinesOf(const Step& step, const Row& row, size_t index) {
  std::string expression = row.expression;
  if (step.op == "QuantizeLinear") {
    const bool wide = step.type == DType::kInt32, is_signed = step.type == DType::kInt8;
    expression = Replaced(expression, "%LOW", wide ? "-2147483648.0f" : is_signed ? "-128.0f" : "0.0f");
    expression = Replaced(expression, "%HIGH", wide ? "2147483520.0f" : is_signed ? "127.0f" : "255.0f");
  }
  const char* const carried = row.to == Carried::kReal ? "float" : "int";
  const std::string name = Join({"v", std::to_string(index)});
  std::string text = Join({"    ", carried, " ", name, ";\n    {\n"});
  const char* const names[] = {"x", "y", "z"};
  for (int o = 0; o < step.operand_count; ++o)
    text += Join({"      const auto ", names[o], " = v", std::to_string(step.operands[o]), ";\n"});
  text += Join({"      [[maybe_unused]] const float a = ", Literal(step.alpha), ", b = ", Literal(step.beta), ";\n"});
  text += Join({"      const ", carried, " result = ", expression, ";\n"});
  text += Join({"      ", name, " = ", Rounded(step.type, "result"), ";\n    }\n"});
  return text;
}

}  // namespace

std::string RejectsSource(const Program& program, std::span<const DType> inputs) {
  for (const DType type : inputs)
    if (CarriedAs(type) == Carried::kNone) return "no elements of " + std::string(NameOf(type));
  for (const Step& step : program.steps)
    if (!RowOf(program, step, inputs))
      return "no step " + step.op + " to " + std::string(NameOf(step.type)) + " of such operands";
  return "";
}

std::string SourceOf(const Program& program, std::span<const DType> inputs) {
  std::string loads, body;
  for (size_t k = 0; k < inputs.size(); ++k) {
    const std::string i = std::to_string(k), type = StoredType(inputs[k]);
    loads += Join({"  const auto x", i, " = Load<", type, ", kCount>(inputs.data[", i, "], at[", i, "], s.stride[0][",
                   i, "] == 0);\n"});
    body += Join({"    const auto v", i, " = ", Widened(inputs[k], Join({"x", i, ".v[e]"})), ";\n"});
  }
  for (size_t k = 0; k < program.steps.size(); ++k)
    body += LinesOf(program.steps[k], *RowOf(program, program.steps[k], inputs), inputs.size() + k);
  const DType out = program.steps.back().type;
  const std::string last = Join({"v", std::to_string(inputs.size() + program.steps.size() - 1)});
  std::string text = Replaced(kKernel, "%INPUTS", std::to_string(inputs.size()));
  text = Replaced(std::move(text), "%LOADS", loads);
  text = Replaced(std::move(text), "%BODY", body);
  text = Replaced(std::move(text), "%TYPE", StoredType(out));
  text = Replaced(std::move(text), "%RESULT", Narrowed(out, last));
  text = Replaced(std::move(text), "%THREADS", std::to_string(kSourceThreads));
  text = Replaced(std::move(text), "%VECTOR", std::to_string(kSourceVector));
  return std::string(kPrelude) + text;
}

}  // namespace onda::pointwise
