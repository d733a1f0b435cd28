// Values of which all elements are equal, however they are made.
#ifndef ONDA_CORE_PASSES_UNIFORM_VALUE_H_
#define ONDA_CORE_PASSES_UNIFORM_VALUE_H_

#include <optional>

#include "core/passes/patch.h"

namespace onda {

// The one number that all elements of a value are; nullopt where they are not known to be equal.
std::optional<double> UniformValue(const RuleContext& c, ValueId value);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_UNIFORM_VALUE_H_
