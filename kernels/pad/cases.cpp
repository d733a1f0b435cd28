#include <span>

#include "kernels/case.h"

namespace onda::pad {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[2,3] x) => (float[4,8] y) { p = Constant<value_ints = [1,2,1,3]>() y = Pad(x, p) }"},
      {"(float[2,3] x, float v) => (float[4,8] y) { p = Constant<value_ints = [1,2,1,3]>() y = Pad(x, p, v) }"},
      {"(float[1,3,5,6] x) => (float[1,3,7,8] y) { p = Constant<value_ints = [0,0,1,1,0,0,1,1]>() y = Pad<mode = "
       "\"reflect\">(x, p) }"},
      {"(float[1,3,5,6] x) => (float[1,3,8,9] y) { p = Constant<value_ints = [0,0,2,1,0,0,1,2]>() y = Pad<mode = "
       "\"edge\">(x, p) }"},
      {"(float[3,4] x) => (float[10,15] y) { p = Constant<value_ints = [4,5,3,6]>() y = Pad<mode = \"wrap\">(x, p) }"},
      {"(float[3,4] x) => (float[10,15] y) { p = Constant<value_ints = [4,5,3,6]>() y = Pad<mode = \"reflect\">(x, p) "
       "}"},
      {"(float[1,4] x) => (float[3,6] y) { p = Constant<value_ints = [1,1,1,1]>() y = Pad<mode = \"reflect\">(x, p) }"},
      {"(float[5,6] x) => (float[4,6] y) { p = Constant<value_ints = [-2,1,1,-1]>() y = Pad(x, p) }"},
      {"(float[5,6] x) => (float[4,6] y) { p = Constant<value_ints = [-2,1,1,-1]>() y = Pad<mode = \"edge\">(x, p) }"},
      {"(float[5,6,3] x) => (float[7,7,3] y) { p = Constant<value_ints = [1,0,1,1]>() a = Constant<value_ints = "
       "[0,-2]>() "
       "y = Pad<mode = \"reflect\">(x, p, , a) }"},
      {"(int8[2,3] x) => (int8[2,3] y) { p = Constant<value_ints = [0,0,0,0]>() y = Pad(x, p) }", -100, 100},
      {"(float[0,3] x) => (float[2,3] y) { p = Constant<value_ints = [1,0,1,0]>() y = Pad(x, p) }"},
      {"(float16[64,30] x) => (float16[66,33] y) { p = Constant<value_ints = [1,1,1,2]>() y = Pad(x, p) }"},
      {"(float[1,64,56,56] x) => (float[1,64,58,58] y) { p = Constant<value_ints = [0,0,1,1,0,0,1,1]>() y = Pad(x, p) "
       "}"},
      {"(double[3,2,4,5] x, double v) => (double[3,2,6,5] y) { p = Constant<value_ints = [2,0]>() a = "
       "Constant<value_ints = [2]>() y = Pad(x, p, v, a) }"},
      {"(complex128[3,2] x) => (complex128[3,5] y) { p = Constant<value_ints = [0,2,0,1]>() y = Pad<mode = "
       "\"wrap\">(x, "
       "p) }"},
      {"(bool[3,4] x) => (bool[5,4] y) { p = Constant<value_ints = [1,0,1,0]>() y = Pad<mode = \"edge\">(x, p) }"},
      {"(float[2,2,2,2,2,2,2,2] x) => (float[2,3,2,3,2,3,2,3] y) { p = Constant<value_ints = "
       "[0,1,0,1,0,0,0,1,0,0,0,0,0,1,0,0]>() y = Pad(x, p) }"},
      {"(float[4,3] x) => (float[4,3] y) { p = Constant<value_ints = [-5,0,5,0]>() y = Pad(x, p) }"},
  };
  return cases;
}

}  // namespace onda::pad
