// Sessions over late devices, and what they give.
#ifndef ONDA_TESTS_PROVIDERS_PLACED_H_
#define ONDA_TESTS_PROVIDERS_PLACED_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/session.h"

namespace onda {

// A late device. options: beside seed and share, see LateDevice(), which is the provider unless another one is given.
std::shared_ptr<const ProviderInstance> Late(uint64_t seed, int share, const std::string& label,
                                             const std::vector<std::pair<std::string, std::string>>& options = {},
                                             const OndaProviderDef* provider = nullptr);

// The plain references on the host, watched; nothing fused, every node on the first device that takes it.
LoadOptions PlainOptions();

// Runs all outputs on one thread. The race check hears that the host reads them.
std::vector<RuntimeValue> RunOn(const InferenceSession& session,
                                std::vector<std::pair<std::string, RuntimeValue>> feeds,
                                const NodeObserver* observer = nullptr);

// "" where both are the same bit for bit, else where they differ.
std::string Difference(const RuntimeValue& a, const RuntimeValue& b);
std::string Difference(const std::vector<RuntimeValue>& a, const std::vector<RuntimeValue>& b);

// All races found since the last call, a line each; "" where there are none.
std::string RaceText();

}  // namespace onda

#endif  // ONDA_TESTS_PROVIDERS_PLACED_H_
