#include <span>

#include "kernels/case.h"

namespace onda::pointwise {

// Types: 1 float, 2 uint8, 3 int8, 6 int32, 9 bool, 10 float16, 16 bfloat16.
std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,1003] x, float[3,1003] z) => (float[3,1003] y) { y = onda.Pointwise<steps = [\"Mul 0 1\", \"Add 2 "
       "0\", "
       "\"Sigmoid 3\", \"Mul 4 2\"], types = [1, 1, 1, 1]>(x, z) }"},
      // Operands that broadcast along every kind of axis, a scalar, and a value that is read twice.
      {"(float[2,5,7,11] x, float[5,1,1] c, float[11] w, float[2,1,7,1] m, float s) => (float[2,5,7,11] y) { y = "
       "onda.Pointwise<steps = [\"Mul 0 1\", \"Add 5 2\", \"Sub 6 3\", \"Max 7 4\", \"Div 8 6\"], "
       "types = [1, 1, 1, 1, 1]>(x, c, w, m, s) }",
       1, 2},
      {"(float s, float[1] c, float[5,7,30] x) => (float[5,7,30] y) { y = onda.Pointwise<steps = [\"Mul 0 1\", \"Less "
       "0 "
       "1\", \"Where 4 3 2\"], types = [1, 9, 1]>(s, c, x) }"},
      {"(float[1500] x) => (float[1500] y) { y = onda.Pointwise<steps = [\"LeakyRelu 0\", \"Clip 1\", \"HardSigmoid "
       "2\", "
       "\"Elu 3\", \"GeluTanh 4\"], types = [1, 1, 1, 1, 1], parameters = [0.3, 0.0, -1.0, 1.5, 0.2, 0.4, 2.0, 0.0, "
       "0.0, 0.0]>(x) }"},
      // Comparisons, logic and selection.
      {"(float[40,33] x, float[33] l, bool[40,1] k) => (float[40,33] y) { y = onda.Pointwise<steps = [\"Less 0 1\", "
       "\"And 3 2\", \"Not 4\", \"Neg 0\", \"Where 5 6 1\", \"Cast 3\", \"Sub 7 8\"], types = [9, 9, 9, 1, 1, 1, 1]>"
       "(x, l, k) }"},
      {"(float[50] x) => (bool[50] y) { y = onda.Pointwise<steps = [\"Abs 0\", \"GreaterOrEqual 1 0\"], "
       "types = [1, 9]>(x) }"},
      // Half types round after every step.
      {"(float16[2100] x, float16[1] s) => (float16[2100] y) { y = onda.Pointwise<steps = [\"Mul 0 1\", \"Add 2 0\", "
       "\"Tanh 3\"], types = [10, 10, 10]>(x, s) }",
       -2, 2, 1e-3, 1e-3},
      {"(float16[7,30] x, float16[7,1] s) => (float[7,30] y) { y = onda.Pointwise<steps = [\"Cast 0\", \"Cast 1\", "
       "\"Mul 2 3\", \"Sqrt 4\"], types = [1, 1, 1, 1]>(x, s) }",
       0, 2},
      {"(bfloat16[130] x, float[130] z) => (bfloat16[130] y) { y = onda.Pointwise<steps = [\"Cast 1\", \"Add 0 2\"], "
       "types = [16, 16]>(x, z) }",
       -2, 2, 1e-2, 1e-2},
      // Quantized values in and out.
      {"(uint8[5,700] x, int8[5,700] z) => (uint8[5,700] y) { y = onda.Pointwise<steps = [\"DequantizeLinear 0\", "
       "\"DequantizeLinear 1\", \"Add 2 3\", \"Relu 4\", \"QuantizeLinear 5\"], types = [1, 1, 1, 1, 2], parameters = "
       "[0.5, 120.0, 0.25, -3.0, 0.0, 0.0, 0.0, 0.0, 0.125, 7.0]>(x, z) }",
       -128, 255, 0, 0},
      {"(int32[4,9] x, float[9] s) => (int8[4,9] y) { y = onda.Pointwise<steps = [\"Cast 0\", \"Mul 2 1\", "
       "\"QuantizeLinear 3\"], types = [1, 1, 3], parameters = [0.0, 0.0, 0.0, 0.0, 4.0, -2.0]>(x, s) }",
       -300, 300, 0, 0},
      {"(float[0,3] x) => (float[0,3] y) { y = onda.Pointwise<steps = [\"Neg 0\", \"Exp 1\"], types = [1, 1]>(x) }"},
      {"(float x, float z) => (float y) { y = onda.Pointwise<steps = [\"Add 0 1\", \"Mul 2 1\"], types = [1, 1]>"
       "(x, z) }"},
  };
  return cases;
}

}  // namespace onda::pointwise
