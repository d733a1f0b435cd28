#include <span>

#include "kernels/case.h"

namespace onda::resize {

std::span<const Case> Cases() {
  static const Case cases[] = {
      // Nearest, every rounding, every movement size, and types without arithmetic.
      {"(float[1,2,3,4] x) => (float[1,2,6,8] y) { s = Constant<value = float[4] {1, 1, 2, 2}>() y = Resize(x, , s) }"},
      {"(float[2,37] x) => (float[2,60] y) { n = Constant<value = int64[2] {2, 60}>() y = Resize<nearest_mode = "
       "\"ceil\", "
       "coordinate_transformation_mode = \"asymmetric\">(x, , , n) }"},
      {"(double[5] x) => (double[9] y) { n = Constant<value = int64[1] {9}>() y = Resize<nearest_mode = "
       "\"round_prefer_ceil\">(x, , , n) }"},
      {"(int8[3,5] x) => (int8[2,8] y) { n = Constant<value = int64[2] {2, 8}>() y = Resize<nearest_mode = \"floor\", "
       "coordinate_transformation_mode = \"half_pixel_symmetric\">(x, , , n) }"},
      {"(float16[3,5] x) => (float16[6,5] y) { s = Constant<value = float[1] {2}>() y = Resize<axes = [0]>(x, , s) }"},
      {"(bool[4] x) => (bool[7] y) { n = Constant<value = int64[1] {7}>() y = Resize<coordinate_transformation_mode = "
       "\"align_corners\">(x, , , n) }"},
      {"(float[1,1,20,30] x) => (float[1,1,7,50] y) { r = Constant<value = float[4] {0.1, 0.2, 1.2, 0.9}>() n = "
       "Constant<value = int64[2] {7, 50}>() y = Resize<axes = [2, 3], coordinate_transformation_mode = "
       "\"tf_crop_and_resize\", extrapolation_value = 9.0>(x, r, , n) }"},
      // Linear and cubic: growing, shrinking, by fractions, along one, two and more axes.
      {"(float[1,3,20,30] x) => (float[1,3,40,60] y) { s = Constant<value = float[4] {1, 1, 2, 2}>() y = Resize<mode = "
       "\"linear\">(x, , s) }"},
      {"(float[2,3,33,70] x) => (float[2,3,16,35] y) { s = Constant<value = float[4] {1, 1, 0.5, 0.5}>() y = "
       "Resize<mode = "
       "\"linear\", coordinate_transformation_mode = \"pytorch_half_pixel\">(x, , s) }"},
      {"(float[1,2,9,50] x) => (float[1,2,4,9] y) { n = Constant<value = int64[4] {1, 2, 4, 9}>() y = Resize<mode = "
       "\"linear\", antialias = 1>(x, , , n) }"},
      {"(float[1,2,9,50] x) => (float[1,2,20,9] y) { n = Constant<value = int64[4] {1, 2, 20, 9}>() y = Resize<mode = "
       "\"cubic\", antialias = 1, exclude_outside = 1>(x, , , n) }"},
      {"(float[1,1,5,40] x) => (float[1,1,9,70] y) { n = Constant<value = int64[2] {9, 70}>() y = Resize<mode = "
       "\"cubic\", "
       "axes = [2, 3], cubic_coeff_a = -0.5, coordinate_transformation_mode = \"align_corners\">(x, , , n) }"},
      {"(float[3,4,5,6,7] x) => (float[3,8,2,9,14] y) { n = Constant<value = int64[5] {3, 8, 2, 9, 14}>() y = "
       "Resize<mode "
       "= \"linear\">(x, , , n) }"},
      {"(float[30,1,8] x) => (float[12,1,8] y) { n = Constant<value = int64[1] {12}>() y = Resize<mode = \"cubic\", "
       "axes = "
       "[0], antialias = 1>(x, , , n) }"},
      {"(float[1,1,20,30] x) => (float[1,1,7,50] y) { r = Constant<value = float[4] {0.1, -0.2, 1.2, 0.9}>() n = "
       "Constant<value = int64[2] {7, 50}>() y = Resize<mode = \"linear\", axes = [2, 3], "
       "coordinate_transformation_mode = "
       "\"tf_crop_and_resize\", extrapolation_value = 9.0>(x, r, , n) }"},
      {"(float[1,1,12,18] x) => (float[1,1,5,8] y) { n = Constant<value = int64[2] {5, 9}>() y = Resize<mode = "
       "\"linear\", "
       "axes = [2, 3], keep_aspect_ratio_policy = \"not_larger\">(x, , , n) }"},
      {"(float[12,18] x) => (float[6,9] y) { n = Constant<value = int64[2] {5, 9}>() y = Resize<mode = \"linear\", "
       "keep_aspect_ratio_policy = \"not_smaller\">(x, , , n) }"},
      {"(uint8[3,7] x) => (uint8[5,12] y) { n = Constant<value = int64[2] {5, 12}>() y = Resize<mode = \"linear\">(x, "
       ", , "
       "n) }",
       0, 255},
      {"(float16[3,7] x) => (float16[5,12] y) { n = Constant<value = int64[2] {5, 12}>() y = Resize<mode = "
       "\"cubic\">(x, , "
       ", n) }"},
      {"(float[0,7] x) => (float[0,14] y) { s = Constant<value = float[2] {1, 2}>() y = Resize<mode = \"linear\">(x, , "
       "s) "
       "}"},
      {"(float[3,1] x) => (float[3,1] y) { s = Constant<value = float[2] {1, 1}>() y = Resize(x, , s) }"},
      {"(float[1,1,4,5] x) => (float[1,1,9,12] y) { n = Constant<value = int64[4] {1, 1, 9, 12}>() y = "
       "Resize<coordinate_transformation_mode = \"pytorch_half_pixel\", nearest_mode = \"round_prefer_ceil\">(x, , , "
       "n) }"},
      {"(complex128[4,5] x) => (complex128[8,5] y) { s = Constant<value = float[2] {2, 1}>() y = Resize(x, , s) }"},
      {"(double[2,9,5] x) => (double[2,4,11] y) { n = Constant<value = int64[3] {2, 4, 11}>() y = Resize<mode = "
       "\"linear\", "
       "antialias = 1>(x, , , n) }"},
      {"(bfloat16[1,2,17,9] x) => (bfloat16[1,2,34,18] y) { s = Constant<value = float[4] {1, 1, 2, 2}>() y = "
       "Resize<mode = "
       "\"linear\", coordinate_transformation_mode = \"half_pixel_symmetric\">(x, , s) }"},
      {"(int32[5,7] x) => (int32[9,3] y) { n = Constant<value = int64[2] {9, 3}>() y = Resize<mode = \"cubic\", "
       "exclude_outside = 1, coordinate_transformation_mode = \"asymmetric\">(x, , , n) }",
       -1000, 1000},
      {"(float[2,3,4,5,6,7] x) => (float[2,6,4,5,9,7] y) { n = Constant<value = int64[2] {6, 9}>() y = Resize<mode = "
       "\"linear\", axes = [1, 4]>(x, , , n) }"},
  };
  return cases;
}

}  // namespace onda::resize
