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
  // Of what only one of several streams uses, whose steps run at the same time as those of the others in `group`.
  int32_t group = -1;
  int32_t stream = 0;

  bool Meets(const BufferLifetime& other) const {
    return (last >= other.first && other.last >= first) ||
           (group >= 0 && group == other.group && stream != other.stream);
  }
};

// The most bytes that live at one step, each buffer rounded to 64: no placement needs less.
struct LivePeak {
  size_t bytes = 0;
  int32_t step = 0;
};
LivePeak LargestLiveSet(const std::vector<BufferLifetime>& buffers);

// Places the buffers so that no two that meet overlap; returns the bytes that all of them span.
// Each goes into the tightest gap that fits, large ones first; where that leaves more than a few percent beyond the
// largest live set, other orders are tried.
size_t PlanMemory(std::vector<BufferLifetime>& buffers);

}  // namespace onda

#endif  // ONDA_CORE_PLAN_MEMORY_PLANNER_H_
