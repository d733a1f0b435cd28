#include <span>

#include "kernels/case.h"

namespace onda::topk {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,40] x) => (float[3,5] v, int64[3,5] i) { k = Constant<value_ints = [5]>() v, i = TopK(x, k) }"},
      {"(float[3,40] x) => (float[3,30] v, int64[3,30] i) { k = Constant<value_ints = [30]>() v, i = TopK<largest = "
       "0>(x, k) }"},
      {"(int8[3,40,2] x) => (int8[3,7,2] v, int64[3,7,2] i) { k = Constant<value_ints = [7]>() v, i = TopK<axis = "
       "1>(x, k) }"},
      {"(uint64[9] x) => (uint64[9] v, int64[9] i) { k = Constant<value_ints = [9]>() v, i = TopK(x, k) }", 0, 4},
      {"(float16[2,9] x) => (float16[2,9] v, int64[2,9] i) { k = Constant<value_ints = [9]>() v, i = TopK(x, k) }"},
      {"(float[2,9] x) => (float[2,0] v, int64[2,0] i) { k = Constant<value_ints = [0]>() v, i = TopK(x, k) }"},
      {"(float[3,40] x) => (int64[3,1] y) { y = ArgMax<axis = 1>(x) }"},
      {"(float[3,40,5] x) => (int64[3,5] y) { y = ArgMin<axis = -2, keepdims = 0>(x) }"},
      {"(int32[3,40,5] x) => (int64[1,40,5] y) { y = ArgMax<select_last_index = 1>(x) }"},
      {"(uint8[40] x) => (int64 y) { y = ArgMin<select_last_index = 1, keepdims = 0>(x) }", 0, 3},
      {"(bfloat16[4,40] x) => (int64[4,1] y) { y = ArgMax<axis = 1>(x) }"},
      {"(float[2,5000] x) => (float[2,50] v, int64[2,50] i) { k = Constant<value_ints = [50]>() v, i = TopK(x, k) }"},
      {"(float16[1,9000] x) => (float16[1,700] v, int64[1,700] i) { k = Constant<value_ints = [700]>() v, i = "
       "TopK<largest = 0>(x, k) }"},
      {"(int32[5000,2] x) => (int32[2000,2] v, int64[2000,2] i) { k = Constant<value_ints = [2000]>() v, i = TopK<axis "
       "= "
       "0>(x, k) }",
       -50, 50},
      {"(bfloat16[3,2049] x) => (int64[3,1] i) { k = Constant<value_ints = [1]>() v, i = TopK(x, k) }"},
      {"(double[2048] x) => (double[2048] v) { k = Constant<value_ints = [2048]>() v, i = TopK(x, k) }"},
      {"(float[3,3000] x) => (int64[3,1] y) { y = ArgMin<axis = 1, select_last_index = 1>(x) }"},
      {"(int8[2000,3] x) => (int64[3] y) { y = ArgMax<keepdims = 0, select_last_index = 1>(x) }", -100, 100},
      {"(double[300] x) => (int64[1] y) { y = ArgMax(x) }"},
  };
  return cases;
}

}  // namespace onda::topk
