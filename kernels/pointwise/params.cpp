#include <charconv>
#include <cmath>

#include "kernels/pointwise/pointwise.h"

namespace onda::pointwise {
namespace {

[[noreturn]] void Refuse(const std::string& cause) { throw Error(ErrorCode::kInvalidModel, cause); }

Step ParseStep(const std::string& text, int known) {
  Step step;
  size_t at = text.find(' ');
  step.op = text.substr(0, at);
  while (at != std::string::npos) {
    const size_t end = std::min(text.find(' ', at + 1), text.size());
    if (step.operand_count == 3) Refuse("step '" + text + "' has more than three operands");
    int& operand = step.operands[step.operand_count++];
    const auto [stop, error] = std::from_chars(text.data() + at + 1, text.data() + end, operand);
    if (error != std::errc() || stop != text.data() + end || operand < 0 || operand >= known)
      Refuse("step '" + text + "' reads what is not there yet");
    at = end == text.size() ? std::string::npos : end;
  }
  if (step.op.empty() || step.operand_count == 0) Refuse("step '" + text + "' lacks an operator or operands");
  return step;
}

}  // namespace

Program::Program(const Attributes& attributes, int inputs) : input_count(inputs) {
  const std::vector<std::string> texts = attributes.Strings("steps");
  const std::vector<int64_t> types = attributes.Ints("types");
  const std::vector<float> parameters = attributes.Floats("parameters");
  if (inputs < 1 || inputs > kMaxInputs) Refuse("a program has 1 to " + std::to_string(kMaxInputs) + " inputs");
  if (texts.empty() || texts.size() > static_cast<size_t>(kMaxSteps))
    Refuse("a program has 1 to " + std::to_string(kMaxSteps) + " steps");
  if (types.size() != texts.size() || (!parameters.empty() && parameters.size() != 2 * texts.size()))
    Refuse("types and parameters do not fit the steps");
  for (size_t i = 0; i < texts.size(); ++i) {
    Step step = ParseStep(texts[i], inputs + static_cast<int>(i));
    if (types[i] <= 0 || types[i] >= kDTypeCount) Refuse(std::to_string(types[i]) + " is no element type");
    step.type = static_cast<DType>(types[i]);
    if (!parameters.empty()) step.alpha = parameters[2 * i], step.beta = parameters[2 * i + 1];
    if ((step.op == "QuantizeLinear" || step.op == "DequantizeLinear") && step.beta != std::floor(step.beta))
      Refuse("step '" + texts[i] + "' has a zero point that is no integer");
    steps.push_back(std::move(step));
  }
}

}  // namespace onda::pointwise
