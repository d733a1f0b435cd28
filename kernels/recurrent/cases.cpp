#include <span>

#include "kernels/case.h"

namespace onda::recurrent {

std::span<const Case> Cases() {
  static const Case cases[] = {
      // Y, states, bias; odd sizes; a batch of one and of several.
      {"(float[5,1,3] x, float[1,20,3] w, float[1,20,5] r) => (float[5,1,1,5] y) { y = LSTM<hidden_size = 5>(x, w, r) "
       "}"},
      {"(float[4,3,7] x, float[1,76,7] w, float[1,76,19] r, float[1,152] b) => (float[4,1,3,19] y, float[1,3,19] h, "
       "float[1,3,19] c) { y, h, c = LSTM<hidden_size = 19>(x, w, r, b) }"},
      {"(float[130,1,8] x, float[1,128,8] w, float[1,128,32] r, float[1,256] b) => (float[130,1,1,32] y) { y = "
       "LSTM<hidden_size = 32>(x, w, r, b) }",
       -1, 1, 1e-4, 1e-5},
      {"(float[3,8,6] x, float[2,64,6] w, float[2,64,16] r, float[2,128] b, float[2,8,16] h, float[2,8,16] c, "
       "float[2,48] "
       "p) => (float[3,2,8,16] y, float[2,8,16] yh, float[2,8,16] yc) { y, yh, yc = LSTM<hidden_size = 16, direction = "
       "\"bidirectional\">(x, w, r, b, , h, c, p) }"},
      // Weights known when the kernel is made.
      {"(float[6,2,1] x) => (float[6,1,2,1] y) { w = Constant<value = float[1,4,1] {0.5, -1, 2, 0.25}>() r = "
       "Constant<value "
       "= float[1,4,1] {1, 0.5, -0.5, 0.75}>() y = LSTM<hidden_size = 1>(x, w, r) }"},
      {"(float[4,3,7] x, float[1,40,7] w, float[1,40,10] r) => (float[1,3,10] h) { y, h = LSTM<hidden_size = 10, "
       "direction "
       "= \"reverse\", input_forget = 1, clip = 0.5>(x, w, r) }"},
      {"(float[3,4,7] x, float[2,40,7] w, float[2,40,10] r) => (float[3,4,2,10] y, float[3,2,10] h) { y, h = "
       "LSTM<layout = "
       "1, hidden_size = 10, direction = \"bidirectional\">(x, w, r) }"},
      {"(float[3,2,2] x, float[1,20,2] w, float[1,20,5] r) => (float[3,1,2,5] y) { y = LSTM<hidden_size = 5, "
       "activations = "
       "[\"HardSigmoid\", \"ScaledTanh\", \"Softsign\"], activation_alpha = [0.3, 1.5], activation_beta = [0.4, "
       "0.7]>(x, w, "
       "r) }"},
      {"(float[3,2,2] x, float[1,20,2] w, float[1,20,5] r) => (float[3,1,2,5] y) { y = LSTM<hidden_size = 5, "
       "activations = "
       "[\"Affine\", \"Elu\", \"Softplus\"], activation_alpha = [0.3, 0.5], activation_beta = [0.4]>(x, w, r) }"},
      {"(float[5,3,4] x) => (float[5,1,3,2] y, float[1,3,2] h) { l = Constant<value = int32[3] {5, 0, 2}>() w = "
       "Constant<value = float[1,6,4] {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, -0.1, -0.2, -0.3, "
       "-0.4, "
       "-0.5, -0.6, -0.7, -0.8, -0.9, -1, -1.1, -1.2}>() r = Constant<value = float[1,6,2] {1, 0, 0, 1, 0.5, 0.5, -1, "
       "1, "
       "0.25, 0.75, 0.1, 0.9}>() y, h = GRU<hidden_size = 2, direction = \"reverse\">(x, w, r, , l) }"},
      {"(float[5,3,4] x, float[2,33,4] w, float[2,33,11] r, float[2,66] b, float[2,3,11] h) => (float[5,2,3,11] y, "
       "float[2,3,11] yh) { y, yh = GRU<hidden_size = 11, direction = \"bidirectional\">(x, w, r, b, , h) }"},
      {"(float[5,7,4] x, float[1,48,4] w, float[1,48,16] r, float[1,96] b) => (float[5,1,7,16] y) { y = "
       "GRU<hidden_size = "
       "16, linear_before_reset = 1>(x, w, r, b) }"},
      {"(float[5,1,4] x, float[1,9,4] w, float[1,9,3] r, float[1,18] b) => (float[1,1,3] h) { y, h = GRU<hidden_size = "
       "3, "
       "linear_before_reset = 1, activations = [\"LeakyRelu\", \"ThresholdedRelu\"], activation_alpha = [0.2, 0.1]>(x, "
       "w, "
       "r, b) }",
       -1, 1},
      {"(float[5,2,4] x, float[1,9,4] w, float[1,9,9] r, float[1,18] b) => (float[5,1,2,9] y, float[1,2,9] h) { y, h = "
       "RNN<hidden_size = 9, clip = 1.0>(x, w, r, b) }"},
      {"(float[5,2,4] x, float[2,9,4] w, float[2,9,9] r) => (float[5,2,2,9] y) { y = RNN<hidden_size = 9, direction = "
       "\"bidirectional\", activations = [\"Relu\", \"Sigmoid\"]>(x, w, r) }",
       -1, 1},
      {"(float[0,2,4] x, float[1,12,4] w, float[1,12,3] r) => (float[0,1,2,3] y, float[1,2,3] h) { y, h = "
       "LSTM<hidden_size "
       "= 3>(x, w, r) }"},
      {"(float[3,0,4] x, float[1,9,4] w, float[1,9,3] r) => (float[3,1,0,3] y) { y = GRU<hidden_size = 3>(x, w, r) }"},
      {"(float16[3,2,4] x, float16[1,9,4] w, float16[1,9,3] r) => (float16[3,1,2,3] y) { y = GRU<hidden_size = 3>(x, "
       "w, r) "
       "}"},
      {"(double[3,2,4] x, double[1,12,4] w, double[1,12,3] r) => (double[3,1,2,3] y) { y = LSTM<hidden_size = 3>(x, w, "
       "r) "
       "}"},
      {"(bfloat16[3,2,4] x, bfloat16[1,3,4] w, bfloat16[1,3,3] r) => (bfloat16[3,1,2,3] y) { y = RNN<hidden_size = "
       "3>(x, "
       "w, r) }"},
      // Rounding to bytes may differ where the state differs in its last bit: by a step of the range.
      {"(float[4,1,7] x, int8[2,7,20] w, int8[2,5,20] r, float[2,40] b, float[2] s, int8[2] z) => (float[4,2,1,5] y, "
       "float[2,1,5] h) { y, h = com.microsoft.DynamicQuantizeLSTM<hidden_size = 5, direction = \"bidirectional\">(x, "
       "w, r, "
       "b, , , , , s, z, s, z) }",
       -2, 2, 1e-3, 1e-2},
      {"(float[3,2,6] x, uint8[1,6,76] w, uint8[1,19,76] r, float[1,76] s, uint8[1,76] z) => (float[3,1,2,19] y) { y = "
       "com.microsoft.DynamicQuantizeLSTM<hidden_size = 19>(x, w, r, , , , , , s, z, s, z) }",
       0, 1, 1e-3, 1e-2},
  };
  return cases;
}

}  // namespace onda::recurrent
