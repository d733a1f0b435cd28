// A product of scalars and values, seen through the nodes that multiply and divide by constants.
#ifndef ONDA_CORE_PASSES_FACTORS_H_
#define ONDA_CORE_PASSES_FACTORS_H_

#include <vector>

#include "core/passes/rules.h"

namespace onda {

// coefficient * values[0] * values[1] * ...; x^2 and x^3 are x twice and thrice.
struct Factors {
  double coefficient = 1;
  std::vector<ValueId> values;
};

// The factors of a value. Multiplications, divisions by a scalar and whole powers are looked through where nothing else
// reads their result; `node`, the first, is looked through in any case.
Factors FactorsOf(const RuleContext& c, const Node& node);
Factors FactorsOf(const RuleContext& c, ValueId value);

// The other addend of an addition of the scalar that only one node reads; kNoValue where the value is none.
ValueId AddendOf(const RuleContext& c, ValueId value, double scalar);

// Equal up to the digits that exporters write constants with.
bool About(double value, double expected);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_FACTORS_H_
