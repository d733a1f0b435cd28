// Values that are the same but for rounding.
#ifndef ONDA_TESTS_PROVIDERS_CLOSE_TO_H_
#define ONDA_TESTS_PROVIDERS_CLOSE_TO_H_

#include <string>
#include <vector>

#include "core/plan/runtime_value.h"

namespace onda {

// "" where `actual` is `expected` as far as fused operators and sums in another order go: each element within the
// rounding of its type relative to the largest element, 8-bit integers within one step, others equal. Else where not.
std::string FarFrom(const RuntimeValue& expected, const RuntimeValue& actual);
std::string FarFrom(const std::vector<RuntimeValue>& expected, const std::vector<RuntimeValue>& actual);

}  // namespace onda

#endif  // ONDA_TESTS_PROVIDERS_CLOSE_TO_H_
