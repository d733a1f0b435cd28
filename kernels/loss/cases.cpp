#include <span>

#include "kernels/case.h"

namespace onda::loss {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,5] x, int64[3] t) => (float y) { y = NegativeLogLikelihoodLoss(x, t) }", 0, 4},
      {"(float[3,5,2] x, int32[3,2] t, float[5] w) => (float[3,2] y) { y = NegativeLogLikelihoodLoss<reduction = "
       "\"none\", ignore_index = 1>(x, t, w) }",
       0, 4},
      {"(float[3,5] x, int64[3] t, float[5] w) => (float y, float[3,5] p) { y, p = SoftmaxCrossEntropyLoss(x, t, w) }",
       0, 4},
      {"(double[3,5,2,2] x, int64[3,2,2] t) => (double y) { y = SoftmaxCrossEntropyLoss<reduction = \"sum\">(x, t) }",
       0, 4},
      {"(float[7,300] x, int64[7] t) => (float[7] y, float[7,300] p) { y, p = SoftmaxCrossEntropyLoss<reduction = "
       "\"none\", "
       "ignore_index = 3>(x, t) }",
       0, 9},
      {"(float16[300,5] x, int32[300] t, float16[5] w) => (float16 y) { y = SoftmaxCrossEntropyLoss(x, t, w) }", 0, 4},
      {"(bfloat16[3,5,7] x, int64[3,7] t) => (bfloat16 y) { y = NegativeLogLikelihoodLoss<reduction = \"sum\">(x, t) }",
       0, 4},
      {"(double[7,100] x, int64[7] t) => (double y) { y = SoftmaxCrossEntropyLoss<reduction = \"sum\">(x, t) }", 0, 9},
  };
  return cases;
}

}  // namespace onda::loss
