// Activations that a product or convolution applies to its result before it leaves the cache.
#ifndef ONDA_CORE_PASSES_FUSABLE_ACTIVATION_H_
#define ONDA_CORE_PASSES_FUSABLE_ACTIVATION_H_

#include <optional>
#include <string>
#include <vector>

#include "core/passes/rules.h"

namespace onda {

// Named as FusedConv and FusedGemm take it; parameters in their order (alpha, beta).
struct FusableActivation {
  std::string name;
  std::vector<float> parameters;
};

// What the node is where its parameters are constants and its type is fp32, on a device also of 16 bits (rounded once
// then, instead of twice); nullopt elsewhere. See kernels/simd/activation.h.
std::optional<FusableActivation> FusableActivationOf(const RuleContext& c, const Node& node);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_FUSABLE_ACTIVATION_H_
