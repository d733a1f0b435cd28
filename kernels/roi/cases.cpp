#include <span>

#include "kernels/case.h"

namespace onda::roi {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[2,3,12,15] x, float[4,4] r) => (float[4,3,3,4] y) { i = Constant<value = int64[4] {0, 1, 1, 0}>() y = "
       "RoiAlign<output_height = 3, output_width = 4>(x, r, i) }",
       0, 12},
      {"(float[1,2,12,15] x, float[2,4] r) => (float[2,2,3,4] y) { i = Constant<value = int64[2] {0, 0}>() y = "
       "RoiAlign<output_height = 3, output_width = 4, sampling_ratio = 2, spatial_scale = 0.5, mode = \"max\", "
       "coordinate_transformation_mode = \"output_half_pixel\">(x, r, i) }",
       -5, 30},
      {"(float16[1,2,5,5] x, float16[2,4] r) => (float16[2,2,2,2] y) { i = Constant<value = int64[2] {0, 0}>() y = "
       "RoiAlign<output_height = 2, output_width = 2>(x, r, i) }",
       0, 5},
      {"(float[1,3,12,15] x) => (float[3,3,2,3] y) { r = Constant<value = float[3,5] {0, 1.5, 2.5, 9, 9.5, 0, 3, 3, 2, "
       "1, "
       "0, -4, -4, 40, 40}>() y = MaxRoiPool<pooled_shape = [2, 3], spatial_scale = 0.75>(x, r) }"},
      {"(double[1,1,4,4] x) => (double[1,1,1,1] y) { r = Constant<value = double[1,5] {0, 9, 9, 12, 12}>() y = "
       "MaxRoiPool<pooled_shape = [1, 1]>(x, r) }"},
      {"(double[2,2,9,8] x, double[2,4] r) => (double[2,2,2,3] y) { i = Constant<value = int64[2] {1, 0}>() y = "
       "RoiAlign<output_height = 2, output_width = 3, mode = \"max\", spatial_scale = 0.5>(x, r, i) }",
       -2, 12},
      {"(bfloat16[1,2,9,8] x, bfloat16[2,5] r0) => (bfloat16[2,2,2,2] y) { z = Constant<value = bfloat16[1,5] {0, 1, "
       "1, 1, "
       "1}>() r = Mul(r0, z) y = MaxRoiPool<pooled_shape = [2, 2]>(x, r) }",
       0, 8},
  };
  return cases;
}

}  // namespace onda::roi
