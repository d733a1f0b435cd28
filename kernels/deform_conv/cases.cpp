#include <span>

#include "kernels/case.h"

namespace onda::deform_conv {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[1,2,5,6] x, float[3,2,2,2] w, float[1,8,4,5] o) => (float[1,3,4,5] y) { y = DeformConv(x, w, o) }"},
      {"(float[2,4,7,6] x, float[4,2,3,2] w, float[2,24,4,6] o, float[4] b, float[2,12,4,6] m) => (float[2,4,4,6] y) { "
       "y = "
       "DeformConv<group = 2, offset_group = 2, strides = [2, 1], pads = [1, 0, 1, 1], dilations = [1, 1]>(x, w, o, b, "
       "m) }"},
      {"(double[1,1,4,4,4] x, double[1,1,2,2,2] w, double[1,24,3,3,3] o) => (double[1,1,3,3,3] y) { y = DeformConv(x, "
       "w, o) "
       "}"},
      {"(float16[1,1,5] x, float16[1,1,2] w, float16[1,2,3] o) => (float16[1,1,3] y) { y = DeformConv<dilations = "
       "[2]>(x, "
       "w, o) }",
       -2, 2, 1e-5, 2e-3},
      {"(float[2,12,9,8] x, float[6,6,3,3] w, float[2,18,9,8] o, float[6] b) => (float[2,6,9,8] y) { y = "
       "DeformConv<group = "
       "2, pads = [1, 1, 1, 1]>(x, w, o, b) }",
       -2, 2, 1e-4, 1e-4},
      {"(bfloat16[1,2,5,6] x, bfloat16[3,2,2,2] w, bfloat16[1,8,4,5] o, bfloat16[3] b) => (bfloat16[1,3,4,5] y) { y = "
       "DeformConv(x, w, o, b) }",
       -2, 2, 1e-2, 0.1},
  };
  return cases;
}

}  // namespace onda::deform_conv
