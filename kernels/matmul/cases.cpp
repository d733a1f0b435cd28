#include <span>

#include "kernels/case.h"

namespace onda::matmul {

std::span<const Case> Cases() {
  // Sums of up to a few hundred fp32 products of magnitude 4.
  constexpr double kRtol = 1e-4, kAtol = 2e-4;
  static const Case cases[] = {
      {"(float[3,4] a, float[4,5] b) => (float[3,5] y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[67,131] a, float[131,197] b) => (float[67,197] y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[130,600] a, float[600,100] b) => (float[130,100] y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[7] a, float[7] b) => (float y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[700] a, float[700,31] b) => (float[31] y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[3,31,70] a, float[70] b) => (float[3,31] y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[7] a, float[2,3,7,5] b) => (float[2,3,5] y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[2,3,9,16] a, float[2,3,16,11] b) => (float[2,3,9,11] y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[2,1,9,16] a, float[3,16,11] b) => (float[2,3,9,11] y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[2,3,4,5,6] a, float[2,1,4,6,3] b) => (float[2,3,4,5,3] y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[5,9,16] a, float[16,11] b) => (float[5,9,11] y) { y = MatMul(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[0,4] a, float[4,5] b) => (float[0,5] y) { y = MatMul(a, b) }"},
      {"(float[3,0] a, float[0,5] b) => (float[3,5] y) { y = MatMul(a, b) }"},
      {"(float[0,3,4] a, float[4,5] b) => (float[0,3,5] y) { y = MatMul(a, b) }"},
      {"(double[13,40] a, double[40,21] b) => (double[13,21] y) { y = MatMul(a, b) }"},
      {"(int32[2,13,40] a, int32[40,21] b) => (int32[2,13,21] y) { y = MatMul(a, b) }", -1e9, 1e9},
      {"(uint32[13,40] a, uint32[40,21] b) => (uint32[13,21] y) { y = MatMul(a, b) }", 0, 4e9},
      {"(int64[13,40] a, int64[40,21] b) => (int64[13,21] y) { y = MatMul(a, b) }", -1e9, 1e9},
      {"(uint64[13,40] a, uint64[40,21] b) => (uint64[13,21] y) { y = MatMul(a, b) }", 0, 1e9},
      {"(float16[13,40] a, float16[40,21] b) => (float16[13,21] y) { y = MatMul(a, b) }", -2, 2, 1e-3, 1e-3},
      {"(bfloat16[2,13,40] a, bfloat16[40,21] b) => (bfloat16[2,13,21] y) { y = MatMul(a, b) }", -2, 2, 1e-2, 1e-2},
      {"(float[2,9,16] a, float[2,11,16] b) => (float[2,9,11] y) { y = com.microsoft.FusedMatMul<transB = 1, alpha = "
       "0.25>(a, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[2,16,9] a, float[2,11,16] b) => (float[2,9,11] y) { y = com.microsoft.FusedMatMul<transA = 1, transB = "
       "1>(a, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[9,2,3,16] a, float[2,3,16,11] b) => (float[2,3,9,11] y) { y = com.microsoft.FusedMatMul<transBatchA = "
       "1>(a, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[9,2,16] a, float[11,2,16] b) => (float[2,9,11] y) { y = com.microsoft.FusedMatMul<transBatchA = 1, "
       "transBatchB = 1, transB = 1>(a, b) }",
       -2, 2, kRtol, kAtol},
      {"(float[9,16] a, float[16,11] b) => (float[9,11] y) { y = Gemm(a, b) }", -2, 2, kRtol, kAtol},
      {"(float[9,16] a, float[16,11] b, float[11] c) => (float[9,11] y) { y = Gemm(a, b, c) }", -2, 2, kRtol, kAtol},
      {"(float[16,9] a, float[11,16] b, float[9,1] c) => (float[9,11] y) { y = Gemm<transA = 1, transB = 1, alpha = "
       "0.5, beta = 3.0>(a, b, c) }",
       -2, 2, kRtol, kAtol},
      {"(float[9,300] a, float[300,50] b, float[9,50] c) => (float[9,50] y) { y = Gemm<beta = -0.5>(a, b, c) }", -2, 2,
       kRtol, kAtol},
      {"(float[9,16] a, float[16,11] b, float c) => (float[9,11] y) { y = Gemm<beta = 2.0>(a, b, c) }", -2, 2, kRtol,
       kAtol},
      {"(float[9,16] a, float[16,1] b, float[9,1] c) => (float[9,1] y) { y = Gemm(a, b, c) }", -2, 2, kRtol, kAtol},
      {"(float[1,160] a, float[110,160] b, float[1,110] c) => (float[1,110] y) { y = Gemm<transB = 1>(a, b, c) }", -2,
       2, kRtol, kAtol},
      {"(float[9,0] a, float[0,11] b, float[11] c) => (float[9,11] y) { y = Gemm(a, b, c) }"},
      {"(float[9,16] a, float[16,11] b, float[11] c) => (float[9,11] y) { y = com.microsoft.FusedGemm<activation = "
       "\"Relu\">(a, b, c) }",
       -2, 2, kRtol, kAtol},
      {"(int32[9,16] a, int32[16,11] b, int32[11] c) => (int32[9,11] y) { y = Gemm(a, b, c) }", -100, 100},
      {"(uint64[9,16] a, uint64[16,11] b) => (uint64[9,11] y) { y = Gemm(a, b) }", 0, 100},
      {"(double[9,16] a, double[16,11] b, double[9,11] c) => (double[9,11] y) { y = Gemm<alpha = 2.0>(a, b, c) }"},
      {"(float16[9,16] a, float16[11,16] b, float16[11] c) => (float16[9,11] y) { y = Gemm<transB = 1>(a, b, c) }", -2,
       2, 1e-3, 1e-3},
      {"(float[9,16] a, float[16,11] b, float[11] c) => (float[9,11] y) { y = com.microsoft.FusedGemm<activation = "
       "\"LeakyRelu\", activation_alpha = 0.2>(a, b, c) }",
       -2, 2, kRtol, kAtol},
      {"(float[9,16] a, float[16,11] b, float[11] c) => (float[9,11] y) { y = com.microsoft.FusedGemm<activation = "
       "\"Tanh\">(a, b, c) }",
       -2, 2, kRtol, kAtol},
      {"(float16[9,16] a, float16[16,8] b, float16[9,8] c) => (float16[9,8] y) { y = "
       "com.microsoft.FusedGemm<activation "
       "= \"Sigmoid\">(a, b, c) }",
       -2, 2, 2e-3, 2e-3},
      {"(float[9,0] a, float[0,11] b, float[9,11] c) => (float[9,11] y) { y = com.microsoft.FusedGemm<activation = "
       "\"Relu\">(a, b, c) }"},
      {"(float[9,0] a, float[0,11] b) => (float[9,11] y) { y = com.microsoft.FusedGemm<activation = "
       "\"Sigmoid\">(a, b) }"},
  };
  return cases;
}

}  // namespace onda::matmul
