#include <span>

#include "kernels/case.h"

namespace onda::matmul_nbits {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,40] a, uint8[5,3,8] b, float[5,3] s) => (float[3,5] y) "
       "{ y = com.microsoft.MatMulNBits<N = 5, K = 40, bits = 4, block_size = 16>(a, b, s) }",
       0, 255, 1e-4, 1},
      {"(float[1,64] a, uint8[7,2,16] b, float[7,2] s, uint8[7,1] z, float[7] d) => (float[1,7] y) "
       "{ y = com.microsoft.MatMulNBits<N = 7, K = 64, bits = 4, block_size = 32>(a, b, s, z, , d) }",
       0, 255, 1e-4, 1},
      {"(float[2,1,64] a, uint8[4,2,32] b, float[8] s) => (float[2,1,4] y) "
       "{ y = com.microsoft.MatMulNBits<N = 4, K = 64, bits = 8, block_size = 32>(a, b, s) }",
       0, 255, 1e-4, 1},
      {"(float16[2,32] a, uint8[4,1,8] b, float16[4] s) => (float16[2,4] y) "
       "{ y = com.microsoft.MatMulNBits<N = 4, K = 32, bits = 2, block_size = 32>(a, b, s) }",
       0, 3},
      // Many rows, a row that ends within a group of values, and zero points that are no bytes.
      {"(float16[18,42] a, uint8[5,2,16] b, float16[5,2] s, float16[5,2] z, float16[5] d) => (float16[18,5] y) "
       "{ y = com.microsoft.MatMulNBits<N = 5, K = 42, bits = 4, block_size = 32>(a, b, s, z, , d) }",
       0, 9, 5e-3, 20},
      {"(bfloat16[6,300] a, uint8[5,19,16] b, bfloat16[5,19] s) => (bfloat16[6,5] y) "
       "{ y = com.microsoft.MatMulNBits<N = 5, K = 300, bits = 8, block_size = 16>(a, b, s) }",
       0, 3, 1e-2, 50},
      {"(float[20,64] a, uint8[7,2,8] b, float[7,2] s, uint8[7,1] z) => (float[20,7] y) "
       "{ y = com.microsoft.MatMulNBits<N = 7, K = 64, bits = 2, block_size = 32>(a, b, s, z) }",
       0, 255, 1e-4, 1},
  };
  return cases;
}

}  // namespace onda::matmul_nbits
