#include <span>

#include "kernels/case.h"

namespace onda::reduce {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,4] x) => (float[1,1] y) { y = ReduceSum(x) }"},
      {"(float[3,4] x) => (float y) { y = ReduceMean<keepdims = 0>(x) }"},
      {"(float[3,4,37] x) => (float[3,4] y) { a = Constant<value = int64[1] {-1}>() y = ReduceMax<keepdims = 0>(x, a) "
       "}"},
      {"(float[3,4,37] x) => (float[1,4,37] y) { a = Constant<value = int64[1] {0}>() y = ReduceMin(x, a) }"},
      {"(float[3,19,37] x) => (float[3,37] y) { a = Constant<value = int64[1] {1}>() y = ReduceProd<keepdims = 0>(x, "
       "a) }",
       0.5, 1.5},
      {"(float[3,5,7,9] x) => (float[5,9] y) { a = Constant<value = int64[2] {0,2}>() y = ReduceL1<keepdims = 0>(x, a) "
       "}"},
      {"(float[3,5,7,9] x) => (float[3,7] y) { a = Constant<value = int64[2] {1,3}>() y = ReduceL2<keepdims = 0>(x, a) "
       "}"},
      {"(float[3,5,7,9] x) => (float[3,1,1,9] y) { a = Constant<value = int64[2] {1,2}>() y = ReduceLogSum(x, a) }",
       0.1, 2},
      {"(float[3,5,70] x) => (float[3,5,1] y) { a = Constant<value = int64[1] {2}>() y = ReduceLogSumExp(x, a) }", -200,
       200},
      {"(float[3,50,7] x) => (float[3,1,7] y) { a = Constant<value = int64[1] {1}>() y = ReduceLogSumExp(x, a) }", -90,
       90},
      {"(float[70000] x) => (float[1] y) { y = ReduceSumSquare(x) }"},
      {"(float[40000,3] x) => (float[1,3] y) { a = Constant<value = int64[1] {0}>() y = ReduceMean(x, a) }", 0, 1},
      {"(float[2,70000] x) => (float[2] y) { a = Constant<value = int64[1] {1}>() y = ReduceLogSumExp<keepdims = 0>(x, "
       "a) }"},
      {"(float[600,1500] x) => (float[1,1500] y) { a = Constant<value = int64[1] {0}>() y = ReduceSum(x, a) }", 0, 1},
      {"(float[0,4] x) => (float[1,4] y) { a = Constant<value = int64[1] {0}>() y = ReduceSum(x, a) }"},
      {"(float[0,4] x) => (float[1,4] y) { a = Constant<value = int64[1] {0}>() y = ReduceMax(x, a) }"},
      {"(float[2,0,4] x) => (float[2,1,4] y) { a = Constant<value = int64[1] {1}>() y = ReduceLogSumExp(x, a) }"},
      {"(float[2,0] x) => (float[2,1] y) { a = Constant<value = int64[1] {1}>() y = ReduceProd(x, a) }"},
      {"(float[0,4] x) => (float[0,1] y) { a = Constant<value = int64[1] {1}>() y = ReduceMin(x, a) }"},
      {"(float x) => (float y) { y = ReduceL2(x) }"},
      {"(float[3,4] x) => (float[3,4] y) { y = ReduceSumSquare<noop_with_empty_axes = 1>(x) }"},
      {"(double[3,4] x) => (double[3,1] y) { a = Constant<value = int64[1] {1}>() y = ReduceMean(x, a) }"},
      {"(float16[3,40] x) => (float16[3,1] y) { a = Constant<value = int64[1] {1}>() y = ReduceSum(x, a) }"},
      {"(bfloat16[3,40] x) => (bfloat16[1,40] y) { a = Constant<value = int64[1] {0}>() y = ReduceMax(x, a) }"},
      {"(int32[3,40] x) => (int32[3,1] y) { a = Constant<value = int64[1] {1}>() y = ReduceSum(x, a) }", -1000, 1000},
      {"(int64[3,40] x) => (int64[3,1] y) { a = Constant<value = int64[1] {1}>() y = ReduceMean(x, a) }", -1000, 1000},
      {"(uint8[3,40] x) => (uint8[3,1] y) { a = Constant<value = int64[1] {1}>() y = ReduceMin(x, a) }", 0, 255},
      {"(bool[3,40] x) => (bool[1,40] y) { a = Constant<value = int64[1] {0}>() y = ReduceMax(x, a) }"},
  };
  return cases;
}

}  // namespace onda::reduce
