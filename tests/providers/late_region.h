// Regions of the late device: arbitrary sets of nodes, run one after the other by the reference kernels.
#ifndef ONDA_TESTS_PROVIDERS_LATE_REGION_H_
#define ONDA_TESTS_PROVIDERS_LATE_REGION_H_

#include <cstdint>
#include <memory>

#include "onda/make_provider.h"

namespace onda {

// Claims connected sets of nodes, drawn with the seed, of those that the provider's own kernels take. Some are not
// convex, and some share nodes: what the engine must refuse.
void ClaimSome(const RegionView& region, uint64_t seed, Claims& claims);

// The region as a kernel over memory that can be read and written. Values inside lie in the workspace.
CompiledRegion CompileLateRegion(const RegionView& region);

}  // namespace onda

#endif  // ONDA_TESTS_PROVIDERS_LATE_REGION_H_
