// From a program and the shapes of a run to a plan.
#ifndef ONDA_CORE_PLAN_BIND_H_
#define ONDA_CORE_PLAN_BIND_H_

#include <memory>
#include <vector>

#include "core/plan/plan.h"
#include "core/plan/program.h"
#include "core/plan/runtime_value.h"

namespace onda {

// Plans the segment that begins at `position`, for a frame whose values (those that earlier segments made, and the
// inputs) are there. A segment ends before a node that the engine runs, and before one whose output shapes depend on
// contents that only running gives; where such a node comes first it is a segment of its own.
std::shared_ptr<const Plan> Bind(const Program& program, int32_t position, const std::vector<RuntimeValue>& frame);

}  // namespace onda

#endif  // ONDA_CORE_PLAN_BIND_H_
