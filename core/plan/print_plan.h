// Plans as text, for `onda dump --plan` and for debugging.
#ifndef ONDA_CORE_PLAN_PRINT_PLAN_H_
#define ONDA_CORE_PLAN_PRINT_PLAN_H_

#include <string>

#include "core/plan/program.h"

namespace onda {

// One plan: the shapes that it holds for, the memory that it takes, and a line per step with where its values lie.
std::string Print(const Program& program, const Plan& plan);

// The plans that runs of all outputs have made so far, and those of bodies, in the order of their positions.
std::string PrintPlans(const CompiledGraph& compiled);

}  // namespace onda

#endif  // ONDA_CORE_PLAN_PRINT_PLAN_H_
