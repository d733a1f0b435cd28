#include <span>

#include "kernels/case.h"

namespace onda::center_crop_pad {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[5,8,3] x) => (float[8,5,3] y) { s = Constant<value = int64[3] {8, 5, 3}>() y = CenterCropPad(x, s) }"},
      {"(int8[5,8,3] x) => (int8[5,2,10] y) { s = Constant<value = int32[2] {10, 2}>() y = CenterCropPad<axes = [-1, "
       "1]>(x, "
       "s) }"},
      {"(float16[0,3] x) => (float16[2,4] y) { s = Constant<value = int64[2] {2, 4}>() y = CenterCropPad(x, s) }"},
      {"(double[4,3] x) => (double[0,3] y) { s = Constant<value = int64[1] {0}>() y = CenterCropPad<axes = [0]>(x, s) "
       "}"},
  };
  return cases;
}

}  // namespace onda::center_crop_pad
