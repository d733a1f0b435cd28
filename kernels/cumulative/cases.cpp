#include <span>

#include "kernels/case.h"

namespace onda::cumulative {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,40] x) => (float[3,40] y) { a = Constant<value_int = 1>() y = CumSum(x, a) }"},
      {"(float[3,40] x) => (float[3,40] y) { a = Constant<value_int = 0>() y = CumSum<exclusive = 1>(x, a) }"},
      {"(double[3,40,5] x) => (double[3,40,5] y) { a = Constant<value_int = -2>() y = CumSum<reverse = 1>(x, a) }"},
      {"(int32[3,4,100] x) => (int32[3,4,100] y) { a = Constant<value_int = 1>() y = CumSum<reverse = 1, exclusive = "
       "1>(x, a) }"},
      {"(float16[7] x) => (float16[7] y) { a = Constant<value_int = 0>() y = CumProd(x, a) }"},
      {"(int64[3,7] x) => (int64[3,7] y) { a = Constant<value_int = 1>() y = CumProd<exclusive = 1>(x, a) }", -3, 3},
      {"(float[0,7] x) => (float[0,7] y) { a = Constant<value_int = 0>() y = CumSum(x, a) }"},
      {"(float16[2,700] x) => (float16[2,700] y) { a = Constant<value_int = 1>() y = CumSum<exclusive = 1>(x, a) }"},
      {"(int32[900] x) => (int32[900] y) { a = Constant<value_int = 0>() y = CumProd<reverse = 1>(x, a) }", -3, 3},
      {"(bfloat16[40,3] x) => (bfloat16[40,3] y) { a = Constant<value_int = 0>() y = CumProd<reverse = 1, exclusive = "
       "1>(x, a) }"},
      // Few long rows, in several parts.
      {"(float[2,9001] x) => (float[2,9001] y) { a = Constant<value_int = 1>() y = CumSum(x, a) }", -2, 2, 1e-5, 1e-4},
      {"(int64[1,12288] x) => (int64[1,12288] y) { a = Constant<value_int = -1>() y = CumSum<reverse = 1, exclusive = "
       "1>(x, a) }",
       -9, 9},
      {"(int32[5000] x) => (int32[5000] y) { a = Constant<value_int = 0>() y = CumProd(x, a) }", -3, 3},
      {"(float[4200,1] x) => (float[4200,1] y) { a = Constant<value_int = 0>() y = CumSum<reverse = 1>(x, a) }", -2, 2,
       1e-5, 1e-4},
  };
  return cases;
}

}  // namespace onda::cumulative
