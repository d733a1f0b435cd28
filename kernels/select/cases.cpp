#include <span>

#include "kernels/case.h"

namespace onda::select {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(int64[2,3] i, float[2] v) => (float[2,3,4] y) { d = Constant<value_int = 4>() y = OneHot(i, d, v) }", -6, 6},
      {"(int32[2,3] i, float[2] v) => (float[2,5,3] y) { d = Constant<value_ints = [5]>() y = OneHot<axis = 1>(i, d, "
       "v) }",
       -6, 6},
      {"(float[3] i, int64[2] v) => (int64[5,3] y) { d = Constant<value_float = 5.0>() y = OneHot<axis = 0>(i, d, v) }",
       -6, 6},
      {"(float[4,5] x, bool[4] k) => (float[n,5] y) { y = Compress<axis = 0>(x, k) }"},
      {"(float[4,5] x, bool[3] k) => (float[4,n] y) { y = Compress<axis = -1>(x, k) }"},
      {"(int8[4,5] x, bool[17] k) => (int8[n] y) { y = Compress(x, k) }"},
      {"(int16[4,5] x, bool[17] k) => (int16[n] y) { y = Compress(x, k) }", -8, 7},
      {"(int8[4,5] x) => (int64[2,n] y) { y = NonZero(x) }"},
      {"(bool[3,2,7] x) => (int64[3,n] y) { y = NonZero(x) }"},
      {"(float x) => (int64[0,n] y) { y = NonZero(x) }", 1, 2},
      {"(int64[50] x) => (int64[n] y, int64[n] a, int64[50] b, int64[n] d) { y, a, b, d = Unique(x) }", -5, 5},
      {"(int8[50] x) => (int8[n] y, int64[n] a, int64[50] b, int64[n] d) { y, a, b, d = Unique<sorted = 0>(x) }", -5,
       5},
      {"(bool[3,20,2] x) => (bool[3,n,2] y, int64[n] a, int64[20] b, int64[n] d) { y, a, b, d = Unique<axis = 1>(x) }"},
      {"(uint64[20,1] x) => (uint64[n,1] y) { y = Unique<axis = 0, sorted = 0>(x) }", 0, 4},
      {"(float16[3,2] i, uint8[2] v) => (uint8[3,2,4] y) { d = Constant<value_int = 4>() y = OneHot(i, d, v) }", -6, 6},
      {"(uint64[3] i, double[2] v) => (double[3,4] y) { d = Constant<value_int = 4>() y = OneHot(i, d, v) }", 0, 6},
      {"(float16[70,80] x) => (int64[2,n] y) { c = Constant<value = float16 {1}>() l = Less(x, c) z = Cast<to = 10>(l) "
       "m = "
       "Mul(x, z) y = NonZero(m) }"},
      {"(int64[5000] x) => (int64[1,n] y) { y = NonZero(x) }", -1, 1},
      {"(complex64[7] x) => (int64[1,n] y) { y = NonZero(x) }"},
      {"(double[0,4] x) => (int64[2,n] y) { y = NonZero(x) }"},
      {"(float[3,2100,2] x, bool[2100] k) => (float[3,n,2] y) { y = Compress<axis = 1>(x, k) }"},
      {"(complex128[3,4] x, bool[4] k) => (complex128[3,n] y) { y = Compress<axis = 1>(x, k) }"},
      {"(float[3,0] x, bool[0] k) => (float[n] y) { y = Compress(x, k) }"},
      {"(int32[3000] x) => (int32[n] y, int64[n] a, int64[3000] b, int64[n] d) { y, a, b, d = Unique(x) }", -900, 900},
      {"(float[70,30] x) => (float[n] y, int64[2100] b) { r = Round(x) y, a, b = Unique<sorted = 0>(r) }", -50, 50},
      {"(double[1,40] x) => (double[1,n] y, int64[n] d) { r = Round(x) y, a, b, d = Unique<axis = 1>(r) }"},
      {"(float16[0] x) => (float16[n] y, int64[n] a) { y, a = Unique(x) }"},
  };
  return cases;
}

}  // namespace onda::select
