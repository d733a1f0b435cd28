#include <span>

#include "kernels/case.h"

namespace onda::random {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"() => (float[3,5] y) { y = RandomNormal<shape = [3, 5], seed = 3.0, mean = 1.0, scale = 2.0>() }"},
      {"() => (double[3,5] y) { y = RandomUniform<shape = [3, 5], seed = 3.0, low = -1.0, high = 4.0, dtype = 11>() }"},
      {"(float16[2,7] x) => (float16[2,7] y) { y = RandomNormalLike<seed = 5.0>(x) }"},
      {"(int64[2,7] x) => (float[2,7] y) { y = RandomUniformLike<seed = 5.0, dtype = 1>(x) }"},
      {"(float[300] x) => (float[300] y) { y = Bernoulli<seed = 1.0>(x) }", 0, 1},
      {"(double[30] x) => (bool[30] y) { y = Bernoulli<seed = 1.0, dtype = 9>(x) }", 0, 1},
      {"(float[3,5] x) => (int64[3,20] y) { y = Multinomial<seed = 2.0, sample_size = 20, dtype = 7>(x) }"},
      {"(float[3,5] x, float r, bool t) => (float[3,5] y, bool[3,5] m) { y, m = Dropout<seed = 7>(x, r, t) }", 0, 0.9},
  };
  return cases;
}

}  // namespace onda::random
