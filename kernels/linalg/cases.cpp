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
  };
  return cases;
}

}  // namespace onda::linalg
