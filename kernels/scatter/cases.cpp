#include <span>

#include "kernels/case.h"

namespace onda::scatter {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[4,5] x, int64[2,3] i, float[2,3] u) => (float[4,5] y) { y = ScatterElements<axis = 1>(x, i, u) }", -5,
       4},
      {"(float[4,5] x, int64[6,5] i, float[6,5] u) => (float[4,5] y) { y = ScatterElements<reduction = \"add\">(x, i, "
       "u) }",
       -4, 3},
      {"(int32[4,5] x, int32[6,5] i, int32[6,5] u) => (int32[4,5] y) { y = ScatterElements<reduction = \"mul\">(x, i, "
       "u) }",
       -4, 3},
      {"(int64[4] x, int32[9] i, int64[9] u) => (int64[4] y) { y = ScatterElements<reduction = \"max\">(x, i, u) }", -4,
       3},
      {"(float16[4] x, int32[9] i, float16[9] u) => (float16[4] y) { y = ScatterElements<reduction = \"min\">(x, i, u) "
       "}",
       -4, 3},
      {"(complex64[4] x, int32[9] i, complex64[9] u) => (complex64[4] y) { y = ScatterElements<reduction = \"mul\">(x, "
       "i, u) }",
       -4, 3},
      {"(int16[5] x, int64[2] i, int16[2] u) => (int16[5] y) { y = ScatterElements(x, i, u) }", -5, 4},
      {"(float[4,5] x, int64[3,1] i, float[3,5] u) => (float[4,5] y) { y = ScatterND(x, i, u) }", -4, 3},
      {"(float[4,4,2] x, int64[3,2] i, float[3,2] u) => (float[4,4,2] y) { y = ScatterND<reduction = \"add\">(x, i, u) "
       "}",
       -4, 3},
      {"(float[4,4] x, int64[0,2] i, float[0] u) => (float[4,4] y) { y = ScatterND(x, i, u) }"},
      {"(float[2,3,8,4] x, float[2,3,2,4] u, int64[2] w) => (float[2,3,8,4] y) { y = TensorScatter(x, u, w) }", 0, 6},
      {"(float[2,8,4] x, float[2,3,4] u, int64[2] w) => (float[2,8,4] y) { y = TensorScatter<mode = \"circular\">(x, "
       "u, w) }",
       0, 20},
      {"(float[20] x, int64[60,1] i, float[60] u) => (float[20] y) { y = ScatterND<reduction = \"mul\">(x, i, u) }", -4,
       3},
      {"(float[600,3] x, int64[5000,1] i, float[5000,3] u) => (float[600,3] y) { y = ScatterND<reduction = \"add\">(x, "
       "i, "
       "u) }",
       -600, 599},
      {"(double[7] x, int64[3000] i, double[3000] u) => (double[7] y) { y = ScatterElements<reduction = \"max\">(x, i, "
       "u) "
       "}",
       -7, 6},
      {"(bfloat16[7,2] x, int32[40,2] i, bfloat16[40,2] u) => (bfloat16[7,2] y) { y = ScatterElements<reduction = "
       "\"add\">(x, i, u) }",
       -7, 6, 1e-5, 0.5},
      {"(uint64[7] x, int32[40] i, uint64[40] u) => (uint64[7] y) { y = ScatterElements<reduction = \"min\">(x, i, u) "
       "}",
       0, 6},
      {"(int8[7] x, int32[40] i, int8[40] u) => (int8[7] y) { y = ScatterElements<reduction = \"add\">(x, i, u) }", -7,
       6},
      {"(int8[4,3,5] x, int64[9,2] i, int8[9,5] u) => (int8[4,3,5] y) { y = ScatterND(x, i, u) }", -3, 2},
      {"(complex128[6] x, int64[9] i, complex128[9] u) => (complex128[6] y) { y = ScatterElements(x, i, u) }", -6, 5},
      {"(float[2,3,4] x, int64[2,5,3] i, float[2,5,3] u) => (float[2,3,4] y) { y = ScatterElements<axis = -2>(x, i, u) "
       "}",
       -3, 2},
      {"(float16[2,3,8,4] x, float16[2,3,2,4] u) => (float16[2,3,8,4] y) { y = TensorScatter(x, u) }"},
  };
  return cases;
}

}  // namespace onda::scatter
