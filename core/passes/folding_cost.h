// How long folding a node takes, by what is counted and not by a clock: models fold alike on all machines.
#ifndef ONDA_CORE_PASSES_FOLDING_COST_H_
#define ONDA_CORE_PASSES_FOLDING_COST_H_

#include <chrono>
#include <span>

#include "core/ir/graph.h"

namespace onda {

// An estimate for one core, from the elements of the inputs (null where omitted) and of the outputs, as far as their
// shapes are known. Never less than a microsecond.
std::chrono::nanoseconds FoldingCost(const Node& node, std::span<const TensorPtr> inputs,
                                     std::span<const Fact> outputs);

}  // namespace onda

#endif  // ONDA_CORE_PASSES_FOLDING_COST_H_
