#include <span>

#include "kernels/case.h"

namespace onda::gather {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[5,7] x, int64[3] i) => (float[3,7] y) { y = Gather(x, i) }", -5, 4},
      {"(float[5,7] x, int32[3,2] i) => (float[5,3,2] y) { y = Gather<axis = 1>(x, i) }", -7, 6},
      {"(float[4,5,6] x, int64 i) => (float[4,6] y) { y = Gather<axis = -2>(x, i) }", -5, 4},
      {"(float[5,7] x, int64[0] i) => (float[0,7] y) { y = Gather(x, i) }"},
      {"(int8[300,65] x, int64[40] i) => (int8[40,65] y) { y = Gather(x, i) }", -100, 100},
      {"(float16[9] x, int32[100] i) => (float16[100] y) { y = Gather(x, i) }", -9, 8},
      {"(int16[9,3] x, int32[4] i) => (int16[4,3] y) { y = Gather(x, i) }", -8, 7},
      {"(complex128[9] x, int32[4] i) => (complex128[4] y) { y = Gather(x, i) }", -9, 8},
      {"(float[4,5] x, int64[4,3] i) => (float[4,3] y) { y = GatherElements<axis = 1>(x, i) }", -5, 4},
      {"(double[4,5] x, int32[2,5] i) => (double[2,5] y) { y = GatherElements<axis = 0>(x, i) }", -4, 3},
      {"(uint8[3,4,5] x, int64[2,6,5] i) => (uint8[2,6,5] y) { y = GatherElements<axis = -2>(x, i) }", 0, 3},
      {"(uint16[6] x, int64[9] i) => (uint16[9] y) { y = GatherElements(x, i) }", 0, 3},
      {"(float[3,4] x, int64[5,2] i) => (float[5] y) { y = GatherND(x, i) }", -3, 2},
      {"(float[3,4] x, int64[5,1] i) => (float[5,4] y) { y = GatherND(x, i) }", -3, 2},
      {"(float[2,3,4] x, int64[2,1] i) => (float[2,4] y) { y = GatherND<batch_dims = 1>(x, i) }", -3, 2},
      {"(float[2,3,4] x, int64[2,5,1] i) => (float[2,5,4] y) { y = GatherND<batch_dims = 1>(x, i) }", -3, 2},
      {"(float[2,3,4] x, int64[2,3,1] i) => (float[2,3] y) { y = GatherND<batch_dims = 2>(x, i) }", -4, 3},
      {"(int8[3,4,5] x, int64[2,2] i) => (int8[2,5] y) { y = GatherND(x, i) }", -3, 2},
      {"(complex128[3,4] x, int64[300,2] i) => (complex128[300] y) { y = GatherND(x, i) }", -3, 2},
      {"(float[3,4] x, int64[0,2] i) => (float[0] y) { y = GatherND(x, i) }"},
  };
  return cases;
}

}  // namespace onda::gather
