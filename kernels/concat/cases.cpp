#include <span>

#include "kernels/case.h"

namespace onda::concat {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[2,3] a, float[2,4] b) => (float[2,7] y) { y = Concat<axis = 1>(a, b) }"},
      {"(float[2,3] a, float[1,3] b, float[0,3] d) => (float[3,3] y) { y = Concat<axis = 0>(a, b, d) }"},
      {"(float[2,3,5] a, float[2,1,5] b) => (float[2,4,5] y) { y = Concat<axis = -2>(a, b) }"},
      {"(float16[7] a, float16[9] b) => (float16[16] y) { y = Concat<axis = 0>(a, b) }"},
      {"(int16[3] a, int16[5] b) => (int16[8] y) { y = Concat<axis = 0>(a, b) }", -8, 7},
      {"(int16[3,2] a, int16[3,5] b) => (int16[3,7] y) { y = Concat<axis = 1>(a, b) }", -8, 7},
      {"(uint16[3,4] a, uint16[3,8] b) => (uint16[3,12] y) { y = Concat<axis = 1>(a, b) }", 0, 3},
      {"(float[2,3] a) => (float[2,3] y) { y = Concat<axis = 1>(a) }"},
      {"(float[200,300] a, float[200,500] b) => (float[200,800] y) { y = Concat<axis = 1>(a, b) }"},
      {"(float[6,2] x) => (float[2,2] a, float[2,2] b, float[2,2] d) { a, b, d = Split<axis = 0, num_outputs = 3>(x) "
       "}"},
      {"(float[7,2] x) => (float[3,2] a, float[3,2] b, float[1,2] d) { a, b, d = Split<num_outputs = 3>(x) }"},
      {"(float[2,7] x) => (float[2,3] a, float[2,4] b) { s = Constant<value_ints = [3,4]>() a, b = Split<axis = -1>(x, "
       "s) }"},
      {"(int8[2,7] x) => (int8[2,0] a, int8[2,7] b) { s = Constant<value_ints = [0,7]>() a, b = Split<axis = 1>(x, s) "
       "}",
       -100, 100},
      {"(int16[2,7] x) => (int16[2,3] a, int16[2,4] b) { s = Constant<value_ints = [3,4]>() a, b = Split<axis = 1>(x, "
       "s) }",
       -8, 7},
      {"(float[200,800] x) => (float[200,400] a, float[200,400] b) { a, b = Split<axis = 1, num_outputs = 2>(x) }"},
  };
  return cases;
}

}  // namespace onda::concat
