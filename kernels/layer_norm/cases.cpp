#include <span>

#include "kernels/case.h"

namespace onda::layer_norm {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[4,37] x, float[37] s) => (float[4,37] y) { y = LayerNormalization(x, s) }"},
      {"(float[2,3,64] x, float[64] s, float[64] b) => (float[2,3,64] y, float[2,3,1] m, float[2,3,1] d) "
       "{ y, m, d = LayerNormalization(x, s, b) }"},
      {"(float[2,3,5,7] x, float[3,5,7] s, float[3,5,7] b) => (float[2,3,5,7] y) { y = LayerNormalization<axis = 1>(x, "
       "s, b) }"},
      {"(float[2,3,5] x, float[3,1] s, float[2,1,5] b) => (float[2,3,5] y) { y = LayerNormalization(x, s, b) }"},
      {"(float[2,5000] x, float[1] s) => (float[2,5000] y) { y = LayerNormalization<epsilon = 0.1>(x, s) }", 100, 101,
       1e-4, 1e-4},
      {"(float16[4,40] x, float16[40] s, float16[40] b) => (float16[4,40] y) { y = LayerNormalization(x, s, b) }"},
      {"(bfloat16[4,40] x, bfloat16[40] s) => (bfloat16[4,40] y, bfloat16[4,1] m) { y, m = "
       "LayerNormalization<stash_type = 16>(x, s) }",
       -2, 2, 1e-2, 1e-2},
      {"(double[4,40] x, double[40] s) => (double[4,40] y) { y = LayerNormalization(x, s) }"},
      {"(float[0,40] x, float[40] s) => (float[0,40] y) { y = LayerNormalization(x, s) }"},
      // Rows of no elements have no moments.
      {"(float[3,0] x, float[0] s) => (float[3,0] y, float[3,1] m, float[3,1] d) { y, m, d = LayerNormalization(x, s) "
       "}"},
      {"(float[2,3,0] x, float[2,3,0] k, float[0] g) => (float[2,3,0] y, float[2,3,1] m, float[2,3,1] d) { y, m, d = "
       "com.microsoft.SkipLayerNormalization(x, k, g) }"},
      {"(float[4,40] x, float[40] s) => (float[4,40] y) { y = RMSNormalization(x, s) }"},
      {"(float[4,4,10] x, float[4,10] s) => (float[4,4,10] y) { y = RMSNormalization<axis = -2>(x, s) }"},
      {"(float16[4,40] x, float16[40] s) => (float16[4,40] y) { y = RMSNormalization(x, s) }"},
      {"(float[4,40] x, float[40] s) => (float[4,40] y) { y = SimplifiedLayerNormalization(x, s) }"},
      {"(float[2,3,40] x, float[2,3,40] k, float[40] g, float[40] b, float[40] e) => (float[2,3,40] y, float[2,3,1] m, "
       "float[2,3,1] d, float[2,3,40] s) { y, m, d, s = com.microsoft.SkipLayerNormalization(x, k, g, b, e) }"},
      {"(float[2,3,40] x, float[3,40] k, float[40] g) => (float[2,3,40] y) { y = "
       "com.microsoft.SkipLayerNormalization(x, k, g) }"},
      {"(float16[2,3,40] x, float16[2,3,40] k, float16[40] g, float16[40] b) => (float16[2,3,40] y, float16[2,3,40] s) "
       "{ y, m, d, s = com.microsoft.SkipSimplifiedLayerNormalization(x, k, g, b) }"},
  };
  return cases;
}

}  // namespace onda::layer_norm
