#include <span>

#include "kernels/case.h"

namespace onda::linalg {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,3] x) => (float y) { y = Det(x) }"},
      {"(double[2,4,5,5] x) => (double[2,4] y) { y = Det(x) }"},
      {"(float[0,3,3] x) => (float[0] y) { y = Det(x) }"},
      {"(float16[2,1,1] x) => (float16[2] y) { y = Det(x) }"},
      {"(float[2,4,4] x) => (float[2,4,4] y) { y = com.microsoft.Inverse(x) }"},
      {"(double[3,20,20] x) => (double[3] y) { y = Det(x) }", -1, 1},
      {"(double[2,17,17] x) => (double[2,17,17] y) { y = com.microsoft.Inverse(x) }", -1, 1, 1e-6, 1e-6},
      // Singular.
      {"(float[1,4] x) => (float y) <int64[2] shape = {4, 4}> { e = Expand(x, shape) y = Det(e) }"},
  };
  return cases;
}

}  // namespace onda::linalg
