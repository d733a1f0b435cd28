// Products of double and integer matrices, a row of C at a time.
#ifndef ONDA_KERNELS_MATMUL_ANY_TYPE_H_
#define ONDA_KERNELS_MATMUL_ANY_TYPE_H_

#include "kernels/matmul/matmul.h"

namespace onda::matmul {

inline bool AnyTypeTakes(DType t) {
  return t == DType::kDouble || t == DType::kInt32 || t == DType::kInt64 || t == DType::kUint32 || t == DType::kUint64;
}

// Output 0 = input 0 times input 1. Integers wrap modulo their width.
void RunAnyType(const Product& p, const LaunchArgs& args);

}  // namespace onda::matmul

#endif  // ONDA_KERNELS_MATMUL_ANY_TYPE_H_
