// onda.Pointwise: a chain of element-by-element operators as one node. The program stands in three attributes of equal
// length (`parameters` twice that), one entry per step:
//   steps       "Op operand...": the operator's name and its operands by number. 0 to n - 1 are the node's n inputs, n
//               is the result of step 0, n + 1 that of step 1, and so on. The last step's result is the node's output.
//   types       element type (an ONNX TensorProto.DataType) of the step's result, to which it is rounded
//   parameters  two numbers per step, alpha and beta; 0 where the operator has none. Absent: all 0.
// Operators mean what they mean in ai.onnx on elements, with attributes as alpha and beta (LeakyRelu, Elu, Selu,
// HardSigmoid, ThresholdedRelu, Swish: alpha and then beta or gamma), and besides:
//   Clip x            alpha <= y <= beta
//   GeluTanh x        Gelu in its tanh form
//   Cast x            to the step's type
//   DequantizeLinear x   (x - beta) * alpha
//   QuantizeLinear x     round(x / alpha) + beta, saturated to the step's type
// Inputs broadcast to the output; a step's operands have the output's shape or are inputs that broadcast to it.
#ifndef ONDA_KERNELS_POINTWISE_POINTWISE_H_
#define ONDA_KERNELS_POINTWISE_POINTWISE_H_

#include <string>
#include <vector>

#include "onda/provider.h"

namespace onda::pointwise {

// Limits of a program: what a kernel may lay out on its stack.
inline constexpr int kMaxInputs = 12;
inline constexpr int kMaxSteps = 32;

struct Step {
  std::string op;
  int operands[3] = {};
  int operand_count = 0;
  DType type = DType::kUndefined;
  float alpha = 0, beta = 0;
};

struct Program {
  int input_count;
  std::vector<Step> steps;

  // Throws kInvalidModel for what is no program.
  Program(const Attributes& attributes, int inputs);

  // Element type of an operand, given those of the inputs.
  template <class InputType>
  DType TypeOf(int operand, InputType&& input_type) const {
    return operand < input_count ? input_type(operand) : steps[static_cast<size_t>(operand - input_count)].type;
  }
};

}  // namespace onda::pointwise

#endif  // ONDA_KERNELS_POINTWISE_POINTWISE_H_
