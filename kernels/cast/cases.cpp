#include <span>

#include "kernels/case.h"

namespace onda::cast {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[1003] x) => (int32[1003] y) { y = Cast<to = 6>(x) }", -4e9, 4e9},
      {"(float[1003] x) => (int64[1003] y) { y = Cast<to = 7>(x) }", -1e19, 1e19},
      {"(float[1003] x) => (uint8[1003] y) { y = Cast<to = 2>(x) }", -300, 300},
      {"(float[1003] x) => (int8[1003] y) { y = Cast<to = 3>(x) }", -300, 300},
      {"(float[1003] x) => (bool[1003] y) { y = Cast<to = 9>(x) }"},
      {"(float[1003] x) => (float16[1003] y) { y = Cast<to = 10>(x) }", -70000, 70000},
      {"(float[1003] x) => (bfloat16[1003] y) { y = Cast<to = 16>(x) }"},
      {"(float[1003] x) => (double[1003] y) { y = Cast<to = 11>(x) }"},
      {"(float16[1003] x) => (float[1003] y) { y = Cast<to = 1>(x) }"},
      {"(bfloat16[1003] x) => (float[1003] y) { y = Cast<to = 1>(x) }"},
      {"(double[1003] x) => (float[1003] y) { y = Cast<to = 1>(x) }"},
      {"(double[1003] x) => (int64[1003] y) { y = Cast<to = 7>(x) }", -1e6, 1e6},
      {"(int32[1003] x) => (float[1003] y) { y = Cast<to = 1>(x) }", -2e9, 2e9},
      {"(int32[1003] x) => (int64[1003] y) { y = Cast<to = 7>(x) }", -2e9, 2e9},
      {"(int32[1003] x) => (bool[1003] y) { y = Cast<to = 9>(x) }", -2, 2},
      {"(int64[1003] x) => (float[1003] y) { y = Cast<to = 1>(x) }", -9e18, 9e18},
      {"(int64[1003] x) => (double[1003] y) { y = Cast<to = 11>(x) }", -9e18, 9e18},
      {"(int64[1003] x) => (int32[1003] y) { y = Cast<to = 6>(x) }", -9e9, 9e9},
      {"(int64[1003] x) => (bool[1003] y) { y = Cast<to = 9>(x) }", -2, 2},
      {"(uint8[1003] x) => (float[1003] y) { y = Cast<to = 1>(x) }", 0, 255},
      {"(int8[1003] x) => (float[1003] y) { y = Cast<to = 1>(x) }", -128, 127},
      {"(uint8[1003] x) => (int32[1003] y) { y = Cast<to = 6>(x) }", 0, 255},
      {"(bool[1003] x) => (float[1003] y) { y = Cast<to = 1>(x) }"},
      {"(bool[1003] x) => (int64[1003] y) { y = Cast<to = 7>(x) }"},
      {"(int64[37] x) => (bfloat16[37] y) { y = Cast<to = 16>(x) }", -9e18, 9e18},
      {"(float[3,5] x) => (float8e4m3fn[3,5] y) { y = Cast<to = 17>(x) }", -600, 600},
      {"(float[3,5] x) => (float8e4m3fn[3,5] y) { y = Cast<to = 17, saturate = 0>(x) }", -600, 600},
      {"(float[3,5] x) => (float8e8m0[3,5] y) { y = Cast<to = 24, round_mode = \"nearest\">(x) }", 0, 600},
      {"(float[3,5] x) => (int4[3,5] y) { y = Cast<to = 22>(x) }", -20, 20},
      {"(float[3,5] x) => (uint2[3,5] y) { y = Cast<to = 25>(x) }", 0, 3},
      {"(int4[3,5] x) => (float[3,5] y) { y = Cast<to = 1>(x) }", -8, 7},
      {"(float[3,5] x) => (float4e2m1[3,5] y) { y = Cast<to = 23>(x) }", -8, 8},
      {"(int64[7] x) => (int64[7] y) { t = Cast<to = 8>(x) y = Cast<to = 7>(t) }", -1e18, 1e18},
      {"(float[7] x) => (float[7] y) { t = Cast<to = 8>(x) y = Cast<to = 1>(t) }", -1e-3, 1e-3},
      {"(float x) => (int32 y) { y = Cast<to = 6>(x) }"},
      {"(float[0,3] x) => (int32[0,3] y) { y = Cast<to = 6>(x) }"},
      {"(float[5] x, double[1] like) => (double[5] y) { y = CastLike(x, like) }"},
      {"(float[5] x) => (int32[5] y) { y = BitCast<to = 6>(x) }"},
      {"(float[3,4] x, bfloat16 l) => (bfloat16[3,4] y) { y = CastLike(x, l) }"},
      {"(float16[37] x) => (float8e5m2[37] y) { y = Cast<to = 19>(x) }", -65000, 65000},
      {"(bfloat16[37] x) => (float8e4m3fnuz[37] y) { y = Cast<to = 18, saturate = 0>(x) }", -600, 600},
      {"(float[37] x) => (float16[37] y) { t = Cast<to = 20>(x) y = Cast<to = 10>(t) }", -600, 600},
      {"(float[37] x) => (double[37] y) { t = Cast<to = 23>(x) y = Cast<to = 11>(t) }", -8, 8},
      {"(int32[37] x) => (int8[37] y) { t = Cast<to = 21>(x) y = Cast<to = 3>(t) }", -30, 30},
      {"(double[37] x) => (bool[37] y) { t = Cast<to = 26>(x) y = Cast<to = 9>(t) }", -3, 3},
  };
  return cases;
}

}  // namespace onda::cast
