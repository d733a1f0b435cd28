#include <span>

#include "kernels/case.h"

namespace onda::shape {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,4,5] x) => (int64[3] y) { y = Shape(x) }"},
      {"(float[3,4,5] x) => (int64[1] y) { y = Shape<start = -2, end = -1>(x) }"},
      {"(float[3,4,5] x) => (int64[0] y) { y = Shape<start = 2, end = 1>(x) }"},
      {"(float x) => (int64[0] y) { y = Shape(x) }"},
      {"(float[3,0,5] x) => (int64 y) { y = Size(x) }"},
      {"(float[2,3,4] x) => (float[4,3,2] y) { y = Transpose(x) }"},
      {"(float[2,3,4] x) => (float[2,4,3] y) { y = Transpose<perm = [0,2,1]>(x) }"},
      {"(float[2,9,13,7] x) => (float[2,13,7,9] y) { y = Transpose<perm = [0,2,3,1]>(x) }"},
      {"(float[2,13,7,9] x) => (float[2,9,13,7] y) { y = Transpose<perm = [0,3,1,2]>(x) }"},
      {"(float[2,17,12,64] x) => (float[2,12,17,64] y) { y = Transpose<perm = [0,2,1,3]>(x) }"},
      {"(float[2,17,12,64] x) => (float[2,12,64,17] y) { y = Transpose<perm = [0,2,3,1]>(x) }"},
      {"(float[65,131] x) => (float[131,65] y) { y = Transpose(x) }"},
      {"(float[1,131] x) => (float[131,1] y) { y = Transpose(x) }"},
      {"(float[0,3] x) => (float[3,0] y) { y = Transpose(x) }"},
      {"(float x) => (float y) { y = Transpose(x) }"},
      {"(double[33,20] x) => (double[20,33] y) { y = Transpose(x) }"},
      {"(float16[33,21] x) => (float16[21,33] y) { y = Transpose(x) }"},
      {"(int8[33,70] x) => (int8[70,33] y) { y = Transpose(x) }", -100, 100},
      {"(bool[5,7,3] x) => (bool[3,7,5] y) { y = Transpose(x) }"},
      {"(int4[5,7] x) => (int4[7,5] y) { y = Transpose(x) }", -8, 7},
      {"(uint2[6,4,8] x) => (uint2[4,6,8] y) { y = Transpose<perm = [1,0,2]>(x) }", 0, 3},
      {"(complex64[5,7] x) => (complex64[7,5] y) { y = Transpose(x) }"},
      {"(complex128[5,7] x) => (complex128[7,5] y) { y = Transpose(x) }"},
      {"(float[3,1] x) => (float[2,3,6] y) { s = Constant<value_ints = [2,1,6]>() y = Expand(x, s) }"},
      {"(float[3,4] x) => (float[3,4] y) { s = Constant<value_ints = [1]>() y = Expand(x, s) }"},
      {"(float x) => (float[100000] y) { s = Constant<value_ints = [100000]>() y = Expand(x, s) }"},
      {"(float[1,4] x) => (float[0,4] y) { s = Constant<value_ints = [0,4]>() y = Expand(x, s) }"},
      {"(int16[1,3] x) => (int16[3,3] y) { s = Constant<value_ints = [3,3]>() y = Expand(x, s) }", -8, 7},
      {"(float[3,4] x) => (float[2,6] y) { s = Constant<value_ints = [2,-1]>() y = Reshape(x, s) }"},
      {"(float[3,4,5] x) => (float[3,20] y) { s = Constant<value_ints = [0,-1]>() y = Reshape(x, s) }"},
      {"(float[1] x) => (float y) { a = Constant<value_ints = [0]>() y = Squeeze(x, a) }"},
      {"(float[1,3,1] x) => (float[3] y) { y = Squeeze(x) }"},
      {"(float[3] x) => (float[1,3,1] y) { a = Constant<value_ints = [0,-1]>() y = Unsqueeze(x, a) }"},
      {"(float[2,3,4] x) => (float[6,4] y) { y = Flatten<axis = 2>(x) }"},
      {"(float[2,3] x) => (float[2,3] y) { y = Identity(x) }"},
      {"(float[2,3] x) => (float[2,3] y) { s = Shape(x) y = ConstantOfShape(s) }"},
      {"(float[2,3] x) => (int8[2,3] y) { s = Shape(x) y = ConstantOfShape<value = int8[1] {-3}>(s) }"},
      {"(float[2,7] x) => (float[2,7] y) { y = EyeLike<k = 2>(x) }"},
      {"(int32[7,2] x) => (double[7,2] y) { y = EyeLike<dtype = 11, k = -3>(x) }"},
      {"(float[2,7] x) => (float[2,7] y) { y = EyeLike<k = 9>(x) }"},
      {"() => (int64[4] y) { a = Constant<value_int = 7>() b = Constant<value_int = -1>() d = Constant<value_int = "
       "-2>() "
       "y = Range(a, b, d) }"},
      {"() => (float[7] y) { a = Constant<value_float = 1.5>() b = Constant<value_float = 3.2>() "
       "d = Constant<value_float = 0.25>() y = Range(a, b, d) }"},
      {"(float[3] x) => (double[2,70,3] y) { s = Constant<value_ints = [2,70,3]>() y = ConstantOfShape<value = "
       "double[1] "
       "{2.5}>(s) }"},
      {"(float[3] x) => (float16[700] y) { a = Constant<value = float16 {1}>() b = Constant<value = float16 {351}>() c "
       "= "
       "Constant<value = float16 {0.5}>() y = Range(a, b, c) }"},
      {"(float[3] x) => (int16[5] y) { a = Constant<value = int16 {7}>() b = Constant<value = int16 {-3}>() c = "
       "Constant<value = int16 {-2}>() y = Range(a, b, c) }"},
      {"(float[5,9] x) => (int8[5,9] y) { y = EyeLike<dtype = 3, k = 2>(x) }"},
      {"(bfloat16[7,4] x) => (bfloat16[7,4] y) { y = EyeLike<k = -3>(x) }"},
  };
  return cases;
}

}  // namespace onda::shape
