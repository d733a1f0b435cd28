#include <span>

#include "kernels/case.h"

namespace onda::fold {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[2,15,6] x) => (float[2,3,5,5] y) { i = Constant<value = int64[2] {5, 5}>() b = Constant<value = "
       "int64[2] {1, "
       "5}>() y = Col2Im<pads = [0, 0, 1, 0]>(x, i, b) }"},
      {"(float[1,8,15] x) => (float[1,2,6,5] y) { i = Constant<value = int64[2] {6, 5}>() b = Constant<value = "
       "int64[2] {2, "
       "2}>() y = Col2Im<dilations = [1, 2], pads = [0, 1, 0, 1], strides = [2, 1]>(x, i, b) }"},
      {"(int64[1,8,12] x) => (int64[1,1,3,4,5] y) { i = Constant<value = int64[3] {3, 4, 5}>() b = Constant<value = "
       "int64[3] "
       "{2, 2, 2}>() y = Col2Im<strides = [1, 1, 2]>(x, i, b) }"},
      {"(float16[2,6,8] x) => (float16[2,2,10] y) { i = Constant<value = int64[1] {10}>() b = Constant<value = "
       "int64[1] "
       "{3}>() y = Col2Im(x, i, b) }"},
      {"(double[2,8,9] x) => (double[2,2,4,4] y) { i = Constant<value = int64[2] {4, 4}>() b = Constant<value = "
       "int64[2] "
       "{2, 2}>() y = Col2Im(x, i, b) }"},
  };
  return cases;
}

}  // namespace onda::fold
