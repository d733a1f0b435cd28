// onda.Region: nodes that a provider claimed as one unit. The attribute "body" holds them as a graph of the node's
// inputs and outputs; "host_inputs" has bit i set where the region reads input i in host memory.
#ifndef ONDA_KERNELS_REGION_REGION_H_
#define ONDA_KERNELS_REGION_REGION_H_

namespace onda {

struct OpDef;
extern const OpDef& kRegion;

}  // namespace onda

#endif  // ONDA_KERNELS_REGION_REGION_H_
