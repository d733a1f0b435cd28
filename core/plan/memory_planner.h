// Static offsets for the buffers of a plan.
#ifndef ONDA_CORE_PLAN_MEMORY_PLANNER_H_
#define ONDA_CORE_PLAN_MEMORY_PLANNER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace onda {

// In use from step `first` to step `last`, both included.
struct BufferLifetime {
  size_t bytes;
  int32_t first;
  int32_t last;
  size_t offset = 0;  // the result; a multiple of 64
};

// Places the buffers so that no two that live at the same step overlap; returns the bytes that all of them span.
// Large ones first, each into the tightest gap that fits.
size_t PlanMemory(std::vector<BufferLifetime>& buffers);

}  // namespace onda

#endif  // ONDA_CORE_PLAN_MEMORY_PLANNER_H_
