#include <span>

#include "kernels/case.h"

namespace onda::gradient {

std::span<const Case> Cases() {
  static const Case cases[] = {
      {"(float[3,4] a, float[4] b) => (float[3,4] da, float[4] db) { m = Mul(a, b) t = Tanh(m) y = ReduceMean(t) "
       "da, db = ai.onnx.preview.training.Gradient<xs = [\"a\", \"b\"], y = \"y\">(a, b) }"},
      {"(float[3,4] a, float[4,5] b) => (float[4,5] db) { m = MatMul(a, b) s = Sigmoid(m) y = ReduceSum(s) "
       "db = ai.onnx.preview.training.Gradient<xs = [\"b\"], zs = [\"a\"], y = \"y\">(b, a) }"},
  };
  return cases;
}

}  // namespace onda::gradient
