// A test case of an operator family: run on every provider and compared with the reference kernels.
#ifndef ONDA_KERNELS_CASE_H_
#define ONDA_KERNELS_CASE_H_

#include <string>

namespace onda {

// The graph, in ONNX's text syntax without a header, stands for a model of the newest opsets:
//   "(float[2,3] x) => (float[2,3] y) { y = Softmax<axis = 1>(x) }"
// Inputs are random in [low, high], of a fixed seed: reals uniform, integers uniform and clamped to their type, bools
// fair.
struct Case {
  std::string graph;
  double low = -2;
  double high = 2;
  // |ours - reference| <= atol + rtol * |reference|. Half types get their own rounding error on top.
  double rtol = 1e-5;
  double atol = 1e-6;
};

}  // namespace onda

#endif  // ONDA_KERNELS_CASE_H_
