#include <span>

#include "kernels/case.h"

namespace onda::softmax {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,4] x) => (float[3,4] y) { y = Softmax(x) }"},
      {"(float[2,37] x) => (float[2,37] y) { y = LogSoftmax(x) }", -50, 50},
      {"(float[2,3,5] x) => (float[2,3,5] y) { y = Softmax<axis = 1>(x) }"},
      {"(float[1000,1] x) => (float[1000,1] y) { y = Softmax(x) }"},
      {"(float[0,7] x) => (float[0,7] y) { y = Softmax(x) }"},
      {"(float[7,0] x) => (float[7,0] y) { y = LogSoftmax(x) }"},
      {"(float16[4,19] x) => (float16[4,19] y) { y = Softmax(x) }"},
      {"(bfloat16[4,19] x) => (bfloat16[4,19] y) { y = LogSoftmax<axis = 0>(x) }"},
      {"(double[4,19] x) => (double[4,19] y) { y = Softmax(x) }", -500, 500},
      {"(float[2,30,500] x) => (float[2,30,500] y) { y = LogSoftmax<axis = 1>(x) }", -20, 20},
      {"(float[5,4] x) => (float[5,4] y) { y = Softmax<axis = 0>(x) }"},
      {"(float16[2,9,19] x) => (float16[2,9,19] y) { y = Softmax<axis = 1>(x) }"},
      {"(float[4,19] x) => (float[4,19] y) { y = Hardmax(x) }"},
      {"(float16[4,5,3] x) => (float16[4,5,3] y) { y = Hardmax<axis = 1>(x) }"},
      {"(double[3,0] x) => (double[3,0] y) { y = Hardmax(x) }"},
      {"(float[16,1000] x) => (float[16,1000] y) { y = Softmax(x) }"},
      {"(float[3,7,5] x) => (float[3,7,5] y) { y = Hardmax<axis = 1>(x) }"},
      {"(float16[3,700] x) => (float16[3,700] y) { y = Hardmax(x) }", -1, 1},
      {"(double[9,1] x) => (double[9,1] y) { y = Hardmax(x) }"},
  };
  return cases;
}

}  // namespace onda::softmax
