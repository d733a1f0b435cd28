#include "kernels/elementwise/elementwise.h"

namespace onda::elementwise {
namespace {

struct Defaults {
  std::string_view op;
  std::string_view alpha_name;
  float alpha;
  std::string_view beta_name = "";
  float beta = 0;
};

constexpr Defaults kDefaults[] = {
    {"LeakyRelu", "alpha", 0.01f},
    {"Elu", "alpha", 1},
    {"Selu", "alpha", 1.67326319217681884765625f, "gamma", 1.05070102214813232421875f},
    {"Celu", "alpha", 1},
    {"HardSigmoid", "alpha", 0.2f, "beta", 0.5f},
    {"ThresholdedRelu", "alpha", 1},
    {"Swish", "alpha", 1},
    {"SwiGLU", "alpha", 1},
    {"Shrink", "lambd", 0.5f, "bias", 0},
};

}  // namespace

Params::Params(std::string_view op, const Attributes& attributes, DType type) : bits(BitsOf(type)) {
  for (const Defaults& d : kDefaults) {
    if (d.op != op) continue;
    alpha = attributes.Float(d.alpha_name, d.alpha);
    if (!d.beta_name.empty()) beta = attributes.Float(d.beta_name, d.beta);
    return;
  }
  auto choice = [&](std::string_view name, std::string_view absent, std::string_view off, std::string_view on) {
    const std::string value = attributes.String(name, absent);
    if (value != off && value != on)
      throw Error(ErrorCode::kInvalidModel, "attribute '" + std::string(name) + "' is '" + value + "', not '" +
                                                std::string(off) + "' or '" + std::string(on) + "'");
    return value == on;
  };
  if (op == "Gelu") {
    flag = choice("approximate", "none", "none", "tanh");
  } else if (op == "BitShift") {
    flag = choice("direction", "", "RIGHT", "LEFT");
  } else if (op == "Mod") {
    const int64_t fmod = attributes.Int("fmod", 0);
    if (fmod != 0 && fmod != 1) throw Error(ErrorCode::kInvalidModel, "attribute 'fmod' is neither 0 nor 1");
    flag = fmod == 1;
  } else if (op == "IsInf") {
    flag = attributes.Int("detect_positive", 1) != 0;
    flag2 = attributes.Int("detect_negative", 1) != 0;
  }
}

}  // namespace onda::elementwise
