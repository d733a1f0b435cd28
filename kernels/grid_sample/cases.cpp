#include <span>

#include "kernels/case.h"

namespace onda::grid_sample {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[2,3,8,9] x, float[2,5,70,2] g) => (float[2,3,5,70] y) { y = GridSample(x, g) }", -1.5, 1.5},
      {"(float[2,3,8,9] x, float[2,5,70,2] g) => (float[2,3,5,70] y) { y = GridSample<padding_mode = \"border\", "
       "align_corners = 1>(x, g) }",
       -1.5, 1.5},
      {"(float[2,3,8,9] x, float[2,5,70,2] g) => (float[2,3,5,70] y) { y = GridSample<padding_mode = "
       "\"reflection\">(x, g) "
       "}",
       -4, 4},
      {"(float[1,2,6,7] x, float[1,5,17,2] g) => (float[1,2,5,17] y) { y = GridSample<mode = \"nearest\", padding_mode "
       "= "
       "\"reflection\", align_corners = 1>(x, g) }",
       -3, 3},
      {"(float[1,2,6,7] x, float[1,5,17,2] g) => (float[1,2,5,17] y) { y = GridSample<mode = \"cubic\", padding_mode = "
       "\"border\">(x, g) }"},
      {"(float[1,2,4,5,6] x, float[1,3,2,4,3] g) => (float[1,2,3,2,4] y) { y = GridSample(x, g) }", -1.2, 1.2},
      {"(float[1,2,9] x, float[1,20,1] g) => (float[1,2,20] y) { y = GridSample<mode = \"cubic\">(x, g) }", -1.2, 1.2},
      {"(int8[1,2,4,4] x, float16[1,3,3,2] g) => (int8[1,2,3,3] y) { y = GridSample<mode = \"nearest\">(x, g) }"},
      {"(double[1,1,4,4] x, double[1,3,3,2] g) => (double[1,1,3,3] y) { y = GridSample(x, g) }"},
      {"(float[1,1,4,4] x, float[1,0,3,2] g) => (float[1,1,0,3] y) { y = GridSample(x, g) }"},
      {"(float[2,2,3] t) => (float[2,5,6,2] y) { s = Constant<value = int64[4] {2, 1, 5, 6}>() y = AffineGrid(t, s) }"},
      {"(float[2,3,4] t) => (float[2,4,5,6,3] y) { s = Constant<value = int64[5] {2, 1, 4, 5, 6}>() y = "
       "AffineGrid<align_corners = 1>(t, s) }"},
      {"(float16[1,11,6,7] x, float16[1,5,7,2] g) => (float16[1,11,5,7] y) { y = GridSample<mode = \"cubic\", "
       "padding_mode "
       "= \"reflection\">(x, g) }",
       -1.5, 1.5, 1e-5, 5e-3},
      {"(double[1,2,4,5,6] x, double[1,3,2,4,3] g) => (double[1,2,3,2,4] y) { y = GridSample<mode = \"cubic\", "
       "align_corners = 1>(x, g) }",
       -1.2, 1.2},
      {"(complex128[2,3,5,6] x, float[2,3,4,2] g) => (complex128[2,3,3,4] y) { y = GridSample<mode = \"nearest\", "
       "padding_mode = \"border\">(x, g) }"},
      {"(bfloat16[2,9,5] x, bfloat16[2,7,1] g) => (bfloat16[2,9,7] y) { y = GridSample(x, g) }", -1.2, 1.2},
      {"(float16[2,2,3] t) => (float16[2,1,6,2] y) { s = Constant<value = int64[4] {2, 1, 1, 6}>() y = "
       "AffineGrid<align_corners = 1>(t, s) }"},
  };
  return cases;
}

}  // namespace onda::grid_sample
