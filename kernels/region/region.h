// onda.Region: nodes that a provider claimed as one unit. The attribute "body" holds them as a graph of the node's
// inputs and outputs; "host_inputs" has bit i set where the region reads input i in host memory.
#ifndef ONDA_KERNELS_REGION_REGION_H_
#define ONDA_KERNELS_REGION_REGION_H_

#include <cstdint>

namespace onda {

// Beside those of OpFlags: a node whose body a provider compiles and launches as one; the body is the provider's, and
// the engine neither places, rewrites nor runs its nodes.
inline constexpr uint32_t kOpRegion = 128;

struct OpDef;
extern const OpDef& kRegion;

}  // namespace onda

#endif  // ONDA_KERNELS_REGION_REGION_H_
