#include <span>

#include "kernels/case.h"

namespace onda::reorder {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(uint8[2,8,5,7] x) => (uint8[2,8,5,7] y) { b = onda.Reorder<to = 4>(x) y = onda.Reorder<from = 4>(b) }", 0,
       255},
      {"(int8[3,8,11,13] x) => (int8[3,8,11,13] y) { b = onda.Reorder<to = 4>(x) y = onda.Reorder<from = 4>(b) }", -128,
       127},
      {"(float[3,6,11] x) => (float[3,6,11] y) { b = onda.Reorder<to = 6>(x) y = onda.Reorder<from = 6>(b) }"},
      {"(int16[1,16,40,3] x) => (int16[1,16,40,3] y) { b = onda.Reorder<to = 8>(x) y = onda.Reorder<from = 8>(b) }"},
      {"(double[2,4] x) => (double[2,4] y) { b = onda.Reorder<to = 2>(x) y = onda.Reorder<from = 2>(b) }"},
      {"(float[2,0,3] x) => (float[2,0,3] y) { b = onda.Reorder<to = 4>(x) y = onda.Reorder<from = 4>(b) }"},
      // Element-by-element work in blocks.
      {"(uint8[1,8,3,5] x, uint8[1,8,3,5] z) => (uint8[1,8,3,5] y) { a = onda.Reorder<to = 4>(x) b = onda.Reorder<to "
       "= 4>(z) c = onda.Pointwise<steps = [\"DequantizeLinear 0\", \"DequantizeLinear 1\", \"Add 2 3\", "
       "\"QuantizeLinear 4\"], types = [1, 1, 1, 2], parameters = [0.1, 3.0, 0.2, 5.0, 0.0, 0.0, 0.25, 9.0]>(a, b) y = "
       "onda.Reorder<from = 4>(c) }",
       0, 255},
  };
  return cases;
}

}  // namespace onda::reorder
