#include <span>

#include "kernels/case.h"

namespace onda::signal {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(double[2,16,1] x) => (double[2,16,2] y) { y = DFT(x) }"},
      {"(float[2,15,3,2] x) => (float[2,15,3,2] y) { a = Constant<value = int64 {1}>() y = DFT<inverse = 1>(x, , a) }"},
      {"(float[5,7,1] x) => (float[7,7,2] y) { n = Constant<value = int64 {12}>() a = Constant<value = int64 {0}>() y "
       "= "
       "DFT<onesided = 1>(x, n, a) }"},
      {"(double[1,9,2] x) => (double[1,16,1] y) { y = DFT<onesided = 1, inverse = 1>(x) }"},
      {"(float16[1,1,1] x) => (float16[1,1,2] y) { y = DFT(x) }"},
      {"(float[2,64,1] x, float[16] w) => (float[2,7,9,2] y) { s = Constant<value = int64 {8}>() y = STFT(x, s, w) }"},
      {"(float[1,50,2] x) => (float[1,5,20,2] y) { s = Constant<value = int32 {7}>() n = Constant<value = int32 "
       "{20}>() y = "
       "STFT<onesided = 0>(x, s, , n) }"},
      {"() => (float[10] y) { n = Constant<value = int64 {10}>() y = HannWindow(n) }"},
      {"() => (double[9] y) { n = Constant<value = int32 {9}>() y = HammingWindow<output_datatype = 11, periodic = "
       "0>(n) }"},
      {"() => (float16[8] y) { n = Constant<value = int64 {8}>() y = BlackmanWindow<output_datatype = 10>(n) }"},
      {"() => (float[129,20] y) { b = Constant<value = int64 {20}>() n = Constant<value = int64 {256}>() r = "
       "Constant<value "
       "= int64 {16000}>() l = Constant<value = float {20.0}>() h = Constant<value = float {7600.0}>() y = "
       "MelWeightMatrix(b, n, r, l, h) }"},
      // Lines that fill a block's threads, too long for shared memory, and of lengths that are no powers of two.
      {"(float[2,1024,3,1] x) => (float[2,1024,3,2] y) { a = Constant<value = int64 {1}>() y = DFT(x, , a) }", -2, 2,
       1e-4, 1e-4},
      {"(float[1,4096,1] x) => (float[1,2049,2] y) { y = DFT<onesided = 1>(x) }", -2, 2, 1e-4, 1e-3},
      {"(double[1,1500,2] x) => (double[1,1500,2] y) { y = DFT<inverse = 1>(x) }"},
      {"(double[2,100,1] x) => (double[2,51,2] y) { y = DFT<onesided = 1>(x) }"},
      {"(bfloat16[1,40,1] x) => (bfloat16[1,5,9,2] y) { s = Constant<value = int64 {6}>() n = Constant<value = int64 "
       "{16}>() y = STFT(x, s, , n) }",
       -1, 1, 2e-2, 2e-2},
  };
  return cases;
}

}  // namespace onda::signal
