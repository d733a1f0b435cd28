#include <span>

#include "kernels/case.h"

namespace onda::qlinear {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(uint8[2,5] a, uint8[2,5] b) => (uint8[2,5] y) <float s = {0.1}, uint8 z = {7}, float t = {0.2}, uint8 w = "
       "{120}> "
       "{ y = com.microsoft.QLinearAdd(a, s, z, b, t, z, t, w) }",
       0, 255},
      {"(int8[2,5] a, int8[2,5] b) => (int8[4,5] y) <float s = {0.1}, int8 z = {7}, float t = {0.2}, int8 w = {-20}> "
       "{ y = com.microsoft.QLinearConcat<axis = 0>(t, w, a, s, z, b, t, z) }",
       -128, 127},
      {"(float[3,8] x, int8[8,4] w) => (float[3,4] y) <float[4] s = {0.1, 0.2, 0.3, 0.4}, int8[4] z = {1, 2, 3, 4}, "
       "float[4] b = {1, 2, 3, 4}> { y = com.microsoft.DynamicQuantizeMatMul(x, w, s, z, b) }"},
      {"(uint8[3,8] x, int8[4,8] w, int32[4] b) => (uint8[3,4] y) <float s = {0.1}, uint8 z = {100}, float t = {0.02}, "
       "int8 v = {3}, float q = {0.5}, uint8 u = {128}> { y = com.microsoft.QGemm<transB = 1>(x, s, z, w, t, v, b, q, "
       "u) }",
       -100, 200},
      {"(uint8[1,4,4,3] x) => (uint8[1,1,1,3] y) <float s = {0.1}, uint8 z = {100}> "
       "{ y = com.microsoft.QLinearGlobalAveragePool<channels_last = 1>(x, s, z, s, z) }",
       0, 255},
  };
  return cases;
}

}  // namespace onda::qlinear
