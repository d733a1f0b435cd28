#include <span>

#include "kernels/case.h"

namespace onda::batch_norm {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[2,5,7,9] x, float[5] s, float[5] b, float[5] m, float[5] v) => (float[2,5,7,9] y) "
       "{ y = BatchNormalization(x, s, b, m, v) }",
       0.1, 2},
      {"(float[7,35] x, float[35] s, float[35] b, float[35] m, float[35] v) => (float[7,35] y) "
       "{ y = BatchNormalization<epsilon = 0.01>(x, s, b, m, v) }",
       0.1, 2},
      {"(float[7] x, float[1] s, float[1] b, float[1] m, float[1] v) => (float[7] y) "
       "{ y = BatchNormalization(x, s, b, m, v) }",
       0.1, 2},
      // Rows of channels, whole vectors of them and others.
      {"(float[300,24] x, float[24] s, float[24] b, float[24] m, float[24] v) => (float[300,24] y) { w = Abs(v) y = "
       "BatchNormalization(x, s, b, m, w) }"},
      {"(float16[5,40] x, float16[40] s, float16[40] b, float[40] m, float[40] v) => (float16[5,40] y) { w = Abs(v) y "
       "= "
       "BatchNormalization<epsilon = 0.1>(x, s, b, m, w) }",
       -2, 2, 5e-3, 5e-3},
      {"(float[7,5] x, float[5] s, float[5] b, float[5] m, float[5] v) => (float[7,5] y) { w = Abs(v) y = "
       "BatchNormalization(x, s, b, m, w) }"},
      {"(float[0,5,3] x, float[5] s, float[5] b, float[5] m, float[5] v) => (float[0,5,3] y) "
       "{ y = BatchNormalization(x, s, b, m, v) }",
       0.1, 2},
      {"(float16[2,5,7] x, float16[5] s, float16[5] b, float[5] m, float[5] v) => (float16[2,5,7] y) "
       "{ y = BatchNormalization(x, s, b, m, v) }",
       0.1, 2},
      {"(float[2,5,7] x, float[5] s, float[5] b, float[5] m, float[5] v) => (float[2,5,7] y, float[5] p, float[5] q) "
       "{ y, p, q = BatchNormalization<training_mode = 1, momentum = 0.7>(x, s, b, m, v) }",
       0.1, 2},
      {"(float[2,5,70,90] x, float[5] s, float[5] b) => (float[2,5,70,90] y) { y = InstanceNormalization(x, s, b) }",
       10, 11, 1e-4, 1e-4},
      {"(double[2,5,7] x, double[5] s, double[5] b) => (double[2,5,7] y) { y = InstanceNormalization<epsilon = "
       "0.01>(x, s, b) }"},
      {"(float[2,6,7,5] x, float[6] s, float[6] b) => (float[2,6,7,5] y) { y = GroupNormalization<num_groups = 3>(x, "
       "s, b) }"},
      {"(float[2,6,3] x, float[6] s, float[6] b) => (float[2,6,3] y) { y = GroupNormalization<num_groups = 2>(x, s, b) "
       "}"},
      {"(float16[2,6,7] x, float16[6] s, float16[6] b) => (float16[2,6,7] y) { y = GroupNormalization<num_groups = "
       "1>(x, s, b) }"},
      {"(float[2,5,16,9] x, float[5] s, float[5] b, float[5] m, float[5] v) => (float[2,5,16,9] y) "
       "{ y = BatchNormalization(x, s, b, m, v) }",
       0.1, 2},
      {"(float16[3,5,8,9] x, float16[5] s, float16[5] b, float16[5] m, float16[5] v) => (float16[3,5,8,9] y) "
       "{ y = BatchNormalization(x, s, b, m, v) }",
       0.1, 2},
      {"(bfloat16[2,3,11] x, float[3] s, float[3] b, double[3] m, double[3] v) => (bfloat16[2,3,11] y) "
       "{ y = BatchNormalization(x, s, b, m, v) }",
       0.1, 2},
      {"(double[2,3,10] x, double[3] s, double[3] b, double[3] m, double[3] v) => (double[2,3,10] y, double[3] p, "
       "double[3] q) { y, p, q = BatchNormalization<training_mode = 1>(x, s, b, m, v) }",
       0.1, 2},
      {"(float16[3,4,30,9] x, float[4] s, float[4] b, float[4] m, float[4] v) => (float16[3,4,30,9] y, float[4] p, "
       "float[4] q) { y, p, q = BatchNormalization<training_mode = 1>(x, s, b, m, v) }",
       0.1, 2},
      {"(float16[2,4,33,70] x, float16[4] s, float16[4] b) => (float16[2,4,33,70] y) { y = "
       "GroupNormalization<num_groups = 2>(x, s, b) }"},
      {"(bfloat16[1,2,4096] x, bfloat16[2] s, bfloat16[2] b) => (bfloat16[1,2,4096] y) { y = "
       "InstanceNormalization(x, s, b) }"},
      {"(float16[2,9,7] x) => (float16[2,9,7] y) { y = LRN<size = 5>(x) }"},
      {"(float[2,19,7,9] x) => (float[2,19,7,9] y) { y = LRN<size = 5>(x) }"},
      {"(float[1,7,30,40] x) => (float[1,7,30,40] y) { y = LRN<size = 4, alpha = 0.2, beta = 0.6, bias = 2.0>(x) }"},
      {"(float[1,3,5] x) => (float[1,3,5] y) { y = LRN<size = 9, beta = 0.5>(x) }"},
      {"(double[1,7,5] x) => (double[1,7,5] y) { y = LRN<size = 3, beta = 1.0>(x) }"},
      {"(float[3,4,5] x) => (float[3,4,5] y) { y = LpNormalization<axis = 1>(x) }"},
      {"(float[3,4,5] x) => (float[3,4,5] y) { y = LpNormalization<p = 1>(x) }"},
      {"(float[2,3,4,5] x) => (float[2,3,4,5] y) { y = MeanVarianceNormalization(x) }"},
      {"(float[2,3,4] x) => (float[2,3,4] y) { y = MeanVarianceNormalization<axes = [2]>(x) }"},
  };
  return cases;
}

}  // namespace onda::batch_norm
