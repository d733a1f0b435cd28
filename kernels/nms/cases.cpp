#include <span>

#include "kernels/case.h"

namespace onda::nms {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[2,30,4] b, float[2,3,30] s) => (int64[n,3] y) { m = Constant<value = int64 {5}>() i = Constant<value = "
       "float "
       "{0.5}>() t = Constant<value = float {0.1}>() y = NonMaxSuppression(b, s, m, i, t) }",
       -1, 1},
      {"(float[1,30,4] b, float[1,1,30] s) => (int64[n,3] y) { m = Constant<value = int64[1] {100}>() y = "
       "NonMaxSuppression<center_point_box = 1>(b, s, m) }",
       0.1, 2},
      {"(float[1,6,4] b, float[1,1,6] s) => (int64[n,3] y) { y = NonMaxSuppression(b, s) }"},
      {"(float[1,0,4] b, float[1,2,0] s) => (int64[n,3] y) { m = Constant<value = int64 {5}>() y = "
       "NonMaxSuppression(b, s, "
       "m) }"},
      {"(float[3,300,4] b, float[3,2,300] s) => (int64[n,3] y) { m = Constant<value = int64 {40}>() i = Constant<value "
       "= "
       "float {0.3}>() y = NonMaxSuppression<center_point_box = 1>(b, s, m, i) }",
       0, 1},
      {"(float[1,2500,4] b, float[1,1,2500] s) => (int64[n,3] y) { m = Constant<value = int64 {20}>() i = "
       "Constant<value = "
       "float {0.01}>() t = Constant<value = float {0.3}>() y = NonMaxSuppression(b, s, m, i, t) }",
       0, 1},
  };
  return cases;
}

}  // namespace onda::nms
