#include <span>

#include "kernels/case.h"

namespace onda::slice {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[4,6] x) => (float[2,3] y) { s = Constant<value_ints = [1,1]>() e = Constant<value_ints = [3,-2]>() "
       "y = Slice(x, s, e) }"},
      {"(float[4,6] x) => (float[4,6] y) { s = Constant<value_ints = [-1]>() "
       "e = Constant<value_ints = [-9223372036854775808]>() a = Constant<value_ints = [-1]>() t = Constant<value_ints "
       "= [-1]>() "
       "y = Slice(x, s, e, a, t) }"},
      {"(float[4,7] x) => (float[4,3] y) { s = Constant<value_ints = [5]>() e = Constant<value_ints = [0]>() "
       "a = Constant<value_ints = [1]>() t = Constant<value_ints = [-2]>() y = Slice(x, s, e, a, t) }"},
      {"(float[4,7] x) => (float[2,7] y) { s = Constant<value_ints = [0]>() e = Constant<value_ints = "
       "[9223372036854775807]>() "
       "a = Constant<value_ints = [0]>() t = Constant<value_ints = [3]>() y = Slice(x, s, e, a, t) }"},
      {"(float[4,7] x) => (float[0,7] y) { s = Constant<value_ints = [3]>() e = Constant<value_ints = [1]>() "
       "a = Constant<value_ints = [0]>() y = Slice(x, s, e, a) }"},
      {"(int16[3,7] x) => (int16[3,4] y) { s = Constant<value_ints = [2]>() e = Constant<value_ints = [6]>() "
       "a = Constant<value_ints = [1]>() y = Slice(x, s, e, a) }",
       -8, 7},
      {"(float[64,300] x) => (float[64,299] y) { s = Constant<value_ints = [1]>() e = Constant<value_ints = [1000]>() "
       "a = Constant<value_ints = [1]>() y = Slice(x, s, e, a) }"},
      {"(float[2,3] x) => (float[4,9] y) { r = Constant<value_ints = [2,3]>() y = Tile(x, r) }"},
      {"(float16[2,3] x) => (float16[2,9] y) { r = Constant<value_ints = [1,3]>() y = Tile(x, r) }"},
      {"(float[2,3] x) => (float[0,3] y) { r = Constant<value_ints = [0,1]>() y = Tile(x, r) }"},
      {"(int16[3] x) => (int16[9] y) { r = Constant<value_ints = [3]>() y = Tile(x, r) }", -8, 7},
      {"(float[1] x) => (float[100000] y) { r = Constant<value_ints = [100000]>() y = Tile(x, r) }"},
      {"(float[2,12,3,5] x) => (float[2,3,6,10] y) { y = DepthToSpace<blocksize = 2>(x) }"},
      {"(float[2,12,3,5] x) => (float[2,3,6,10] y) { y = DepthToSpace<blocksize = 2, mode = \"CRD\">(x) }"},
      {"(uint8[1,9,4,4] x) => (uint8[1,1,12,12] y) { y = DepthToSpace<blocksize = 3>(x) }", 0, 255},
      {"(float[2,3,6,10] x) => (float[2,12,3,5] y) { y = SpaceToDepth<blocksize = 2>(x) }"},
      {"(float[4,5] x) => (float[4,5] y) { y = Trilu(x) }"},
      {"(float[3,4,5] x) => (float[3,4,5] y) { k = Constant<value_int = -2>() y = Trilu<upper = 0>(x, k) }"},
      {"(int64[5,3] x) => (int64[5,3] y) { k = Constant<value_int = 1>() y = Trilu<upper = 1>(x, k) }", -9, 9},
      {"(bool[5,3] x) => (bool[5,3] y) { k = Constant<value_int = 100>() y = Trilu<upper = 0>(x, k) }"},
      {"(float[4,3,2] x) => (float[4,3,2] y) { l = Constant<value_ints = [4,0,2]>() y = ReverseSequence(x, l) }"},
      {"(float[3,4] x) => (float[3,4] y) { l = Constant<value_ints = [1,3,4]>() "
       "y = ReverseSequence<time_axis = 1, batch_axis = 0>(x, l) }"},
      {"(complex128[2,5,7] x) => (complex128[2,5,7] y) { k = Constant<value = int64 {-2}>() y = Trilu<upper = 0>(x, k) "
       "}"},
      {"(float16[3,9,4] x) => (float16[3,9,4] y) { k = Constant<value = int64 {100}>() y = Trilu(x, k) }"},
      {"(int8[4,3,5] x) => (int8[4,3,5] y) { l = Constant<value_ints = [4,0,3]>() y = ReverseSequence(x, l) }", -100,
       100},
      {"(double[3,4] x, int64[3] l) => (double[3,4] y) { y = ReverseSequence<batch_axis = 0, time_axis = 1>(x, l) }", 0,
       4},
  };
  return cases;
}

}  // namespace onda::slice
