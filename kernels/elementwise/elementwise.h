// Element-by-element operators: one row per operator says what it computes, in double and in 64-bit integers.
#ifndef ONDA_KERNELS_ELEMENTWISE_ELEMENTWISE_H_
#define ONDA_KERNELS_ELEMENTWISE_ELEMENTWISE_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "onda/provider.h"

namespace onda::elementwise {

// The numbers that attributes give to an operator.
struct Params {
  double alpha = 0;
  double beta = 0;
  bool flag = false;   // Mod: fmod; Gelu: approximate = "tanh"; BitShift: to the left; IsInf: detect_positive
  bool flag2 = false;  // IsInf: detect_negative
  int bits = 64;       // width of the element type

  Params() = default;
  // Applies the operator's defaults. Throws kInvalidModel for values that the operator does not have.
  Params(std::string_view op, const Attributes& attributes, DType type);
};

// y[i] = f(x[i]) over one block; x and y may be the same. A null function: the operator is not defined for those types.
// Types narrower than 64 bits are computed in int64 and keep the low bits of the result. uint64 takes `natural` where
// it is given. Results of kind bool are 0 or 1.
struct UnaryRow {
  std::string_view op;
  void (*real)(const double* x, double* y, int64_t n, const Params&);
  void (*integer)(const int64_t* x, int64_t* y, int64_t n, const Params&) = nullptr;
  void (*natural)(const uint64_t* x, uint64_t* y, int64_t n, const Params&) = nullptr;
};

struct BinaryRow {
  std::string_view op;
  void (*real)(const double* a, const double* b, double* y, int64_t n, const Params&);
  void (*integer)(const int64_t* a, const int64_t* b, int64_t* y, int64_t n, const Params&) = nullptr;
  void (*natural)(const uint64_t* a, const uint64_t* b, uint64_t* y, int64_t n, const Params&) = nullptr;
};

// Null where the operator has no such row.
const UnaryRow* FindUnaryRow(std::string_view op);
const BinaryRow* FindBinaryRow(std::string_view op);

// The vector forms, on runs of elements; y may be an operand that moves. For the running machine's instruction set.
// y[i] = f(x[i]) in fp32; see Params for alpha and beta.
using UnaryFunction = void (*)(const float* x, float* y, int64_t n, float alpha, float beta);
// y[i] = f(a[i * a_step], b[i * b_step]), steps 0 or 1, at most one of them 0.
using BinaryFunction = void (*)(const void* a, int64_t a_step, const void* b, int64_t b_step, void* y, int64_t n,
                                float alpha);
// y[i] = c[i] ? a[i * a_step] : b[i * b_step].
using SelectFunction = void (*)(const uint8_t* c, const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
                                int64_t n);
// Null where there is none. flag: Gelu's tanh form. type: of the operands; half types go through fp32.
UnaryFunction FindUnaryFunction(std::string_view op, bool flag);
BinaryFunction FindBinaryFunction(std::string_view op, DType type);
SelectFunction FindSelectFunction(int bits);

// Kernels of reference_unary.cpp, reference_binary.cpp and reference.cpp.
std::span<const OndaKernelDef> UnaryReferences();
std::span<const OndaKernelDef> BinaryReferences();

// Kernels of cpu_unary.cpp, cpu_binary.cpp, cpu_where.cpp and cpu_clip.cpp.
std::span<const OndaKernelDef> UnaryCpuKernels();
std::span<const OndaKernelDef> BinaryCpuKernels();
std::span<const OndaKernelDef> WhereCpuKernels();
std::span<const OndaKernelDef> ClipCpuKernels();

}  // namespace onda::elementwise

#endif  // ONDA_KERNELS_ELEMENTWISE_ELEMENTWISE_H_
